package migrate_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A destination that holds a correct beginning of a history is continued behind
// it: what is there is proven, and nothing is written twice.
func TestHistoryIsContinued(t *testing.T) {
	f := newFixture(t, true)
	bucket := f.destination()
	there := f.box.Client(eu)
	f.must(there.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}}))
	f.versioning(eu, bucket, types.BucketVersioningStatusEnabled)
	const history, begun = "vvmvmv", 3
	for i, c := range history {
		body := strings.Repeat(string(rune('a'+i)), 50)
		if c == 'v' {
			f.put("history", []byte(body), nil)
		} else {
			f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket,
				Key: aws.String("history")}))
		}
		switch {
		case i >= begun:
		case c == 'v':
			f.must(there.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("history"),
				Body: strings.NewReader(body), ContentType: aws.String("text/plain")}))
		default:
			f.must(there.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("history")}))
		}
	}
	before, theirs := f.snapshot(us, f.bucket), f.snapshot(eu, bucket)
	p := f.plan("auto")
	if len(p.Blockers) > 0 || p.Moves[0].Held != begun {
		t.Fatalf("blockers %+v, %d held; want none, %d", p.Blockers, p.Moves[0].Held, begun)
	}
	f.to.Reset()
	r, err := f.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if r.Held != begun {
		t.Errorf("%d entries were found at the destination, want %d", r.Held, begun)
	}
	f.moved(before)
	// This server takes a marker for an object, and refuses once to overwrite it.
	if n := f.to.Counts()["PutObject"]; n > 2+8+1 {
		t.Errorf("%d PutObject, want the two versions that were missing, the reservation, seven probes and one refusal", n)
	}
	after := f.snapshot(eu, bucket)["history"]
	for i, e := range theirs["history"] {
		if after[i].VersionID != e.VersionID {
			t.Errorf("entry %d has another version ID than before", i+1)
		}
	}
}
