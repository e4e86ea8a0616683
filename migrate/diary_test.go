package migrate_test

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/state"
)

// What a journal costs, with its state in a bucket: requests to it, no more than
// one a second. RESIDENCY_JOURNAL says of how many objects of 4 KiB; then the time
// counts, too, beside runs of the same without one.
func TestJournalCost(t *testing.T) {
	n, rounds, judged := 1000, 1, false
	arms := []func(time.Duration) <-chan time.Time{time.After}
	if text := os.Getenv("RESIDENCY_JOURNAL"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		rounds, judged = 2, true
		arms = append(arms, never)
	}
	var took [2]time.Duration
	for range rounds {
		for arm, after := range arms {
			d, asked := journalRun(t, n, after)
			t.Logf("%d objects in %s, with a journal: %t; %d requests to it", n, d.Round(time.Millisecond), arm == 0, asked)
			if took[arm] == 0 || d < took[arm] {
				took[arm] = d
			}
			// Five are fixed: what there is before, two more in the first second, and
			// what is left.
			if most := 5 + int64(d/time.Second); arm == 0 && asked > most {
				t.Errorf("%d requests to the journal in %s, want %d at most", asked, d, most)
			}
		}
	}
	if !judged {
		return
	}
	share := float64(took[0]) / float64(took[1])
	t.Logf("with a journal it takes %.3f times as long", share)
	if share > 1.02 {
		t.Errorf("%.3f times as long, want 1.02 at most", share)
	}
}

// never lets go of lines only when there are too many to be held: as without a
// journal.
func never(d time.Duration) <-chan time.Time {
	if d > 0 {
		return nil
	}
	return time.After(d)
}

// journalRun copies n objects and returns how long that took, and how many
// requests were about the journal.
func journalRun(t *testing.T, n int, after func(time.Duration) <-chan time.Time) (time.Duration, int64) {
	t.Helper()
	f := newFixture(t, true)
	f.fill(n, 4096)
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("ci-state"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}}))
	proxy := f.box.Proxy(t, eu)
	var asked atomic.Int64
	proxy.SetFault(func(r storetest.Request) storetest.Fault {
		if strings.Contains(r.Key, "/journal/") || strings.Contains(r.Query.Get("prefix"), "/journal/") ||
			r.Operation == "DeleteObjects" {
			asked.Add(1)
		}
		return storetest.Fault{}
	})
	provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
		Endpoints: map[string]string{eu: proxy.URL()}})
	f.must(nil, err)
	p := f.plan("auto")
	home := state.NewBucket(provider.Region(eu), objectstore.Location{Provider: "cloud", Bucket: "ci-state",
		Prefix: "runs"}, "me")
	names, err := f.home.List(t.Context(), "")
	f.must(nil, err)
	for _, name := range names {
		data, err := f.home.Get(t.Context(), name)
		f.must(nil, err)
		f.must(nil, home.Put(t.Context(), name, data))
	}
	r := f.runner()
	r.Home, r.After, r.Workers = home, after, 0
	begun := time.Now()
	if x, err := r.Run(t.Context(), p, migrate.Options{Fresh: true, KeepSource: true}); err != nil {
		t.Fatalf("%v\n%s", err, problems(x))
	}
	return time.Since(begun), asked.Load()
}
