package migrate_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// servers are the kinds that fidelity is proven on.
func servers() map[string]func(t *testing.T) *storetest.Sandbox {
	return map[string]func(t *testing.T) *storetest.Sandbox{
		"versitygw": func(t *testing.T) *storetest.Sandbox {
			return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{us, eu}})
		},
		"minio": func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIO(t, us, eu) },
	}
}

// attributes puts objects that between them carry everything an object can.
func (f *fixture) attributes(minio bool) {
	f.t.Helper()
	body := func(key string) []byte { return bytes.Repeat([]byte(key), 50) }
	each := map[string]func(*s3.PutObjectInput){
		"cache-control": func(in *s3.PutObjectInput) { in.CacheControl = aws.String("public, max-age=60") },
		"content-disposition": func(in *s3.PutObjectInput) {
			in.ContentDisposition = aws.String(
				`attachment; filename="a b.pdf"`)
		},
		"content-encoding": func(in *s3.PutObjectInput) { in.ContentEncoding = aws.String("gzip") },
		"content-language": func(in *s3.PutObjectInput) { in.ContentLanguage = aws.String("de, en") },
		"content-type": func(in *s3.PutObjectInput) {
			in.ContentType = aws.String(
				"application/x-thing; charset=utf-8")
		},
		"expires": func(in *s3.PutObjectInput) {
			in.Expires = aws.Time(time.Date(2031, 2, 3, 4, 5, 6, 0,
				time.UTC))
		},
		"website-redirect": func(in *s3.PutObjectInput) { in.WebsiteRedirectLocation = aws.String("/elsewhere") },
		"metadata": func(in *s3.PutObjectInput) {
			in.Metadata = map[string]string{"a": "1", "long-name": "two  words; and=more"}
		},
		"metadata-empty": func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"empty": ""} },
		"tags": func(in *s3.PutObjectInput) {
			in.Tagging = aws.String(
				"a=1&key%20with%20space=v%2Bw%3A%2F%40")
		},
		"checksum-sha256":    func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 },
		"checksum-sha1":      func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha1 },
		"checksum-crc32":     func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32 },
		"checksum-crc32c":    func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32c },
		"checksum-crc64nvme": func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme },
		"legal-hold": func(in *s3.PutObjectInput) {
			in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn
		},
		"retention-governance": func(in *s3.PutObjectInput) {
			in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance,
				aws.Time(time.Now().Add(48*time.Hour))
		},
		"retention-compliance": func(in *s3.PutObjectInput) {
			in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeCompliance,
				aws.Time(time.Now().Add(time.Hour))
		},
	}
	if minio {
		each["kms"] = func(in *s3.PutObjectInput) {
			in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, aws.String(storetest.MinIOKey)
		}
		each["storage-class"] = func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassReducedRedundancy }
	}
	each["metadata-non-ascii"] = func(in *s3.PutObjectInput) {
		in.Metadata = map[string]string{"city": "Z\u00fcrich", "kanji": "\u6771\u4eac"}
	}
	for _, name := range slices.Sorted(maps.Keys(each)) {
		f.put("attributes/"+name, body(name), each[name])
	}
	f.put("attributes/nothing", body("nothing"), func(in *s3.PutObjectInput) { in.ContentType = nil })
	f.put("attributes/empty", nil, nil)
}

// histories puts versions and markers in every arrangement.
func (f *fixture) histories() {
	f.t.Helper()
	remove := func(key string) {
		f.must(f.box.Client(us).DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key}))
	}
	for i, arrangement := range []string{"v", "vv", "vm", "vmv", "vmm", "vmmvvm", "vvmvmvvmmv"} {
		key := fmt.Sprintf("histories/%d", i)
		for n, c := range arrangement {
			if c == 'm' {
				remove(key)
				continue
			}
			f.put(key, fmt.Appendf(nil, "%s %d", key, n), nil)
		}
	}
	for _, content := range []string{"a", "a", "b", "a"} { // back to what it was
		f.put("histories/again", []byte(content), nil)
	}
}

// composites puts multipart objects with the checksums that S3 can keep of
// them.
func (f *fixture) composites() {
	f.t.Helper()
	f.multipart("parts/plain", 5<<20, 6<<20+1, 17)
	client := f.box.Client(us)
	for name, c := range map[string]struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
	}{
		"sha256":    {types.ChecksumAlgorithmSha256, types.ChecksumTypeComposite},
		"crc32c":    {types.ChecksumAlgorithmCrc32c, types.ChecksumTypeComposite},
		"crc64nvme": {types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject},
	} {
		key := "parts/" + name
		up, err := client.CreateMultipartUpload(f.t.Context(),
			&s3.CreateMultipartUploadInput{Bucket: &f.bucket, Key: &key,
				ChecksumAlgorithm: c.algorithm, ChecksumType: c.kind, CacheControl: aws.String("no-store")})
		f.must(nil, err)
		var done []types.CompletedPart
		for i, n := range []int{5 << 20, 1000} {
			out, err := client.UploadPart(f.t.Context(),
				&s3.UploadPartInput{Bucket: &f.bucket, Key: &key, UploadId: up.UploadId,
					PartNumber: aws.Int32(int32(i + 1)), ChecksumAlgorithm: c.algorithm,
					Body: bytes.NewReader(bytes.Repeat([]byte{byte('p' + i)}, n))})
			f.must(nil, err)
			done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag,
				ChecksumSHA256: out.ChecksumSHA256, ChecksumCRC32C: out.ChecksumCRC32C,
				ChecksumCRC64NVME: out.ChecksumCRC64NVME})
		}
		f.must(client.CompleteMultipartUpload(f.t.Context(),
			&s3.CompleteMultipartUploadInput{Bucket: &f.bucket, Key: &key,
				UploadId: up.UploadId, ChecksumType: c.kind,
				MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}))
	}
}

