package eraser_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/receipt"
)

// suspended has a bucket whose versioning is suspended; must ends the test with an error.
func suspended(t *testing.T) (*memstore.Service, *memstore.Store, func(any, error)) {
	t.Helper()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now})
	store := service.Region("us-east-1")
	must(nil, store.CreateBucket(t.Context(), "bucket", false))
	must(nil, store.SetVersioning(t.Context(), "bucket", objectstore.Suspended))
	return service, store, must
}

// A null delete marker has no ETag that could guard its deletion: an object
// that took its place meanwhile must be seen before.
func TestEraserLooksBeneathNullMarkers(t *testing.T) {
	service, store, must := suspended(t)
	var planned []manifest.Entry
	for _, key := range []string{"left alone", "replaced"} {
		must(store.PutMarker(t.Context(), "bucket", key))
		planned = append(planned, manifest.Entry{Key: manifest.Key(key), VersionID: objectstore.NullVersion, Marker: true})
	}
	must(store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "replaced"},
		objectstore.Body{Reader: strings.NewReader("new"), Size: 3}))
	e := eraser.Eraser{Source: store, Bucket: "bucket", Versioning: objectstore.Suspended, Condition: eraser.Compared,
		Now: time.Now, Progress: &progress.Progress{}}
	erasures, err := e.Segment(t.Context(), planned)
	must(nil, err)
	if erasures[0].Outcome != receipt.Erased || erasures[1].Outcome != receipt.Changed {
		t.Errorf("outcomes %s and %s, want erased and changed", erasures[0].Outcome, erasures[1].Outcome)
	}
	if len(service.History("bucket", "left alone")) != 0 || len(service.History("bucket", "replaced")) != 1 {
		t.Errorf("%d and %d entries left, want the new object only", len(service.History("bucket", "left alone")),
			len(service.History("bucket", "replaced")))
	}
}

// A null version whose place a delete marker took is changed, not a failure that
// every further run would meet.
func TestEraserSeesMarkersInAVersionsPlace(t *testing.T) {
	service, store, must := suspended(t)
	put, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "k"},
		objectstore.Body{Reader: strings.NewReader("old"), Size: 3})
	must(nil, err)
	must(store.PutMarker(t.Context(), "bucket", "k"))
	e := eraser.Eraser{Source: store, Bucket: "bucket", Versioning: objectstore.Suspended, Now: time.Now,
		Progress: &progress.Progress{}}
	erasures, err := e.Segment(t.Context(), []manifest.Entry{{Key: "k", VersionID: objectstore.NullVersion, Size: 3,
		ETag: put.ETag}})
	must(nil, err)
	if erasures[0].Outcome != receipt.Changed {
		t.Errorf("outcome %s (%s), want changed", erasures[0].Outcome, erasures[0].Reason)
	}
	if left := service.History("bucket", "k"); len(left) != 1 {
		t.Errorf("%d entries left, want the marker", len(left))
	}
}

// watched records which keys' deletions are under way.
type watched struct {
	*memstore.Store
	t    *testing.T
	most int // deletions of one request, by the service's word; 0: it gives none

	mu       sync.Mutex
	requests int
	underWay map[string]bool
	last     map[string]string // version deleted, by key
}

func (w *watched) Limits() objectstore.Limits { return objectstore.Limits{Batch: w.most} }

func (w *watched) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	w.begin(entries)
	results, err := w.Store.Delete(ctx, bucket, entries)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range entries {
		delete(w.underWay, e.Key)
	}
	return results, err
}

func (w *watched) begin(entries []objectstore.Deletion) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.requests++; len(entries) > eraser.Batch || w.most > 0 && len(entries) > w.most {
		w.t.Errorf("a request of %d deletions", len(entries))
	}
	keys := make(map[string]bool)
	for _, e := range entries {
		if w.underWay[e.Key] {
			w.t.Errorf("two requests about %s at once", e.Key)
		}
		if w.last[e.Key] >= e.VersionID {
			w.t.Errorf("%s: %s is deleted after %s", e.Key, e.VersionID, w.last[e.Key])
		}
		keys[e.Key], w.last[e.Key] = true, e.VersionID
	}
	for key := range keys {
		w.underWay[key] = true
	}
}

// Batches go side by side, but those about one key in the order of its history.
func TestEraserKeepsHistoriesTogether(t *testing.T) {
	// a; b with c; d in three, f; e has no room beside d or f.
	t.Run("of a thousand", func(t *testing.T) { keepsTogether(t, 0, 7) })
	t.Run("of a hundred", func(t *testing.T) { keepsTogether(t, 100, 7+7+3+21+1+10) })
}

