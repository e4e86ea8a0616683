package conformance

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"maps"
	"mime"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

func attributes() []Check {
	set := func(name, key string, a objectstore.Attributes, same func(got objectstore.Attributes) bool) Check {
		return Check{name, func(ctx context.Context, s *Subject) error {
			info, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: key, Attributes: a}, objectstore.Body{})
			return kept(err == nil && same(info.Attributes), err)
		}}
	}
	headers := objectstore.Attributes{ContentType: "application/x-thing; charset=utf-8", CacheControl: "no-store",
		ContentDisposition: `attachment; filename="a b"`, ContentEncoding: "gzip", ContentLanguage: "de, en",
		Expires: "Mon, 03 Feb 2031 04:05:06 GMT"}
	metadata := map[string]string{"a": "1", "long-name": "two  words; and=more"}
	unicode := map[string]string{"city": "Z\u00fcrich", "kanji": "\u6771\u4eac"}
	tags := []objectstore.Tag{{Key: "a", Value: "1"}, {Key: "key with space", Value: "v+w:/@"}}
	checks := []Check{
		set("system headers", "headers", headers, func(g objectstore.Attributes) bool {
			return g.ContentType == headers.ContentType && g.CacheControl == headers.CacheControl &&
				g.ContentDisposition == headers.ContentDisposition &&
				g.ContentEncoding == headers.ContentEncoding && g.ContentLanguage == headers.ContentLanguage &&
				g.Expires == headers.Expires
		}),
		set("website redirect of an object", "redirect", objectstore.Attributes{WebsiteRedirect: "/elsewhere"},
			func(g objectstore.Attributes) bool { return g.WebsiteRedirect == "/elsewhere" }),
		set("user metadata", "metadata", objectstore.Attributes{Metadata: metadata},
			func(g objectstore.Attributes) bool { return maps.Equal(g.Metadata, metadata) }),
		set("non-ASCII metadata", "metadata-unicode", objectstore.Attributes{Metadata: unicode},
			func(g objectstore.Attributes) bool { return maps.Equal(decoded(g.Metadata), unicode) }),
		{"object tags", func(ctx context.Context, s *Subject) error {
			info, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: "tags",
				Attributes: objectstore.Attributes{Tags: tags}}, objectstore.Body{})
			if err != nil {
				return err
			}
			got, err := s.Store.Tags(ctx, objectstore.Ref{Bucket: s.Versioned, Key: "tags", VersionID: info.VersionID})
			return kept(info.TagCount == len(tags) && slices.Equal(got, tags), err)
		}},
		set("storage class", "class", objectstore.Attributes{StorageClass: "REDUCED_REDUNDANCY"},
			func(g objectstore.Attributes) bool { return g.StorageClass == "REDUCED_REDUNDANCY" }),
		{"access control list of an object", grants},
	}
	for _, l := range []struct {
		name, key string
		lock      objectstore.Lock
	}{
		{"retention, governance", "governance", objectstore.Lock{Mode: "GOVERNANCE", Until: time.Now().Add(time.Hour)}},
		{"retention, compliance", "compliance", objectstore.Lock{Mode: "COMPLIANCE", Until: time.Now().Add(time.Hour)}},
		{"legal hold", "hold", objectstore.Lock{Hold: true}},
	} {
		checks = append(checks, Check{l.name, func(ctx context.Context, s *Subject) error {
			info, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: l.key,
				Attributes: objectstore.Attributes{Lock: l.lock}}, objectstore.Body{})
			if err != nil {
				return err
			}
			got, err := s.Store.Lock(ctx, objectstore.Ref{Bucket: s.Versioned, Key: l.key, VersionID: info.VersionID})
			return kept(got.Same(l.lock), err)
		}})
	}
	return append(checks, checksums()...)
}

// decoded undoes the encoding of RFC 2047, in which S3 and others answer with
// what a header cannot hold (Amazon S3 User Guide, "Working with object
// metadata").
func decoded(metadata map[string]string) map[string]string {
	out := make(map[string]string, len(metadata))
	for name, value := range metadata {
		text, err := new(mime.WordDecoder).DecodeHeader(value)
		if err != nil {
			text = value
		}
		out[name] = text
	}
	return out
}

// everybody is S3's name for all.
const everybody = "http://acs.amazonaws.com/groups/global/AllUsers"

func grants(ctx context.Context, s *Subject) error {
	granter, ok := s.Store.(objectstore.Granter)
	if !ok {
		return objectstore.ErrNotOffered
	}
	public := objectstore.Grant{Permission: "READ", URI: everybody}
	if _, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: "grants",
		Attributes: objectstore.Attributes{Grants: []objectstore.Grant{public}}}, objectstore.Body{}); err != nil {
		return err
	}
	_, got, err := granter.Grants(ctx, objectstore.Ref{Bucket: s.Versioned, Key: "grants"})
	return kept(slices.Contains(got, public), err)
}

// checksums are those that S3 keeps of an object.
func checksums() []Check {
	var checks []Check
	for _, a := range []struct {
		name, algorithm string
		hash            func() hash.Hash
	}{
		{"SHA-256", "SHA256", sha256.New}, {"SHA-1", "SHA1", sha1.New},
		{"CRC-64/NVME", "CRC64NVME", func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) }},
		{"CRC-32C", "CRC32C", func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
		{"CRC-32", "CRC32", func() hash.Hash { return crc32.NewIEEE() }},
	} {
		key := "checksum-" + a.algorithm
		sum := func(text string) objectstore.Checksum {
			h := a.hash()
			_, _ = h.Write([]byte(text)) // a hash's Write never fails
			return objectstore.Checksum{Algorithm: a.algorithm, Value: base64.StdEncoding.EncodeToString(h.Sum(nil))}
		}
		checks = append(checks, Check{"checksum " + a.name, func(ctx context.Context, s *Subject) error {
			info, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: key},
				objectstore.Body{Checksum: sum("body of " + key)})
			return kept(info.Checksum == sum("body of "+key), err)
		}}, Check{"refuses a wrong " + a.name, func(ctx context.Context, s *Subject) error {
			_, err := s.Store.Put(ctx, objectstore.NewObject{Bucket: s.Versioned, Key: key + "-wrong"},
				objectstore.Body{Reader: bytes.NewReader([]byte("these")), Size: 5, Checksum: sum("others")})
			return refused(err)
		}})
	}
	return checks
}

// refused is the result of a check whose request has to be turned down.
func refused(err error) error {
	if err == nil {
		return errLost
	}
	var answer *objectstore.Error
	if asError(err, &answer) && answer.Status >= 400 && answer.Status < 500 {
		return nil
	}
	return err
}

func encryption() []Check {
	return []Check{
		{"SSE-KMS under a named key", func(ctx context.Context, s *Subject) error {
			if s.KMSKey == "" {
				return objectstore.ErrNotOffered
			}
			info, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: "kms", KMSKey: s.KMSKey}, objectstore.Body{})
			return kept(info.Encrypted == "aws:kms", err)
		}},
		{"SSE-C", func(ctx context.Context, s *Subject) error {
			info, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: "customer-key", CustomerKey: s.CustomerKey},
				objectstore.Body{})
			return kept(info.Encrypted == objectstore.CustomerKey && info.CustomerKey == s.CustomerKey, err)
		}},
	}
}
