package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// operator gives commands about one plan in one state, until its migration has
// ended one way or the other. Others may give theirs, of the same source, in the
// same state or in one of their own.
type operator struct {
	*world
	number    int
	state     string  // its name
	customer  string  // whose data move
	places    []place // where they are
	keeps     bool    // erase is a command of its own
	plan      *plan.Plan
	copied    string   // the plan that migrate --keep-source has carried out
	since     int      // step at which the plan was made
	shown     []string // keys that the destination showed then, with their bucket
	hesitates bool     // the next command does not erase yet
	waited    bool     // until no retention was left
	before    error    // what the last command ended with
	calm      int      // commands in a row in which nothing went wrong
	end       error    // what the last of all ended with
	ended     bool
	turns     int // so far
}

// hire makes the operators.
func (w *world) hire() {
	w.operator = &operator{world: w, number: 1, state: "state", customer: "acme", places: w.places,
		keeps: w.options.keepSource}
	w.operators = []*operator{w.operator}
	for n := range w.options.rivals {
		rival := &operator{world: w, number: n + 2, state: fmt.Sprintf("state-%d", n+2), customer: "acme", places: w.places,
			keeps: w.fate.one(0.5)}
		if n == 0 && w.options.customers {
			rival.customer, rival.places = "globex", nil
			for _, p := range w.places {
				p.prefix = "d"
				rival.places = append(rival.places, p)
			}
		}
		if w.fate.one(0.4) {
			rival.state = w.operator.state
		}
		w.operators = append(w.operators, rival)
	}
}

// path is where the operator's state lies on the disk, prefix where in a bucket.
func (w *operator) path() string   { return "/home/" + w.state }
func (w *operator) prefix() string { return w.state + "/" }

// author names who writes copies under the operator's plan.
func (w *operator) author() string {
	if w.plan == nil {
		return w.state
	}
	return w.state + "/" + w.plan.ID
}

// moves tells whether a key is within what the plan moves: a place that was
// empty when it was made is not part of it.
func (w *operator) moves(bucket, key string) bool {
	for _, p := range w.places {
		if w.plan != nil && !slices.ContainsFunc(w.plan.Moves, func(m plan.Move) bool { return m.Bucket == p.bucket }) {
			continue
		}
		if p.bucket == bucket && strings.HasPrefix(key, p.prefix) {
			return true
		}
	}
	return false
}

// claims are where whose data are, and are to be.
func (w *world) claims() (claims plan.Claims) {
	if !w.options.customers {
		return claims
	}
	for _, op := range w.operators {
		for _, p := range op.places {
			from := objectstore.Location{Provider: "cloud", Bucket: p.bucket, Prefix: p.prefix}
			to := objectstore.Location{Provider: "cloud", Bucket: w.target(p.bucket), Prefix: p.prefix}
			claims.Named = append(claims.Named, inventory.Claim{Customer: op.customer, Location: from})
			claims.Moved = append(claims.Moved, inventory.Claim{Customer: op.customer, Location: to})
		}
	}
	return claims
}

// migrate is what the command line does: go on with the plan that was begun, or
// make one; carry it out.
func (w *operator) migrate(ctx context.Context, p *process) error {
	home := w.home(p)
	runner := w.runner(p, home)
	plan, fresh, err := w.choose(ctx, p, home)
	if err != nil {
		return err
	}
	w.started = true
	w.plan = plan
	for _, b := range plan.Blockers {
		w.say("  blocked by %s %s: %s", b.Rule, b.Location, b.Text)
	}
	w.oracle.plans(w)
	p.pages = nil
	if !w.keeps {
		_, err = runner.Run(ctx, plan, migrate.Options{Fresh: fresh, Passes: w.options.passes, Fence: w.options.fence})
		return err
	}
	if w.copied != plan.ID {
		if _, err := runner.Run(ctx, plan, migrate.Options{Fresh: fresh, KeepSource: true, Passes: w.options.passes,
			Fence: w.options.fence}); err != nil {
			return err
		}
		w.copied = plan.ID
		if _, err := runner.Verify(ctx, plan, plan.Verify == "readback"); err != nil {
			return err
		}
		if w.hesitates {
			return errHesitates
		}
	}
	if _, err := runner.Status(ctx, plan); err != nil {
		return err
	}
	_, err = runner.Erase(ctx, plan)
	return err
}

