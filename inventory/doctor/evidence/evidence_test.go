package evidence_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/doctor/evidence"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

const (
	near = "eu-west-1"
	far  = "us-east-1"
)

// What servers do otherwise than Amazon is believed to, or cannot be asked. A line too
// many or too few is news.
var gaps = map[string][]string{
	"versitygw": {"caller", "delete-if-absent", "delete-if-version", "delete-if-null", "delete-several-if-other",
		"put-locked-bare", "put-kms", "new-bucket-blocks", "new-bucket-encrypts", "new-bucket-refuses-sse-c",
		"policy-denies", "other-region",
		"copy-away"},
	"minio": {"caller", "delete-if-other", "delete-if-absent", "delete-if-version", "delete-if-null",
		"delete-several-if-other", "put-locked-bare", "put-kms", "list-buckets", "new-bucket-blocks",
		"new-bucket-owner", "new-bucket-encrypts", "new-bucket-refuses-sse-c", "policy-denies", "other-region",
		"copy-away"},
	"moto": {"caller", "delete-if-version", "delete-if-null", "delete-several-if-other", "put-wrong-sum",
		"put-locked-bare", "put-kms", "order-in-a-second", "list-buckets", "new-bucket-blocks", "new-bucket-owner",
		"new-bucket-encrypts", "new-bucket-refuses-sse-c", "other-region", "copy-sum", "copy-redirect", "copy-away"},
}

func collector(t *testing.T, box *storetest.Sandbox) *evidence.Collector {
	t.Helper()
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	c := &evidence.Collector{Name: "residency-evidence-" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")),
		Tool:  "test",
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	// A policy binds nobody who is root: a minute of trying passes quickly.
	began, looks := time.Now(), 0
	c.Now = func() time.Time { looks++; return began.Add(time.Duration(looks) * time.Second) }
	p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Endpoints: box.Endpoints,
		Observe: c.Observe})
	if err != nil {
		t.Fatal(err)
	}
	c.Near = evidence.Region{Name: "cloud:" + near, Store: p.Region(near)}
	c.Far = &evidence.Region{Name: "cloud:" + far, Store: p.Region(far)}
	return c
}

// nothing checks that a service has no bucket.
func nothing(t *testing.T, box *storetest.Sandbox) {
	t.Helper()
	for _, region := range []string{near, far} {
		out, err := box.Client(region).ListBuckets(t.Context(), &s3.ListBucketsInput{})
		if err != nil || len(out.Buckets) > 0 {
			t.Errorf("%s has %d buckets, %v", region, len(out.Buckets), err)
		}
	}
}

func TestServers(t *testing.T) {
	for kind, start := range map[string]func(t *testing.T) *storetest.Sandbox{
		"versitygw": func(t *testing.T) *storetest.Sandbox {
			return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{near, far}})
		},
		"minio": func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIO(t, near, far) },
		"moto":  func(t *testing.T) *storetest.Sandbox { return storetest.StartMoto(t, near, far) },
	} {
		t.Run(kind, func(t *testing.T) {
			box := start(t)
			c := collector(t, box)
			planned := c.Plan()
			r, err := c.Run(t.Context())
			if err != nil || !r.Removed || r.Interrupted || len(r.Claims) != len(planned) {
				t.Errorf("%v; removed: %t, interrupted: %t, %d of %d claims", err, r.Removed, r.Interrupted,
					len(r.Claims),
					len(planned))
			}
			var other []string
			for _, claim := range r.Claims {
				if claim.Outcome != evidence.AsExpected {
					other = append(other, claim.ID)
					t.Logf("%s: %s: %s", claim.ID, claim.Outcome, claim.Observed)
				}
				if claim.ID != "caller" && len(claim.Exchanges) == 0 {
					t.Errorf("%s: nothing was sent", claim.ID)
				}
			}
			if !slices.Equal(other, gaps[kind]) {
				t.Errorf("otherwise: %q", other)
			}
			nothing(t, box)
		})
	}
}

// Whoever is interrupted removes what was made, wherever that is.
func TestInterrupted(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{near, far}})
	total := 0
	for _, stop := range []int64{1, 2, 7, 20, 50, 80} {
		c := collector(t, box)
		ctx, cancel := context.WithCancel(t.Context())
		var seen atomic.Int64
		p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Endpoints: box.Endpoints,
			Observe: func(x objectstore.Exchange) {
				c.Observe(x)
				if seen.Add(1) == stop {
					cancel()
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		c.Near.Store, c.Far.Store = p.Region(near), p.Region(far)
		r, err := c.Run(ctx)
		cancel()
		if !errors.Is(err, context.Canceled) || !r.Interrupted || !r.Removed {
			t.Errorf("stopped at request %d: %v, interrupted: %t, removed: %t", stop, err, r.Interrupted, r.Removed)
		}
		for _, claim := range r.Claims {
			if claim.Outcome == evidence.NotAsked {
				total++
			}
		}
		nothing(t, box)
	}
	if total == 0 {
		t.Error("no claim was left out")
	}
}

// What cannot be removed is said.
func TestLeft(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{near, far}})
	c := collector(t, box)
	proxy := box.Proxy(t, near)
	proxy.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "DeleteBucket" && strings.HasSuffix(r.Bucket, "-later") {
			return storetest.Fault{Status: 403}
		}
		return storetest.Fault{}
	})
	p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
		Endpoints: map[string]string{near: proxy.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	c.Near.Store, c.Far = p.Region(near), nil
	r, err := c.Run(t.Context())
	if !errors.Is(err, evidence.ErrLeft) || r.Removed || len(r.Left) != 1 || !strings.Contains(r.Left[0],
		"-later in cloud:eu-west-1") {
		t.Errorf("%v, removed: %t, left %q", err, r.Removed, r.Left)
	}
}

// Neither credentials nor keys nor whole account numbers leave the machine.
func TestRedact(t *testing.T) {
	report := func() *evidence.Report {
		x := objectstore.Exchange{Request: make(http.Header), Answer: http.Header{"Set-Cookie": {"biscuit"},
			"X-Amz-Id-2": {"kept"}}}
		for name, value := range map[string]string{
			"Authorization": "AWS4 secret", "X-Amz-Security-Token": "token",
			"X-Amz-Expected-Bucket-Owner":                               "111122223333",
			"X-Amz-Server-Side-Encryption-Customer-Key":                 "key",
			"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key-Md5": "md5 of it",
		} {
			x.Request.Set(name, value)
		}
		return &evidence.Report{
			Caller: objectstore.Caller{ARN: "arn:aws:sts::111122223333:assumed-role/Admin/alice@example.org"},
			Left:   []string{"bucket of 111122223333"},
			Claims: []evidence.Claim{{
				Observed:  "arn:aws:iam::111122223333:user/alice is not 111122223333",
				Exchanges: []objectstore.Exchange{x},
			}},
		}
	}
	r := report()
	r.Redact(false)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"secret", "token", "key\"", "md5 of it", "biscuit", "111122223333", "alice",
		"Admin"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
	for _, want := range []string{"********3333", "kept", "assumed-role/…"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	r = report()
	r.Redact(true)
	if r.Caller.ARN == "" || r.Claims[0].Exchanges[0].Request.Get("Authorization") != "" ||
		r.Claims[0].Exchanges[0].Request.Get("X-Amz-Expected-Bucket-Owner") != "111122223333" {
		t.Errorf("%+v", r)
	}
}
