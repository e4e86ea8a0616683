// Package audit counts what the records of a plan say, and holds its certificate against
// that. It needs the plan's files and nothing else: no store, no configuration.
package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/segment"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/migrate/writeblock"
)

// Account is what the records of a plan say of its last pass, which stands for itself.
type Account struct {
	Moves    []Move
	Started  record.Start
	Gate     *record.Gate    // nil: it was not passed
	Closing  *record.Closing // nil: no erase has come to its end
	Callers  []certificate.Caller
	Actors   []certificate.Actor
	Cost     *record.Cost // nil: nobody has estimated what the plan costs
	Evidence certificate.Evidence
	Redacted certificate.Evidence // only where it was asked for

	keyless bool         // it is of a redacted copy
	charges plan.Charges // of the manifest
}

// Move is what they say of one.
type Move struct {
	Summary     segment.Summary
	Source      manifest.Tally // of the manifest
	Destination manifest.Tally // of what the receipts say was written
	Recorded    int64          // delete markers that have no place at the destination
	Verified    Sum            // by the receipts
	Erased      Sum            // by the erasures, or found gone
}

// Sum is a number of entries, and of their bytes.
type Sum struct{ Entries, Bytes int64 }

func (s *Sum) add(bytes int64) {
	s.Entries++
	s.Bytes += bytes
}

// Summary adds all moves.
func (a *Account) Summary() (all segment.Summary) {
	for i := range a.Moves {
		all.Merge(a.Moves[i].Summary)
	}
	return all
}

// Take reads all records once and counts them, and the evidence with them.
func Take(ctx context.Context, r *record.Record) (*Account, error) {
	t := newTaking(r)
	err := t.all(ctx)
	return t.account, err
}

// taking is an account that is being taken.
type taking struct {
	record  *record.Record
	home    *digesting
	tell    func(certificate.File) error // of each file, in the order of the index; if set
	redact  *redactor                    // if set
	index   index
	account *Account
}

func newTaking(r *record.Record) *taking {
	reading := *r
	home := &digesting{Home: r.Home, seen: make(map[string]seen)}
	reading.Home = home
	return &taking{record: &reading, home: home, account: &Account{Moves: make([]Move, len(r.Plan.Moves))}}
}

func (t *taking) all(ctx context.Context) error {
	if err := t.account.files(ctx, t.record); err != nil {
		return err
	}
	for _, name := range files(t.record) {
		if err := t.file(ctx, name); err != nil {
			return err
		}
	}
	for _, s := range t.record.Pass.Segments {
		if err := t.segment(ctx, s); err != nil {
			return err
		}
	}
	t.account.Evidence = t.index.evidence()
	return nil
}

// files reads what is not of a segment.
func (a *Account) files(ctx context.Context, r *record.Record) (err error) {
	if a.Started, err = r.Started(ctx); err != nil {
		return err
	}
	if a.Gate, err = r.Gate(ctx); err != nil {
		return err
	}
	if a.Closing, err = r.Closing(ctx); err != nil {
		return err
	}
	if a.Callers, err = r.Callers(ctx); err != nil {
		return err
	}
	if a.Actors, err = r.Actors(ctx); err != nil {
		return err
	}
	a.Cost, err = r.Cost(ctx)
	if a.Cost != nil {
		a.charges.At = a.Cost.Work.At
	}
	return err
}

// files are those of the evidence that are not of a segment; not all of them need be there.
func files(r *record.Record) []string {
	names := []string{"plan.json", record.StartedFile, plan.BucketsFile, record.CallersFile, record.ActorsFile,
		record.CostFile, writeblock.File,
		record.GateFile, record.ClosingFile, SaltFile}
	for _, pass := range r.Passes[1:] {
		names = append(names, pass.Dir()+record.PassFile)
		for _, list := range pass.Stale {
			names = append(names, pass.Dir()+list.Name)
		}
	}
	return append(names, r.Pass.Dir()+plan.UploadsFile)
}

