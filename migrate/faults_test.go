package migrate_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// within is the fixture in a test within the test, with a state of its own and no
// faults.
func (f *fixture) within(t *testing.T) *fixture {
	g := *f
	g.t, g.home = t, newHome(t)
	g.from.SetFault(nil)
	g.to.SetFault(nil)
	return &g
}

// anew is that with an empty source bucket of its own.
func (f *fixture) anew(t *testing.T) *fixture {
	f.buckets++
	g := f.within(t)
	g.bucket = fmt.Sprintf("source-bucket-%d", f.buckets)
	g.must(g.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &g.bucket}))
	g.must(g.box.Client(us).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &g.bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	return g
}

// fromPut breaks all requests from the n-th PutObject on.
func fromPut(n int, fault storetest.Fault) func(storetest.Request) storetest.Fault {
	broken := make(chan struct{})
	return func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && r.N == n {
			close(broken)
		}
		select {
		case <-broken:
			return fault
		default:
			return storetest.Fault{}
		}
	}
}

// What concerns every request stops the run at once, says what it is, and costs
// a few requests, not one or more for each entry. When it is over, the same
// command goes on to an exact end.
func TestFaultsThatStop(t *testing.T) {
	const entries, first, workers = 100, 20, 8
	f := newFixture(t, true)
	for _, tt := range []struct {
		name  string
		fault storetest.Fault
		want  error
		text  string
		extra int // requests from the first that failed on
	}{
		{"the credentials expire", storetest.Fault{Status: 400, Code: "ExpiredToken"}, objectstore.ErrCredentials,
			"PutObject cloud:source-bucket-1-eu-west-1: the session token has expired (ExpiredToken, HTTP 400)",
			3 * workers},
		{"the key is revoked", storetest.Fault{Status: 403, Code: "InvalidAccessKeyId"}, objectstore.ErrCredentials,
			"InvalidAccessKeyId", 3 * workers},
		{"the clocks differ", storetest.Fault{Status: 403, Code: "RequestTimeTooSkewed"}, objectstore.ErrClock,
			"the clocks differ too much (RequestTimeTooSkewed, HTTP 403); this machine's clock is ", 3 * workers},
		{"the bucket is gone", storetest.Fault{Status: 404, Code: "NoSuchBucket"}, objectstore.ErrNoBucket,
			"there is no such bucket (NoSuchBucket, HTTP 404)", 3 * workers},
		{"nobody answers", storetest.Fault{Reset: true}, objectstore.ErrUnanswered, "no answer: ", 40 * workers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := f.anew(t)
			f.fill(entries, 100)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			f.to.Reset()
			var failed atomic.Bool
			var behind atomic.Int64 // the first that failed, requests
			fails := fromPut(first, tt.fault)
			f.to.SetFault(func(r storetest.Request) storetest.Fault {
				fault := fails(r)
				if failed.Load() || fault.Status != 0 || fault.Reset {
					failed.Store(true)
					behind.Add(1)
				}
				return fault
			})
			runner := f.runner()
			// No renewal, and no look at tags each second, however slow the machine is.
			runner.LeaseTerm, runner.After = time.Hour, never
			_, err := runner.Run(t.Context(), p, migrate.Options{})
			if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("run: %v\nwant %v with %q", err, tt.want, tt.text)
			}
			if n := int(behind.Load()); n > tt.extra {
				t.Errorf("%d requests to the destination from the first that failed on, want at most %d", n, tt.extra)
			}
			f.intact(before)
			f.to.SetFault(nil)
			if r, err := f.run(p); err != nil {
				t.Fatalf("again: %v\n%s", err, problems(r))
			}
			f.moved(before)
		})
	}
}

