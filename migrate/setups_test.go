package migrate_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// answer is a fault of requests for one of some operations.
func answer(operations string, fault storetest.Fault) func(storetest.Request) storetest.Fault {
	return func(r storetest.Request) storetest.Fault {
		for _, operation := range strings.Fields(operations) {
			if r.Operation == operation {
				return fault
			}
		}
		return storetest.Fault{}
	}
}

// first is answer for the first request of each operation.
func first(operations string, fault storetest.Fault) func(storetest.Request) storetest.Fault {
	always := answer(operations, fault)
	return func(r storetest.Request) storetest.Fault {
		if r.N > 1 {
			return storetest.Fault{}
		}
		return always(r)
	}
}

// with is answer for requests that have a header.
func with(header, operations string, fault storetest.Fault) func(storetest.Request) storetest.Fault {
	always := answer(operations, fault)
	return func(r storetest.Request) storetest.Fault {
		if r.Header.Get(header) == "" {
			return storetest.Fault{}
		}
		return always(r)
	}
}

// demandsEncryption is a bucket whose policy demands that writes ask for AES256, and whose
// service says of each object that it has it.
func demandsEncryption(r storetest.Request) storetest.Fault {
	const header = "X-Amz-Server-Side-Encryption"
	switch r.Operation {
	case "PutObject", "CreateMultipartUpload":
		if r.Header.Get(header) != objectstore.AES256 {
			return storetest.Fault{Status: http.StatusForbidden}
		}
	case "CompleteMultipartUpload", "HeadObject", "GetObject":
	default:
		return storetest.Fault{}
	}
	return storetest.Fault{DelRequestHeader: []string{header},
		SetResponseHeader: map[string]string{header: objectstore.AES256}}
}

// Where a destination does not list unfinished uploads, no run leaves its reservation behind.
func TestReservationsWhereNoUploadsAreListed(t *testing.T) {
	f := newFixture(t, true)
	f.fill(3, 100)
	p := f.plan("auto")
	f.to.SetFault(notImplemented("ListMultipartUploads"))
	for range 2 {
		if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
			t.Fatalf("%v\n%s", err, problems(r))
		}
	}
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.to.SetFault(nil)
	f.open() // another store, which has not been refused
	if n := f.uploads(eu, f.destination(), objectstore.MarkKey); n > 0 {
		t.Errorf("%d reservations are left", n)
	}
}

// A service that passes over what encryption is asked for has no verified copies.
func TestEncryptionThatIsNotGranted(t *testing.T) {
	f := newFixture(t, true)
	f.fill(3, 100)
	f.multipart("parts", 5<<20, 17)
	before := f.snapshot(us, f.bucket)
	f.encryption = objectstore.KMS
	p := f.plan("auto")
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["mismatch"] != 4 ||
		!strings.Contains(problems(r), "it was to be encrypted under aws:kms at the destination, which does not say that it is") {
		t.Errorf("%v, want four copies that are not encrypted\n%s", err, problems(r))
	}
	f.intact(before)
	if _, err := f.runner().Status(t.Context(), p); err != nil {
		t.Error("status:", err)
	}
}

// summedOperations are those whose bodies S3 demands a checksum of.
const summedOperations = "DeleteObjects PutBucketTagging PutBucketCors PutBucketVersioning PutBucketPolicy"

var demandsMD5 = storetest.Fault{Status: http.StatusBadRequest, Code: "InvalidRequest"}

// without is answer for requests that do not have a header.
func without(header, operations string, fault storetest.Fault) func(storetest.Request) storetest.Fault {
	always := answer(operations, fault)
	return func(r storetest.Request) storetest.Fault {
		if r.Header.Get(header) != "" {
			return storetest.Fault{}
		}
		return always(r)
	}
}

// withQuery is answer for requests with a parameter.
func withQuery(name, operations string, fault storetest.Fault) func(storetest.Request) storetest.Fault {
	always := answer(operations, fault)
	return func(r storetest.Request) storetest.Fault {
		if !r.Query.Has(name) {
			return storetest.Fault{}
		}
		return always(r)
	}
}

// withSum refuses requests with a checksum of S3's.
func withSum(operations string, status int) func(storetest.Request) storetest.Fault {
	refuse := answer(operations, storetest.Fault{Status: status})
	return func(r storetest.Request) storetest.Fault {
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum-") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum-") {
				return refuse(r)
			}
		}
		return storetest.Fault{}
	}
}

