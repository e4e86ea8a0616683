package migrate_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
)

// statements are the names of those in the source bucket's policy.
func (f *fixture) statements() (sids []string) {
	f.t.Helper()
	for _, s := range f.policy()["Statement"].([]any) {
		sid, _ := s.(map[string]any)["Sid"].(string)
		sids = append(sids, sid)
	}
	return sids
}

func (f *fixture) policy() (tree map[string]any) {
	f.t.Helper()
	out, err := f.box.Client(us).GetBucketPolicy(f.t.Context(), &s3.GetBucketPolicyInput{Bucket: &f.bucket})
	f.must(out, err)
	f.must(nil, json.Unmarshal([]byte(*out.Policy), &tree))
	return tree
}

// takeFence is somebody who takes the fence out of the policy and names their own
// statement.
func (f *fixture) takeFence() {
	f.t.Helper()
	tree := f.policy()
	tree["Statement"] = slices.DeleteFunc(tree["Statement"].([]any), func(s any) bool {
		m := s.(map[string]any)
		if m["Effect"] == "Allow" {
			m["Sid"] = "Theirs"
		}
		return m["Effect"] == "Deny"
	})
	text, err := json.Marshal(tree)
	f.must(nil, err)
	f.must(f.box.Client(us).PutBucketPolicy(f.t.Context(), &s3.PutBucketPolicyInput{Bucket: &f.bucket,
		Policy: aws.String(string(text))}))
}

// A fence that somebody has taken away is not said to stand; asked for again it
// is put up in the policy as it is by then.
func TestFenceTakenAway(t *testing.T) {
	f := newTenantFixture(t, true)
	f.permit()
	f.fill(5, 100)
	p := f.plan("auto")
	run := func(o migrate.Options, fenced bool) (notes string) {
		t.Helper()
		r := f.runner()
		r.Note = func(text string) { notes += text + "\n" }
		o.KeepSource, o.Passes = true, 2
		result, err := r.Run(t.Context(), p, o)
		if err != nil || fenced != (len(result.Fence) == 1) {
			t.Fatalf("%v; a fence wanted: %t\n%s%s", err, fenced, notes, problems(result))
		}
		return notes
	}
	run(migrate.Options{Fence: true}, true)
	run(migrate.Options{}, true)
	f.takeFence()
	f.put("late", []byte("x"), nil)
	if notes := run(migrate.Options{}, false); !strings.Contains(notes, "is no longer in the bucket policy of cloud:"+
		f.bucket) {
		t.Errorf("nothing is said of the fence that is gone:\n%s", notes)
	}
	run(migrate.Options{Fence: true}, true)
	if sids := f.statements(); len(sids) != 2 || sids[0] != "Theirs" || !strings.HasPrefix(sids[1], "ResidencyFence") {
		t.Errorf("the policy has the statements %q; want theirs, and the fence", sids)
	}
	_, err := f.box.Client(us).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &f.bucket, Key: aws.String("later")})
	if !isDenied(err) {
		t.Errorf("a write behind the fence: %v, want a refusal", err)
	}
	if u, err := f.runner().Abort(t.Context(), p); err != nil || u.Fence != "lifted" {
		t.Fatalf("abort: %+v, %v", u, err)
	}
	if sids := f.statements(); !slices.Equal(sids, []string{"Theirs"}) {
		t.Errorf("the policy has the statements %q after the abort; want theirs alone", sids)
	}
}

// bare is a store of a service with nothing but what every service has.
type bare struct{ objectstore.Store }

// Where a service keeps no rules that deny writes, a run that is asked for a fence says so
// and goes on without; no policy is touched.
func TestNoFenceWithoutRules(t *testing.T) {
	f := newTenantFixture(t, true)
	f.permit()
	f.fill(5, 100)
	policy, p := f.policy(), f.plan("auto")
	var notes string
	r := f.runner()
	r.Note = func(text string) { notes += text + "\n" }
	r.Stores = func(provider, region string) objectstore.Store { return bare{f.stores(provider, region)} }
	result, err := r.Run(t.Context(), p, migrate.Options{KeepSource: true, Passes: 2, Fence: true})
	if err != nil || len(result.Fence) > 0 {
		t.Fatalf("%v, fences %v\n%s", err, result.Fence, problems(result))
	}
	if !strings.Contains(notes, "no fence: the service of cloud:"+f.bucket+" has no rules that deny everybody writes to "+
		"a bucket; anything written to the source from now on stays there") {
		t.Errorf("notes: %s", notes)
	}
	if now := f.policy(); !reflect.DeepEqual(now, policy) {
		t.Errorf("the policy is %v, it was %v", now, policy)
	}
	if u, err := r.Abort(t.Context(), p); err != nil || u.Fence == "lifted" {
		t.Errorf("abort: %+v, %v", u, err)
	}
}

// The erase step and the certificate say whether the fence stands.
func TestFenceInCertificate(t *testing.T) {
	for _, stands := range []bool{true, false} {
		f := newTenantFixture(t, true)
		f.permit()
		f.fill(5, 100)
		before := f.snapshot(us, f.bucket)
		p := f.plan("auto")
		f.must(f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true, Passes: 1, Fence: true}))
		if !stands {
			f.takeFence()
		}
		r, err := f.runner().Erase(t.Context(), p)
		if err != nil {
			t.Fatalf("%v\n%s", err, problems(r))
		}
		f.moved(before)
		data, err := f.home.Get(t.Context(), p.ID+"/certificate.json")
		var c certificate.Certificate
		if err = errors.Join(err, json.Unmarshal(data, &c)); err != nil || stands != (len(c.Fence) == 1) ||
			!slices.Equal(c.Fence, r.Fence) {
			t.Errorf("stands %t: certificate says %q, result %q, %v", stands, c.Fence, r.Fence, err)
		}
	}
}

// One refusal proves nothing: a fence holds when writes are refused for a while, on
// several connections.
func TestFenceThatTakesEffectSlowly(t *testing.T) {
	const begun = `<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>x</UploadId></InitiateMultipartUploadResult>`
	for _, tt := range []struct {
		name  string
		taken func(n int) bool
		holds bool
	}{
		{"at once", func(int) bool { return false }, true},
		{"after a while", func(n int) bool { return n > 1 && n < 10 }, true},
		{"never on one connection", func(n int) bool { return n%4 == 0 }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newTenantFixture(t, true)
			f.permit()
			f.fill(5, 100)
			p := f.plan("auto")
			var mu sync.Mutex
			inRow := 0 // refusals since a write was taken
			f.from.SetFault(func(r storetest.Request) storetest.Fault {
				if r.Operation != "CreateMultipartUpload" {
					return storetest.Fault{}
				}
				mu.Lock()
				defer mu.Unlock()
				if inRow++; tt.taken(r.N) {
					inRow = 0
					return storetest.Fault{Answer: begun}
				}
				return storetest.Fault{Status: 403, Code: "AccessDenied"}
			})
			f.from.Reset()
			r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true, Passes: 1, Fence: true})
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if holds := len(r.Fence) == 1; holds != tt.holds {
				t.Errorf("fence %q, want one: %t", r.Fence, tt.holds)
			}
			if tt.holds && inRow < 12 {
				t.Errorf("%d refusals in a row, want 12", inRow)
			}
		})
	}
}
