package migrate_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// A source that is too busy to delete is asked again, after a pause, for what it
// did not do: with as many requests more as it refused.
func TestEraseOfABusySource(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1") // of the SDK's own
	const busy = 4
	for _, versioned := range []bool{true, false} {
		calm, pauses := eraseBusy(t, versioned, 0)
		if len(pauses) > 0 {
			t.Errorf("versioned %t: pauses %v without a reason", versioned, pauses)
		}
		asked, pauses := eraseBusy(t, versioned, busy)
		if asked != calm+busy || len(pauses) != busy {
			t.Errorf("versioned %t: %d deletions and pauses %v; %d were refused, and %d are made where none is", versioned,
				asked, pauses, busy, calm)
		}
	}
}

// eraseBusy erases a source that refuses so many deletions, and returns how many
// came, and how long was waited.
func eraseBusy(t *testing.T, versioned bool, busy int) (asked int, pauses []time.Duration) {
	f := newFixture(t, versioned)
	f.fill(120, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.must(f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}))
	var mu sync.Mutex
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Operation != "DeleteObjects" && (r.Operation != "DeleteObject" || len(before[r.Key]) == 0) {
			return storetest.Fault{}
		}
		if asked++; asked <= busy {
			return storetest.Fault{Status: 503, Code: "SlowDown"}
		}
		return storetest.Fault{}
	})
	r := f.runner()
	r.Sleep = func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		pauses = append(pauses, d)
		return ctx.Err()
	}
	result, err := r.Erase(t.Context(), p)
	if err != nil {
		t.Fatalf("versioned %t: %v; %s", versioned, err, problems(result))
	}
	f.moved(before)
	return asked, pauses
}
