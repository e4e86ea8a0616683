package s3store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

const (
	pageKeys = 1000     // the most that S3 puts into one page
	maxPage  = 64 << 20 // bytes; 1,000 entries with keys of 1,024 escaped bytes need 4 MiB
)

// page is one answer of ListObjectVersions or ListMultipartUploads.
type page struct {
	encoded    bool
	truncated  bool
	nextKey    string
	nextID     string
	versions   []objectstore.Version
	uploads    []objectstore.Upload
	rootClosed bool
}

// Versions implements objectstore.Lister. A bucket that never had versions is
// listed by its objects, see plain.
func (s *Store) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		op, fetch, check := "ListObjectVersions", s.versionPages(bucket, prefix), s.noCheck
		if after == "" && s.plain(ctx, bucket) {
			op, fetch, check = "ListObjectsV2", s.objectPages(bucket, prefix), s.stillPlain
		}
		for v, err := range listing.Versions(ctx, prefix, after, fetch, listing.Options{Now: s.now, Workers: s.listers}) {
			var answered *objectstore.Error
			if errors.Is(err, objectstore.ErrOrder) && !errors.As(err, &answered) {
				err = s.broken(op, bucket, err)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := check(ctx, bucket); err != nil {
			yield(objectstore.Version{}, err)
		}
	}
}

// versionPages asks for pages of all versions.
func (s *Store) versionPages(bucket, prefix string) listing.Pager {
	return func(ctx context.Context, from listing.Marker) (listing.Page, error) {
		in := &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl, MaxKeys: &s.pageSize}
		if prefix != "" {
			in.Prefix = &prefix
		}
		if from.Key != "" {
			in.KeyMarker = &from.Key
		}
		if from.VersionID != "" {
			in.VersionIdMarker = &from.VersionID
		}
		in.OptionalObjectAttributes = []types.OptionalObjectAttributes{types.OptionalObjectAttributesRestoreStatus}
		p, err := s.versionsPage(ctx, bucket, in)
		if err != nil {
			return listing.Page{}, err
		}
		return listing.Page{Entries: p.versions, More: p.truncated, Next: listing.Marker{Key: p.nextKey, VersionID: p.nextID}}, nil
	}
}

func (s *Store) versionsPage(ctx context.Context, bucket string, in *s3.ListObjectVersionsInput) (*page, error) {
	out, err := s.client.ListObjectVersions(ctx, in, s3.WithAPIOptions(parseListing))
	if err != nil {
		return nil, s.fail("ListObjectVersions", bucket, err)
	}
	p, ok := out.ResultMetadata.Get(pageKey{}).(*page)
	if !ok {
		return nil, s.broken("ListObjectVersions", bucket, fmt.Errorf("%w: no listing in the answer", errXML))
	}
	if err := ascending(p.versions); err != nil {
		return nil, s.broken("ListObjectVersions", bucket, err)
	}
	sortPage(p.versions)
	return p, nil
}

// sortPage brings a page into listing order. AWS and MinIO interleave versions
// and delete markers as they were made: their order stands. Servers that group
// the two are merged, key by key. Those whose version IDs are ULIDs (versitygw)
// are known to group, and their IDs tell more than their dates.
func sortPage(versions []objectstore.Version) {
	inOrder := slices.IsSortedFunc(versions, func(a, b objectstore.Version) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), b.Modified.Compare(a.Modified))
	})
	if inOrder && !markersLast(versions) && !slices.ContainsFunc(versions, func(v objectstore.Version) bool { return isULID(v.VersionID) }) {
		return
	}
	slices.SortStableFunc(versions, func(a, b objectstore.Version) int { return cmp.Compare(a.Key, b.Key) })
	for start := 0; start < len(versions); {
		end := start + 1
		for end < len(versions) && versions[end].Key == versions[start].Key {
			end++
		}
		mergeHistory(versions[start:end])
		start = end
	}
}

// mergeHistory merges one key's versions and its markers, each newest first.
func mergeHistory(history []objectstore.Version) {
	var versions, markers []objectstore.Version
	for _, v := range history {
		if v.Marker {
			markers = append(markers, v)
		} else {
			versions = append(versions, v)
		}
	}
	for i := range history {
		if len(markers) == 0 || len(versions) > 0 && !newer(markers[0], versions[0]) {
			history[i], versions = versions[0], versions[1:]
		} else {
			history[i], markers = markers[0], markers[1:]
		}
	}
}

