package migrate_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/migrate"
)

// What a listing and a reading back both find is one loss.
func TestVerifyCountsOnce(t *testing.T) {
	f := newFixture(t, true)
	f.fill(5, 100)
	p := f.plan("auto")
	if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	key := "plain/00002"
	id := f.snapshot(eu, f.destination())[key][0].VersionID
	f.must(f.box.Client(eu).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(f.destination()), Key: &key,
		VersionId: &id}))
	for _, readback := range []bool{false, true} {
		v, err := f.runner().Verify(t.Context(), p, readback)
		if !errors.Is(err, migrate.ErrVerification) || v.Spoiled != 1 || len(v.Problems) != 1 {
			t.Errorf("reading back %t: %v, %+v; want one loss, named once", readback, err, v)
		}
	}
}
