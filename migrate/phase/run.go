// Package phase has what every phase of a run is given.
package phase

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
)

// Run is what every phase of a run is given: the plan and its record, the stores
// at both ends, the clock, and whom to tell.
type Run struct {
	*record.Record
	Stores   plan.Stores
	Now      func() time.Time
	Progress *progress.Progress
	Workers  int
	// MostWorkers bounds them where their number finds itself; 0: as package limit has it.
	MostWorkers int
	// Sleep waits, or returns the context's error; nil: for real.
	Sleep func(ctx context.Context, d time.Duration) error
	// After returns a channel that receives once, after the duration; nil: for real.
	After func(d time.Duration) <-chan time.Time
	// Random returns a number from 0 to below n; nil: one that nobody foresees.
	Random func(n int64) int64
	// UnversionedUntil are buckets whose versioning this plan turned on, until when what is
	// written there may get no version ID.
	UnversionedUntil map[string]time.Time
	// Note is told of what happens on the way, in words without keys; nil: nobody is.
	Note func(text string)
}

// steadyTries is how many retries a listing disturbed by concurrent writes gets,
// with a second, two, … between.
const steadyTries = 4

// Steady repeats what lists a source as long as the listing contradicts itself.
func (r *Run) Steady(ctx context.Context, list func() error) error {
	for try := 0; ; try++ {
		err := list()
		if !errors.Is(err, objectstore.ErrOrder) || try == steadyTries {
			return err
		}
		if err := r.Wait(ctx, time.Second<<try); err != nil {
			return err
		}
	}
}

// patientTries is how often a request is tried that copies nothing, with a
// second, two, … between.
const patientTries = 4

// Patient repeats what can be repeated until an answer is final, as some errors are.
func (r *Run) Patient(ctx context.Context, ask func() error, final ...error) error {
	for try := 0; ; try++ {
		err := ask()
		is := func(target error) bool { return errors.Is(err, target) }
		if err == nil || ctx.Err() != nil || objectstore.Permanent(err) || is(objectstore.ErrNotFound) ||
			slices.ContainsFunc(final, is) || try == patientTries {
			return err
		}
		if err := r.Wait(ctx, time.Second<<try); err != nil {
			return err
		}
	}
}

// Notef tells whoever is to be told.
func (r *Run) Notef(format string, args ...any) {
	if r.Note != nil {
		r.Note(fmt.Sprintf(format, args...))
	}
}

// Wait waits, or returns the context's error.
func (r *Run) Wait(ctx context.Context, d time.Duration) error {
	if r.Sleep != nil {
		return r.Sleep(ctx, d)
	}
	return objectstore.Sleep(ctx, d)
}

// ProbeKey is a name for a probe that nobody else has.
func (r *Run) ProbeKey() string { return objectstore.ProbePrefix + r.Token() }

// Token is text that nobody else has.
func (r *Run) Token() string { return strconv.FormatInt(r.Below(math.MaxInt64), 36) }

// Bytes yields bytes that nobody foresees, unless Random is set.
func (r *Run) Bytes() io.Reader {
	if r.Random == nil {
		return crand.Reader
	}
	return lesser{r}
}

type lesser struct{ *Run }

func (l lesser) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(l.Below(256))
	}
	return len(p), nil
}

// Below is a number from 0 to below n.
func (r *Run) Below(n int64) int64 {
	if r.Random == nil {
		return rand.Int64N(n)
	}
	return r.Random(n)
}

// Source is the store that a move comes from.
func (r *Run) Source(m plan.Move) objectstore.Store {
	return r.Stores(m.Source.Provider, m.Source.Code)
}

// Destination is the store that the plan goes to.
func (r *Run) Destination() objectstore.Store {
	return r.Stores(r.Plan.Destination.Provider, r.Plan.Destination.Code)
}

// Opaque tells whether ETags of a move's copies may differ from their sources'.
func (r *Run) Opaque(m plan.Move) bool {
	return r.Plan.KMSKey != "" || r.Plan.CustomerKeys || r.Plan.KMSDefault(m)
}

// RetentionDefault is the mode of the retention that, as the plan says, a move's
// destination bucket has, or is given, for whatever is written to it.
func (r *Run) RetentionDefault(m plan.Move) string {
	value := plan.WantedSetting(r.Plan.Parity, m, objectstore.ObjectLock)
	if m.Found != nil {
		value = m.Found.ObjectLock
	}
	if value == nil {
		return ""
	}
	held, err := parity.ParseRetention(value)
	if err != nil {
		return ""
	}
	return held.Mode
}

// Saw adds what a run found out about an endpoint. It is for others to look at:
// that it could not be kept is no reason to stop.
func (r *Run) Saw(ctx context.Context, endpoint, capability string, offered bool) {
	outcome := doctor.NotOffered
	if offered {
		outcome = doctor.OK
	}
	err := record.Endpoints{Home: r.Home}.Remember(ctx, endpoint, map[string]doctor.Sighting{capability: {Outcome: outcome,
		At: r.Now().UTC()}})
	if err != nil {
		r.Notef("what %s supports could not be saved: %v", endpoint, err)
	}
}

// Entries counts entries in words.
func Entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.FormatInt(n, 10) + " entries"
}