// newer tells whether a marker was made after a version of the same key. The
// current entry is the newest. Two ULIDs tell by themselves
// (github.com/ulid/spec). Otherwise the dates decide, in whole seconds, since
// not every server keeps more for both kinds.
func newer(marker, version objectstore.Version) bool {
	switch {
	case marker.Latest != version.Latest:
		return marker.Latest
	case isULID(marker.VersionID) && isULID(version.VersionID):
		return marker.VersionID > version.VersionID
	}
	return marker.Modified.Truncate(time.Second).After(version.Modified.Truncate(time.Second))
}

// isULID tells whether a version ID has the form of a ULID: 26 characters of
// Crockford's base 32.
func isULID(id string) bool {
	return len(id) == 26 && strings.Trim(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// markersLast tells whether the page looks as if it were grouped by type, so
// that the order of entries with equal times says nothing.
func markersLast(versions []objectstore.Version) bool {
	first := slices.IndexFunc(versions, func(v objectstore.Version) bool { return v.Marker })
	if first <= 0 {
		return false
	}
	return !slices.ContainsFunc(versions[first:], func(v objectstore.Version) bool { return !v.Marker })
}

// Uploads implements objectstore.Lister.
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		in := &s3.ListMultipartUploadsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl, MaxUploads: aws.Int32(pageKeys)}
		if prefix != "" {
			in.Prefix = &prefix
		}
		for {
			out, err := s.client.ListMultipartUploads(ctx, in, s3.WithAPIOptions(parseListing))
			if err != nil {
				yield(objectstore.Upload{}, s.fail("ListMultipartUploads", bucket, err))
				return
			}
			p, ok := out.ResultMetadata.Get(pageKey{}).(*page)
			if !ok {
				yield(objectstore.Upload{}, s.broken("ListMultipartUploads", bucket, errXML))
				return
			}
			for _, u := range p.uploads {
				if strings.HasPrefix(u.Key, prefix) && !yield(u, nil) {
					return
				}
			}
			if !p.truncated {
				return
			}
			if p.nextKey == aws.ToString(in.KeyMarker) && p.nextID == aws.ToString(in.UploadIdMarker) {
				yield(objectstore.Upload{}, s.broken("ListMultipartUploads", bucket, fmt.Errorf("%w: the next page begins where this one did", objectstore.ErrOrder)))
				return
			}
			in.KeyMarker, in.UploadIdMarker = &p.nextKey, &p.nextID
		}
	}
}

type pageKey struct{}

// parseListing reads the answer before the SDK does and leaves it an empty
// document.
func parseListing(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ResidencyListing", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if err != nil {
			return out, metadata, err
		}
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok || response.StatusCode != 200 {
			return out, metadata, nil
		}
		raw := bytes.NewBuffer(make([]byte, 0, min(max(response.ContentLength, 0), maxPage)+bytes.MinRead))
		if _, err := raw.ReadFrom(io.LimitReader(response.Body, maxPage+1)); err != nil {
			return out, metadata, fmt.Errorf("read listing: %w", err)
		}
		_ = response.Body.Close()
		if raw.Len() > maxPage {
			return out, metadata, fmt.Errorf("listing page above %d bytes", maxPage)
		}
		p, err := parsePage(raw.Bytes())
		if err != nil {
			return out, metadata, err
		}
		metadata.Set(pageKey{}, p)
		response.Body = io.NopCloser(strings.NewReader("<Result></Result>"))
		return out, metadata, nil
	}), middleware.After)
}

// parsePage reads a whole page or fails.
func parsePage(raw []byte) (*page, error) {
	p := &page{versions: make([]objectstore.Version, 0, bytes.Count(raw, []byte("<Key>")))}
	s := &scanner{buf: raw}
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case tokenText:
			continue
		case tokenStart:
			if p.rootClosed || !strings.HasSuffix(string(t.data), "Result") {
				return nil, fmt.Errorf("%w: unexpected <%s>", errXML, t.data)
			}
			if err := s.children(t.data, func(name []byte) error { return p.child(s, name) }); err != nil {
				return nil, err
			}
			p.rootClosed = true
			continue
		case tokenEOF:
			if !p.rootClosed {
				return nil, fmt.Errorf("%w: document ends early", errXML)
			}
			return p, p.decode()
		}
		return nil, fmt.Errorf("%w: unexpected end tag", errXML)
	}
}

func (p *page) child(s *scanner, name []byte) (err error) {
	switch string(name) {
	case "Version", "DeleteMarker", "Contents":
		err = p.version(s, name)
	case "Upload":
		var u objectstore.Upload
		err = s.children(name, func(field []byte) error { return uploadField(s, field, &u) })
		p.uploads = append(p.uploads, u)
	case "EncodingType":
		var text string
		text, err = s.element(name)
		p.encoded = text == "url"
	case "IsTruncated":
		var text string
		if text, err = s.element(name); err == nil {
			p.truncated, err = strconv.ParseBool(text)
		}
	case "NextKeyMarker":
		p.nextKey, err = s.element(name)
	case "NextVersionIdMarker", "NextUploadIdMarker":
		p.nextID, err = s.element(name)
	default:
		err = s.skip()
	}
	return err
}