// Where access is denied to everything from the first entry on, the rest is not
// asked for: at the source, at the destination, and when erasing. Where the tool
// may not write or delete what is its own, no entry is tried at all. Where some
// went through, all are asked for.
func TestAccessDeniedToEverything(t *testing.T) {
	const entries, workers = 400, 8
	f := newFixture(t, true)
	denied := func(operations string, from int) func(storetest.Request) storetest.Fault {
		first := fmt.Sprintf("plain/%05d", from)
		return func(r storetest.Request) storetest.Fault {
			if strings.Contains(operations, r.Operation+";") && (from == 0 || r.Key >= first) {
				return storetest.Fault{Status: 403, Code: "AccessDenied"}
			}
			return storetest.Fault{}
		}
	}
	for _, tt := range []struct {
		name, operations, text string
		versioned              bool
		at                     func(*fixture) *storetest.Proxy
		most                   int // requests that were denied; of more than one, entries
	}{
		{"reading", "GetObject;", "GetObject cloud:source-bucket-1: access denied (AccessDenied, HTTP 403)", true,
			func(f *fixture) *storetest.Proxy { return f.from }, 50 + workers},
		{"writing", "PutObject;", "PutObject cloud:source-bucket-2-eu-west-1: access denied (AccessDenied, HTTP 403)", true,
			func(f *fixture) *storetest.Proxy { return f.to }, 1},
		{"erasing", "DeleteObjects;GetObjectRetention;",
			"DeleteObjects cloud:source-bucket-3: access denied (AccessDenied, HTTP 403)", true,
			func(f *fixture) *storetest.Proxy { return f.from }, 1},
		{"erasing without versions", "DeleteObject;",
			"DeleteObject cloud:source-bucket-4: access denied (AccessDenied, HTTP 403)", false,
			func(f *fixture) *storetest.Proxy { return f.from }, 50 + 2*migrate.DefaultWorkers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := f.anew(t)
			if !tt.versioned {
				f.bucket += "-plain"
				f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
				tt.text = strings.Replace(tt.text, "source-bucket-4", f.bucket, 1)
			}
			f.fill(entries, 100)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			proxy := tt.at(f)
			proxy.Reset()
			var refused atomic.Int64
			fault := denied(tt.operations, 0)
			proxy.SetFault(func(r storetest.Request) storetest.Fault {
				d := fault(r)
				if d.Status != 0 {
					refused.Add(1)
				}
				return d
			})
			r, err := f.run(p)
			want := tt.text
			if tt.most > 1 {
				want = "everything so far was refused in the same way (50 entries), so the rest is not tried: " + want
			}
			if errors.Is(err, objectstore.ErrAllRefused) != (tt.most > 1) || !errors.Is(err, objectstore.ErrDenied) ||
				!strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("run: %v\n%s", err, problems(r))
			}
			if n := int(refused.Load()); n < 1 || n > tt.most {
				t.Errorf("%d requests were denied, want at most %d: %v", n, tt.most, proxy.Counts())
			}
			f.intact(before)
			proxy.SetFault(nil)
			if r, err := f.run(p); err != nil {
				t.Fatalf("again: %v\n%s", err, problems(r))
			}
			f.moved(before)
		})
	}
	t.Run("not from the first on", func(t *testing.T) {
		const through = 100
		f := f.anew(t)
		f.fill(entries, 100)
		p := f.plan("auto")
		f.from.SetFault(denied("GetObject;", through))
		r, err := f.run(p)
		if !errors.Is(err, migrate.ErrPartial) || r.Verdicts["failed"] != entries-through {
			t.Errorf("run: %v, want every entry asked for\n%s", err, problems(r))
		}
	})
}

// A destination bucket that somebody deletes in the middle is made anew, and
// what was in it is copied again, before anything is erased.
func TestDestinationVanishes(t *testing.T) {
	f := newFixture(t, true)
	f.fill(50, 50)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatal(err)
	}
	bucket, client := f.destination(), f.box.Client(eu)
	for key, history := range f.snapshot(eu, bucket) {
		for _, e := range history {
			f.must(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key, VersionId: &e.VersionID}))
		}
	}
	f.must(client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}))
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrSpoiled) {
		t.Errorf("run: %v, want %v\n%s", err, migrate.ErrSpoiled, problems(r))
	}
	f.intact(before)
	if r, err = f.run(p); err != nil {
		t.Fatalf("again: %v\n%s", err, problems(r))
	}
	f.moved(before)
}