// file adds a file to the evidence, if it is there.
func (t *taking) file(ctx context.Context, name string) error {
	full := t.record.Name(name)
	at, ok := t.home.seen[full]
	if !ok {
		if _, err := t.record.Home.Get(ctx, full); errors.Is(err, state.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		at = t.home.seen[full]
	}
	delete(t.home.seen, full)
	f := certificate.File{Name: name, SHA256: at.sha256}
	t.index.add(f, at.bytes)
	if t.tell == nil {
		return nil
	}
	return t.tell(f)
}

// segment counts a segment.
func (t *taking) segment(ctx context.Context, s manifest.Segment) error {
	m := &t.account.Moves[s.Move]
	way := t.record.Plan.Moves[s.Move].Way
	r, err := t.record.Open(ctx, s, record.WithReceipts|record.WithErasures)
	if err != nil {
		return err
	}
	defer r.Close()
	if t.redact != nil {
		if err := t.redact.begin(s); err != nil {
			return err
		}
	}
	for x := r.Next(); x != nil; x = r.Next() {
		m.count(x, plan.Passed(way, &x.Receipt))
		t.account.charges.Add(s.Move, &x.Entry)
		if t.redact != nil {
			if err := t.redact.add(x); err != nil {
				return err
			}
		}
	}
	if r.Err != nil {
		return r.Err
	}
	for _, kind := range []string{"manifest", "receipts", "erasures"} {
		if err := t.file(ctx, t.record.Pass.Dir()+s.File(kind)); err != nil {
			return err
		}
	}
	if t.redact == nil {
		return nil
	}
	return t.redact.end(s)
}

// count counts an entry.
func (m *Move) count(x *record.Known, streamed bool) {
	m.Source.Add(&x.Entry)
	if x.Receipt.Method == receipt.Recorded {
		m.Recorded++
	} else {
		written := x.Receipt.Written()
		m.Destination.Add(&written)
	}
	m.Summary.Count(&x.Receipt, streamed)
	if x.Receipt.Verdict == receipt.Verified {
		m.Verified.add(x.Receipt.Size)
	}
	if x.Erasure.Outcome == "" {
		return
	}
	m.Summary.CountErasure(&x.Erasure)
	if x.Erasure.Done() {
		m.Erased.add(x.Entry.Size)
	}
}

// digesting remembers the digest of what is read.
type digesting struct {
	state.Home
	seen map[string]seen
}

type seen struct {
	sha256 string
	bytes  int64
}

func (d *digesting) Get(ctx context.Context, name string) ([]byte, error) {
	data, err := d.Home.Get(ctx, name)
	if err == nil {
		d.seen[name] = seen{sha256: state.Digest(data), bytes: int64(len(data))}
	}
	return data, err
}

// Check holds the records against each other: what the listings at the gate and the last ones
// showed is what the manifest and the receipts say. Their faults are all named.
func (a *Account) Check(r *record.Record) (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if g := a.Gate; g != nil && g.Pass == r.Pass.Number {
		for i := range a.Moves {
			if i < len(g.Sources) && !a.shows(&g.Sources[i], &a.Moves[i].Source) {
				fault("%s: the listing of %s before the first deletion was not what the manifest has", record.GateFile,
					g.Sources[i].Location)
			}
			if i < len(g.Destinations) && !a.shows(&g.Destinations[i], &a.Moves[i].Destination) {
				fault("%s: the listing of %s before the first deletion was not what the receipts say", record.GateFile,
					g.Destinations[i].Location)
			}
		}
	}
	if c := a.Closing; c != nil {
		for i := range a.Moves {
			want, at := &a.Moves[i].Destination, &c.Destinations[i]
			if at.Entries > want.Entries || at.Entries == want.Entries && !a.shows(at, want) {
				fault("%s: the last listing of %s was not what the receipts say", record.ClosingFile, at.Location)
			}
		}
	}
	if c := a.Cost; c != nil {
		if why := a.misestimated(r); why != "" {
			fault("%s: the estimate is not what follows from %s", record.CostFile, why)
		}
	}
	for v, n := range a.Summary().Verdicts {
		if v != string(receipt.Verified) && a.Gate != nil {
			fault("the gate was passed, and %d entries are %s", n, v)
		}
	}
	return faults
}

// shows tells whether a listing showed what was counted. Digests of listings are of keys.
func (a *Account) shows(l *record.Listed, t *manifest.Tally) bool {
	return l.Entries == t.Entries && l.Versions == t.Versions && l.Markers == t.Markers && l.Bytes == t.Bytes &&
		(a.keyless || l.SHA256 == t.Digest())
}
