package migrate_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// customerKey makes a key of SSE-C, and what the test's own client sends of it.
func customerKey(t *testing.T, fill string) (key s3store.CustomerKey, secret, sum string) {
	t.Helper()
	raw := bytes.Repeat([]byte(fill), 32)
	key, err := s3store.NewCustomerKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	digest := md5.Sum(raw)
	return key, base64.StdEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(digest[:])
}

const sseRefusal = "The object was stored using a form of Server Side Encryption. The correct parameters must be " +
	"provided to retrieve the object."

// sealed makes a server behave as if it held one key's object under SSE-C.
func sealed(key, sum string) func(storetest.Request) storetest.Fault {
	return func(r storetest.Request) storetest.Fault {
		const prefix = "X-Amz-Server-Side-Encryption-Customer-"
		if r.Key != key || r.Operation != "GetObject" && r.Operation != "HeadObject" && r.Operation != "PutObject" {
			return storetest.Fault{}
		}
		switch r.Header.Get(prefix + "Key-Md5") {
		case sum:
			return storetest.Fault{SetResponseHeader: map[string]string{prefix + "Algorithm": "AES256", prefix + "Key-Md5": sum}}
		case "":
			if r.Operation == "PutObject" {
				return storetest.Fault{}
			}
			return storetest.Fault{Status: 400, Code: "InvalidRequest", Message: sseRefusal}
		}
		return storetest.Fault{Status: 403}
	}
}

// Objects under SSE-C move with the customer's key and stay under it; the key
// is tried only where a read was refused for want of it.
func TestCustomerKeyIsFound(t *testing.T) {
	f := newFixture(t, true)
	f.fill(20, 100)
	f.put("secret", []byte("only the customer reads this"), nil)
	other, _, _ := customerKey(t, "o")
	key, secret, sum := customerKey(t, "k")
	before := f.snapshot(us, f.bucket)
	f.from.SetFault(sealed("secret", sum))
	f.to.SetFault(sealed("secret", sum))
	f.open(other, key)
	p := f.plan("auto")
	f.from.Reset()
	r, err := f.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
	if n := f.from.Counts()["GetObject"]; n < 21+1 || n > 21+5 {
		t.Errorf("%d GetObject, want one per object and a few more for the one under SSE-C", n)
	}
	f.secretless(secret, strings.Repeat("k", 32))
}

// secretless checks that the state holds nothing of a key.
func (f *fixture) secretless(secrets ...string) {
	f.t.Helper()
	files := 0
	f.must(nil, filepath.WalkDir(f.home.String(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				f.t.Errorf("%s holds the key", path)
			}
		}
		return err
	}))
	if files == 0 {
		f.t.Error("the state has no files")
	}
}

// Without the key, planning finds it out where it asks, and a run where it
// does not; nothing is erased.
func TestCustomerKeyIsMissing(t *testing.T) {
	f := newFixture(t, true)
	f.fill(9, 100)
	_, _, sum := customerKey(t, "k")
	before := f.snapshot(us, f.bucket)
	f.from.SetFault(sealed("plain/00003", sum)) // the fourth
	p := f.plan("auto")
	if len(p.Blockers) != 1 || p.Blockers[0].Rule != "sse-c" {
		t.Errorf("blockers %+v, want one sse-c", p.Blockers)
	}
	f.from.SetFault(sealed("plain/00004", sum)) // planning does not ask about it
	r, err := f.run(f.plan("auto"))
	if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["unverifiable"] != 1 {
		t.Errorf("run: %v, want one entry unverifiable\n%s", err, problems(r))
	}
	f.intact(before)
}

