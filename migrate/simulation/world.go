package simulation

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// The two ends, and where the state lies.
const (
	source      = "source"
	destination = "destination"
	us          = "us-east-1"
	eu          = "eu-west-1"
	stateBucket = "the-state"
)

// Config is what a seed needs of the machine that it runs on.
type Config struct {
	Seed uint64
	// Settle returns when all goroutines that the seed started wait.
	Settle func()
	Now    func() time.Time
	Trace  io.Writer // nil: none
}

// world is one seed.
type world struct {
	Config
	options             options
	dice                *dice
	luck                *dice // of what only some worlds have: all else is the same without
	mishap              *dice // of the same
	fate                *dice // of the same
	habit               *dice // of what services do that others do not
	veil                *dice // of what may be read
	bar                 *dice // of what may be deleted
	loss                *dice // of what copies lose
	whim                *dice // of people who take back what they wrote last
	scheduler           *scheduler
	oracle              *oracle
	source, destination *memstore.Service
	disk                *disk
	places              []place
	operators           []*operator
	operator            *operator // who gave the last command
	process             *process  // whose word counts
	crew                []*process
	running             atomic.Int32  // of the crew
	done                chan struct{} // closed when none is
	processes           int
	proofs              map[string]*proof

	step                    int // counts requests
	faults, crashes, writes int // so far
	foreign                 int
	lasting                 map[fault]bool // what went wrong and does not heal
	print                   uint64         // of all requests in their order
	started                 bool           // people may interfere
	bodies                  int
	outage                  outage
	outages                 int            // so far
	begun                   map[string]int // steps in which uploads were begun at the source, by ID
	aborts                  int            // so far
	planned                 map[string]int // when a plan was first made, by state and ID
	seconds                 int            // so far

	policies    map[string][]byte          // of the source's buckets, before any fence
	edited      int                        // step at which people last changed the source
	fencedFirst bool                       // a fence stood when the last command began
	saved       map[string]*saved          // states as they were, by name
	restored    map[string]bool            // states that came back
	makers      map[string]string          // of the destination's buckets: people, or a plan
	pretended   map[*memstore.Version]bool // deleted, as the source says, and still there
	overwritten int                        // so far, while the source is erased
	severs      int                        // so far
	severed     *process                   // that does not reach its state
	relapses    int                        // so far
	stumbled    int                        // so far
	vanished    string                     // the source bucket of which all has, if any
	relapsed    bool                       // and nobody has written since
	lost        bool                       // a state was
	severedAt   time.Time
	cut         int                // requests that did not reach a state
	meddled     int                // so far
	keptAt      int                // step in which a process last listed what is kept of deletions
	suspended   map[string]int     // steps in which people suspended a destination bucket's versioning
	coupled     bool               // the coupling is there
	twins       map[string]bool    // source buckets of which replicas show by their version IDs
	repetitions []repetition       // to come
	repeating   bool               // a change is one of them
	cause       *process           // of it
	beganAt     int                // its step
	veils       int                // so far
	blinded     int                // processes that ended while tags were hidden
	hidden      bool               // tags at the source may not be read
	barings     int                // so far
	within      map[entryName]bool // copies at the destination that the service has made by itself
	retracted   int                // so far
	bars        int                // so far
	barred      bool               // several entries at the source may not be deleted at once
	began       time.Time          // the last command
}

// place is one location whose data moves.
type place struct {
	bucket, prefix string
	versioning     objectstore.Versioning
}

// unversioned tells whether a source bucket has no versions.
func (w *world) unversioned(bucket string) bool {
	return slices.ContainsFunc(w.places, func(p place) bool {
		return p.bucket == bucket && p.versioning == objectstore.Unversioned
	})
}

func newWorld(c Config) *world {
	w := &world{Config: c, dice: newDice(c.Seed, 0), luck: newDice(c.Seed, 1), mishap: newDice(c.Seed, 2),
		fate: newDice(c.Seed, 3), habit: newDice(c.Seed, 4), veil: newDice(c.Seed, 5), bar: newDice(c.Seed, 6),
		loss: newDice(c.Seed, 8), whim: newDice(c.Seed, 13),
		scheduler: newScheduler(c.Settle),
		disk:      newDisk(), proofs: make(map[string]*proof), begun: make(map[string]int), lasting: make(map[fault]bool),
		policies: make(map[string][]byte), planned: make(map[string]int), saved: make(map[string]*saved),
		restored: make(map[string]bool), twins: make(map[string]bool), makers: make(map[string]string),
		within: make(map[entryName]bool), suspended: make(map[string]int), pretended: make(map[*memstore.Version]bool),
		print: 14695981039346656037}
	w.options = newOptions(w.dice, w.luck, w.fate, w.habit, w.veil, w.bar)
	w.options.kinds(newDice(c.Seed, 7))
	w.options.bares(w.loss)
	w.options.others(newDice(c.Seed, 9), newDice(c.Seed, 11))
	w.options.copies(newDice(c.Seed, 12))
	w.options.whims(w.whim)
	w.oracle = &oracle{world: w, source: make(map[string][]*record), copies: make(map[*memstore.Version]authorship),
		spoiled: make(map[string]int), covered: make(map[string][]string),
		coveredAt: make(map[string]time.Time), untagged: make(map[string]int), wrote: make(map[[2]string][]string),
		leased: make(map[string]holding), halves: make(map[string]string),
		shownOnly: make(map[*memstore.Version]bool)}
	bodies := memstore.NewBodies()
	halves := newDice(c.Seed, 10)
	w.source = memstore.New(memstore.Options{Endpoint: "one", Traits: w.options.source, Now: c.Now, Bodies: bodies,
		Claims: w.said(), Arrives: arrives(newDice(c.Seed, 13)),
		Halfway: func() bool { return w.oracle.actor != nil && halves.one(0.2) },
		Observe: func(c memstore.Change) {
			w.couple(source, c)
			side := source
			if w.options.oneService && strings.HasSuffix(c.Bucket, "-"+eu) {
				side = destination
			}
			w.oracle.observe(side, c)
		}})
	w.destination = w.source
	if !w.options.oneService && !w.options.coupling.oneBucket {
		w.destination = memstore.New(memstore.Options{Endpoint: "two", Traits: w.options.destination, Now: c.Now,
			Bodies: bodies, Observe: func(c memstore.Change) {
				w.couple(destination, c)
				w.oracle.observe(destination, c)
			}})
	}
	must(w.destination.Region(eu).CreateBucket(context.Background(), stateBucket, false))
	must(w.disk.mkdir("/home"))
	must(w.disk.syncDir("/"))
	w.populate()
	if !w.options.coupling.later {
		w.link()
	}
	w.hire()
	return w
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("simulation: the world itself fails: %v", err))
	}
}

// target is the destination of a source bucket.
func (w *world) target(bucket string) string {
	if w.options.coupling.oneBucket {
		return bucket
	}
	return bucket + "-" + eu
}

// origin is the source bucket of a destination.
func (w *world) origin(bucket string) string { return strings.TrimSuffix(bucket, "-"+eu) }

// say writes to the trace, with the step and the time.
func (w *world) say(format string, args ...any) {
	if w.Trace != nil {
		fmt.Fprintf(w.Trace, "%5d %s  %s\n", w.step, w.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
	}
}

func readAll(o *objectstore.Object) ([]byte, error) {
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}