// oddKeys are keys that tools stumble over.
func oddKeys() []string {
	return []string{
		" leading", "trailing ", "two  spaces", "plus+sign", "percent%41", "100%", "question?mark", "hash#tag",
		"amp&ersand",
		`quote"double`, "quote'single",
		`back\slash`, "semi;colon", "equals=sign", "less<greater>", "tilde~", "star*", "pipe|", "brace{}", "bracket[]",
		"caret^", "back`tick", "caf\u00e9-nfc", "cafe\u0301-nfd",
		"日本語", "emoji-😀", "=1+1", "-dash", "@at", "dots...", ".hidden", "comma,", "a:b",
		strings.Repeat("0123456789abcdef/", 53) + "long",
	}
}

// allowed leaves out what may differ: a checksum that the copy has and the
// source never had, and the ETag of what is under a KMS key, which is not made
// of its content.
func allowed(before, after storetest.Histories) (storetest.Histories, storetest.Histories) {
	after = storetest.WithoutAdded(before, after)
	for _, histories := range []storetest.Histories{before, after} {
		for i := range histories["attributes/kms"] {
			histories["attributes/kms"][i].ETag = ""
		}
	}
	return before, after
}

// TestEverythingMoves moves a bucket with all of the above between servers of
// each kind and compares it with a client that shares nothing with the copier.
func TestEverythingMoves(t *testing.T) {
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			client := f.box.Client(us)
			f.must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket,
				ObjectLockEnabledForBucket: aws.Bool(true)}))
			f.kmsKey = storetest.MinIOKey
			f.attributes(kind == "minio")
			f.histories()
			f.composites()
			keys := oddKeys()
			if kind == "minio" { // versitygw lists them as U+FFFD
				keys = append(keys, "tab\there", "bell\x07", "escape\x1b[31m", "newline\nhere")
			}
			for _, key := range keys {
				f.put("keys/"+key, []byte(key), nil)
			}
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			r, err := f.run(p)
			if !errors.Is(err, migrate.ErrNotEmpty) {
				t.Fatalf("run: %v, want ErrNotEmpty: three versions are locked\n%s", err, problems(r))
			}
			if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			if got := r.Erasures["retained"]; got != 3 {
				t.Errorf("%d retained versions, want 3: %v", got, r.Erasures)
			}
			left := slices.Sorted(maps.Keys(f.snapshot(us, f.bucket)))
			if want := []string{"attributes/legal-hold", "attributes/retention-compliance",
				"attributes/retention-governance"}; !slices.Equal(left, want) {
				t.Errorf("the source still holds %q\nwant %q", left, want)
			}
		})
	}
}

// A history that is longer than a page of the listing keeps its order.
func TestLongHistory(t *testing.T) {
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.put("changes", []byte("before versioning"), nil)
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			for i := range 1030 {
				if i%7 == 3 {
					f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket,
						Key: aws.String("changes")}))
					continue
				}
				f.put("changes", fmt.Appendf(nil, "%d", i), nil)
			}
			f.put("z-after", []byte("it"), nil)
			before := f.snapshot(us, f.bucket)
			r, err := f.run(f.plan("auto"))
			if err != nil {
				t.Errorf("%v\n%s", err, problems(r))
			}
			if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			if left := f.snapshot(us, f.bucket); len(left) > 0 {
				t.Errorf("the source still holds %+v", left)
			}
		})
	}
}

func (f *fixture) versioning(region, bucket string, status types.BucketVersioningStatus) {
	f.t.Helper()
	f.must(f.box.Client(region).PutBucketVersioning(f.t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}}))
}

// Null versions stand wherever versioning was off for a while.
func TestSuspended(t *testing.T) {
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.put("old", []byte("null, alone"), nil)
			f.put("both", []byte("null, then a version"), nil)
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			f.put("both", []byte("a version"), nil)
			if kind != "versitygw" { // it lists the covered version and does not find it
				f.put("new", []byte("a version, then null"), nil)
			}
			f.versioning(us, f.bucket, types.BucketVersioningStatusSuspended)
			f.put("new", []byte("null on top"), nil)
			before := f.snapshot(us, f.bucket)
			if r, err := f.run(f.plan("auto")); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			if left := f.snapshot(us, f.bucket); len(left) > 0 {
				t.Errorf("the source still holds %d keys", len(left))
			}
		})
	}
}

// Without versions a deletion is guarded by the ETag, or by a look right before
// where the server would not compare it.
func TestUnversioned(t *testing.T) {
	for kind, guard := range map[string]string{"versitygw": "if-match", "minio": "re-checked"} {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, servers()[kind](t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.fill(30, 200)
			f.composites()
			before := f.snapshot(us, f.bucket)
			r, err := f.run(f.plan("auto"))
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			if left := f.snapshot(us, f.bucket); len(left) > 0 {
				t.Errorf("the source still holds %d keys", len(left))
			}
			if r.Guards[guard] == 0 || r.Guards[guard] < r.Entries-1 {
				t.Errorf("guards %v, want %s for all but the one that was the probe", r.Guards, guard)
			}
		})
	}
}
