package migrate_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// A reservation that a run of the same plan made and was killed before it had written that
// down is not called another migration's.
func TestMarkOfKilledRun(t *testing.T) {
	f := newFixture(t, true)
	f.put("a", []byte("a"), nil)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	ctx, kill := context.WithCancel(t.Context())
	// A request that is cut off may not arrive: the run is killed when the next one comes.
	var made atomic.Bool
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if made.Load() {
			kill()
			return storetest.Fault{Reset: true}
		}
		made.Store(r.Operation == "CreateMultipartUpload" && r.Key == objectstore.MarkKey)
		return storetest.Fault{LostResponse: made.Load()}
	})
	if _, err := f.runner().Run(ctx, p, migrate.Options{}); err == nil {
		t.Fatal("the run was not stopped")
	}
	f.to.SetFault(nil)
	var notes []string
	runner := f.runner()
	runner.Note = func(text string) { notes = append(notes, text) }
	if r, err := runner.Run(t.Context(), p, migrate.Options{}); err != nil {
		t.Fatalf("run: %v\n%s", err, problems(r))
	}
	f.moved(before)
	says := func(words string) bool {
		return slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, words) })
	}
	if !says("a reservation of cloud:source-bucket-eu-west-1, begun ") || !says("an earlier run of this plan left it") ||
		says("has reserved") {
		t.Errorf("notes %q", notes)
	}
}
