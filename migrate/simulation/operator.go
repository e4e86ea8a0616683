package simulation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/state"
)

// Outcome is what a seed came to.
type Outcome struct {
	End       error // what the last command returned
	Violation *Violation
	Runs      int
	Steps     int
	Print     uint64 // equal for equal courses of events
}

const maxRuns = 60

// Run carries a seed through: the same command again and again, as an operator
// or a CI job gives it, until the migration has ended one way or the other.
func Run(c Config) Outcome {
	w := newWorld(c)
	w.say("%+v", w.options)
	out := Outcome{}
	var before error
	calm := 0 // commands in a row in which nothing went wrong
	for out.Runs < maxRuns {
		out.Runs++
		faults := w.troubles()
		w.hesitates = w.aborts < w.options.aborts && w.luck.one(0.5)
		out.End = w.command(w.migrate)
		w.say("command %d: %v", out.Runs, out.End)
		w.oracle.honest()
		if out.End == nil || w.oracle.violation != nil {
			break
		}
		if errors.Is(out.End, errHesitates) || faults != w.troubles() || w.step < w.outage.until || Class(out.End) != Class(before) || errors.Is(out.End, state.ErrLeased) || errors.Is(out.End, state.ErrLeaseLost) {
			calm = 0
		}
		if calm++; calm >= 3 {
			break // nothing goes wrong any more, and it says the same again
		}
		before = out.End
		if errors.Is(out.End, migrate.ErrDrift) || errors.Is(out.End, migrate.ErrChanged) || errors.Is(out.End, migrate.ErrNotEmpty) && w.plan != nil && !w.anyErased() {
			w.plan = nil // plan again
		}
		if errors.Is(out.End, migrate.ErrNotCopied) {
			w.copied = "" // receipts were taken back, or a pass has begun
		}
		w.betweenRuns(out.End)
		if errors.Is(out.End, migrate.ErrAborting) || w.plan != nil && w.aborts < w.options.aborts && w.luck.one(0.6) {
			w.giveUp()
			before, calm = nil, 0
		}
		if w.waits(out.End) {
			before, calm = nil, 0
		}
	}
	if w.oracle.violation == nil && out.Runs == maxRuns {
		w.oracle.violate("liveness", "no end after %d commands: %v", out.Runs, out.End)
	}
	if w.oracle.violation == nil {
		w.judgeEnd(out.End)
	}
	out.Violation, out.Steps, out.Print = w.oracle.violation, w.step, w.print
	return out
}

// troubles counts what went wrong or came between.
func (w *world) troubles() int { return w.faults + w.crashes + w.outages + w.seconds }

// betweenRuns is the time between two commands.
func (w *world) betweenRuns(end error) {
	w.outage.until -= 20 // outages end, too, while nobody asks
	if errors.Is(end, state.ErrLeased) {
		time.Sleep(10 * time.Minute)
	}
	if w.options.losesState && !w.options.bucketState && !w.anyErased() {
		w.options.losesState = false
		w.say("the state is lost altogether")
		w.plan, w.disk = nil, newDisk()
		must(w.disk.mkdir("/home"))
		must(w.disk.syncDir("/"))
	}
}

func (w *world) anyErased() bool {
	for _, records := range w.oracle.source {
		for _, r := range records {
			if r.erased {
				return true
			}
		}
	}
	return false
}

// migrate is what the command line does: go on with the plan that was begun, or
// make one; carry it out.
func (w *world) migrate(ctx context.Context, p *process) error {
	home := w.home(p)
	runner := w.runner(p, home)
	plan, fresh, err := w.choose(ctx, p, home)
	if err != nil {
		return err
	}
	w.started = true
	w.plan = plan
	w.oracle.plans()
	p.pages = nil
	if !w.options.keepSource {
		_, err = runner.Run(ctx, plan, migrate.Options{Fresh: fresh, Passes: w.options.passes, Fence: w.options.fence})
		return err
	}
	if w.copied != plan.ID {
		if _, err := runner.Run(ctx, plan, migrate.Options{Fresh: fresh, KeepSource: true, Passes: w.options.passes, Fence: w.options.fence}); err != nil {
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
func (w *world) choose(ctx context.Context, p *process, home state.Home) (*migrate.Plan, bool, error) {
	if w.plan != nil {
		plan, err := migrate.Load(ctx, home, w.plan.ID)
		return plan, false, err
	}
	since := w.step
	w.started = w.started || w.dice.one(0.5)
	places, err := w.inventory(ctx, p)
	if err != nil {
		return nil, false, err
	}
	plan, err := migrate.Make(ctx, home, migrate.Request{
		Customer: "acme", Destination: migrate.Region{Provider: "cloud", Code: eu, Country: "IE"}, Verify: w.options.verify,
		Inventory: &inventory.Inventory{Places: places}, Stores: w.stores(p), BucketName: func(bucket, _ string) string { return w.target(bucket) },
		Now: w.Now(), Progress: p.progress, SegmentEntries: w.options.segmentEntries, Spool: state.NewDirOn(files{disk: newDisk()}, "/spool"),
	})
	if err == nil {
		if _, again := w.planned[plan.ID]; !again {
			w.planned[plan.ID] = since
		}
		// The same plan once more, of the same source, goes on with what it wrote.
		w.since = w.planned[plan.ID]
	}
	return plan, true, err
}

func (w *world) inventory(ctx context.Context, p *process) (places []inventory.Place, err error) {
	for _, at := range w.places {
		v, err := w.stores(p)("cloud", us).Versioning(ctx, at.bucket)
		if err != nil {
			return nil, err
		}
		places = append(places, inventory.Place{Customer: "acme", Provider: "cloud", Region: us, Bucket: at.bucket, Prefix: at.prefix, Versioning: v})
	}
	return places, nil
}

func (w *world) stores(p *process) migrate.Stores {
	return func(_, region string) objectstore.Store {
		if region == us {
			return store{p, source, w.source.Region(us)}
		}
		return store{p, destination, w.destination.Region(eu)}
	}
}

func (w *world) home(p *process) state.Home {
	if !w.options.bucketState {
		return queue{state.NewDirOn(p.disk(), statePath), p}
	}
	b := state.NewBucket(w.stores(p)("cloud", eu), objectstore.Location{Provider: "cloud", Bucket: stateBucket, Prefix: statePrefix}, fmt.Sprintf("process %d", p.number))
	b.Now = w.Now
	return b
}

func (w *world) runner(p *process, home state.Home) *migrate.Runner {
	return &migrate.Runner{
		Home: home, Stores: w.stores(p), Now: w.Now, Progress: p.progress, Workers: w.options.workers, Budget: copier.NewBudget(w.options.memory), Tool: "simulation", Host: "here",
		After:  p.after,
		Random: func(n int64) int64 { return int64(p.number) * 7919 % n },
		Note:   func(text string) { w.say("  note: %s", strings.ReplaceAll(text, "\n", " ")) },
	}
}
