package azurestore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	getBlob      = "Get Blob"
	getBlobProps = "Get Blob Properties"
	getTags      = "Get Blob Tags"

	readTags = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags/read"
)

var (
	errNoLength = errors.New("the answer does not tell the size")
	errAnother  = fmt.Errorf("%w: another version is there now", objectstore.ErrPrecondition)
)

// read makes a request about one version.
func (s *Store) read(ctx context.Context, op, method string, ref objectstore.Ref, more url.Values, needs string) (
	*call, error) {
	a, container, err := s.bucket(ctx, op, ref.Bucket)
	if err != nil {
		return nil, err
	}
	query, marker := blobQuery(ref.VersionID)
	if marker {
		return nil, &objectstore.Error{Op: op, Bucket: s.where(ref.Bucket), Kind: objectstore.ErrMarker}
	}
	for name, values := range more {
		query[name] = values
	}
	c := s.dataCall(op, method, a, container, ref.Key, query, needs)
	if ref.ETag != "" && more == nil {
		c.header.Set("If-Match", quoted(ref.ETag))
	}
	return c, nil
}

// Open implements objectstore.Reader. A blob has no parts that could be asked for by their
// numbers: the first is the whole.
func (s *Store) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	if err := s.onePart(getBlob, ref, part); err != nil {
		return nil, err
	}
	c, err := s.read(ctx, getBlob, http.MethodGet, ref, nil, readBlobs)
	if err != nil {
		return nil, err
	}
	resp, err := s.send.do(ctx, c)
	if err != nil {
		return nil, err
	}
	info, err := described(ref, resp)
	if err != nil {
		_ = resp.Body.Close()
		return nil, c.broken(err)
	}
	return &objectstore.Object{Info: info, Body: resp.Body}, nil
}

// Stat implements objectstore.Reader.
func (s *Store) Stat(ctx context.Context, ref objectstore.Ref, part int) (objectstore.Info, error) {
	if err := s.onePart(getBlobProps, ref, part); err != nil {
		return objectstore.Info{}, err
	}
	c, err := s.read(ctx, getBlobProps, http.MethodHead, ref, nil, readBlobs)
	if err != nil {
		return objectstore.Info{}, err
	}
	resp, err := s.send.do(ctx, c)
	if err != nil {
		return objectstore.Info{}, err
	}
	_ = resp.Body.Close()
	info, err := described(ref, resp)
	if err != nil {
		return objectstore.Info{}, c.broken(err)
	}
	return info, nil
}

func (s *Store) onePart(op string, ref objectstore.Ref, part int) error {
	if part <= 1 {
		return nil
	}
	return &objectstore.Error{Op: op, Bucket: s.where(ref.Bucket), Kind: objectstore.ErrRange}
}

// described reads what the header of an answer says of a blob ("Get Blob", Response headers). Of
// its bytes it says nothing that can be relied on; see entry.
func described(ref objectstore.Ref, resp *http.Response) (info objectstore.Info, err error) {
	h := resp.Header
	if resp.ContentLength < 0 {
		return info, errNoLength
	}
	info = objectstore.Info{VersionID: versionOf(ref, h), ETag: unquoted(h.Get("ETag")), Size: resp.ContentLength,
		Length: resp.ContentLength, Modified: httpTime(h.Get("Last-Modified")), Answered: httpTime(h.Get("Date")),
		Restoring: h.Get("x-ms-archive-status") != "", Incomplete: incomplete(resp)}
	switch {
	case info.ETag == "":
		return info, errors.New("the answer has no ETag")
	case ref.ETag != "" && info.ETag != ref.ETag, another(ref.VersionID, info.VersionID):
		return info, errAnother
	}
	info.Attributes = objectstore.Attributes{ContentType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"),
		ContentDisposition: h.Get("Content-Disposition"), ContentEncoding: h.Get("Content-Encoding"),
		ContentLanguage: h.Get("Content-Language"), Lock: lockOf(h)}
	if h.Get("x-ms-access-tier-inferred") != "true" {
		info.StorageClass = h.Get("x-ms-access-tier")
	}
	if info.Metadata, err = metadataOf(h); err != nil {
		return info, err
	}
	if n := h.Get("x-ms-tag-count"); n != "" {
		if info.TagCount, err = strconv.Atoi(n); err != nil || info.TagCount < 0 {
			return info, errors.New("the number of tags is none")
		}
	}
	info.Encrypted, info.CustomerKey = encryption(h)
	return info, nil
}

