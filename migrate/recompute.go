package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/migrate/writeblock"
)

// ErrCertificate reports a certificate that does not say what the records say.
var ErrCertificate = remedy.New("the certificate is not what the records in the state say",
	"do not rely on this certificate; find out who changed it. The plan and its receipts, which the "+
		"state holds, say what was done")

// derive fills in what a certificate takes from the plan, its passes and the counted
// records, and the digest of every file that it rests on.
func derive(ctx context.Context, run *phase.Run, r *Result, c *certificate.Certificate) error {
	p := run.Plan
	c.Plan, c.PlanDigest, c.Customer, c.Destination = p.ID, p.Digest, p.Customer, region(p.Destination)
	c.Entries, c.Bytes, c.Verdicts, c.Methods, c.Added = r.Entries, r.Bytes, r.Verdicts, r.Methods, r.Added
	c.Erasures, c.Guards, c.Exposures, c.Safeguards = r.Erasures, r.Guards, p.Exposures, p.Safeguards
	c.Transit.Streamed, c.Transit.ServerSide = r.copies.Streamed, r.copies.ServerSide
	c.UnguardedWrites = ""
	if p.UnguardedWrites {
		c.UnguardedWrites = plan.UnguardedWrites
	}
	c.Moves, c.Passes, c.Evidence = nil, nil, nil
	for i, m := range p.Moves {
		t := run.Pass.Moves[i]
		c.Moves = append(c.Moves, certificate.Move{
			Source: region(m.Source), SourceLocation: m.From().String(), DestinationBucket: p.To(m).String(), Way: m.Way,
			Entries: t.Entries, Versions: t.Versions, DeleteMarkers: t.Markers, Bytes: t.Bytes,
		})
	}
	files := []string{record.GateFile, writeblock.File, callersFile, run.Pass.Dir() + plan.UploadsFile}
	for _, pass := range run.Passes[1:] {
		files = append(files, pass.Dir()+record.PassFile)
		c.Passes = append(c.Passes, certificate.Pass{Number: pass.Number, Listed: pass.At, New: pass.New, Gone: pass.Gone,
			Fenced: pass.Fenced})
	}
	for _, s := range run.Pass.Segments {
		for _, kind := range []string{"manifest", "receipts", "erasures"} {
			files = append(files, run.Pass.Dir()+s.File(kind))
		}
	}
	for _, name := range files {
		data, err := run.Home.Get(ctx, run.Name(name))
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		c.Evidence = append(c.Evidence, certificate.File{Name: name, SHA256: state.Digest(data)})
	}
	return nil
}

// checkCertificate holds a certificate, if there is one, against the records: nothing
// but its own word says what is not derived from them. One of a source that was not
// empty is older than records of runs that came after it.
func (w *work) checkCertificate(ctx context.Context) (found bool, err error) {
	var said certificate.Certificate
	err = w.run.Certificate(ctx, &said)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return false, nil
	case errors.Is(err, state.ErrDamaged):
		return true, fmt.Errorf("%w: %w", ErrCertificate, err)
	case err != nil:
		return true, err
	case !said.SourceEmpty:
		return true, nil
	}
	if err := w.count(ctx, nil); err != nil {
		return true, err
	}
	if err := countErasures(ctx, w.run, w.result); err != nil {
		return true, err
	}
	derived := said
	if err := derive(ctx, w.run, w.result, &derived); err != nil {
		return true, err
	}
	fields, err := differing(&said, &derived)
	if err == nil && len(fields) > 0 {
		err = fmt.Errorf("%w: it differs in %s", ErrCertificate, strings.Join(fields, ", "))
	}
	return true, err
}

// countErasures counts what the erasures say.
func countErasures(ctx context.Context, run *phase.Run, r *Result) error {
	var all erased
	for _, s := range run.Pass.Segments {
		t, err := run.Open(ctx, s, record.WithErasures)
		if err != nil {
			return err
		}
		for x := t.Next(); x != nil; x = t.Next() {
			if x.Erasure.Outcome != "" {
				all.summary.CountErasure(&x.Erasure)
			}
		}
		t.Close()
		if t.Err != nil {
			return t.Err
		}
	}
	clear(r.Erasures)
	clear(r.Guards)
	r.erased(all)
	return nil
}

// differing names the fields in which two certificates differ, as JSON has them.
func differing(a, b *certificate.Certificate) (names []string, err error) {
	var fields [2]map[string]any
	for i, c := range []*certificate.Certificate{a, b} {
		data, err := json.Marshal(c)
		if err == nil {
			err = json.Unmarshal(data, &fields[i])
		}
		if err != nil {
			return nil, fmt.Errorf("compare certificates: %w", err)
		}
	}
	for name, value := range fields[0] {
		if !reflect.DeepEqual(value, fields[1][name]) {
			names = append(names, name)
		}
	}
	for name := range fields[1] {
		if _, there := fields[0][name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
