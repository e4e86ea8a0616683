package migrate_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/cost"
)

// mixed fills the source with a little of everything that a fault could hit.
func (f *fixture) mixed() {
	f.t.Helper()
	f.fill(40, 3000)
	f.put("headers", []byte("with headers"), func(in *s3.PutObjectInput) {
		in.CacheControl = aws.String("no-store")
		in.Metadata = map[string]string{"a": "1", "b": "two words"}
		in.Tagging = aws.String("k=v&class=x")
	})
	for i := range 4 {
		f.put("history", fmt.Appendf(nil, "version %d", i), nil)
	}
	f.must(f.box.Client(us).DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket,
		Key: aws.String("history")}))
	f.put("history", []byte("after the marker"), nil)
	f.multipart("parts", 5<<20, 5<<20+3, 17)
	f.put("empty", nil, nil)
	// A history that begins with a delete marker.
	first, err := f.box.Client(us).PutObject(f.t.Context(), &s3.PutObjectInput{Bucket: &f.bucket,
		Key: aws.String("marker")})
	f.must(nil, err)
	f.must(f.box.Client(us).DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket,
		Key: aws.String("marker")}))
	f.must(f.box.Client(us).DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: aws.String("marker"),
		VersionId: first.VersionId}))
}

func (f *fixture) multipart(key string, sizes ...int) {
	f.t.Helper()
	client := f.box.Client(us)
	up, err := client.CreateMultipartUpload(f.t.Context(), &s3.CreateMultipartUploadInput{Bucket: &f.bucket, Key: &key,
		Metadata: map[string]string{"m": "p"}})
	f.must(nil, err)
	var done []types.CompletedPart
	for i, n := range sizes {
		out, err := client.UploadPart(f.t.Context(), &s3.UploadPartInput{Bucket: &f.bucket, Key: &key, UploadId: up.UploadId,
			PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(bytes.Repeat([]byte{byte('a' + i)}, n))})
		f.must(nil, err)
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag})
	}
	f.must(client.CompleteMultipartUpload(f.t.Context(), &s3.CompleteMultipartUploadInput{Bucket: &f.bucket, Key: &key,
		UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}))
}

// A plain object costs one GET and one PUT, and nothing else.
func TestRequestsPerObject(t *testing.T) {
	f := newFixture(t, true)
	const n = 300
	f.fill(n, 1000)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.from.Reset()
	f.to.Reset()
	runner := f.runner()
	// No renewal, and no look at tags each second, however slow the machine is.
	runner.LeaseTerm, runner.After = time.Hour, never
	runner.Expected = expected(f.home)
	if r, err := runner.Run(t.Context(), p, migrate.Options{}); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
	sent := f.asExpected(p)
	from, to := f.from.Counts(), f.to.Counts()
	for _, c := range []struct {
		where, operation string
		got, want        int
	}{
		{"source", "GetObject", from["GetObject"], n},
		{"source", "HeadObject", from["HeadObject"], 1},             // the probe's tag
		{"source", "GetObjectTagging", from["GetObjectTagging"], 2}, // of one version, before and after the segment
		// twice what is not there and the probe; the first ten, the others
		{"source", "DeleteObjects", from["DeleteObjects"], 6},
		{"destination", "PutObject", to["PutObject"], n + 8}, // the reservation, five probes and two that are refused
		{"destination", "HeadObject", to["HeadObject"], 0},
		{"destination", "GetObject", to["GetObject"], 1}, // another's reservation
	} {
		if c.got != c.want {
			t.Errorf("%d %s at the %s, want %d", c.got, c.operation, c.where, c.want)
		}
	}
	t.Logf("requests at the source %v, at the destination %v", from, to)
	// What the certificate counts is what has come to the server.
	came := make(map[string]int64)
	for operation, n := range from {
		came[chargedAs(operation)] += int64(n)
	}
	for _, r := range sent {
		if r.At == "cloud:"+us && r.Item != cost.Received && r.Counted != came[r.Item] {
			t.Errorf("%d %s at the source, and %d have come there", r.Counted, r.Item, came[r.Item])
		}
	}
}