// choose returns the plan to be carried out, and whether it was made just now.
func (w *operator) choose(ctx context.Context, p *process, home state.Home) (*plan.Plan, bool, error) {
	if w.plan != nil {
		plan, err := plan.Load(ctx, home, w.plan.ID)
		return plan, false, err
	}
	since := w.step
	w.started = w.started || w.dice.one(0.5)
	places, err := w.inventory(ctx, p)
	if err != nil {
		return nil, false, err
	}
	plan, err := plan.Make(ctx, home, plan.Request{
		Customer: w.customer, TagKey: "customer", Claims: w.claims(), Destination: plan.Region{Provider: "cloud", Code: eu,
			Country: "IE"}, Verify: w.options.verify,
		Inventory: &inventory.Inventory{Places: places}, Stores: w.stores(p),
		BucketName: func(at objectstore.Location, _ string) string { return w.target(at.Bucket) },
		Now:        w.Now(), Progress: p.progress, SegmentEntries: w.options.segmentEntries,
		Spool: state.NewDirOn(files{disk: newDisk()}, "/spool"),
	})
	if err == nil {
		name := w.state + "/" + plan.ID
		if _, again := w.planned[name]; !again {
			w.planned[name], w.shown = since, w.shows()
		}
		// The same plan once more, of the same source, goes on with what it wrote.
		w.since = w.planned[name]
	}
	return plan, true, err
}

// shows are the keys of the destination's buckets that are not deleted.
func (w *operator) shows() (keys []string) {
	for _, p := range w.places {
		bucket := w.target(p.bucket)
		for _, key := range w.destination.Keys(bucket) {
			if history := w.destination.History(bucket, key); !history[len(history)-1].Marker && !own(key) {
				keys = append(keys, at(bucket, key))
			}
		}
	}
	return keys
}

func (w *operator) inventory(ctx context.Context, p *process) (places []inventory.Place, err error) {
	for _, at := range w.places {
		v, err := w.stores(p)("cloud", us).Versioning(ctx, at.bucket)
		if err != nil {
			return nil, err
		}
		places = append(places, inventory.Place{Customer: w.customer, Provider: "cloud", Region: us, Bucket: at.bucket,
			Prefix: at.prefix, Versioning: v})
	}
	return places, nil
}

func (w *world) stores(p *process) plan.Stores {
	return func(_, region string) objectstore.Store {
		if region == us {
			return store{p, source, w.source.Region(us)}
		}
		return store{p, destination, w.destination.Region(eu)}
	}
}

func (w *operator) home(p *process) state.Home {
	if !w.options.bucketState {
		return queue{state.NewDirOn(p.disk(), w.path()), p}
	}
	b := state.NewBucket(w.stores(p)("cloud", eu), objectstore.Location{Provider: "cloud", Bucket: stateBucket,
		Prefix: w.prefix()}, fmt.Sprintf("process %d", p.number))
	b.Now = w.Now
	return b
}

func (w *operator) runner(p *process, home state.Home) *migrate.Runner {
	return &migrate.Runner{
		Home: home, Stores: w.stores(p), Now: w.Now, Progress: p.progress, Workers: w.options.workers,
		Budget: copier.NewBudget(w.options.memory), Tool: "simulation", Host: "here",
		After:  p.after,
		Random: p.random,
		Note:   func(text string) { w.say("  note: %s", strings.ReplaceAll(text, "\n", " ")) },
	}
}