// passesOverSums neither heeds checksums nor tells any.
func passesOverSums(r storetest.Request) storetest.Fault {
	var fault storetest.Fault
	switch r.Operation {
	case "PutObject", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload":
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum-") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum-") {
				fault.DelRequestHeader = append(fault.DelRequestHeader, name)
			}
		}
		fallthrough
	case "GetObject", "HeadObject":
		for _, name := range []string{"Sha256", "Sha1", "Crc32", "Crc32c", "Crc64nvme", "Type"} {
			fault.DelResponseHeader = append(fault.DelResponseHeader, "X-Amz-Checksum-"+name)
		}
	}
	return fault
}

// escaped has listings tell the key "a b+c&d" as encoding-type=url has it.
func escaped(as string) func([]byte) []byte {
	return func(body []byte) []byte {
		body = bytes.ReplaceAll(body, []byte("<Key>a b+c&amp;d</Key>"), []byte("<Key>"+as+"</Key>"))
		body = regexp.MustCompile("<EncodingType>[^<]*</EncodingType>|<EncodingType/>").ReplaceAll(body, nil)
		return bytes.Replace(body, []byte("<MaxKeys>"), []byte("<EncodingType>url</EncodingType><MaxKeys>"), 1)
	}
}

// rich adds an object in parts, one with tags, and settings of the bucket.
func (f *fixture) rich() {
	f.t.Helper()
	f.multipart("parts", 5<<20, 17)
	f.put("tagged", []byte("tagged"), func(in *s3.PutObjectInput) { in.Tagging = aws.String("k=v") })
	client := f.box.Client(us)
	f.must(client.PutBucketTagging(f.t.Context(), &s3.PutBucketTaggingInput{Bucket: &f.bucket,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("stage"), Value: aws.String("production")}}}}))
	f.must(client.PutBucketCors(f.t.Context(), &s3.PutBucketCorsInput{Bucket: &f.bucket,
		CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"},
			AllowedOrigins: []string{"https://example.com"}}}}}))
}

func notImplemented(operations string) func(storetest.Request) storetest.Fault {
	return answer(operations, storetest.Fault{Status: http.StatusNotImplemented})
}

func edited(pattern, by string) func([]byte) []byte {
	find := regexp.MustCompile(pattern)
	return func(body []byte) []byte { return find.ReplaceAll(body, []byte(by)) }
}

var update = flag.Bool("update", false, "write the table of set-ups into the help topic compatibility")

const errorPage = "<html><head><title>520: Web server is returning an unknown error</title></head><br></html>"

