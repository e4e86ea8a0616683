package verifier_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

func sha(text string) (hexed, encoded string) {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(sum[:])
}

func TestJudge(t *testing.T) {
	ours, ours64 := sha("body")
	_, other64 := sha("other")
	md5A, md5B := strings.Repeat("a", 32), strings.Repeat("b", 32)
	crc := func(value string) objectstore.Checksum {
		return objectstore.Checksum{Algorithm: "CRC64NVME", Value: value}
	}
	stored := func(value string) objectstore.Checksum {
		return objectstore.Checksum{Algorithm: "SHA256", Value: value}
	}
	source := func(etag string, c objectstore.Checksum) objectstore.Info {
		return objectstore.Info{ETag: etag, Checksum: c, Sum: objectstore.ETagSum(etag, "", "")}
	}
	kms := objectstore.Info{ETag: md5A, Encrypted: "aws:kms", KeyID: "k"}
	composite := func(value string) objectstore.Checksum {
		return objectstore.Checksum{Algorithm: "CRC32C", Value: value, Composite: true}
	}
	written := func(etag string, c objectstore.Checksum) objectstore.Written {
		return objectstore.Written{ETag: etag, Checksum: c, Sum: objectstore.ETagSum(etag, "", "")}
	}
	none := objectstore.Checksum{}
	for _, tt := range []struct {
		name    string
		in      verifier.Evidence
		verdict receipt.Verdict
		method  receipt.Method
	}{
		{"nothing", verifier.Evidence{}, receipt.Unverifiable, ""},
		{"the destination computed our hash", verifier.Evidence{Source: source("x", none),
			Written: written("y", stored(ours64)), SHA256: ours}, receipt.Verified, receipt.SHA256},
		{"the destination computed another", verifier.Evidence{Written: written(md5A, stored(other64)),
			Source: source(md5A, none), SHA256: ours}, receipt.Mismatch, ""},
		{"the source stores another", verifier.Evidence{Source: source("x", stored(other64)), Written: written("x", none),
			SHA256: ours, Enforced: true}, receipt.Mismatch, ""},
		{"the destination was seen to check", verifier.Evidence{SHA256: ours, Enforced: true}, receipt.Verified,
			receipt.SHA256},
		{"it was not", verifier.Evidence{SHA256: ours}, receipt.Unverifiable, ""},
		{"equal checksums", verifier.Evidence{Source: source("x", crc("1")), Written: written("y", crc("1"))},
			receipt.Verified, receipt.Checksum},
		{"different checksums", verifier.Evidence{Source: source(md5A, crc("1")), Written: written(md5A, crc("2")),
			SHA256: ours, Enforced: true}, receipt.Mismatch, ""},
		{"checksums of other algorithms", verifier.Evidence{Source: source("x", crc("1")),
			Written: written("y", stored("1"))}, receipt.Unverifiable, ""},
		{"our checksum of what was sent", verifier.Evidence{Source: source("x", none), Written: written("y", crc("1")),
			Sent: crc("1")}, receipt.Verified, receipt.SentChecksum},
		{"another than what was sent", verifier.Evidence{Source: source("x", none), Written: written("y", crc("2")),
			Sent: crc("1")}, receipt.Mismatch, ""},
		{"sent under one, kept under another", verifier.Evidence{Source: source("x", none), Written: written("y", stored("1")),
			Sent: crc("1")}, receipt.Unverifiable, ""},
		{"our MD5 of what was sent", verifier.Evidence{Source: source("x", none), Written: written(md5A, none),
			Sent: objectstore.Checksum{Algorithm: objectstore.MD5, Value: md5A}}, receipt.Verified, receipt.SentChecksum},
		{"another MD5 than of what was sent", verifier.Evidence{Source: source("x", none), Written: written(md5B, none),
			Sent: objectstore.Checksum{Algorithm: objectstore.MD5, Value: md5A}}, receipt.Mismatch, ""},
		{"composite with equal parts", verifier.Evidence{Source: source("x", composite("1-2")),
			Written: written("y", composite("1-2")), SameParts: true}, receipt.Verified, receipt.Checksum},
		{"composite with other parts says nothing", verifier.Evidence{Source: source("x", composite("1-2")),
			Written: written("y", composite("2-3"))}, receipt.Unverifiable, ""},
		{"equal ETags", verifier.Evidence{Source: source(md5A, none), Written: written(md5A, none)}, receipt.Verified,
			receipt.ETagMD5},
		{"different ETags", verifier.Evidence{Source: source(md5A, none), Written: written(md5B, none), SHA256: ours,
			Enforced: true}, receipt.Mismatch, ""},
		{"multipart ETags with equal parts", verifier.Evidence{Source: source(md5A+"-2", none),
			Written: written(md5A+"-2", none), SameParts: true}, receipt.Verified, receipt.ETagMD5},
		{"multipart ETags with other parts", verifier.Evidence{Source: source(md5A+"-2", none),
			Written: written(md5A+"-2", none)}, receipt.Unverifiable, ""},
		{"one of them multipart", verifier.Evidence{Source: source(md5A+"-2", none), Written: written(md5B, none),
			SHA256: ours, Enforced: true}, receipt.Verified, receipt.SHA256},
		{"ETags of SSE-KMS prove nothing", verifier.Evidence{Source: kms, Written: objectstore.Written{ETag: md5A,
			Encrypted: "aws:kms"}}, receipt.Unverifiable, ""},
		{"ETags of SSE-KMS contradict nothing", verifier.Evidence{Source: kms, Written: objectstore.Written{ETag: md5B,
			Encrypted: "aws:kms"}, SHA256: ours, Enforced: true}, receipt.Verified, receipt.SHA256},
		{"SSE-KMS that got lost", verifier.Evidence{Source: kms, Written: written(md5B, none), SHA256: ours, Enforced: true},
			receipt.Mismatch, ""},
		{"a destination under SSE-KMS", verifier.Evidence{Source: source(md5A, none), Written: objectstore.Written{ETag: md5B,
			Encrypted: "aws:kms"}, SHA256: ours, Enforced: true}, receipt.Verified, receipt.SHA256},
		{"equal sizes prove nothing", verifier.Evidence{Source: objectstore.Info{Size: 7, ETag: "opaque"},
			Written: written("opaque", none)}, receipt.Unverifiable, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := verifier.Verify(tt.in)
			if got.Verdict != tt.verdict || got.Method != tt.method {
				t.Errorf("Verify = %+v, want %s %s", got, tt.verdict, tt.method)
			}
			if (got.Verdict == receipt.Verified) != (got.Reason == "") {
				t.Errorf("verdict %s with reason %q", got.Verdict, got.Reason)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	full := objectstore.Attributes{
		ContentType: "a", CacheControl: "b", ContentDisposition: "c", ContentEncoding: "d", ContentLanguage: "e",
		Expires: "f", WebsiteRedirect: "g",
		Metadata: map[string]string{"k": "v"}, Tags: []objectstore.Tag{{Key: "t", Value: "u"}},
		Lock: objectstore.Lock{Hold: true}, StorageClass: "STANDARD_IA",
		Grants: []objectstore.Grant{{Permission: "READ", ID: "i"}},
	}
	if names := verifier.Differences(full, full); len(names) > 0 {
		t.Errorf("an object differs from itself: %q", names)
	}
	names := verifier.Differences(full, objectstore.Attributes{})
	want := "Content-Type, Cache-Control, Content-Disposition, Content-Encoding, Content-Language, Expires, website " +
		"redirect, metadata, retention and legal hold, tags, " +
		"ACL grants, storage class (STANDARD_IA at the source, STANDARD at the destination; destination.storage_class: " +
		"any would accept that)"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("Differences = %s\nwant %s", got, want)
	}
	if names := verifier.Differences(objectstore.Attributes{}, objectstore.Attributes{StorageClass: "STANDARD"}); len(
		names) > 0 {
		t.Errorf("the default class differs from itself: %q", names)
	}
	changed := full
	changed.Metadata = map[string]string{"k": "w"}
	if got := strings.Join(verifier.Differences(full, changed), ", "); got != "metadata" {
		t.Errorf("Differences = %s, want metadata", got)
	}
}

// notCompared is what is sent with an object and not compared with what the
// destination has, and why. The help topic limits names the first to users.
func notCompared() map[string]string {
	return map[string]string{
		"KMSKey": "a key has an ID, an ARN and aliases, and answers name another than was sent; that the copy is under " +
			"KMS is compared",
		"Algorithm": "it chooses the checksum that the destination keeps, which proves the copy or is not asked",
		"Composite": "as Algorithm",
		"Claimed":   "the copy is refused where it differs, and Verify compares what the answer says",
		"Size":      "it is how long the answer may take; what is written is summed",
		"Explicit":  "it says whose attributes a copy has, which are compared",
		"Guard":     "it is the condition of the write, not kept",
	}
}

// What is sent is compared, or listed with the reason why not.
func TestAllThatIsSentIsCompared(t *testing.T) {
	compared := map[string]string{"Bucket": "where it is", "Key": "where it is",
		"CustomerKey": "Verify, by the encryption that was answered"}
	sent := reflect.TypeFor[objectstore.NewObject]()
	for i := range sent.NumField() {
		name := sent.Field(i).Name
		if name == "Attributes" || notCompared()[name] != "" || compared[name] != "" {
			continue
		}
		t.Errorf("%s is sent, not known to be compared, and not listed", name)
	}
	attributes := reflect.TypeFor[objectstore.Attributes]()
	for i := range attributes.NumField() {
		var a objectstore.Attributes
		switch f := reflect.ValueOf(&a).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"a": "b"}))
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Struct:
			f.Set(reflect.ValueOf(objectstore.Lock{Hold: true}))
		}
		if len(verifier.Differences(a, objectstore.Attributes{})) != 1 {
			t.Errorf("%s is not compared", attributes.Field(i).Name)
		}
	}
}
