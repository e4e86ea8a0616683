package migrate_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
)

// tagged has plain objects and, among them, some with tags.
func tagged(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, true)
	f.fill(9, 100)
	for _, key := range []string{"a/first", "plain/00003", "z/last"} {
		f.put(key, []byte(key), func(in *s3.PutObjectInput) { in.Tagging = aws.String("class=secret&of=" + key[:1]) })
	}
	return f
}

// hidesTags is what Amazon S3 does to those who may not read tags: it answers an
// object as if it had none (API model, "HeadObjectOutput", TagCount: "when you
// have the relevant permission to read object tags").
func hidesTags(r storetest.Request) storetest.Fault {
	if r.Operation == "GetObjectTagging" {
		return storetest.Fault{Status: http.StatusForbidden}
	}
	return storetest.Fault{DelResponseHeader: []string{"X-Amz-Tagging-Count"}}
}

// Who may not read tags is not told of them. The plan says so.
func TestTagsThatMayNotBeRead(t *testing.T) {
	f := tagged(t)
	f.from.SetFault(hidesTags)
	p := f.plan("auto")
	text := blocked(p, "tags-not-read")
	if len(p.Blockers) != 1 || !strings.Contains(text, "s3:GetObjectVersionTagging") {
		t.Errorf("blockers %+v, want one that names the action", p.Blockers)
	}
	if _, err := f.run(p); !errors.Is(err, migrate.ErrBlocked) {
		t.Errorf("run: %v, want %v", err, migrate.ErrBlocked)
	}
}

// A permission that is gone when the run starts stops it before anything is copied.
func TestTagsThatMayNotBeReadAnyMore(t *testing.T) {
	f := tagged(t)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.from.SetFault(hidesTags)
	_, err := f.run(p)
	if !errors.Is(err, migrate.ErrTags) || !strings.Contains(err.Error(), "s3:GetObjectVersionTagging") {
		t.Errorf("run: %v, want %v and the action's name", err, migrate.ErrTags)
	}
	if there := f.snapshot(eu, f.destination()); len(there) > 0 {
		t.Errorf("the destination has %d keys, want none", len(there))
	}
	f.intact(before)
	f.from.SetFault(nil)
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

// A permission that is lost while objects are copied leaves what was copied in
// that time unproven, in that run and until it is there again.
func TestTagsThatMayNotBeReadInBetween(t *testing.T) {
	f := tagged(t)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.from.Reset()
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if f.from.Counts()["GetObject"] < 2 { // what is not there yet
			return storetest.Fault{}
		}
		return hidesTags(r)
	})
	for range 2 {
		if _, err := f.run(p); !errors.Is(err, migrate.ErrTags) {
			t.Fatalf("run: %v, want %v", err, migrate.ErrTags)
		}
		if _, err := f.runner().Erase(t.Context(), p); !errors.Is(err, migrate.ErrNotCopied) {
			t.Errorf("erase: %v, want %v", err, migrate.ErrNotCopied)
		}
		if _, err := f.runner().Verify(t.Context(), p, false); !errors.Is(err, migrate.ErrNotCopied) {
			t.Errorf("verify: %v, want %v", err, migrate.ErrNotCopied)
		}
		f.intact(before)
	}
	f.from.SetFault(nil)
	// The copies that lost their tags are found out, and nothing is erased.
	for range 2 {
		if _, err := f.run(p); !errors.Is(err, migrate.ErrVerification) ||
			!strings.Contains(err.Error(), "--abort "+p.ID) {
			t.Fatalf("run: %v, want copies without tags to differ", err)
		}
		f.intact(before)
	}
	if _, err := f.runner().Abort(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

// A server that never tells of tags is asked about each version, if that is seen on
// one that has some; else a probe shows it before anything is erased.
func TestTagsThatAreNeverTold(t *testing.T) {
	for _, keep := range []bool{false, true} {
		f := tagged(t)
		before := f.snapshot(us, f.bucket)
		f.from.SetFault(tellsNothing)
		r, err := f.runner().Run(t.Context(), f.plan("auto"), migrate.Options{KeepSource: keep})
		if err != nil {
			t.Fatalf("%v\n%s", err, problems(r))
		}
		if keep {
			f.intact(before)
			if d := storetest.Diff(before, f.snapshot(eu, f.destination())); d != "" {
				t.Errorf("the destination differs:\n%s", d)
			}
			continue
		}
		f.moved(before)
	}
}

func tellsNothing(storetest.Request) storetest.Fault {
	return storetest.Fault{DelResponseHeader: []string{"X-Amz-Tagging-Count"}}
}

func TestTagsThatAProbeShowsUntold(t *testing.T) {
	f := newFixture(t, true)
	f.fill(7, 100)
	// the third is in no sample
	f.put("plain/00001x", []byte("tagged"), func(in *s3.PutObjectInput) { in.Tagging = aws.String("class=secret") })
	before := f.snapshot(us, f.bucket)
	f.from.SetFault(tellsNothing)
	p := f.plan("auto")
	if _, err := f.run(p); !errors.Is(err, migrate.ErrTags) || !strings.Contains(err.Error(), "as a probe showed") {
		t.Fatalf("run: %v, want %v by a probe", err, migrate.ErrTags)
	}
	f.intact(before)
	if _, err := f.run(p); !errors.Is(err, migrate.ErrVerification) {
		t.Fatalf("run: %v, want the copy without its tag to differ", err)
	}
	f.intact(before)
	if _, err := f.runner().Abort(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

// That the probe is still to come is known also after a run that ended before it said
// so: with all copied, and no look since.
func TestTagsOfARunThatEnded(t *testing.T) {
	f := newFixture(t, true)
	f.fill(7, 100)
	// in no sample
	f.put("plain/00001x", []byte("tagged"), func(in *s3.PutObjectInput) { in.Tagging = aws.String("class=secret") })
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	ctx, cancel := context.WithCancel(t.Context())
	f.from.Reset()
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "GetObjectTagging" && f.from.Counts()["GetObject"] == len(before) {
			cancel() // the look after the copy
		}
		return tellsNothing(r)
	})
	if _, err := f.runner().Run(ctx, p, migrate.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("run: %v, want it to end", err)
	}
	if n := len(f.snapshot(eu, f.destination())); n != len(before) {
		t.Fatalf("%d copies, want %d", n, len(before))
	}
	if _, err := f.runner().Erase(t.Context(), p); !errors.Is(err, migrate.ErrNotCopied) {
		t.Errorf("erase: %v, want %v", err, migrate.ErrNotCopied)
	}
	if _, err := f.run(p); !errors.Is(err, migrate.ErrTags) || !strings.Contains(err.Error(), "as a probe showed") {
		t.Errorf("run: %v, want %v by a probe", err, migrate.ErrTags)
	}
	f.intact(before)
}

// A run is killed while tags may not be read, and they may be read again when the next
// one looks: what was copied meanwhile is not taken for copies of versions without tags.
func TestTagsHiddenFromARunThatWasKilled(t *testing.T) {
	const entries = 12
	for _, at := range []int{5, entries} { // of this entry's GET, or when all are copied
		f := tagged(t)
		before := f.snapshot(us, f.bucket)
		p := f.plan("auto")
		first := f.mortal()
		first.workers = 1
		f.from.Reset()
		first.fault = func(r storetest.Request) storetest.Fault {
			if f.from.Counts()["GetObject"] > 0 {
				return hidesTags(r)
			}
			return storetest.Fault{}
		}
		_, err := first.run(p, func(r storetest.Request) {
			switch {
			case r.Operation == "GetObjectTagging" && f.from.Counts()["GetObject"] == at:
				first.die()
			case r.Operation == "GetObject" && r.N == at && at < entries:
				first.second() // the first copies are about to become durable
			}
		})
		if err == nil || !first.home.dead.Load() {
			t.Fatalf("run: %v, want it to be killed", err)
		}
		// The copies without tags are found out, and nothing is erased.
		for range 2 {
			r, err := f.run(p)
			if !errors.Is(err, migrate.ErrVerification) || !strings.Contains(remedy.For(err), "remove at the destination") ||
				!strings.Contains(problems(r), "tags differ at the destination, which held this entry already") {
				t.Fatalf("run: %v, want copies without tags to differ\n%s", err, problems(r))
			}
			f.intact(before)
		}
		// No record says whose they are: an abort leaves them, and says so.
		if _, err := f.runner().Abort(t.Context(), p); err != nil && !errors.Is(err, migrate.ErrStays) {
			t.Fatal(err)
		}
		for key, copies := range f.snapshot(eu, f.destination()) {
			if last := len(copies) - 1; !maps.Equal(before[key][last].Tags, copies[last].Tags) {
				f.must(f.box.Client(eu).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(f.destination()),
					Key: &key, VersionId: &copies[last].VersionID}))
			}
		}
		if r, err := f.run(p); err != nil {
			t.Fatalf("%v\n%s", err, problems(r))
		}
		f.moved(before)
	}
}

