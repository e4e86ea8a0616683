package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// cloud is one service, with what the tests do to it.
type cloud struct {
	kind, config, region, bucket string
	store                        objectstore.Store
	permit                       func([]string)
	permissions                  func() (used, denied []string)
	// stop has the n-th part of an object, and all later ones, be refused with this status; 0: none.
	stop func(at, status int)
	// requests are those about objects that are counted, since it was last asked, by bucket or account and operation.
	requests func() map[string]int
}

// countedKeys is how the keys of objects begin whose requests are counted.
const countedKeys = "counted/"

// counter counts requests.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) count(at, operation, key string) {
	if !strings.HasPrefix(key, countedKeys) && operation != "DeleteObjects" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	c.counts[at+" "+operation]++
}

func (c *counter) taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	c.counts = nil
	return counts
}

// newCloud starts a stand-in that serves one end.
func newCloud(t *testing.T, service, end string) *cloud {
	t.Helper()
	ctx := t.Context()
	if service == "azure" {
		c := &cloud{kind: service,
			region: map[string]string{"from": "eastus", "to": "northeurope", "home": "westeurope"}[end]}
		account := "acme" + end
		accounts := []azure.Account{{Name: account, Location: c.region, Versioning: true}}
		if end == "from" { // to move within one subscription
			accounts = append(accounts, azure.Account{Name: "acmeto", Location: "northeurope", Versioning: true})
		}
		s := azure.Start(t, azure.Options{Accounts: accounts})
		c.requests = func() map[string]int {
			counts := make(map[string]int)
			for _, r := range s.Requests() {
				if strings.Contains(r.Name, "/"+countedKeys) {
					counts[r.Account+" "+r.Op]++
				}
			}
			return counts
		}
		c.stop = func(at, status int) {
			n := 0
			s.Fail(func(r azure.Request) azure.Fault {
				if r.Op != "Put Block" || at == 0 {
					return azure.Fault{}
				}
				if n++; n < at {
					return azure.Fault{}
				}
				return azure.Fault{Status: status, Code: "InvalidAuthenticationInfo"}
			})
		}
		c.permit, c.permissions, c.bucket = s.Permit, s.Permissions, account+".data"
		c.config = fmt.Sprintf("{type: azure, subscription: %s, endpoint: %q, resource_manager: %q}", s.Subscription(),
			s.URL, s.URL)
		opened, err := azurestore.Open(ctx, azurestore.Options{Name: end, Endpoint: s.URL, ARMEndpoint: s.URL,
			Subscription: s.Subscription(), Credential: bearer(s.Token())})
		must(t, err)
		c.store = opened.Region(c.region)
		if end != "to" {
			s.Container(account, "data")
		}
		if end == "from" {
			must(t, c.store.SetBucketTags(ctx, c.bucket, []objectstore.Tag{{Key: "customer", Value: "acme"}}))
		}
		return c
	}
	if service == "s3" {
		return newS3Cloud(t, end)
	}
	c := &cloud{kind: service,
		region: map[string]string{"from": "us-central1", "to": "europe-west1", "home": "europe-west1"}[end]}
	s := google.Start(t, google.Options{})
	var counts counter
	s.SetFault(func(r google.Request) google.Fault {
		counts.count(r.Bucket, r.Op, r.Key)
		return google.Fault{}
	})
	c.requests = counts.taken
	c.stop = func(at, status int) {
		var n atomic.Int64 // parts are sent side by side
		s.SetFault(func(r google.Request) google.Fault {
			if r.Op != "storage.multipartUploads.uploadPart" || at == 0 || n.Add(1) < int64(at) {
				return google.Fault{}
			}
			return google.Fault{Status: status, Reason: "authError"}
		})
	}
	c.permit, c.permissions, c.bucket = s.Permit, s.Permissions, "acme-"+end
	c.config = fmt.Sprintf("{type: gcs, project: project, endpoint: %q}", s.URL)
	opened, err := gcsstore.Open(ctx, gcsstore.Options{Name: end, Project: "project", Endpoint: s.URL})
	must(t, err)
	c.store = opened.Region(c.region)
	if end != "to" {
		b := google.Bucket{Name: c.bucket, Location: c.region, Versioning: true, ObjectRetention: end == "from",
			SoftDelete: -1}
		if end == "from" {
			b.Labels = map[string]string{"customer": "acme"}
		}
		s.MakeBucket(b)
	}
	return c
}