func keepsTogether(t *testing.T, most, requests int) {
	t.Helper()
	service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now})
	store := service.Region("us-east-1")
	if err := store.CreateBucket(t.Context(), "bucket", false); err != nil {
		t.Fatal(err)
	}
	if err := store.SetVersioning(t.Context(), "bucket", objectstore.Enabled); err != nil {
		t.Fatal(err)
	}
	var planned []manifest.Entry
	for _, h := range []struct {
		key      string
		versions int
	}{{"a", 700}, {"b", 700}, {"c", 300}, {"d", 2*eraser.Batch + 1}, {"e", 1}, {"f", eraser.Batch}} {
		for i := range h.versions {
			written, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: h.key},
				objectstore.Body{Reader: strings.NewReader(fmt.Sprint(i)), Size: int64(len(fmt.Sprint(i)))})
			if err != nil {
				t.Fatal(err)
			}
			planned = append(planned, manifest.Entry{Key: manifest.Key(h.key), VersionID: written.VersionID})
		}
	}
	w := &watched{Store: store, t: t, most: most, underWay: make(map[string]bool), last: make(map[string]string)}
	e := eraser.Eraser{Source: w, Bucket: "bucket", Versioning: objectstore.Enabled, Workers: 16, Now: time.Now,
		Progress: &progress.Progress{}}
	erasures, err := e.Segment(t.Context(), planned)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range erasures {
		if x.Outcome != receipt.Erased || x.Key != planned[i].Key || x.VersionID != planned[i].VersionID {
			t.Fatalf("erasure %d is %s@%s %s, want %s@%s erased", i, x.Key, x.VersionID, x.Outcome, planned[i].Key,
				planned[i].VersionID)
		}
	}
	if w.requests != requests {
		t.Errorf("%d requests, want %d", w.requests, requests)
	}
}

// late fails each deletion after it is done, or, for some keys, before.
type late struct {
	*memstore.Store
	undone string
}

func (l late) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	for _, e := range entries {
		if e.Key == l.undone {
			continue
		}
		if _, err := l.Store.Delete(ctx, bucket, []objectstore.Deletion{e}); err != nil {
			return nil, err
		}
	}
	return nil, &objectstore.Error{Op: "DeleteObjects", Status: 503, Kind: objectstore.ErrThrottled}
}

func (l late) DeleteIf(ctx context.Context, bucket string, entry objectstore.Deletion) error {
	_, err := l.Delete(ctx, bucket, []objectstore.Deletion{{Key: entry.Key, VersionID: entry.VersionID}})
	return err
}

// A deletion that fails is looked for by a listing: it may be done.
func TestEraserLooksForWhatFailed(t *testing.T) {
	for _, undone := range []string{"numbered/ab", "null/ab", ""} {
		t.Run(undone, func(t *testing.T) {
			store, planned := six(t)
			e := eraser.Eraser{Source: late{store, undone}, Bucket: "bucket", Versioning: objectstore.Enabled,
				Condition: eraser.Compared, Now: time.Now, Progress: &progress.Progress{}}
			erasures, err := e.Segment(t.Context(), planned)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range erasures {
				want := receipt.Gone
				if string(planned[i].Key) == undone {
					want = receipt.Unerased
				}
				if x.Outcome != want {
					t.Errorf("%s: %s (%s), want %s", x.Key, x.Outcome, x.Reason, want)
				}
			}
		})
	}
}

// refusing refuses to delete, and counts what its listings show.
type refusing struct {
	*memstore.Store
	listed *int
}

func (refusing) Delete(_ context.Context, _ string, entries []objectstore.Deletion) ([]error, error) {
	results := make([]error, len(entries))
	for i := range results {
		results[i] = &objectstore.Error{Op: "DeleteObjects", Code: "InvalidArgument", Kind: objectstore.ErrRejected}
	}
	return results, nil
}

func (r refusing) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		for v, err := range r.Store.Versions(ctx, bucket, prefix, after) {
			if *r.listed++; !yield(v, err) {
				return
			}
		}
	}
}