func (p *page) version(s *scanner, name []byte) error {
	var before objectstore.Version // whose texts many have in common
	if n := len(p.versions); n > 0 {
		before = p.versions[n-1]
	}
	p.versions = append(p.versions, objectstore.Version{Marker: string(name) == "DeleteMarker", Latest: string(name) == "Contents"})
	v := &p.versions[len(p.versions)-1]
	for {
		field, more, err := s.child(name)
		if err != nil || !more {
			return err
		}
		if err := versionField(s, field, v, &before); err != nil {
			return err
		}
	}
}

func versionField(s *scanner, name []byte, v, before *objectstore.Version) (err error) {
	if string(name) == "RestoreStatus" {
		return s.children(name, func(field []byte) error { return restoreField(s, field, v) })
	}
	var text []byte
	switch string(name) {
	case "Key", "VersionId", "ETag", "StorageClass", "IsLatest", "Size", "LastModified":
		if text, err = s.text(name); err != nil {
			return err
		}
	default:
		return s.skip()
	}
	switch string(name) {
	case "Key":
		v.Key = string(text)
	case "VersionId":
		v.VersionID = same(before.VersionID, text)
	case "ETag":
		v.ETag = string(bytes.Trim(text, `"`))
	case "StorageClass":
		v.StorageClass = same(before.StorageClass, text)
	case "IsLatest":
		v.Latest = string(text) == "true"
	case "Size":
		v.Size, err = parseSize(text)
	case "LastModified":
		v.Modified, err = parseTime(text)
	}
	return err
}

// same returns what was read before if it is the same text.
func same(before string, text []byte) string {
	if string(text) == before {
		return before
	}
	return string(text)
}

// parseSize reads a number that is nearly always short and plain.
func parseSize(text []byte) (int64, error) {
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' || n > 1<<58 {
			return strconv.ParseInt(string(text), 10, 64)
		}
		n = 10*n + int64(c-'0')
	}
	if len(text) == 0 {
		return strconv.ParseInt("", 10, 64)
	}
	return n, nil
}

func parseTime(text []byte) (t time.Time, err error) {
	if t.UnmarshalText(text) == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339Nano, string(text))
}

func restoreField(s *scanner, name []byte, v *objectstore.Version) (err error) {
	switch string(name) {
	case "IsRestoreInProgress":
		var text string
		text, err = s.element(name)
		v.Restoring = text == "true"
	case "RestoreExpiryDate":
		v.Restored, err = timeField(s, name)
	default:
		err = s.skip()
	}
	return err
}

func uploadField(s *scanner, name []byte, u *objectstore.Upload) (err error) {
	switch string(name) {
	case "Key":
		u.Key, err = s.element(name)
	case "UploadId":
		u.UploadID, err = s.element(name)
	case "Initiated":
		u.Initiated, err = timeField(s, name)
	default:
		err = s.skip()
	}
	return err
}

func timeField(s *scanner, name []byte) (time.Time, error) {
	text, err := s.element(name)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, text)
}

// decode undoes encoding-type=url where the server says that it applied it.
func (p *page) decode() (err error) {
	for i := range p.versions {
		v := &p.versions[i]
		if v.VersionID == "" {
			v.VersionID = objectstore.NullVersion
		}
		if v.Key, err = p.key(v.Key); err != nil {
			return err
		}
		if v.Key == "" {
			return fmt.Errorf("%w: entry without a key", errXML)
		}
	}
	for i := range p.uploads {
		if p.uploads[i].Key, err = p.key(p.uploads[i].Key); err != nil {
			return err
		}
	}
	p.nextKey, err = p.key(p.nextKey)
	return err
}

func (p *page) key(k string) (string, error) {
	if !p.encoded || !strings.ContainsAny(k, "%+") {
		return k, nil
	}
	u, err := url.QueryUnescape(k)
	if err != nil {
		return "", fmt.Errorf("%w: key is not url-encoded", errXML)
	}
	return u, nil
}

// EncodesKeys tells whether listings of this endpoint escape keys when asked
// to. Without it, keys with characters that XML cannot hold are misread.
func (s *Store) EncodesKeys(ctx context.Context, bucket string) (bool, error) {
	p, err := s.versionsPage(ctx, bucket, &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(pageKeys)})
	if err != nil {
		return false, err
	}
	return p.encoded, nil
}
