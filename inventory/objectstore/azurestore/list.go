package azurestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

const (
	listBlobs = "List Blobs"

	// maxHistory bounds the entries of one key, which are held until the last has come: the
	// service lists them oldest first.
	maxHistory = 200_000
	// maxEmpty bounds the empty pages in a row that say that there are more. The service
	// sends some where much was deleted ("Enumerating blob resources", continuation).
	maxEmpty = 10_000

	archive = "Archive"
)

// Permissions to read blobs ("Azure built-in roles for Storage", Storage Blob Data Reader).
const readBlobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"

var (
	errLongHistory = fmt.Errorf("%w: a key has more versions than are held at once", objectstore.ErrOrder)
	errEndless     = fmt.Errorf("%w: empty pages say without an end that there are more", objectstore.ErrOrder)
)

// Versions implements objectstore.Lister, by many requests at once. Snapshots are entries like versions.
// The service orders names by their UTF-16 code units, which is another order than that of bytes where a
// character beyond U+FFFF stands beside one from U+E000 on: such a container is an ErrKeyOrder.
func (s *Store) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		w := walk{prefix: prefix, last: objectstore.Version{Key: after}, yield: yield}
		for v, err := range s.entries(ctx, bucket, prefix, after, "snapshots,versions") {
			if err != nil {
				yield(objectstore.Version{}, err)
				return
			}
			if w.add(v); w.ended {
				break
			}
		}
		if !w.ended {
			w.flush()
		}
		if w.err != nil {
			yield(objectstore.Version{}, s.disordered(ctx, bucket, w.err))
		}
	}
}

