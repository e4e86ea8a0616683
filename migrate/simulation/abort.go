package simulation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// errHesitates ends a command after the copy: what it kept at the source is to
// be erased later, or never.
var errHesitates = errors.New("the operator thinks it over")

// giveUp is the operator's change of mind: what the plan wrote is to be taken
// away again. An abort that fails is given again, or not.
func (w *operator) giveUp() {
	w.aborts++
	for range 6 {
		began, recorded := w.anyErased(), w.recorded()
		err := w.command(w, w.abort)
		w.say("abort: %v", err)
		if w.oracle.violation != nil {
			return
		}
		// What a killed process wrote unrecorded may stay, and a marker that is only shown does.
		if err == nil || errors.Is(err, migrate.ErrStays) || errors.Is(err, migrate.ErrLookDeleted) {
			w.aborted(began, recorded)
			if !errors.Is(err, migrate.ErrLookDeleted) {
				w.hidesNothing()
			}
			if w.copied = ""; w.luck.one(0.5) {
				w.plan = nil // plan again
			} else if w.luck.one(0.6) {
				w.takeBack()
			}
			return
		}
		if errors.Is(err, migrate.ErrCoupled) { // for as long as that lasts
			w.end = err
			w.finish()
			return
		}
		if errors.Is(err, migrate.ErrErasing) || w.luck.one(0.25) {
			return
		}
		if errors.Is(err, state.ErrLeased) {
			time.Sleep(10 * time.Minute)
		}
		w.outage.until -= 20
	}
}

func (w *operator) abort(ctx context.Context, p *process) error {
	home := w.home(p)
	plan, err := plan.Load(ctx, home, w.plan.ID)
	if err != nil {
		return err
	}
	_, err = w.runner(p, home).Abort(ctx, plan)
	return err
}

// copied is one version at the destination.
type copied struct {
	key, id string
	version *memstore.Version
}

// recorded are the copies that the plan's durable receipts, of whichever pass,
// call its own; but for those of keys of which something was found there, or may
// be there unrecorded: what lies beneath that stays.
func (w *operator) recorded() (ours []copied) {
	found, failed, known := make(map[string]bool), make(map[string]bool), make(map[*memstore.Version]bool)
	stayed := make(map[*memstore.Version]bool) // when a pass was taken back
	dirs := w.passDirs()
	for _, name := range w.durableNames() {
		if !strings.HasPrefix(name, w.plan.ID+"/") || !strings.Contains(name, "/receipts/") {
			continue
		}
		// A pass that is not on the disk yet can be on it when the abort looks:
		// what its receipts leave open counts, what they call its own does not.
		counts := slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(name, dir+"receipts/") })
		data := w.durable(name)
		bucket := w.target(w.bucketOf(name, receipt.Schema, data))
		for r, err := range state.Decode[receipt.Receipt](name, receipt.Schema, data) {
			if err != nil {
				break
			}
			key := at(bucket, string(r.Key))
			found[key] = found[key] || r.Held || r.Before
			failed[key] = failed[key] || r.Verdict == receipt.Failed && r.DestinationVersionID == ""
			for _, v := range w.destination.History(bucket, string(r.Key)) {
				known[v] = known[v] || counts && v.ID == r.DestinationVersionID
				stayed[v] = stayed[v] || !counts && v.ID == r.DestinationVersionID
				if _, mine := w.oracle.copies[v]; counts && mine && v.ID == r.DestinationVersionID && v.ETag == r.DestinationETag {
					ours = append(ours, copied{key, v.ID, v})
				}
			}
		}
	}
	// Of what failed there may be copies that no receipt knows.
	for _, c := range ours {
		bucket, key, _ := strings.Cut(c.key, "/")
		found[c.key] = found[c.key] || slices.ContainsFunc(w.destination.History(bucket, key),
			func(v *memstore.Version) bool {
				return !known[v] && (failed[c.key] || stayed[v])
			})
	}
	return slices.DeleteFunc(ours, func(c copied) bool { return found[c.key] })
}

// aborted judges an abort that says that it is done: not once the source was
// touched, and nothing is left of what was on record, nor an unfinished upload.
// What no receipt knew may stay, and only what the process wrote may go (which
// is judged as it goes).
func (w *operator) aborted(began bool, recorded []copied) {
	if began && !w.restored[w.state] {
		w.oracle.violate("abort", "it says that it is done, and the source had been erased in part")
	}
	w.lifted("the plan was aborted")
	if w.lasting[notDone] {
		return
	}
	for _, c := range recorded {
		// Where people suspended versioning, copies have taken the place of others
		// that the receipts of a pass name by the same ID.
		bucket, _, _ := strings.Cut(c.key, "/")
		if _, odd := w.suspended[bucket]; odd {
			continue
		}
		if _, there := w.oracle.copies[c.version]; there {
			w.oracle.violate("abort", "it says that it is done, and %s@%s, which the receipts call its own, is still there",
				c.key, c.id)
		}
	}
}

// hidesNothing judges an abort that names no key as one that looks deleted now: what the destination showed
// before the plan is shown, unless people or other plans have been there.
func (w *operator) hidesNothing() {
	if !w.options.destination.TrailingMarkers || len(w.operators) > 1 || w.coupled {
		return
	}
	for _, k := range w.shown {
		bucket, key, _ := strings.Cut(k, "/")
		history := w.destination.History(bucket, key)
		if len(history) > 0 && history[len(history)-1].Marker && w.oracle.spoiled[k] == 0 {
			w.oracle.violate("abort", "it says that it is done, and %s, which was there before the plan, looks deleted", k)
		}
	}
}

// takeBack: people delete what they wrote since the plan was made, so that it
// fits again.
func (w *operator) takeBack() {
	for _, p := range w.places {
		for _, key := range w.source.Keys(p.bucket) {
			for _, v := range w.source.History(p.bucket, key) {
				r := w.oracle.record(p.bucket, key, v)
				if r == nil || r.made <= w.since || v.ID == objectstore.NullVersion {
					continue
				}
				w.say("  people at %s/%s:", p.bucket, key)
				_, err := w.source.Region(us).Delete(context.Background(), p.bucket,
					[]objectstore.Deletion{{Key: key, VersionID: v.ID}})
				must(err)
			}
		}
	}
	w.oracle.look()
}