// A connection that hangs at either end costs its patience, not the migration.
func TestStalledConnections(t *testing.T) {
	f := newFixture(t, true)
	f.fill(20, 5000)
	f.multipart("parts", 5<<20, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
		Endpoints: map[string]string{us: f.from.URL(), eu: f.to.URL()},
		Patience:  s3store.Patience{Window: 2 * time.Second, Answer: 5 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	f.provider = provider
	stall := func(operations ...string) func(storetest.Request) storetest.Fault {
		return func(r storetest.Request) storetest.Fault {
			for _, o := range operations {
				if r.Operation == o && r.N == 2 {
					return storetest.Fault{Stall: true}
				}
			}
			return storetest.Fault{}
		}
	}
	f.from.Reset()
	f.to.Reset()
	f.from.SetFault(stall("GetObject"))
	f.to.SetFault(stall("PutObject", "UploadPart"))
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

// Listings that lie: one that is out of order fails; one with a hole, such as
// between its pages, or that ends early, gives a plan which the gate finds wanting.
func TestListingsThatLie(t *testing.T) {
	f := newFixture(t, true)
	f.fill(20, 10)
	before := f.snapshot(us, f.bucket)
	entry := regexp.MustCompile(`(?s)<Version>.*?</Version>`)
	without := func(b []byte, dropped func(i int) bool) []byte {
		i := -1
		return entry.ReplaceAllFunc(b, func(e []byte) []byte {
			if i++; dropped(i) {
				return nil
			}
			return e
		})
	}
	for _, tt := range []struct {
		name  string
		lie   func([]byte) []byte
		plan  error
		erase error
	}{
		{"out of order", func(b []byte) []byte {
			return bytes.Replace(b, []byte("plain/00003"), []byte("plain/99999"), 1)
		}, objectstore.ErrOrder, nil},
		{"a hole", func(b []byte) []byte { return without(b, func(i int) bool { return i > 6 && i < 12 }) }, nil,
			migrate.ErrNotEmpty},
		{"ended early", func(b []byte) []byte { return without(b, func(i int) bool { return i > 15 }) }, nil,
			migrate.ErrNotEmpty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := f.within(t)
			f.from.Reset()
			f.from.SetFault(func(r storetest.Request) storetest.Fault {
				if r.Operation == "ListObjectVersions" && r.N == 1 {
					return storetest.Fault{ReplaceResponseBody: tt.lie}
				}
				return storetest.Fault{}
			})
			p, err := f.tryPlan("auto")
			if !errors.Is(err, tt.plan) || tt.plan == nil && err != nil {
				t.Fatalf("plan: %v, want %v", err, tt.plan)
			}
			if err != nil {
				return
			}
			if p.Totals.Entries == 20 {
				t.Fatal("the listing did not lie")
			}
			if r, err := f.runner().Run(t.Context(), p, migrate.Options{Fresh: true}); !errors.Is(err, tt.erase) {
				t.Errorf("run: %v, want %v\n%s", err, tt.erase, problems(r))
			}
			f.intact(before)
		})
	}
}

// refuse makes the answer to a batch say that one key's deletion, which is called
// plain/00003 again, has failed.
func refuse(key string) func([]byte) []byte {
	deleted := regexp.MustCompile(`<Deleted><DeleteMarker>false</DeleteMarker><Key>` + key + `</Key>(.*?)</Deleted>`)
	return func(b []byte) []byte {
		return deleted.ReplaceAll(b, []byte("<Error><Key>plain/00003</Key>${1}<Code>InternalError</Code></Error>"))
	}
}

// A deletion that is answered with an error for one key, and one that is
// acknowledged and not done, are both found and done by the next run. One that is
// done all the same is found by a listing at once.
func TestDeletionsThatFail(t *testing.T) {
	f := newFixture(t, true)
	for _, tt := range []struct {
		name  string
		fault storetest.Fault
		want  error
	}{
		{"an error for one key, done all the same", storetest.Fault{ReplaceResponseBody: refuse("plain/00003")}, nil},
		{"an error for one key", storetest.Fault{
			ReplaceRequestBody: func(b []byte) []byte {
				return bytes.Replace(b, []byte("plain/00003"), []byte("plain/99993"),
					1)
			},
			ReplaceResponseBody: refuse("plain/99993"),
		}, migrate.ErrPartial},
		{"acknowledged, not done", storetest.Fault{
			ReplaceRequestBody: func(b []byte) []byte {
				return bytes.Replace(b, []byte("plain/00003"), []byte("plain/99993"),
					1)
			},
			ReplaceResponseBody: func(b []byte) []byte {
				return bytes.Replace(b, []byte("plain/99993"), []byte("plain/00003"),
					1)
			},
		}, migrate.ErrNotEmpty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := f.anew(t)
			f.fill(10, 100)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			f.from.SetFault(func(r storetest.Request) storetest.Fault {
				if r.Operation == "DeleteObjects" {
					return tt.fault
				}
				return storetest.Fault{}
			})
			r, err := f.run(p)
			if !errors.Is(err, tt.want) {
				t.Errorf("run: %v, want %v\n%s", err, tt.want, problems(r))
			}
			f.from.SetFault(nil)
			if r, err = f.run(p); err != nil {
				t.Fatalf("again: %v\n%s", err, problems(r))
			}
			f.moved(before)
		})
	}
}

// A state that is lost altogether in the middle of copying is made anew from
// both ends: nothing copied twice, and the same end. The plan is the same one, for
// the lease of its run tells that it made the bucket, and waits for that to end.
func TestStateLostHalfway(t *testing.T) {
	f := newFixture(t, true)
	f.mixed()
	f.fill(100, 100)
	before := f.snapshot(us, f.bucket)
	first := f.plan("auto")
	f.to.Reset()
	f.to.SetFault(fromPut(60, storetest.Fault{Status: 400, Code: "ExpiredToken"}))
	dying := f.runner()
	dying.LeaseTerm = 8 * time.Second // its reservation cannot be given back
	if _, err := dying.Run(t.Context(), first, migrate.Options{}); !errors.Is(err, objectstore.ErrCredentials) {
		t.Fatalf("run: %v, want %v", err, objectstore.ErrCredentials)
	}
	f.to.SetFault(nil)
	copied := 0
	for key, history := range f.snapshot(eu, f.destination()) {
		if !own(key) { // what the run reserved
			copied += len(history)
		}
	}
	f.home = newHome(t)
	again := f.plan("auto")
	if again.Digest != first.Digest || again.Moves[0].Exists {
		t.Errorf("plan %s, and the bucket was there %t; want the same, which made the bucket", again.ID,
			again.Moves[0].Exists)
	}
	f.waits = true
	r, err := f.run(again)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if copied < 40 || r.Held < int64(copied) { // what was on its way may have come later
		t.Errorf("%d entries had been copied, %d were found", copied, r.Held)
	}
	f.moved(before)
}

// Receipts are no proof against whoever can write the state: where they vouch
// for something that was put in place of a copy, the plan's own list of what the
// source has speaks against them.
func TestForgedReceipts(t *testing.T) {
	f := newFixture(t, true)
	f.fill(10, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatal(err)
	}
	bucket, key := f.destination(), "plain/00003"
	client := f.box.Client(eu)
	copied := f.snapshot(eu, bucket)[key][0].VersionID
	planted, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key,
		Body: bytes.NewReader(make([]byte, 100))})
	f.must(planted, err)
	f.must(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key, VersionId: &copied}))

	s := p.Segments[0]
	name := p.ID + "/" + s.File("receipts")
	data, err := f.home.Get(t.Context(), name)
	f.must(data, err)
	var forged []receipt.Receipt
	for r, err := range state.Decode[receipt.Receipt](name, receipt.Schema, data) {
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Key) == key {
			r.DestinationVersionID, r.DestinationETag = *planted.VersionId, strings.Trim(*planted.ETag, `"`)
		}
		forged = append(forged, r)
	}
	data, err = receipt.Encode(nil, s, forged)
	f.must(data, err)
	f.must(nil, f.home.Put(t.Context(), name, data))

	r, err := f.runner().Erase(t.Context(), p)
	if !errors.Is(err, migrate.ErrSpoiled) {
		t.Errorf("erase: %v, want %v\n%s", err, migrate.ErrSpoiled, problems(r))
	}
	f.intact(before)
}

// Where a server makes no delete marker on nothing, what is put beneath it is
// taken away again, also if that fails at first.
func TestPlaceholderIsTakenAway(t *testing.T) {
	f := newFixture(t, true)
	key := "marker"
	f.put(key, []byte("to be deleted"), nil)
	first := f.snapshot(us, f.bucket)[key][0].VersionID
	f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key}))
	f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key,
		VersionId: &first}))
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	marked := false
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		switch {
		case r.Operation == "DeleteObject" && r.Key == key:
			marked = true
		case r.Operation == "DeleteObjects" && marked:
			marked = false
			// not done, and not mentioned
			return storetest.Fault{Answer: `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>`}
		}
		return storetest.Fault{}
	})
	if r, err := f.runner().Run(t.Context(), p, migrate.Options{}); err != nil {
		t.Fatalf("run: %v\n%s", err, problems(r))
	}
	f.moved(before)
}
