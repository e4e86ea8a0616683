package migrate_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// withMFA answers as S3 does for a bucket with MFA delete (Amazon S3 API
// Reference, "GetBucketVersioning"): no server that runs here has it.
func withMFA(r storetest.Request) storetest.Fault {
	if r.Operation != "GetBucketVersioning" {
		return storetest.Fault{}
	}
	return storetest.Fault{ReplaceResponseBody: func(b []byte) []byte {
		return bytes.Replace(b, []byte("</VersioningConfiguration>"),
			[]byte("<MfaDelete>Enabled</MfaDelete></VersioningConfiguration>"), 1)
	}}
}

// What keeps the source from being erased is known before anything is copied, at
// planning and at the run, and does not hinder a copy that keeps it.
func TestMFADelete(t *testing.T) {
	f := newFixture(t, true)
	f.put("key", []byte("text"), nil)
	before := f.snapshot(us, f.bucket)
	earlier := f.plan("auto")
	f.from.SetFault(withMFA)
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, migrate.ErrBlocked) || !errors.Is(err, migrate.ErrEraseBarred) {
			t.Errorf("%s = %v, want ErrEraseBarred", what, err)
		}
		f.intact(before)
	}
	uncopied := func() {
		t.Helper()
		bucket := f.destination()
		_, err := f.box.Client(eu).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
		if answer := smithy.APIError(nil); !errors.As(err, &answer) || answer.ErrorCode() != "NotFound" {
			t.Errorf("the destination: %v, want that it is not there", err)
		}
	}
	_, err := f.run(earlier)
	refused("a run of a plan from before", err)
	uncopied()
	p := f.plan("auto")
	if len(p.EraseBlockers) != 1 || p.EraseBlockers[0].Rule != "mfa-delete" || len(p.Blockers) > 0 {
		t.Fatalf("blockers of the erase %+v, others %+v", p.EraseBlockers, p.Blockers)
	}
	_, err = f.run(p)
	refused("a run", err)
	uncopied()
	f.must(f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}))
	_, err = f.runner().Erase(t.Context(), p)
	refused("an erase", err)
	f.from.SetFault(nil)
	f.must(f.runner().Erase(t.Context(), p))
	f.moved(before)
}
