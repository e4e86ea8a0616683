package eraser_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/limit"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/receipt"
)

// busy is a service that is too busy now and then, and says so of whole requests
// or of some of their entries.
type busy struct {
	*memstore.Store
	slow func(string)

	mu       sync.Mutex
	refuse   int // so many more answers
	requests []int
}

func (b *busy) begin(entries int) (refused, single bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, entries)
	b.refuse--
	return b.refuse >= 0, b.refuse%2 == 0
}

var errBusy = &objectstore.Error{Op: "DeleteObjects", Code: "SlowDown", Status: 200, Kind: objectstore.ErrThrottled}

func (b *busy) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	refused, single := b.begin(len(entries))
	switch {
	case !refused:
		return b.Store.Delete(ctx, bucket, entries)
	case !single:
		b.slow("busy")
		return nil, errBusy
	}
	b.slow("busy")
	half := len(entries) / 2
	results, err := b.Store.Delete(ctx, bucket, entries[:half])
	for range entries[half:] {
		results = append(results, errBusy)
	}
	return results, err
}

func (b *busy) DeleteIf(ctx context.Context, bucket string, d objectstore.Deletion) error {
	if refused, _ := b.begin(1); refused {
		b.slow("busy")
		return errBusy
	}
	return b.Store.DeleteIf(ctx, bucket, d)
}

// A service that is too busy is given fewer requests, and asked again, after a
// pause, for what it did not do, and for nothing else.
func TestEraserSlowsDown(t *testing.T) {
	for _, null := range []bool{false, true} {
		service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now,
			Traits: memstore.Traits{ComparesVersions: true}})
		store := service.Region("us-east-1")
		if err := store.CreateBucket(t.Context(), "bucket", false); err != nil {
			t.Fatal(err)
		}
		if !null {
			if err := store.SetVersioning(t.Context(), "bucket", objectstore.Enabled); err != nil {
				t.Fatal(err)
			}
		}
		const n = 5000
		entries := make([]manifest.Entry, n)
		for i := range entries {
			key := fmt.Sprintf("%06d", i)
			w, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: key},
				objectstore.Body{Reader: strings.NewReader("x"), Size: 1})
			if err != nil {
				t.Fatal(err)
			}
			entries[i] = manifest.Entry{Key: manifest.Key(key), VersionID: w.VersionID, ETag: w.ETag, Size: 1}
			if null {
				entries[i].VersionID = objectstore.NullVersion
			}
		}
		brake := limit.NewBrake(8)
		var mu sync.Mutex
		least := 8
		source := &busy{Store: store, refuse: 5}
		source.slow = func(string) {
			mu.Lock()
			defer mu.Unlock()
			brake.Slow()
			least = min(least, brake.Limit())
		}
		var pauses []time.Duration
		e := eraser.Eraser{Source: source, Bucket: "bucket", Versioning: objectstore.Enabled, Workers: 8, Condition: eraser.Compared,
			Brake: brake, Now: time.Now, Progress: &progress.Progress{},
			Sleep: func(ctx context.Context, d time.Duration) error {
				mu.Lock()
				defer mu.Unlock()
				pauses = append(pauses, d)
				return ctx.Err()
			}}
		erasures, err := e.Segment(t.Context(), entries)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range erasures {
			if x.Outcome != receipt.Erased {
				t.Fatalf("null %t: %s: %s", null, x.Outcome, x.Reason)
			}
		}
		asked := 0
		for _, r := range source.requests {
			asked += r
		}
		if left := len(service.History("bucket", "000000")); left > 0 || len(pauses) != 5 || least > 4 {
			t.Errorf("null %t: %d left, pauses %v, at least %d at once", null, left, pauses, least)
		}
		if !null && (asked <= n || asked > n+5*eraser.Batch) || null && asked != n+5 {
			t.Errorf("null %t: %d entries were asked for in %d requests", null, asked, len(source.requests))
		}
	}
}