// Services, and what stands before them, as people have them. Each is a real server
// with a proxy that answers as the other does.
func TestSetups(t *testing.T) {
	var table strings.Builder
	table.WriteString("| Set-up | A migration |\n|---|---|\n")
	for _, tt := range []struct {
		name      string
		versioned bool
		spaced    bool // a key that listings escape
		rich      bool // an object in parts, one with tags, and a bucket with tags and CORS rules
		large     bool // an object is large enough for its body to wait for the service's word
		from, to  func(storetest.Request) storetest.Fault
		encrypt   string // what writes ask for
		old       string // a proxy at either end speaks HTTP/1.0, and says so of connections
		unparted  bool   // parts cannot be read by number: the copy has none
		untold    bool   // the source's checksums cannot be read: the copy has its own
		place     string // the metadata that the copy has; none: the original's
		blocked   string // the rule by which the plan is
		refused   error  // what the run ends with before it copies anything; none: moves exactly
		unguarded bool   // with --unguarded-writes
	}{
		{name: "stored with aws-chunked, which the destination drops",
			from: answer("GetObject HeadObject", storetest.Fault{
				SetResponseHeader: map[string]string{"Content-Encoding": "aws-chunked,gzip"}}),
			to: answer("GetObject HeadObject", storetest.Fault{SetResponseHeader: map[string]string{"Content-Encoding": "gzip"}})},
		{name: "metadata raw at the source, encoded at the destination",
			from: answer("GetObject HeadObject", storetest.Fault{
				SetResponseHeader: map[string]string{"X-Amz-Meta-Place": "Café"}}),
			to: answer("GetObject HeadObject", storetest.Fault{
				SetResponseHeader: map[string]string{"X-Amz-Meta-Place": "=?UTF-8?Q?Caf=C3=A9?="}})},
		{name: "metadata encoded at the source, raw at the destination",
			from: answer("GetObject HeadObject", storetest.Fault{
				SetResponseHeader: map[string]string{"X-Amz-Meta-Place": "=?UTF-8?B?Q2Fmw6k=?="}}),
			to: answer("GetObject HeadObject", storetest.Fault{
				SetResponseHeader: map[string]string{"X-Amz-Meta-Place": "Café"}}),
			place: "=?UTF-8?B?Q2Fmw6k=?="}, // as the source answered it
		{name: "bodies without a length", from: answer("GetObject", storetest.Fault{DelResponseHeader: []string{"Content-Length"}})},
		{name: "weak ETags at the source",
			from: answer("GetObject HeadObject", storetest.Fault{SetResponseHeader: map[string]string{"ETag": `W/` + tagOfOne}})},
		{name: "weak ETags at the destination",
			to: answer("GetObject HeadObject PutObject", storetest.Fault{SetResponseHeader: map[string]string{"ETag": `W/` + tagOfOne}})},
		{name: "error pages of a network in between, at the source",
			from: first("GetObject HeadObject ListObjectVersions ListObjectsV2 ListMultipartUploads GetBucketVersioning "+
				"GetBucketPolicy DeleteObjects DeleteObject GetObjectTagging", storetest.Fault{Status: 520, Answer: errorPage})},
		{name: "error pages of a network in between, at the destination",
			to: first("PutObject HeadObject GetObject ListObjectVersions ListObjectsV2 HeadBucket CreateBucket DeleteObjects "+
				"PutBucketTagging", storetest.Fault{Status: 525, Answer: errorPage})},
		{name: "a listing that is cut in the middle", versioned: true,
			from: first("ListObjectVersions ListObjectsV2", storetest.Fault{TruncateResponse: 300}),
			to:   first("ListObjectVersions ListObjectsV2", storetest.Fault{TruncateResponse: 100})},
		{name: "an optional header of listings refused", versioned: true,
			from: with("X-Amz-Optional-Object-Attributes", "ListObjectVersions ListObjectsV2", storetest.Fault{Status: 400,
				Code: "InvalidArgument"}),
			to: with("X-Amz-Optional-Object-Attributes", "ListObjectVersions ListObjectsV2", storetest.Fault{Status: 501,
				Code: "NotImplemented"})},
		{name: "no versions to ask about at the source", from: notImplemented("GetBucketVersioning ListObjectVersions")},
		{name: "no versions to ask about at either end", from: notImplemented("GetBucketVersioning ListObjectVersions"),
			to: notImplemented("GetBucketVersioning ListObjectVersions")},
		{name: "no versions in the listing alone", from: notImplemented("ListObjectVersions")},
		{name: "Expect refused", large: true, to: with("Expect", "PutObject UploadPart", storetest.Fault{Status: 417})},
		{name: "no ownership controls at the source", from: answer("GetBucketOwnershipControls", storetest.Fault{Status: 404,
			Code: "OwnershipControlsNotFoundError"}), to: notImplemented("GetBucketOwnershipControls PutBucketOwnershipControls")},
		{name: "no unfinished uploads to list at the source", from: notImplemented("ListMultipartUploads")},
		{name: "no unfinished uploads to list at the destination", to: notImplemented("ListMultipartUploads")},
		{name: "times that are empty", versioned: true, from: answer("ListObjectVersions ListObjectsV2", storetest.Fault{
			ReplaceResponseBody: edited("<LastModified>[^<]*<", "<LastModified><")})},
		{name: "times without a zone", versioned: true, from: answer("ListObjectVersions ListObjectsV2", storetest.Fault{
			ReplaceResponseBody: edited("Z</LastModified>", "</LastModified>")})},
		{name: "no tags at the source", from: notImplemented("GetObjectTagging GetBucketTagging")},
		{name: "no tags at the destination", to: notImplemented("GetObjectTagging PutObjectTagging GetBucketTagging PutBucketTagging")},
		{name: "no attributes", from: notImplemented("GetObjectAttributes"), to: notImplemented("GetObjectAttributes")},
		{name: "no access control lists", from: notImplemented("GetObjectAcl GetBucketAcl"),
			to: notImplemented("GetObjectAcl GetBucketAcl")},
		{name: "deletions one by one alone", from: notImplemented("DeleteObjects"), to: notImplemented("DeleteObjects")},
		{name: "too many requests", versioned: true,
			from: first("GetObject ListObjectVersions DeleteObjects", storetest.Fault{Status: 429}),
			to:   first("PutObject ListObjectVersions", storetest.Fault{Status: 429})},
		{name: "a policy that demands encryption of writes, with destination.encryption", encrypt: objectstore.AES256,
			to: demandsEncryption},
		{name: "conditional writes not offered", to: unconditional("PutObject CompleteMultipartUpload"),
			blocked: "conditional-writes"},
		{name: "conditional writes of uploads alone not offered", to: unconditional("CompleteMultipartUpload"),
			blocked: "conditional-writes"},
		{name: "conditional writes not offered, with --unguarded-writes", unguarded: true,
			to: unconditional("PutObject CompleteMultipartUpload")},
		{name: "conditional writes not offered, of histories, with --unguarded-writes", versioned: true, unguarded: true,
			to: unconditional("PutObject CompleteMultipartUpload")},
		{name: "conditional writes not offered at the source", from: unconditional("PutObject CompleteMultipartUpload")},
		{name: "conditions of writes passed over", to: passesOver("If-None-Match"), refused: migrate.ErrUnconditional},
		{name: "conditions of uploads alone passed over", to: with("If-None-Match", "CompleteMultipartUpload",
			storetest.Fault{DelRequestHeader: []string{"If-None-Match"}}), refused: migrate.ErrUnconditional},
		{name: "conditions on what is current passed over", to: passesOver("If-Match"), refused: migrate.ErrUnconditional},
		{name: "conditions of writes passed over, with --unguarded-writes", unguarded: true, to: passesOver("If-None-Match")},
		{name: "conditional reads not offered", from: with("If-Match", "GetObject HeadObject", storetest.Fault{Status: 501})},
		{name: "deletions and settings demand Content-MD5", rich: true, from: without("Content-Md5", summedOperations, demandsMD5),
			to: without("Content-Md5", summedOperations, demandsMD5)},
		{name: "checksum headers refused, of deletions and settings", rich: true, from: withSum(summedOperations, 501),
			to: withSum(summedOperations, 501)},
		{name: "checksum headers refused, of objects", rich: true, to: withSum("PutObject UploadPart CreateMultipartUpload "+
			"CompleteMultipartUpload", 501)},
		{name: "checksum headers rejected, of objects", rich: true, to: withSum("PutObject UploadPart CreateMultipartUpload "+
			"CompleteMultipartUpload", 400)},
		{name: "checksums passed over", rich: true, to: passesOverSums},
		{name: "no checksums to ask for", untold: true, from: with("X-Amz-Checksum-Mode", "GetObject HeadObject", storetest.Fault{Status: 501}),
			to: with("X-Amz-Checksum-Mode", "GetObject HeadObject", storetest.Fault{Status: 400, Code: "InvalidArgument"})},
		{name: "no HEAD of objects at the source", rich: true, from: notImplemented("HeadObject")},
		{name: "no HEAD of objects at the destination", rich: true, to: notImplemented("HeadObject")},
		{name: "HEAD of objects not allowed", rich: true, from: answer("HeadObject", storetest.Fault{Status: 405}),
			to: answer("HeadObject", storetest.Fault{Status: 405})},
		{name: "no parts by number", rich: true, unparted: true, from: withQuery("partNumber", "GetObject HeadObject", storetest.Fault{Status: 501}),
			to: withQuery("partNumber", "GetObject HeadObject", storetest.Fault{Status: 501})},
		{name: "parts by number rejected", rich: true, unparted: true, from: withQuery("partNumber", "GetObject HeadObject",
			storetest.Fault{Status: 400, Code: "InvalidArgument"})},
		{name: "keys escaped in listings", spaced: true, from: answer("ListObjectsV2 ListObjectVersions", storetest.Fault{
			ReplaceResponseBody: escaped("a%20b%2Bc%26d")})},
		{name: "keys escaped in listings, spaces as plus signs", spaced: true, from: answer("ListObjectsV2 ListObjectVersions", storetest.Fault{
			ReplaceResponseBody: escaped("a+b%2Bc%26d")})},
		{name: "HTTP/1.0 with connections kept", rich: true, old: "keep-alive"},
		{name: "HTTP/1.0 with a connection for each request", rich: true, old: "close"},
		{name: "access control lists not supported", from: answer("GetObjectAcl GetBucketAcl", storetest.Fault{Status: 400,
			Code: "AccessControlListNotSupported"}), to: answer("GetObjectAcl GetBucketAcl", storetest.Fault{Status: 405})},
		{name: "nothing but objects",
			from: notImplemented("GetBucketVersioning ListObjectVersions GetObjectTagging GetBucketTagging GetObjectAttributes " +
				"GetObjectAcl GetBucketAcl ListMultipartUploads GetBucketOwnershipControls GetBucketPolicy GetBucketReplication " +
				"GetBucketLifecycleConfiguration GetBucketEncryption GetBucketCors GetBucketWebsite GetBucketLogging " +
				"GetBucketNotificationConfiguration GetBucketRequestPayment GetPublicAccessBlock GetObjectLockConfiguration"),
		},
	} {
		came := "moves it exactly"
		if tt.refused != nil {
			came = "is refused: " + tt.refused.Error()
		}
		if tt.untold {
			came = "moves it; copies keep a SHA-256, and not the checksums that nobody could read"
		}
		if tt.unparted {
			came = "moves it; objects in parts arrive as one, with another ETag"
		}
		if tt.blocked != "" {
			came = "is blocked in the plan: " + tt.blocked
		}
		fmt.Fprintf(&table, "| %s | %s |\n", tt.name, came)
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.versioned)
			f.put("one", []byte("one"), func(in *s3.PutObjectInput) {
				in.ContentEncoding = aws.String("gzip")
				in.Metadata = map[string]string{"place": "Café"}
			})
			if tt.encrypt != "" || tt.unguarded {
				f.multipart("parts", 5<<20, 17)
			}
			if tt.unguarded && tt.versioned {
				f.put("one", []byte("two"), nil)
				f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: aws.String("one")}))
				f.put("one", []byte("three"), nil)
			}
			if tt.rich {
				f.rich()
			}
			if tt.spaced {
				f.put("a b+c&d", []byte("escaped"), nil)
			}
			if tt.large {
				f.put("large", bytes.Repeat([]byte("large"), 600_000), nil)
			}
			before := f.snapshot(us, f.bucket)
			f.from.SetFault(tt.from)
			f.to.SetFault(tt.to)
			if tt.old != "" {
				f.fromURL, f.toURL = oldProxy(t, f.from.URL(), tt.old), oldProxy(t, f.to.URL(), tt.old)
				f.open()
			}
			f.encryption, f.unguarded = tt.encrypt, tt.unguarded
			p, err := f.tryPlan("auto")
			if err != nil {
				t.Fatal("plan:", err)
			}
			if tt.blocked != "" {
				if _, err := f.run(p); len(p.Blockers) != 1 || p.Blockers[0].Rule != tt.blocked || p.Blockers[0].Remedy == "" ||
					!errors.Is(err, migrate.ErrBlocked) {
					t.Errorf("blockers %+v, run: %v; want %s", p.Blockers, err, tt.blocked)
				}
				if f.exists(f.destination()) {
					t.Error("a plan that is blocked has made the destination")
				}
				f.intact(before)
				return
			}
			if len(p.Blockers) > 0 {
				t.Fatalf("blockers %+v", p.Blockers)
			}
			r, err := f.run(p)
			f.from.SetFault(nil)
			f.to.SetFault(nil)
			if tt.refused != nil {
				if there := f.snapshot(eu, f.destination()); !errors.Is(err, tt.refused) || len(there) > 0 {
					t.Errorf("%v, and %d copies; want %v, and none", err, len(there), tt.refused)
				}
				f.intact(before)
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if tt.unparted {
				sum := md5.Sum(append(bytes.Repeat([]byte("a"), 5<<20), bytes.Repeat([]byte("b"), 17)...))
				before["parts"][0].ETag, before["parts"][0].PartSizes = hex.EncodeToString(sum[:]), nil
			}
			if tt.untold {
				sum := sha256.Sum256([]byte("one"))
				before["one"][0].Checksums = map[string]string{"SHA256": base64.StdEncoding.EncodeToString(sum[:])}
			}
			if tt.place != "" {
				before["one"][0].Metadata["place"] = tt.place
			}
			f.moved(before)
		})
	}
	if !t.Failed() {
		storetest.Generated(t, "../cmd/internal/manual/topics/compatibility.md", "set-ups", table.String(), *update)
	}
}

// tagOfOne is the ETag of "one".
const tagOfOne = `"f97c5d29941bfb1b2fdab0874906ab82"`