// Where nothing is found any more that could tell whether tags may be read, although a
// listing shows it, nothing is erased until the copies are proven anew.
func TestTagsThatNobodyTells(t *testing.T) {
	f := tagged(t)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.from.Reset()
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		asks := r.Operation == "GetObjectTagging" || r.Operation == "HeadObject"
		// A look before, and of the three that have some when they are copied.
		if asks && !strings.Contains(r.Key, ".residency") && f.from.Counts()["GetObjectTagging"] > 1+3 {
			return storetest.Fault{Status: http.StatusNotFound}
		}
		return storetest.Fault{}
	})
	runner := f.runner()
	runner.After = never // no look while it copies
	if r, err := runner.Run(t.Context(), p, migrate.Options{}); !errors.Is(err, migrate.ErrNotCopied) {
		t.Errorf("run: %v, want %v\n%s", err, migrate.ErrNotCopied, problems(r))
	}
	f.intact(before)
	f.from.SetFault(nil)
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

// Where the bucket's policy may hide tags from somebody, each version is asked
// about: what is told of one says nothing of the others.
func TestTagsThatAPolicyMayHide(t *testing.T) {
	f := tagged(t)
	before := f.snapshot(us, f.bucket)
	policy := `{"Version":"2012-10-17","Statement":[{"Sid":"hide","Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:GetObject*Tagging",` +
		`"Resource":"arn:aws:s3:::` + f.bucket +
		`/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/class":"secret"}}}]}`
	var denied atomic.Int64
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		switch secret := r.Key == "a/first" || r.Key == "plain/00003" || r.Key == "z/last"; {
		case r.Operation == "GetBucketPolicy":
			return storetest.Fault{Answer: policy}
		case secret && r.Operation == "GetObjectTagging" && r.Key != "a/first": // else the plan would know
			denied.Add(1)
			return storetest.Fault{Status: http.StatusForbidden}
		case secret:
			return storetest.Fault{DelResponseHeader: []string{"X-Amz-Tagging-Count"}}
		}
		return storetest.Fault{}
	})
	p := f.plan("auto")
	if len(p.Blockers) > 0 {
		t.Fatalf("blockers %+v", p.Blockers)
	}
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrPartial) || r.Verdicts["failed"] != 3 || denied.Load() == 0 {
		t.Errorf("run: %v, want two versions, and one on top of them, to fail\n%s", err, problems(r))
	}
	f.intact(before)
}
