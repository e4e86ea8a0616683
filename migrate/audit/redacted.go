package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// redacted counts a redacted copy anew, and holds the certificate against that. What rests on
// keys cannot be: their order, and the digests of listings.
func (r *Report) redacted(ctx context.Context, home state.Home) error {
	a := &Account{Moves: make([]Move, len(r.Said.Moves)), keyless: true}
	copied := indexed{said: r.Said.Redacted, name: RedactedIndex, file: func(f certificate.File, data []byte) {
		if err := a.redactedSegment(r.Said, f.Name, data); err != nil {
			r.Add(f.Name, "%v", err)
		}
	}}
	err := r.index(ctx, home, copied)
	if err != nil || r.Faulty() {
		return err
	}
	// All that the certificate knows of the plan.
	rec := &record.Record{Home: home, Plan: &plan.Plan{ID: "plan", Digest: r.Said.PlanDigest,
		Moves: make([]plan.Move, len(r.Said.Moves))}}
	for n := range len(r.Said.Passes) + 1 {
		rec.Pass = &record.Pass{Number: n + 1}
		rec.Passes = append(rec.Passes, rec.Pass)
	}
	if err := a.files(ctx, rec); err != nil {
		return r.damaged(err)
	}
	derived := *r.Said
	derived.Moves = append([]certificate.Move{}, r.Said.Moves...)
	a.numbers(&derived)
	for _, f := range r.Said.Findings {
		if f.Rule == secondCopy { // the plan, of which there is no copy, says what services keep
			derived.Findings = append(derived.Findings, f)
		}
	}
	return r.compare(a, rec, &derived)
}

// redactedSegment counts a segment's lines.
func (a *Account) redactedSegment(c *certificate.Certificate, name string, data []byte) error {
	var head redactedHead
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	if err := state.DecodeLine(first, &head); err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	if head.Schema != RedactedSchema || head.Move < 0 || head.Move >= len(a.Moves) || name != redactedFile(head.Segment) {
		return errors.New("line 1: it is no segment of this plan")
	}
	m, n := &a.Moves[head.Move], 0
	way := c.Moves[head.Move].Way
	for l := range bytes.Lines(rest) {
		n++
		var x redactedLine
		err := state.DecodeLine(l, &x)
		if err == nil {
			err = x.check()
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
		known := record.Known{Entry: x.Entry, Receipt: x.Receipt}
		if x.Erasure != nil {
			known.Erasure = *x.Erasure
		}
		m.count(&known, plan.Passed(way, &known.Receipt))
	}
	if n != head.Entries {
		return fmt.Errorf("it has %d entries, its first line says %d", n, head.Entries)
	}
	return nil
}

// check refuses a line whose parts are about different entries, or that has a key.
func (x *redactedLine) check() error {
	sum, ok := strings.CutPrefix(string(x.Entry.Key), hashed)
	if b, err := hex.DecodeString(sum); !ok || err != nil || len(b) != 32 {
		return errors.New("what stands in the key's place is no HMAC")
	}
	if err := x.Receipt.Of(&x.Entry); err != nil || x.Erasure == nil {
		return err
	}
	return x.Erasure.Of(&x.Entry)
}