// What failed is looked for where it is: the last of many entries does not cost a
// listing of all that lie before it.
func TestEraserLooksWhereItFailed(t *testing.T) {
	store := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region("us-east-1")
	if err := store.CreateBucket(t.Context(), "bucket", false); err != nil {
		t.Fatal(err)
	}
	if err := store.SetVersioning(t.Context(), "bucket", objectstore.Enabled); err != nil {
		t.Fatal(err)
	}
	var planned []manifest.Entry
	for i := range 3000 {
		key := fmt.Sprintf("plain/%05d", i)
		written, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: key},
			objectstore.Body{Reader: strings.NewReader("x"), Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		planned = append(planned, manifest.Entry{Key: manifest.Key(key), VersionID: written.VersionID, ETag: written.ETag,
			Size: 1})
	}
	listed := 0
	e := eraser.Eraser{Source: refusing{store, &listed}, Bucket: "bucket", Versioning: objectstore.Enabled,
		Now: time.Now, Progress: &progress.Progress{}}
	last := planned[2850:2950]
	erasures, err := e.Segment(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range erasures {
		if x.Outcome != receipt.Unerased {
			t.Fatalf("%s: %s, want that it was not erased", x.Key, x.Outcome)
		}
	}
	if listed > len(last)+10 {
		t.Errorf("%d entries were listed to look for %d", listed, len(last))
	}
}

// six is a bucket of three null versions and three that have IDs.
func six(t *testing.T) (*memstore.Store, []manifest.Entry) {
	t.Helper()
	store := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region("us-east-1")
	if err := store.CreateBucket(t.Context(), "bucket", false); err != nil {
		t.Fatal(err)
	}
	var planned []manifest.Entry
	for _, key := range []string{"null/a", "null/ab", "null/b", "numbered/a", "numbered/ab", "numbered/b"} {
		if key == "numbered/a" {
			if err := store.SetVersioning(t.Context(), "bucket", objectstore.Enabled); err != nil {
				t.Fatal(err)
			}
		}
		written, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: key},
			objectstore.Body{Reader: strings.NewReader("x"), Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		planned = append(planned, manifest.Entry{Key: manifest.Key(key), VersionID: cmp.Or(written.VersionID,
			objectstore.NullVersion), ETag: written.ETag, Size: 1})
	}
	return store, planned
}

// counting counts what is asked of a store.
type counting struct {
	*memstore.Store
	looks, conditional, plain int
	between                   func() // happens once, behind the first look
}

func (c *counting) Stat(ctx context.Context, ref objectstore.Ref, part int) (objectstore.Info, error) {
	c.looks++
	info, err := c.Store.Stat(ctx, ref, part)
	if c.between != nil {
		c.between()
		c.between = nil
	}
	return info, err
}

func (c *counting) DeleteIf(ctx context.Context, bucket string, d objectstore.Deletion) error {
	c.conditional++
	return c.Store.DeleteIf(ctx, bucket, d)
}

func (c *counting) Delete(ctx context.Context, bucket string, d []objectstore.Deletion) ([]error, error) {
	c.plain++
	return c.Store.Delete(ctx, bucket, d)
}

// A null version goes by the service's own condition where there is one, else after
// a look that is the last thing before; and what is not to be had is no failure.
func TestEraserGuardsNullVersions(t *testing.T) {
	for _, tt := range []struct {
		name                      string
		versioning                objectstore.Versioning
		condition                 eraser.Condition
		traits                    memstore.Traits
		overwritten               bool // between the first look and the deletion
		guard                     string
		outcome                   receipt.Outcome
		looks, conditional, plain int
	}{
		{name: "as Amazon, unversioned", versioning: objectstore.Unversioned, condition: eraser.Compared,
			guard: eraser.GuardCondition, outcome: receipt.Erased, conditional: 1},
		{name: "as Amazon, unversioned, not found out, overwritten", versioning: objectstore.Unversioned, overwritten: true,
			guard: eraser.GuardRecheck, outcome: receipt.Changed, looks: 1, conditional: 1},
		{name: "as Amazon, versions", versioning: objectstore.Enabled, condition: eraser.Refused,
			guard: eraser.GuardRecheck, outcome: receipt.Erased, looks: 1, plain: 1},
		{name: "as Amazon, suspended", versioning: objectstore.Suspended, condition: eraser.Refused,
			guard: eraser.GuardRecheck, outcome: receipt.Erased, looks: 1, plain: 1},
		{name: "as Amazon, versions, not found out", versioning: objectstore.Suspended, overwritten: true,
			guard: eraser.GuardRecheck, outcome: receipt.Changed, looks: 2, conditional: 1},
		{name: "compared until a minute ago", versioning: objectstore.Enabled, condition: eraser.Compared,
			guard: eraser.GuardRecheck, outcome: receipt.Erased, looks: 1, conditional: 1, plain: 1},
		{name: "compared", versioning: objectstore.Enabled, condition: eraser.Compared,
			traits: memstore.Traits{ComparesVersions: true},
			guard:  eraser.GuardCondition, outcome: receipt.Erased, conditional: 1},
		{name: "ignored", versioning: objectstore.Unversioned, condition: eraser.Ignored,
			traits: memstore.Traits{UnguardedDelete: true},
			guard:  eraser.GuardRecheck, outcome: receipt.Erased, looks: 1, conditional: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now, Traits: tt.traits})
			c := &counting{Store: service.Region("us-east-1")}
			put := func(text string) objectstore.Written {
				w, err := c.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "k"},
					objectstore.Body{Reader: strings.NewReader(text), Size: 3})
				if err != nil {
					t.Fatal(err)
				}
				return w
			}
			if err := c.CreateBucket(t.Context(), "bucket", false); err != nil {
				t.Fatal(err)
			}
			written := put("old")
			if tt.versioning != objectstore.Unversioned {
				if err := c.SetVersioning(t.Context(), "bucket", tt.versioning); err != nil {
					t.Fatal(err)
				}
			}
			if tt.overwritten {
				c.between = func() { put("new") }
			}
			e := eraser.Eraser{Source: c, Bucket: "bucket", Versioning: tt.versioning, Condition: tt.condition,
				Now: time.Now, Progress: &progress.Progress{}}
			erasures, err := e.Segment(t.Context(), []manifest.Entry{{Key: "k", VersionID: objectstore.NullVersion, Size: 3,
				ETag: written.ETag}})
			if err != nil {
				t.Fatal(err)
			}
			if x := erasures[0]; x.Outcome != tt.outcome || x.Guard != tt.guard {
				t.Errorf("%s by %s (%s), want %s by %s", x.Outcome, x.Guard, x.Reason, tt.outcome, tt.guard)
			}
			if c.looks != tt.looks || c.conditional != tt.conditional || c.plain != tt.plain {
				t.Errorf("%d looks, %d conditional and %d plain deletions; want %d, %d, %d", c.looks, c.conditional, c.plain,
					tt.looks, tt.conditional, tt.plain)
			}
			if left := len(service.History("bucket", "k")); left != map[bool]int{true: 1}[tt.outcome == receipt.Changed] {
				t.Errorf("%d versions left", left)
			}
		})
	}
}