// Whatever breaks on the way, in the end the copy is exact or the source is
// intact.
func TestFaultsThatHeal(t *testing.T) {
	at := func(operation string, n int, fault storetest.Fault) func(storetest.Request) storetest.Fault {
		return func(r storetest.Request) storetest.Fault {
			if r.Operation == operation && (r.N == n || r.N == n+7) {
				return fault
			}
			return storetest.Fault{}
		}
	}
	for _, tt := range []struct {
		name     string
		from, to func(storetest.Request) storetest.Fault
	}{
		{"a byte flipped on the way from the source", at("GetObject", 3, storetest.Fault{FlipResponseByte: 2}), nil},
		{"a byte flipped on the way to the destination", nil, at("PutObject", 3, storetest.Fault{FlipRequestByte: 2})},
		{"a byte flipped in a part", nil, at("UploadPart", 2, storetest.Fault{FlipRequestByte: 1000})},
		{"a body cut off by the source", at("GetObject", 4, storetest.Fault{TruncateResponse: 5}), nil},
		{"a body cut off on the way to the destination", nil, at("PutObject", 4, storetest.Fault{TruncateRequest: 5})},
		{"a PUT whose answer is lost", nil, at("PutObject", 5, storetest.Fault{LostResponse: true})},
		{"a completion whose answer is lost", nil, at("CompleteMultipartUpload", 1, storetest.Fault{LostResponse: true})},
		{"a 200 with an error in it", nil, at("CompleteMultipartUpload", 1, storetest.Fault{ErrorBody200: true,
			Code: "InternalError"})},
		{"a marker whose answer is lost", nil, at("DeleteObject", 1, storetest.Fault{LostResponse: true})},
		{"slow down, at both ends", at("GetObject", 6, storetest.Fault{Status: 503, Code: "SlowDown"}),
			at("PutObject", 6, storetest.Fault{Status: 503, Code: "SlowDown"})},
		{"resets, at both ends", at("GetObject", 6, storetest.Fault{Reset: true}),
			at("PutObject", 6, storetest.Fault{Reset: true})},
		{"a listing cut off", at("ListObjectVersions", 2, storetest.Fault{TruncateResponse: 500}),
			at("ListObjectVersions", 2, storetest.Fault{TruncateResponse: 100})},
		{"a deletion whose answer is lost", at("DeleteObjects", 1, storetest.Fault{LostResponse: true}), nil},
		{"a deletion at the same moment as another",
			at("DeleteObjects", 1, storetest.Fault{Status: 409, Code: "OperationAborted"}), nil},
		{"a write that took too long", nil, at("PutObject", 5, storetest.Fault{Status: 400, Code: "RequestTimeout"})},
		{"a part that took too long, and came in part", nil,
			at("UploadPart", 2, storetest.Fault{Status: 400, Code: "IncompleteBody"})},
		{"a condition at the same moment as another", nil,
			at("PutObject", 5, storetest.Fault{Status: 409, Code: "ConditionalRequestConflict"})},
		{"a write that was signed too long ago", nil,
			at("PutObject", 5, storetest.Fault{Status: 403, Code: "RequestTimeTooSkewed"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, true)
			f.mixed()
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			f.from.Reset()
			f.to.Reset()
			f.from.SetFault(tt.from)
			f.to.SetFault(tt.to)
			r, err := f.run(p)
			for i := 0; err != nil && i < 2; i++ {
				t.Logf("run again after %v", err)
				r, err = f.run(p)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			f.moved(before)
		})
	}
}

// A destination that lies is found out, and the source stays as it is.
func TestFaultsThatMustNotErase(t *testing.T) {
	one := func(operation, key string, fault storetest.Fault) func(storetest.Request) storetest.Fault {
		return func(r storetest.Request) storetest.Fault {
			if r.Operation == operation && (key == "" || r.Key == key) {
				return fault
			}
			return storetest.Fault{}
		}
	}
	for _, tt := range []struct {
		name     string
		from, to func(storetest.Request) storetest.Fault
		want     error
	}{
		{"something else is stored", nil, one("PutObject", "plain/00003", storetest.Fault{Resign: true,
			ReplaceRequestBody: func([]byte) []byte { return []byte("something else") }}), migrate.ErrVerification},
		{"one byte is stored differently", nil, one("PutObject", "plain/00003", storetest.Fault{Resign: true,
			ReplaceRequestBody: func(b []byte) []byte { b[7] ^= 1; return b }}), migrate.ErrVerification},
		// the completion names the whole object's checksum, and is refused
		{"a part is stored differently", nil, one("UploadPart", "parts", storetest.Fault{Resign: true,
			ReplaceRequestBody: func(b []byte) []byte { b[7] ^= 1; return b }}), migrate.ErrPartial},
		{"tags are dropped", nil, one("PutObject", "headers", storetest.Fault{Resign: true,
			DelRequestHeader: []string{"X-Amz-Tagging"}}), migrate.ErrVerification},
		{"one header is changed", nil, one("PutObject", "headers", storetest.Fault{Resign: true,
			SetRequestHeader: map[string]string{"Cache-Control": "public"}}), migrate.ErrVerification},
		{"metadata is dropped", nil, one("PutObject", "headers", storetest.Fault{Resign: true,
			DelRequestHeader: []string{"X-Amz-Meta-A"}}), migrate.ErrVerification},
		// the answer names no version ID, and is not believed
		{"a PUT is acknowledged and not done", nil, one("PutObject", "plain/00004", storetest.Fault{AckWithoutDoing: true}),
			migrate.ErrPartial},
		{"the source gives other bytes all the time", one("GetObject", "plain/00005", storetest.Fault{FlipResponseByte: 1}),
			nil, migrate.ErrPartial},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, true)
			f.mixed()
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			f.from.SetFault(tt.from)
			f.to.SetFault(tt.to)
			r, err := f.run(p)
			if !errors.Is(err, tt.want) {
				t.Errorf("run: %v, want %v\n%s", err, tt.want, problems(r))
			}
			if r != nil && len(r.Erasures) > 0 {
				t.Errorf("something was erased: %s", problems(r))
			}
			f.intact(before)
			if deleted := f.from.Counts()["DeleteObjects"] + f.from.Counts()["DeleteObject"]; deleted > 0 {
				t.Errorf("%d deletions were sent to the source", deleted)
			}
		})
	}
}

