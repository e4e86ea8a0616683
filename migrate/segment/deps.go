package segment

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/limit"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
)

// Deps are what the segments that one process works on share. It is safe for concurrent
// use; a further pass has its own.
type Deps struct {
	Run    *phase.Run     // the record, the stores, the clock, the progress
	Pool   *limit.Pool    // bounds what is copied at once
	Budget *copier.Budget // bounds the memory of bodies
	Watch  Watch          // nil: verdicts become durable without a look
	// Journal keeps what becomes known within a segment; nil: a process that ends loses
	// that, and it is found out again.
	Journal *Journal

	asks     singleflight.Group // whether the run still has the reservation
	mu       sync.Mutex
	copiers  map[int]moveCopier
	refusals map[int]*objectstore.Refusals // of deletions, by move
	brakes   map[string]*limit.Brake       // of deletions, by the address of a source
}

// Watch looks, before verdicts become durable, at what they rely on. It is safe for
// concurrent use.
type Watch interface {
	// Look looks at the sources of moves. An error keeps verdicts from becoming durable.
	Look(ctx context.Context, moves ...int) error
	// Lost tells why the run has to end, as a look has found, once its verdicts are
	// durable; nil: it has not.
	Lost() error
}

// eraser returns one for a segment of a move. All segments of a move share what refuses
// alike, and all of a service how much it bears.
func (d *Deps) eraser(move int, t Trial) *eraser.Eraser {
	m := d.Run.Plan.Moves[move]
	e := phase.SourceEraser(d.Run, m)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refusals == nil {
		d.refusals, d.brakes = make(map[int]*objectstore.Refusals), make(map[string]*limit.Brake)
	}
	if d.refusals[move] == nil {
		d.refusals[move] = &objectstore.Refusals{}
	}
	address := objectstore.AddressOf(d.Run.Source(m))
	if d.brakes[address] == nil {
		d.brakes[address] = limit.NewBrake(e.Workers)
	}
	e.Condition, e.Versioning, e.Refusals, e.Brake = t.Condition, t.Versioning, d.refusals[move], d.brakes[address]
	return e
}

// slow is told of services that ask to slow down.
func (d *Deps) slow(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := d.brakes[address]; b != nil {
		b.Slow()
	}
}

// moveCopier is the copier of a move, and what it was made for.
type moveCopier struct {
	facts  Facts
	copier *copier.Copier
}

// DefaultBudget is how much memory bodies have where nobody says.
const DefaultBudget = 256 << 20

// copier returns that of a move. All segments of a move share what it learns.
func (d *Deps) copier(move int, f Facts) *copier.Copier {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.copiers[move]; ok && known.facts == f {
		return known.copier
	}
	run, m := d.Run, d.Run.Plan.Moves[move]
	o := CopierOptions(run, m)
	o.Enforced, o.Carries, o.TagsTold, o.Mark, o.UnversionedUntil = f.Enforced, f.Carries, f.TagsTold, f.Mark,
		f.UnversionedUntil
	first := slices.IndexFunc(run.Pass.Segments, func(s manifest.Segment) bool { return s.Move == move })
	o.Compared = run.Pass.Segments[first].FirstKey
	o.Budget, o.Spare = d.Budget, d.Pool
	if d.Journal != nil {
		o.Uploads = uploads{d.Journal, move}
	}
	o.Copied = func(n int64) {
		run.Progress.Bytes.Add(n)
		d.Pool.Arrived(max(n, 0))
	}
	o.Retried = func(error) { run.Progress.Retries.Add(1) }
	if d.copiers == nil {
		d.copiers = make(map[int]moveCopier)
	}
	c := copier.New(run.Source(m), m.Bucket, run.Destination(), m.Destination, o)
	d.copiers[move] = moveCopier{f, c}
	return c
}

// NewCopier returns a copier of a move, as its plan says, that nobody is told of.
func NewCopier(r *phase.Run, m plan.Move) *copier.Copier {
	return copier.New(r.Source(m), m.Bucket, r.Destination(), m.Destination, CopierOptions(r, m))
}

// CopierOptions are those of a move that its plan says.
func CopierOptions(r *phase.Run, m plan.Move) copier.Options {
	return copier.Options{
		Versioning: m.Versioning, Readback: r.Plan.Verify == "readback", Locked: m.Lock, Summed: locks(m),
		KMSKey:     r.Plan.KMSKey,
		Encryption: r.Plan.Encryption,
		KMSDefault: r.Plan.KMSDefault(m), Retention: r.RetentionDefault(m), AnyClass: r.Plan.AnyClass, Opaque: r.Opaque(m),
		ACLs: m.ACLs, Redirects: m.Redirects, Streamed: m.Way == plan.Streamed,
		UnversionedUntil: r.UnversionedUntil[m.Destination],
		Accounts:         m.Source.Provider == r.Plan.Destination.Provider, Now: r.Now, Sleep: r.Sleep, Random: r.Random,
	}
}

// locks tells whether a move's destination has object lock, where each body needs a
// checksum that its header names (Amazon S3 API Reference, "PutObject", Content-MD5).
func locks(m plan.Move) bool { return m.Lock || m.Found != nil && m.Found.ObjectLock != nil }

// Addresses are those of the services at both ends of a segment.
func Addresses(r *phase.Run, s manifest.Segment) (source, destination string) {
	return objectstore.AddressOf(r.Source(r.Plan.Moves[s.Move])), objectstore.AddressOf(r.Destination())
}