// A bucket that got versions since it was looked at gets no delete markers.
func TestEraserLeavesNoMarkers(t *testing.T) {
	service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now})
	store := service.Region("us-east-1")
	if err := store.CreateBucket(t.Context(), "bucket", false); err != nil {
		t.Fatal(err)
	}
	written, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "k"},
		objectstore.Body{Reader: strings.NewReader("old"), Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetVersioning(t.Context(), "bucket", objectstore.Enabled); err != nil {
		t.Fatal(err)
	}
	e := eraser.Eraser{Source: store, Bucket: "bucket", Versioning: objectstore.Unversioned,
		Condition: eraser.Compared, Now: time.Now, Progress: &progress.Progress{}}
	erasures, err := e.Segment(t.Context(), []manifest.Entry{{Key: "k", VersionID: objectstore.NullVersion, Size: 3,
		ETag: written.ETag}})
	if err != nil {
		t.Fatal(err)
	}
	if x := erasures[0]; x.Outcome != receipt.Erased || x.Guard != eraser.GuardRecheck {
		t.Errorf("%s by %s (%s)", x.Outcome, x.Guard, x.Reason)
	}
	if left := service.History("bucket", "k"); len(left) != 0 {
		t.Errorf("%d entries left", len(left))
	}
}

// passing fails a part of what it is asked for, the first time.
type passing struct {
	*memstore.Store
	asked int
}

func (p *passing) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	p.asked++
	fail := &objectstore.Error{Op: "DeleteObjects", Code: "InternalError", Status: 200, Kind: objectstore.ErrPassing}
	if p.asked == 1 {
		results, err := p.Store.Delete(ctx, bucket, entries[1:])
		return append([]error{fail}, results...), err
	}
	return p.Store.Delete(ctx, bucket, entries)
}

func (p *passing) DeleteIf(ctx context.Context, bucket string, d objectstore.Deletion) error {
	if p.asked++; p.asked == 3 {
		return &objectstore.Error{Op: "DeleteObject", Code: "ConditionalRequestConflict", Status: 409,
			Kind: objectstore.ErrPassing}
	}
	return p.Store.DeleteIf(ctx, bucket, d)
}

// What fails for the moment is asked for again, and nothing else is.
func TestEraserAsksAgain(t *testing.T) {
	store, planned := six(t)
	p := &passing{Store: store}
	pauses := 0
	e := eraser.Eraser{Source: p, Bucket: "bucket", Versioning: objectstore.Enabled, Now: time.Now,
		Progress: &progress.Progress{},
		Sleep:    func(context.Context, time.Duration) error { pauses++; return nil }}
	erasures, err := e.Segment(t.Context(), planned)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range erasures {
		if x.Outcome != receipt.Erased {
			t.Errorf("%s: %s (%s)", x.Key, x.Outcome, x.Reason)
		}
	}
	if pauses != 2 {
		t.Errorf("%d pauses, want 2", pauses)
	}
}