// versionOf is the ID that an answer has, as listings show it.
func versionOf(ref objectstore.Ref, h http.Header) string {
	if strings.HasPrefix(ref.VersionID, snapshotPrefix) {
		return ref.VersionID
	}
	if id := h.Get("x-ms-version-id"); id != "" {
		return id
	}
	return objectstore.NullVersion
}

// another tells whether an answer is about another version than was asked for. That without an
// ID is asked for as what is current, which may have one by now.
func another(asked, got string) bool { return asked != "" && asked != got }

func encryption(h http.Header) (algorithm, key string) {
	if key = h.Get("x-ms-encryption-key-sha256"); key != "" {
		return objectstore.CustomerKey, key
	}
	if h.Get("x-ms-server-encrypted") == "true" || h.Get("x-ms-request-server-encrypted") == "true" {
		return objectstore.AES256, ""
	}
	return "", ""
}

// lockOf reads what protects a version ("Immutable storage for version-level scope"). An unlocked
// policy can be shortened by who may, which is S3's governance.
func lockOf(h http.Header) objectstore.Lock {
	lock := objectstore.Lock{Hold: h.Get("x-ms-legal-hold") == "true"}
	switch strings.ToLower(h.Get("x-ms-immutability-policy-mode")) {
	case "unlocked":
		lock.Mode = governance
	case "locked":
		lock.Mode = compliance
	}
	if lock.Mode != "" {
		lock.Until = httpTime(h.Get("x-ms-immutability-policy-until-date"))
	}
	return lock
}

const (
	governance = "GOVERNANCE"
	compliance = "COMPLIANCE"
)

// incomplete says what a copy as a block blob would not have: the kind of the blob, and what the
// answer leaves out.
func incomplete(resp *http.Response) string {
	switch kind := resp.Header.Get("x-ms-blob-type"); {
	case resp.StatusCode == http.StatusPartialContent:
		return "HTTP 206, a part where the whole was asked for"
	case resp.StatusCode == http.StatusNonAuthoritativeInfo:
		return "HTTP 203, altered on its way"
	case kind == "":
		return "the answer does not tell the kind of the blob"
	default:
		return kindOf(kind).String()
	}
}

// kindOf is that of a blob by its type; an empty one is not told.
func kindOf(blobType string) objectstore.Kind {
	switch blobType {
	case "BlockBlob", "":
		return 0
	case "PageBlob":
		return objectstore.PageBlob
	case "AppendBlob":
		return objectstore.AppendBlob
	}
	return objectstore.OtherBlob
}

// Tags implements objectstore.Reader.
func (s *Store) Tags(ctx context.Context, ref objectstore.Ref) ([]objectstore.Tag, error) {
	c, err := s.read(ctx, getTags, http.MethodGet, ref, url.Values{"comp": {"tags"}}, readTags)
	if err != nil {
		return nil, err
	}
	data, _, err := s.send.document(ctx, c, maxTagsBody)
	if err != nil {
		return nil, err
	}
	set, err := parseTags(data)
	if err != nil {
		return nil, c.broken(err)
	}
	tags := make([]objectstore.Tag, len(set.Tags))
	for i, t := range set.Tags {
		tags[i] = objectstore.Tag{Key: t.Key, Value: t.Value}
	}
	slices.SortFunc(tags, func(x, y objectstore.Tag) int { return strings.Compare(x.Key, y.Key) })
	return tags, nil
}

const maxTagsBody = 256 << 10

// Lock implements objectstore.Reader with what protects the version itself. Policies of the
// container are among Facts.
func (s *Store) Lock(ctx context.Context, ref objectstore.Ref) (objectstore.Lock, error) {
	info, err := s.Stat(ctx, ref, 0)
	return info.Lock, err
}

// azureTime is how the service writes a time in a header.
func azureTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