// However a key is printed, its secret is not.
func TestCustomerKeyPrints(t *testing.T) {
	key, secret, sum := customerKey(t, "k")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text := fmt.Sprintf(verb, key)
		if strings.Contains(text, secret) || strings.Contains(text, "kkkk") || strings.Contains(text, "6b6b") ||
			!strings.Contains(text, sum) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// On a server that encrypts for real, whole and in parts.
func TestCustomerKeyOnMinIO(t *testing.T) {
	f := newFixtureOn(t, storetest.StartMinIOWithTLS(t, us, eu))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
	first, secret1, sum1 := customerKey(t, "1")
	second, secret2, sum2 := customerKey(t, "2")
	algorithm := aws.String("AES256")
	f.fill(5, 100)
	f.put("one", []byte("under the first key"), func(in *s3.PutObjectInput) {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = algorithm, &secret1, &sum1
		in.Tagging, in.CacheControl = aws.String("a=1"), aws.String("no-store")
	})
	f.put("two", []byte("under the second key"), func(in *s3.PutObjectInput) {
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = algorithm, &secret2, &sum2
	})
	client := f.box.Client(us)
	up, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &f.bucket,
		Key: aws.String("parts"), SSECustomerAlgorithm: algorithm, SSECustomerKey: &secret2, SSECustomerKeyMD5: &sum2})
	f.must(nil, err)
	var done []types.CompletedPart
	for i, n := range []int{5 << 20, 6<<20 + 1, 17} {
		out, err := client.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &f.bucket, Key: aws.String("parts"),
			UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(bytes.Repeat([]byte{byte(i)}, n)),
			SSECustomerAlgorithm: algorithm, SSECustomerKey: &secret2, SSECustomerKeyMD5: &sum2})
		f.must(nil, err)
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag})
	}
	f.must(client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: &f.bucket,
		Key: aws.String("parts"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
		SSECustomerAlgorithm: algorithm, SSECustomerKey: &secret2, SSECustomerKeyMD5: &sum2}))

	if p := f.plan("auto"); len(p.Blockers) != 1 || p.Blockers[0].Rule != "sse-c" {
		t.Errorf("without keys: blockers %+v, want one sse-c", p.Blockers)
	}
	f.open(first, second)
	if r, err := f.runner().Run(t.Context(), f.plan("auto"), migrate.Options{KeepSource: true}); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.home = newHome(t) // the state is lost: what is there is proven, though its ETags are others
	r, err := f.run(f.plan("auto"))
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if r.Held != r.Entries {
		t.Errorf("%d of %d entries were found at the destination, want all", r.Held, r.Entries)
	}
	t.Logf("methods %v, requests at the source %v", r.Methods, f.from.Counts())
	bucket := f.destination()
	for key, want := range map[string]struct {
		secret, sum string
		body        []byte
	}{
		"one": {secret1, sum1, []byte("under the first key")},
		"two": {secret2, sum2, []byte("under the second key")},
		"parts": {secret2, sum2, slices.Concat(bytes.Repeat([]byte{0}, 5<<20), bytes.Repeat([]byte{1}, 6<<20+1),
			bytes.Repeat([]byte{2}, 17))},
	} {
		if _, err := f.box.Client(eu).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key}); err == nil {
			t.Errorf("%s can be read without its key at the destination", key)
		}
		out, err := f.box.Client(eu).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key,
			SSECustomerAlgorithm: algorithm, SSECustomerKey: &want.secret, SSECustomerKeyMD5: &want.sum})
		f.must(nil, err)
		body, err := io.ReadAll(out.Body)
		f.must(nil, errors.Join(err, out.Body.Close()))
		if !bytes.Equal(body, want.body) {
			t.Errorf("%s: %d bytes at the destination differ from the source's", key, len(body))
		}
		if key == "one" && (aws.ToString(out.CacheControl) != "no-store" || aws.ToInt32(out.TagCount) != 1) {
			t.Errorf("one: attributes were lost: %v, %d tags", out.CacheControl, aws.ToInt32(out.TagCount))
		}
	}
	listed, err := f.box.Client(us).ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &f.bucket})
	if err != nil || len(listed.Versions)+len(listed.DeleteMarkers) > 0 {
		t.Errorf("the source still holds %d versions: %v", len(listed.Versions), err)
	}
	f.secretless(secret1, secret2)
}
