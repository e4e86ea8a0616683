// Package record is what the state has of a plan and of its runs: the passes with their
// manifests, receipts and erasures, read side by side by one [Reader]; how far the plan has
// come; and what endpoints were seen to do.
package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// Record is what a state has of a plan and of its runs.
type Record struct {
	Home   state.Home
	Plan   *plan.Plan
	Codec  *state.Codec
	Passes []*Pass // all that were made, in order
	Pass   *Pass   // the last of them
	// unsaid tells that the gate was passed by a release that wrote down no
	// intents: all of the plan may have been erased.
	unsaid bool
}

// Of reads how far a plan has come.
func Of(ctx context.Context, home state.Home, p *plan.Plan) (*Record, error) {
	passes, err := loadPasses(ctx, home, p)
	if err != nil {
		return nil, err
	}
	return &Record{Home: home, Plan: p, Codec: new(state.Codec), Passes: passes, Pass: passes[len(passes)-1]}, nil
}

// Name is a file's name in the state.
func (r *Record) Name(file string) string { return r.Plan.ID + "/" + file }

// ReadFile reads one of the plan's small files, which say in their schema and plan what
// they are and of which plan. It is no error that there is none.
func (r *Record) ReadFile(ctx context.Context, file, want string, v any, schema, plan *string) (found bool, err error) {
	err = state.GetJSON(ctx, r.Home, r.Name(file), v)
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = r.belongs(file, *schema, want, *plan)
	}
	return err == nil, err
}

// belongs refuses a record of another kind, or of another plan.
func (r *Record) belongs(name, schema, want, plan string) error {
	switch {
	case schema != want:
		return fmt.Errorf("%w: %s has schema %q, want %q", state.ErrDamaged, name, schema, want)
	case plan != r.Plan.Digest:
		return fmt.Errorf("%w: %s is about another plan", state.ErrDamaged, name)
	}
	return nil
}

// File names one of a segment's files in this pass.
func (r *Record) File(s manifest.Segment, kind string) string {
	return r.Name(r.Pass.Dir() + s.File(kind))
}

// Totals counts the entries of this pass.
func (r *Record) Totals() plan.Totals { return r.Pass.Totals() }

// SegmentOf is the index of the segment that has a key if any has, or -1.
func (p *Pass) SegmentOf(move int, key string) int {
	return slices.IndexFunc(p.Segments, func(s manifest.Segment) bool {
		return s.Move == move && string(s.FirstKey) <= key && key <= string(s.LastKey)
	})
}

// Before is the last key of the segment before this one, empty if it is its
// move's first.
func (p *Pass) Before(s manifest.Segment) string {
	if s.Number > 1 && p.Segments[s.Number-2].Move == s.Move {
		return string(p.Segments[s.Number-2].LastKey)
	}
	return ""
}

const (
	// StartedFile is where that lies.
	StartedFile = "started.json"
	// StartedSchema is that of the file that says when a plan was started.
	StartedSchema = "residency/started/1"
)

// Start says when a plan was started, and whether it is being aborted.
type Start struct {
	Schema string    `json:"schema"`
	Plan   string    `json:"plan_sha256"`
	At     time.Time `json:"at"` // zero: not started, or aborted
	// Aborting tells of an abort that has begun and not ended.
	Aborting bool `json:"aborting,omitempty"`
	// Aborted is when the last abort ended, of what counts as not started.
	Aborted time.Time `json:"aborted,omitzero"`
}

// Started reads when the plan was started; the zero value if it was not.
func (r *Record) Started(ctx context.Context) (s Start, err error) {
	_, err = r.ReadFile(ctx, StartedFile, StartedSchema, &s, &s.Schema, &s.Plan)
	return s, err
}

// SaveStart keeps when the plan was started, and whether it is being aborted.
func (r *Record) SaveStart(ctx context.Context, s Start) error {
	s.Schema, s.Plan = StartedSchema, r.Plan.Digest
	return state.PutJSON(ctx, r.Home, r.Name(StartedFile), s)
}

// CertificateFile is there once an erase has come to an end.
const CertificateFile = "certificate.json"

// ReportFile is what the certificate says, for people. It is derived, and no evidence.
const ReportFile = "report.html"

// Certified tells whether there is a certificate, of whatever the erase came to.
func (r *Record) Certified(ctx context.Context) (bool, error) {
	_, err := r.Home.Get(ctx, r.Name(CertificateFile))
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Certificate reads the plan's certificate, state.ErrNotFound if there is none.
// Fields of later versions are passed over.
func (r *Record) Certificate(ctx context.Context, c *certificate.Certificate) error {
	data, err := r.Home.Get(ctx, r.Name(CertificateFile))
	if err != nil {
		return err
	}
	if err := certificate.Decode(data, c); err != nil {
		return fmt.Errorf("%w: %s: %w", state.ErrDamaged, CertificateFile, err)
	}
	if c.Plan != r.Plan.ID {
		return fmt.Errorf("%w: %s is about plan %q", state.ErrDamaged, CertificateFile, c.Plan)
	}
	want := certificate.Schema
	if c.Schema == certificate.Schema1 {
		want = certificate.Schema1
	}
	return r.belongs(CertificateFile, c.Schema, want, c.PlanDigest)
}
