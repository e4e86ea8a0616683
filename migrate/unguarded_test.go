package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// unconditional refuses conditions, as Backblaze does (sathinduga/obsidian-s3-sync-and-backup
// issue 78: "A header you provided implies functionality that is not implemented").
func unconditional(operations string) func(storetest.Request) storetest.Fault {
	refuse := answer(operations, storetest.Fault{Status: http.StatusNotImplemented})
	return func(r storetest.Request) storetest.Fault {
		if r.Header.Get("If-None-Match")+r.Header.Get("If-Match") == "" {
			return storetest.Fault{}
		}
		return refuse(r)
	}
}

// passesOver writes whatever a condition says (versity/versitygw issue 1708).
func passesOver(header string) func(storetest.Request) storetest.Fault {
	return with(header, "PutObject CompleteMultipartUpload", storetest.Fault{DelRequestHeader: []string{header}})
}

// Without conditions, what appears under a key after the plan is seen right before the
// write and not overwritten; and of two runs that have reserved the same keys in the same
// moment the one that was overwritten does not go on.
func TestUnguardedWrites(t *testing.T) {
	start := func(t *testing.T) (*fixture, *plan.Plan, storetest.Histories) {
		f := newFixture(t, false)
		f.put("one", []byte("one"), nil)
		before := f.snapshot(us, f.bucket)
		f.to.SetFault(unconditional("PutObject CompleteMultipartUpload"))
		f.unguarded = true
		p := f.plan("auto")
		if !p.UnguardedWrites || warned(p, "unguarded-writes") == "" {
			t.Fatalf("unguarded writes %t, warnings %+v", p.UnguardedWrites, p.Warnings)
		}
		f.unguarded = false
		if guarded := f.plan("auto"); guarded.Digest == p.Digest {
			t.Error("a plan with and one without conditions have one digest")
		}
		return f, p, before
	}
	t.Run("others' object", func(t *testing.T) {
		f, p, before := start(t)
		foreign := func() {
			f.must(f.box.Client(eu).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(f.destination()),
				Key: aws.String("one"), Body: strings.NewReader("somebody else's")}))
		}
		var once sync.Once
		refuse := unconditional("PutObject CompleteMultipartUpload")
		f.to.SetFault(func(r storetest.Request) storetest.Fault {
			if r.Operation == "HeadObject" && r.Key == "one" {
				once.Do(foreign)
			}
			return refuse(r)
		})
		r, err := f.run(p)
		if !errors.Is(err, migrate.ErrPartial) && !errors.Is(err, migrate.ErrVerification) || r.Verdicts["failed"] != 1 {
			t.Fatalf("%v, want one entry that failed\n%s", err, problems(r))
		}
		f.intact(before)
		if there := f.snapshot(eu, f.destination()); len(there["one"]) != 1 || there["one"][0].Size != int64(len("somebody else's")) {
			t.Errorf("what others wrote is gone: %+v", there)
		}
	})
	t.Run("another run's lease", func(t *testing.T) {
		f, p, before := start(t)
		runner := f.runner()
		runner.Sleep = func(ctx context.Context, _ time.Duration) error {
			for key := range f.snapshot(eu, f.destination()) {
				if objectstore.IsLease(key) {
					f.must(f.box.Client(eu).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(f.destination()), Key: &key,
						Body: strings.NewReader(fmt.Sprintf(`{"schema":"residency/lease/1","holder":"another","token":1,`+
							`"term_seconds":30,"expires":%q}`, time.Now().Add(time.Minute).UTC().Format(time.RFC3339)))}))
				}
			}
			return ctx.Err()
		}
		if _, err := runner.Run(t.Context(), p, migrate.Options{}); !errors.Is(err, state.ErrLeased) {
			t.Errorf("%v, want %v", err, state.ErrLeased)
		}
		f.intact(before)
	})
	t.Run("certificate", func(t *testing.T) {
		f, p, before := start(t)
		r, err := f.run(p)
		if err != nil {
			t.Fatalf("%v\n%s", err, problems(r))
		}
		f.moved(before)
		var c certificate.Certificate
		data, err := os.ReadFile(r.Certificate)
		f.must(nil, err)
		f.must(nil, certificate.Decode(data, &c))
		if c.UnguardedWrites != plan.UnguardedWrites {
			t.Errorf("the certificate says %q of writes without conditions", c.UnguardedWrites)
		}
	})
}

// A service that is not known to refuse conditions until it is written to is known to the
// next plan.
func TestConditionsRefusedIsRemembered(t *testing.T) {
	f := newFixture(t, false)
	f.put("one", []byte("one"), nil)
	p := f.plan("auto") // which cannot know: what it asks is not refused
	f.to.SetFault(unconditional("PutObject"))
	if _, err := f.run(p); !errors.Is(err, migrate.ErrUnconditional) {
		t.Fatalf("%v, want %v", err, migrate.ErrUnconditional)
	}
	f.to.SetFault(nil) // nor would it be refused now
	if again := f.plan("auto"); len(again.Blockers) != 1 || again.Blockers[0].Rule != "conditional-writes" ||
		!strings.Contains(again.Blockers[0].Text, "as seen on ") {
		t.Errorf("blockers %+v", again.Blockers)
	}
}

// A state is not kept where nothing would keep two runs apart.
func TestUnguardedState(t *testing.T) {
	f := newFixture(t, false)
	at := objectstore.Location{Provider: "cloud", Bucket: f.bucket, Prefix: "state/"}
	for name, fault := range map[string]func(storetest.Request) storetest.Fault{
		"refused": unconditional("PutObject"), "passed over": passesOver("If-None-Match"), "compared": nil,
	} {
		f.from.SetFault(fault)
		_, release, err := state.NewBucket(f.provider.Region(us), at, "test").Lease(t.Context(), "plan")
		if err == nil {
			f.must(nil, release())
		}
		if errors.Is(err, state.ErrUnguarded) != (fault != nil) || (err == nil) != (fault == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// exists tells whether there is such a bucket at the destination.
func (f *fixture) exists(bucket string) bool {
	f.t.Helper()
	_, err := f.box.Client(eu).HeadBucket(f.t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
	var absent *types.NotFound
	if err != nil && !errors.As(err, &absent) {
		f.t.Fatal(err)
	}
	return err == nil
}