// What became of a deletion that the answer does not mention, a listing tells.
func TestDeletionNotMentioned(t *testing.T) {
	f := newFixture(t, true)
	f.fill(10, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation != "DeleteObjects" {
			return storetest.Fault{}
		}
		return storetest.Fault{ReplaceResponseBody: func(b []byte) []byte {
			return bytes.Replace(b, []byte("<Key>plain/00003</Key>"), []byte("<Key>plain/99999</Key>"), 1)
		}}
	})
	r, err := f.run(p)
	if err != nil || r.Erasures["erased"] != 9 || r.Erasures["gone"] != 1 {
		t.Fatalf("run: %v, want 9 erased and 1 gone\n%s", err, problems(r))
	}
	f.from.SetFault(nil)
	f.moved(before)
}

// What is written to the source after planning is never erased.
func TestSourceChanges(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		t.Run(fmt.Sprintf("versioned %v", versioned), func(t *testing.T) {
			f := newFixture(t, versioned)
			f.fill(20, 100)
			p := f.plan("auto")
			if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
				t.Fatal(err)
			}
			f.put("plain/00007", []byte("written meanwhile"), nil)
			before := f.snapshot(us, f.bucket)
			r, err := f.runner().Erase(t.Context(), p)
			if !errors.Is(err, migrate.ErrNotEmpty) {
				t.Errorf("erase: %v, want %v\n%s", err, migrate.ErrNotEmpty, problems(r))
			}
			f.intact(before)
		})
	}
}

// A destination that lost or changed a copy stops the erase step.
func TestDestinationSpoiled(t *testing.T) {
	f := newFixture(t, true)
	f.fill(20, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatal(err)
	}
	copied := f.snapshot(eu, f.destination())
	id := copied["plain/00011"][0].VersionID
	f.must(f.box.Client(eu).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(f.destination()),
		Key: aws.String("plain/00011"), VersionId: &id}))
	r, err := f.runner().Erase(t.Context(), p)
	if !errors.Is(err, migrate.ErrSpoiled) {
		t.Errorf("erase: %v, want %v\n%s", err, migrate.ErrSpoiled, problems(r))
	}
	f.intact(before)
}

// What is at the destination already is proven, not copied.
func TestHeldIsProven(t *testing.T) {
	f := newFixture(t, true)
	f.mixed()
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatal(err)
	}
	f.home = newHome(t) // the state is lost
	f.from.Reset()
	f.to.Reset()
	p = f.plan("auto")
	r, err := f.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if r.Held != r.Entries {
		t.Errorf("%d of %d entries were found at the destination, want all", r.Held, r.Entries)
	}
	if n := f.to.Counts()["PutObject"]; n != 8 {
		t.Errorf("%d PutObject, want none but the reservation, five probes and two that are refused", n)
	}
	f.moved(before)
}

// Reading both ends back proves without trusting either service.
func TestReadback(t *testing.T) {
	f := newFixture(t, false)
	f.fill(10, 500)
	f.multipart("parts", 5<<20, 100)
	before := f.snapshot(us, f.bucket)
	r, err := f.run(f.plan("readback"))
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if r.Methods["readback-sha256"] != 11 {
		t.Errorf("methods %v, want 11 by readback", r.Methods)
	}
	f.moved(before)
}

// A destination that holds something else blocks; what is ours does not.
func TestDestinationTaken(t *testing.T) {
	f := newFixture(t, true)
	f.fill(5, 100)
	bucket := f.destination()
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}}))
	f.must(f.box.Client(eu).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	f.must(f.box.Client(eu).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("plain/00002"),
		Body: strings.NewReader("theirs")}))
	theirs := f.snapshot(eu, bucket)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if len(p.Blockers) != 1 || p.Blockers[0].Rule != "destination-key-exists" || p.Blockers[0].Count != 1 {
		t.Fatalf("blockers %+v, want one destination-key-exists", p.Blockers)
	}
	if _, err := f.run(p); !errors.Is(err, migrate.ErrBlocked) {
		t.Errorf("run: %v, want %v", err, migrate.ErrBlocked)
	}
	f.intact(before)
	if d := storetest.Diff(theirs, f.snapshot(eu, bucket)); d != "" {
		t.Errorf("the destination was changed:\n%s", d)
	}
}

// Planning the same source twice gives the same digest, so that an approval
// means the same on another machine.
func TestDigestIsStable(t *testing.T) {
	f := newFixture(t, true)
	f.fill(30, 100)
	first := f.plan("auto")
	f.home = newHome(t)
	if second := f.plan("auto"); second.Digest != first.Digest {
		t.Errorf("digests %s and %s of the same source", first.Digest, second.Digest)
	}
	f.put("plain/00001", []byte("another"), nil)
	if third := f.plan("auto"); third.Digest == first.Digest {
		t.Error("the digest did not change with the source")
	}
}
