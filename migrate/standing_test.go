package migrate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// adorned puts an object with all that a copy without them would lose.
func (f *fixture) adorned(key string) {
	f.put(key, []byte("of "+key), func(in *s3.PutObjectInput) {
		in.ContentType, in.CacheControl = aws.String("application/pdf"), aws.String("no-store")
		in.Metadata, in.Tagging = map[string]string{"owner": "acme"}, aws.String("class=secret")
	})
}

// rewrite writes the same bytes once more at the destination, as the other tool does, until
// the server's date tells: within one second it does not.
func (f *fixture) rewrite(key string, with func(*s3.PutObjectInput)) {
	f.t.Helper()
	at, client := f.destination(), f.box.Client(eu)
	modified := func() time.Time {
		out, err := client.HeadObject(f.t.Context(), &s3.HeadObjectInput{Bucket: &at, Key: &key})
		f.must(nil, err)
		return *out.LastModified
	}
	for old := modified(); modified().Equal(old); {
		in := &s3.PutObjectInput{Bucket: &at, Key: &key, Body: bytes.NewReader([]byte("of " + key))}
		if with != nil {
			with(in)
		}
		f.must(client.PutObject(f.t.Context(), in))
	}
}

func (f *fixture) keep(p *plan.Plan) {
	f.t.Helper()
	if r, err := f.runner().Run(f.t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		f.t.Fatalf("%v\n%s", err, problems(r))
	}
}

// undated makes receipts what releases wrote that knew no dates of copies.
func (f *fixture) undated(p *plan.Plan) {
	f.t.Helper()
	codec, home := new(state.Codec), f.home
	for _, s := range p.Segments {
		data, err := home.Get(f.t.Context(), p.ID+"/"+s.File("manifest"))
		f.must(nil, err)
		entries, err := s.Decode(codec, data)
		f.must(nil, err)
		data, err = home.Get(f.t.Context(), p.ID+"/"+s.File("receipts"))
		f.must(nil, err)
		receipts, err := receipt.Decode(codec, s, entries, data)
		f.must(nil, err)
		for i := range receipts {
			receipts[i].Null, receipts[i].TagsSHA256 = nil, ""
		}
		data, err = receipt.Encode(codec, s, receipts)
		f.must(nil, err)
		f.must(nil, home.Put(f.t.Context(), p.ID+"/"+s.File("receipts"), data))
	}
}

// A copy whose bytes somebody has written anew, without its attributes, is no proof any
// more: nothing is erased, and who looks later is told.
func TestAttributesLostAtTheDestination(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e"}
	for name, do := range map[string]func(*fixture, *plan.Plan) error{
		"erase": func(f *fixture, p *plan.Plan) error {
			_, err := f.runner().Erase(f.t.Context(), p)
			return err
		},
		"the command again, reading back": func(f *fixture, p *plan.Plan) error {
			_, err := f.run(p)
			return err
		},
		"erase, of receipts without dates": func(f *fixture, p *plan.Plan) error {
			f.undated(p)
			_, err := f.runner().Erase(f.t.Context(), p)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, false)
			for _, key := range keys {
				f.adorned(key)
			}
			before := f.snapshot(us, f.bucket)
			verify := "auto"
			if strings.Contains(name, "reading") {
				verify = "readback"
			}
			p := f.plan(verify)
			f.keep(p)
			for _, key := range keys {
				f.rewrite(key, nil)
			}
			theirs := f.snapshot(eu, f.destination())
			for _, readback := range []bool{false, true} {
				v, err := f.runner().Verify(t.Context(), p, readback)
				if !errors.Is(err, migrate.ErrVerification) || v.Spoiled != 5 || len(v.Problems) != 5 {
					t.Errorf("verify, reading back %t: %v, %+v; want 5 that are not as written", readback, err, v)
				}
			}
			if err := do(f, p); !errors.Is(err, migrate.ErrVerification) {
				t.Errorf("%v, want a verification that failed", err)
			}
			f.intact(before)
			if d := storetest.Diff(theirs, f.snapshot(eu, f.destination())); d != "" {
				t.Errorf("what somebody else wrote was changed:\n%s", d)
			}
		})
	}
}