// entries yields what a container lists behind a key, as it comes, by many requests at once.
func (s *Store) entries(
	ctx context.Context, bucket, prefix, after, include string,
) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		pages, err := s.pager(ctx, bucket, prefix, include)
		if err != nil {
			yield(objectstore.Version{}, err)
			return
		}
		o := listing.Options{Now: s.send.now, Workers: s.provider.listers, Ahead: max(1, maxAhead/s.provider.pageSize)}
		for v, err := range listing.Versions(ctx, prefix, after, pages, o) {
			if err != nil && !errors.As(err, new(*objectstore.Error)) {
				err = s.disordered(ctx, bucket, err)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// What a listing holds at most: so many requests' answers of 5 MB each, and so many entries that were
// read ahead of whoever takes them. That is 80,000 entries a second where a page takes one.
const (
	listers  = 16
	maxAhead = 160_000
)

// behind sets a page's marker apart from a version's ID.
const behind = "marker:"

// pager is what asks for the pages of a container. A page begins at the marker's key, not behind it.
func (s *Store) pager(ctx context.Context, bucket, prefix, include string) (listing.Pager, error) {
	a, container, err := s.bucket(ctx, listBlobs, bucket)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, from listing.Marker) (listing.Page, error) {
		p := s.pages(a, container, prefix, within(from.Key), include)
		if marker, ok := strings.CutPrefix(from.VersionID, behind); ok { // and not the ID of an entry
			p.marker = marker
		}
		page, err := p.next(ctx)
		if err != nil {
			return listing.Page{}, err
		}
		out := listing.Page{Entries: make([]objectstore.Version, len(page.blobs)), More: page.next != "",
			Next: listing.Marker{Key: from.Key, VersionID: behind + page.next}}
		for i := range page.blobs {
			out.Entries[i] = entry(&page.blobs[i])
		}
		return out, nil
	}, nil
}

// disordered makes an error of a listing in another order than that of bytes, which is the way of
// accounts with a hierarchical namespace.
func (s *Store) disordered(ctx context.Context, bucket string, err error) error {
	e := &objectstore.Error{Op: listBlobs, Bucket: s.where(bucket), Err: err}
	a, _, unknown := s.bucket(ctx, listBlobs, bucket)
	if !errors.Is(err, objectstore.ErrKeyOrder) || unknown != nil || !a.proven() {
		return e
	}
	if p, err := s.provider.arm.propertiesOf(ctx, a, bucket); err == nil && p.Properties.IsHnsEnabled {
		e.Hint = "the account has a hierarchical namespace, whose names are listed by folder; what is in such a container " +
			"is not moved"
	}
	return e
}

// walk hands on a listing key by key.
type walk struct {
	prefix  string
	history []objectstore.Version // of the key that is coming
	last    objectstore.Version   // that was handed on
	yield   func(objectstore.Version, error) bool
	ended   bool
	err     error // why it has ended, if nobody else has ended it
}

func (w *walk) fail(err error) { w.ended, w.err = true, err }

// add takes the next entry as it is listed.
func (w *walk) add(v objectstore.Version) {
	if len(w.history) > 0 && w.history[0].Key != v.Key {
		w.flush()
	}
	if len(w.history) == maxHistory {
		w.fail(errLongHistory)
		return
	}
	w.history = append(w.history, v)
}

// flush hands on the key that has come.
func (w *walk) flush() {
	entries, err := newestFirst(w.history)
	if err != nil {
		w.fail(err)
		return
	}
	for _, v := range entries {
		if err := objectstore.Follows(w.last, v, w.prefix); err != nil {
			w.fail(err)
			return
		}
		if w.last = v; !w.yield(v, nil) {
			w.ended = true
			return
		}
	}
	w.history = w.history[:0]
}

// within is what a key begins with before its first character from U+E000 on. Up to there the orders of
// bytes and of UTF-16 are one: what sorts after the key in either, begins with this or sorts after
// it in both.
func within(key string) string {
	for i, r := range key {
		if r >= 0xE000 { // what is no UTF-8 is U+FFFD here
			return key[:i]
		}
	}
	return key
}

// blobs yields a listing as it comes.
func (s *Store) blobs(ctx context.Context, bucket, prefix, include string) iter.Seq2[*blobItem, error] {
	return func(yield func(*blobItem, error) bool) {
		a, container, err := s.bucket(ctx, listBlobs, bucket)
		if err != nil {
			yield(nil, err)
			return
		}
		for p := s.pages(a, container, prefix, "", include); ; {
			page, err := p.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.blobs {
				if !yield(&page.blobs[i], nil) {
					return
				}
			}
			if p.marker == "" {
				return
			}
		}
	}
}

// blobPages is a listing page by page.
type blobPages struct {
	store     *Store
	account   *account
	container string
	query     url.Values
	marker    string // where the next page begins, in the service's own words; empty: at the first, or at none
	course    listing.Course
}

// pages begins a listing at a name, which is among what is listed (azblob 1.8.3,
// ListBlobsFlatOptions.StartFrom; service version 2026-02-06). Without it each look into a container
// would list all that is before.
func (s *Store) pages(a *account, container, prefix, from, include string) *blobPages {
	query := url.Values{"restype": {"container"}, "comp": {"list"}, "include": {include},
		"maxresults": {strconv.Itoa(s.provider.pageSize)}}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	if from > prefix {
		query.Set("startFrom", from)
	}
	return &blobPages{store: s, account: a, container: container, query: query}
}

// next asks for the next page that has entries, if there is one.
func (p *blobPages) next(ctx context.Context) (*blobPage, error) {
	var c *call
	for range maxEmpty {
		if p.marker != "" {
			p.query.Set("marker", p.marker)
		}
		c = p.store.dataCall(listBlobs, http.MethodGet, p.account, p.container, "", p.query, readBlobs)
		data, _, err := p.store.send.document(ctx, c, maxPage)
		if err != nil {
			return nil, err
		}
		page, err := parseBlobs(data, p.store.provider.pageSize)
		if err == nil && page.next != "" {
			err = p.course.Advance(listing.Marker{VersionID: page.next}, 1)
		}
		if err != nil {
			return nil, c.broken(err)
		}
		if p.marker = page.next; p.marker == "" || len(page.blobs) > 0 {
			return page, nil
		}
	}
	return nil, c.broken(errEndless)
}

// entry is a blob, version or snapshot as a listing shows it. Nothing in it is evidence of its bytes:
// an ETag counts changes, and a Content-MD5 is whatever the writer of a block list says ("Put
// Block List", x-ms-blob-content-md5), which looks the same as one that was checked.
func entry(b *blobItem) objectstore.Version {
	v := objectstore.Version{Key: b.name, VersionID: b.versionID, Size: b.size, ETag: b.etag,
		Modified: httpTime(b.modified), Latest: b.current || b.versionID == "" && b.snapshot == "",
		Content: new(objectstore.Content), Kind: kindOf(b.kind)}
	if sum, ok := parseMD5(b.contentMD5); ok && b.kind == "BlockBlob" {
		v.Content.Claimed = sum
	}
	if !b.inferred {
		v.StorageClass = b.tier
	}
	if b.tier == archive && b.archiveStatus != "" {
		v.Restore = &objectstore.Restore{Ongoing: true}
	}
	switch {
	case b.snapshot != "":
		v.VersionID, v.Latest = snapshotPrefix+b.snapshot, false
	case b.versionID == "":
		v.VersionID = objectstore.NullVersion
	}
	return v
}

// newestFirst orders the entries of one key, whose IDs are times of one form: what is current
// comes first, and before all others a marker where nothing is.
func newestFirst(history []objectstore.Version) ([]objectstore.Version, error) {
	if len(history) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(history, func(x, y objectstore.Version) int {
		if x.Latest != y.Latest {
			if x.Latest {
				return -1
			}
			return 1
		}
		return cmp.Or(-cmp.Compare(made(x), made(y)), cmp.Compare(x.VersionID, y.VersionID))
	})
	for i := range history[1:] {
		if history[i+1].Latest || history[i].VersionID == history[i+1].VersionID {
			return nil, fmt.Errorf("%w: two entries of a key are current, or the same", objectstore.ErrOrder)
		}
	}
	newest := history[0]
	if newest.Latest {
		return history, nil
	}
	marker := objectstore.Version{Key: newest.Key, VersionID: objectstore.MarkerOf(newest.VersionID), Marker: true,
		Latest: true, Modified: newest.Modified}
	return slices.Insert(history, 0, marker), nil
}

// made is when an entry was made, as its ID says.
func made(v objectstore.Version) string {
	if len(v.VersionID) > len(snapshotPrefix) && v.VersionID[:len(snapshotPrefix)] == snapshotPrefix {
		return v.VersionID[len(snapshotPrefix):]
	}
	return v.VersionID
}

// Uploads implements objectstore.Lister with the keys that have blocks and no blob. Blocks beside
// a blob show only when that is asked about them. The service gives a name one set of blocks, so
// the ID is that of our upload that the first is of, or foreignUpload.
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		for v, err := range s.entries(ctx, bucket, prefix, "", "uncommittedblobs") {
			if err != nil {
				yield(objectstore.Upload{}, err)
				return
			}
			if v.Size > 0 {
				continue // an uncommitted one has no bytes
			}
			u, there, err := s.upload(ctx, bucket, v)
			if err != nil {
				yield(objectstore.Upload{}, err)
				return
			}
			if there && !yield(u, nil) {
				return
			}
		}
	}
}

// upload looks whether a listed name is one of blocks alone: then there is no blob of it.
func (s *Store) upload(
	ctx context.Context, bucket string, v objectstore.Version,
) (u objectstore.Upload, there bool, err error) {
	_, err = s.Stat(ctx, objectstore.Ref{Bucket: bucket, Key: v.Key}, 0)
	switch {
	case errors.Is(err, objectstore.ErrCustomerKey):
		return u, false, nil // it is there
	case !errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrNoBucket):
		return u, false, err
	}
	blocks, err := s.uncommitted(ctx, bucket, v.Key)
	if err = gone(err); err != nil || len(blocks) == 0 {
		return u, false, err
	}
	u = objectstore.Upload{Key: v.Key, UploadID: foreignUpload, Initiated: v.Modified}
	if id, _, ok := blockOf(blocks[0].Name); ok {
		u.UploadID = id
	}
	return u, true, nil
}

// foreignUpload is the ID of blocks that somebody else has sent.
const foreignUpload = "uncommitted"

// ListsUploads implements objectstore.UploadLister.
func (s *Store) ListsUploads() bool { return true }

// httpTime reads a time of a header; zero if it is none.
func httpTime(text string) time.Time {
	t, err := http.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