// newS3Cloud starts a server of S3, whose policies are tested elsewhere.
func newS3Cloud(t *testing.T, end string) *cloud {
	t.Helper()
	c := &cloud{kind: "s3", bucket: "acme-" + end, permit: func([]string) {},
		permissions: func() (used, denied []string) { return nil, nil }, stop: func(int, int) {}}
	c.region = map[string]string{"from": "us-east-1", "to": "eu-west-1"}[end]
	box, err := storetest.Launch(t.Context(), storetest.SandboxOptions{Dir: t.TempDir(), Regions: []string{c.region}})
	must(t, err)
	t.Cleanup(func() { must(t, box.Close()) })
	for _, kv := range box.Env() {
		key, value, _ := strings.Cut(kv, "=")
		t.Setenv(key, value)
	}
	var counts counter
	proxy := box.Proxy(t, c.region)
	proxy.SetFault(func(r storetest.Request) storetest.Fault {
		counts.count(r.Bucket, r.Operation, r.Key)
		return storetest.Fault{}
	})
	c.requests = counts.taken
	c.config = fmt.Sprintf("{type: s3, operator: {name: Example, country: FR}, regions: {%s: {endpoint: %q}}}", c.region,
		proxy.URL())
	is, _ := kind.Of("s3")
	opened, err := is.Open(t.Context(), kind.Options{Name: end, Endpoints: map[string]string{c.region: proxy.URL()},
		Now: time.Now})
	must(t, err)
	c.store = opened.Region(c.region)
	if end == "from" {
		must(t, c.store.CreateBucket(t.Context(), c.bucket, false))
		must(t, c.store.SetVersioning(t.Context(), c.bucket, objectstore.Enabled))
		must(t, c.store.SetBucketTags(t.Context(), c.bucket, []objectstore.Tag{{Key: "customer", Value: "acme"}}))
	}
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes an object.
func (c *cloud) put(t *testing.T, key string, size int, tags ...objectstore.Tag) {
	t.Helper()
	must(t, c.write(t, key, size, tags...))
}

func (c *cloud) write(t *testing.T, key string, size int, tags ...objectstore.Tag) error {
	o := objectstore.NewObject{Bucket: c.bucket, Key: key}
	o.ContentType, o.Metadata, o.Tags = "text/plain", map[string]string{"m": "1"}, tags
	data := bytes.Repeat([]byte(key[:1]), size)
	_, err := c.store.Put(t.Context(), o, objectstore.Body{Reader: bytes.NewReader(data), Size: int64(size)})
	return err
}

// plain writes an object that has nothing but its bytes.
func (c *cloud) plain(t *testing.T, key string, size int) {
	t.Helper()
	_, err := c.store.Put(t.Context(), objectstore.NewObject{Bucket: c.bucket, Key: key},
		objectstore.Body{Reader: bytes.NewReader(make([]byte, size)), Size: int64(size)})
	must(t, err)
}

// upload puts an object of three parts.
func (c *cloud) upload(t *testing.T, key string) error {
	o := objectstore.NewObject{Bucket: c.bucket, Key: key}
	id, err := c.store.CreateUpload(t.Context(), o)
	if err != nil {
		return err
	}
	var parts []objectstore.Part
	for n := range 3 {
		data := bytes.Repeat([]byte{byte('a' + n)}, 5<<20)
		part, err := c.store.UploadPart(t.Context(), c.bucket, key, id, n+1,
			objectstore.Body{Reader: bytes.NewReader(data), Size: int64(len(data))})
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	_, err = c.store.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{})
	return err
}

// TestRequestsDeclareWhatTheyNeed gives the permissions that an error asks for until nothing is denied: it names all
// that the stand-ins know a request to need.
func TestRequestsDeclareWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"azure", "gcs"} {
		c := newCloud(t, service, "from")
		ctx, at := t.Context(), objectstore.Ref{Bucket: c.bucket, Key: "k"}
		var of objectstore.Version
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"buckets", func() error { _, err := c.store.Buckets(ctx); return err }},
			{"tags of a bucket", func() error { _, err := c.store.BucketTags(ctx, c.bucket); return err }},
			{"versioning", func() error { _, err := c.store.Versioning(ctx, c.bucket); return err }},
			{"put", func() error { return c.write(t, "k", 1) }},
			{"put over another", func() error { return c.write(t, "k", 1) }},
			{"list", func() error {
				for v, err := range c.store.Versions(ctx, c.bucket, "", "") {
					if of = v; err != nil {
						return err
					}
				}
				return nil
			}},
			{"stat", func() error { _, err := c.store.Stat(ctx, at, 0); return err }},
			{"upload", func() error { return c.upload(t, "large") }},
			{"delete", func() error {
				errs, err := c.store.Delete(ctx, c.bucket, []objectstore.Deletion{{Key: of.Key, VersionID: of.VersionID, ETag: of.ETag}})
				return errors.Join(append(errs, err)...)
			}},
		} {
			c.declares(t, service+", "+step.name, step.do)
		}
	}
}

// declares does a thing until it is allowed all that it needs.
func (c *cloud) declares(t *testing.T, name string, do func() error) {
	t.Helper()
	allowed := []string{}
	defer c.permit(nil)
	for range 8 {
		c.permit(allowed)
		err := do()
		_, denied := c.permissions()
		if err == nil {
			break
		}
		var refusal *objectstore.Error
		if !errors.As(err, &refusal) || !errors.Is(err, objectstore.ErrDenied) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, d := range denied {
			if !slices.Contains(refusal.Needs, d) {
				t.Errorf("%s: needs %s, and says %v", name, d, refusal.Needs)
			}
		}
		allowed = append(allowed, denied...)
	}
	if len(allowed) == 0 {
		t.Errorf("%s: nothing was needed", name)
	}
}