// A date that moves and nothing else is asked about, and is no fault.
func TestRewrittenAsItWas(t *testing.T) {
	for _, undated := range []bool{false, true} {
		f := newFixture(t, false)
		f.adorned("a")
		f.adorned("b")
		before := f.snapshot(us, f.bucket)
		p := f.plan("auto")
		f.keep(p)
		again := func() {
			f.rewrite("b", func(in *s3.PutObjectInput) {
				in.ContentType, in.CacheControl = aws.String("application/pdf"), aws.String("no-store")
				in.Metadata, in.Tagging = map[string]string{"owner": "acme"}, aws.String("class=secret")
			})
		}
		again()
		if undated {
			f.undated(p)
		}
		if r, err := f.runner().Erase(t.Context(), p); err != nil {
			t.Fatalf("%v\n%s", err, problems(r))
		}
		f.moved(before)
		again()
		f.to.Reset()
		if v, err := f.runner().Verify(t.Context(), p, false); err != nil || v.Spoiled != 0 {
			t.Errorf("verify: %v, %+v", err, v)
		}
		counts := f.to.Counts()
		if counts["HeadObject"] != 1 || counts["GetObjectTagging"] != 2 {
			t.Errorf("requests %v, want one HEAD of what was written again, and the tags of both", counts)
		}
	}
}

// Tags can go without any listing showing it.
func TestTagsLostAtTheDestination(t *testing.T) {
	f := newFixture(t, true)
	for _, key := range []string{"a", "b", "c"} {
		f.adorned(key)
	}
	f.fill(20, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.keep(p)
	f.must(f.box.Client(eu).DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{
		Bucket: aws.String(f.destination()), Key: aws.String("b")}))
	theirs := f.snapshot(eu, f.destination())
	f.to.Reset()
	for _, readback := range []bool{false, true} {
		v, err := f.runner().Verify(t.Context(), p, readback)
		if !errors.Is(err, migrate.ErrVerification) || v.Spoiled != 1 || len(v.Problems) != 1 ||
			v.Problems[0].Key != "b" || !strings.Contains(v.Problems[0].Reason, "tags") {
			t.Errorf("verify, reading back %t: %v, %+v; want the tags of one", readback, err, v)
		}
	}
	if n := f.to.Counts()["GetObjectTagging"]; n != 6 {
		t.Errorf("%d requests for tags, want one each of those that have some, twice", n)
	}
	if r, err := f.runner().Erase(t.Context(), p); !errors.Is(err, migrate.ErrVerification) ||
		!strings.Contains(problems(r), "tags") {
		t.Errorf("erase: %v, want the tags of one\n%s", err, problems(r))
	}
	f.intact(before)
	if d := storetest.Diff(theirs, f.snapshot(eu, f.destination())); d != "" {
		t.Errorf("the destination was changed:\n%s", d)
	}
}

// What covers copies, as a request does that was answered with an error and carried out later,
// is counted wherever the destination is listed.
func TestCovered(t *testing.T) {
	f := newFixture(t, true)
	f.fill(5, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.keep(p)
	client, at := f.box.Client(eu), aws.String(f.destination())
	f.must(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: at, Key: aws.String("plain/00001")}))
	f.must(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: at, Key: aws.String("plain/00002"),
		Body: strings.NewReader("another")}))
	f.must(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: at, Key: aws.String("new"),
		Body: strings.NewReader("beside")}))
	r, err := f.runner().Erase(t.Context(), p)
	if err != nil || r.Newer != 3 || r.Covered != 2 || r.Found != 5 {
		t.Errorf("%v, %+v, want three further entries, two of them current\n%s", err, r, problems(r))
	}
	if left := f.snapshot(us, f.bucket); len(left) > 0 {
		t.Errorf("the source holds %v", left)
	}
	there := f.snapshot(eu, f.destination())
	for key, history := range before {
		if n := len(there[key]); n < len(history) || there[key][0].ETag != history[0].ETag {
			t.Errorf("%s: %v", key, there[key])
		}
	}
	v, err := f.runner().Verify(t.Context(), p, false)
	if err != nil || v.Newer != 3 || v.Covered != 2 {
		t.Errorf("verify: %v, %+v", err, v)
	}
}
