package gcsstore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// pageItems is the most that the service puts into one page (JSON API, "Objects: list",
// maxResults).
const pageItems = 1000

// Versions implements objectstore.Lister. Google has no delete markers: a key whose newest
// version is no longer live is listed with one on top that is made up, and has the ID
// "deleted:" and the generation below it. It is neither stored nor can it be deleted; without
// it a copy of the history would bring back what was deleted.
//
// One key's history is held at a time, because the service lists the oldest first.
func (s *Store) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		l := &lister{store: s, bucket: bucket, prefix: prefix, yield: yield}
		o := listing.Options{Now: s.now, Workers: s.listers}
		for v, err := range listing.Versions(ctx, prefix, after, l.behind, o) {
			if err == nil {
				err = l.take(v)
			}
			if errors.Is(err, errStop) {
				return
			}
			if err != nil {
				yield(objectstore.Version{}, l.wrong(err))
				return
			}
		}
		if err := l.flush(); err != nil && !errors.Is(err, errStop) {
			yield(objectstore.Version{}, l.wrong(err))
		}
	}
}

// errStop ends a listing that nobody wants more of.
var errStop = errors.New("stop")

// lister turns what the service lists into entries.
type lister struct {
	store          *Store
	bucket, prefix string
	yield          func(objectstore.Version, error) bool

	history []entry // of one key
	last    objectstore.Version
}

// entry is a version, and when it became noncurrent.
type entry struct {
	objectstore.Version
	generation int64
	deleted    time.Time
}

// listPage is one page of a listing.
type listPage struct {
	NextPageToken string     `json:"nextPageToken"`
	Items         []resource `json:"items"`
}

var (
	errToken  = fmt.Errorf("%w: a page has the token of the one before", objectstore.ErrOrder)
	errEmpty  = fmt.Errorf("%w: empty pages say without an end that there are more", objectstore.ErrOrder)
	errItem   = fmt.Errorf("%w: an entry has no name or no generation", objectstore.ErrOrder)
	errLive   = fmt.Errorf("%w: a version is live that is not the newest of its key", objectstore.ErrOrder)
	errTwice  = fmt.Errorf("%w: one version of a key appears twice", objectstore.ErrOrder)
	errEncode = fmt.Errorf("%w: a name in the listing is not valid Unicode", objectstore.ErrOrder)
)

// parsePage reads a page. Names that JSON cannot hold would come as others.
func parsePage(data []byte) (*listPage, error) {
	if !utf8.Valid(data) {
		return nil, errEncode
	}
	var p listPage
	if json.Unmarshal(data, &p) != nil {
		return nil, errJSON // the decoder's text may hold a key
	}
	surrogates := bytes.Contains(bytes.ToLower(data), []byte(`\ud`))
	for i := range p.Items {
		o := &p.Items[i]
		switch {
		case o.Name == "" || o.Generation <= 0 || o.Metageneration <= 0 || o.Size < 0:
			return nil, errItem
		case surrogates && strings.ContainsRune(o.Name, utf8.RuneError):
			return nil, errEncode
		}
	}
	return &p, nil
}

// maxEmpty is how many pages in a row may be empty and have others behind them (JSON API,
// "Objects: list", nextPageToken).
const maxEmpty = 1000

// pages is a listing page by page. Its query is that of the first.
type pages struct {
	store  *Store
	bucket string
	query  query
	course listing.Course
}

func (s *Store) pages(bucket, prefix, fields string, q query) *pages {
	q["maxResults"], q["prefix"] = decimal(int64(s.pageSize)), prefix
	q["fields"] = "nextPageToken,items(" + fields + ")"
	return &pages{store: s, bucket: bucket, query: q}
}

// next asks for the next page that has entries, if there is one.
func (p *pages) next(ctx context.Context) (page *listPage, err error) {
	for range maxEmpty {
		r := p.store.request("storage.objects.list", p.bucket, http.MethodGet, bucketPath(p.bucket)+"/o", p.query)
		a, err := p.store.transport.send(ctx, r)
		if err != nil {
			return nil, err
		}
		page, err := parsePage(a.data)
		if err == nil && page.NextPageToken != "" {
			err = p.course.Advance(listing.Marker{VersionID: page.NextPageToken}, 1)
		}
		if err != nil {
			return nil, p.store.broken(r, err)
		}
		if p.query["pageToken"] = page.NextPageToken; len(page.Items) > 0 || page.NextPageToken == "" {
			return page, nil
		}
	}
	return nil, &objectstore.Error{Op: "storage.objects.list", Bucket: p.store.where(p.bucket), Err: errEmpty}
}

// items yields what is on all pages, one by one.
func (p *pages) items(ctx context.Context) iter.Seq2[*resource, error] {
	return func(yield func(*resource, error) bool) {
		for {
			page, err := p.next(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Items {
				if !yield(&page.Items[i], nil) {
					return
				}
			}
			if page.NextPageToken == "" {
				return
			}
		}
	}
}

// tokens sets a page's token apart from a version's ID.
const tokens = "token:"

// behind is a listing.Pager. A page begins at the marker's key and not behind it, for what
// would be next to it is no name that the service has to take; what is too much is left out
// by whoever asked. The service could be told where to end as well (endOffset): but that it
// shows one entry more is what proves that ranges meet.
func (l *lister) behind(ctx context.Context, from listing.Marker) (listing.Page, error) {
	q := query{"versions": "true", "startOffset": from.Key}
	if token, ok := strings.CutPrefix(from.VersionID, tokens); ok {
		q["pageToken"] = token
	}
	p, err := l.store.pages(l.bucket, l.prefix, listFields, q).next(ctx)
	if err != nil {
		return listing.Page{}, err
	}
	out := listing.Page{Entries: make([]objectstore.Version, 0, len(p.Items)), More: p.NextPageToken != "",
		Next: listing.Marker{Key: from.Key, VersionID: tokens + p.NextPageToken}}
	for i := range p.Items {
		out.Entries = p.Items[i].entries(out.Entries)
	}
	return out, nil
}

// entries adds a version as the service has it, and behind one that is no longer live what
// tells since when.
func (o *resource) entries(to []objectstore.Version) []objectstore.Version {
	v := o.version()
	if to = append(to, v); v.Latest {
		return to
	}
	return append(to, objectstore.Version{Key: v.Key, VersionID: objectstore.MarkerOf(v.VersionID),
		Modified: o.TimeDeleted, Marker: true})
}

// take takes the next entry as it came.
func (l *lister) take(v objectstore.Version) error {
	if n := len(l.history); v.Marker {
		if n == 0 || l.history[n-1].VersionID != objectstore.Marked(v.VersionID) {
			return errItem
		}
		l.history[n-1].deleted = v.Modified
		return nil
	}
	if len(l.history) > 0 && l.history[0].Key != v.Key {
		if err := l.flush(); err != nil {
			return err
		}
	}
	if len(l.history) > 0 {
		v.Key = l.history[0].Key // kept once
	}
	generation, err := strconv.ParseInt(v.VersionID, 10, 64)
	l.history = append(l.history, entry{Version: v, generation: generation})
	return err
}

// flush yields the history of a key, newest first.
func (l *lister) flush() error {
	if len(l.history) == 0 {
		return nil
	}
	h := l.history
	slices.SortFunc(h, func(a, b entry) int { return cmp.Compare(b.generation, a.generation) })
	for i := 1; i < len(h); i++ {
		switch {
		case h[i].generation == h[i-1].generation:
			return errTwice
		case h[i].Latest:
			return errLive
		}
	}
	if !h[0].Latest {
		if err := l.pass(marker(h[0])); err != nil {
			return err
		}
	}
	for _, e := range h {
		if err := l.pass(e.Version); err != nil {
			return err
		}
	}
	clear(h)
	l.history = h[:0]
	return nil
}

// marker is what is made up above a version that is no longer live.
func marker(e entry) objectstore.Version {
	return objectstore.Version{Key: e.Key, VersionID: objectstore.MarkerOf(e.VersionID), Modified: e.deleted,
		Marker: true, Latest: true, Content: &objectstore.Content{}}
}

// pass checks an entry's place and yields it.
func (l *lister) pass(v objectstore.Version) error {
	if err := objectstore.Follows(l.last, v, l.prefix); err != nil {
		return err
	}
	l.last = v
	if !l.yield(v, nil) {
		return errStop
	}
	return nil
}

// wrong names the request that an error is of, unless that says so itself.
func (l *lister) wrong(err error) error {
	if errors.As(err, new(*objectstore.Error)) {
		return err
	}
	return &objectstore.Error{Op: "storage.objects.list", Bucket: l.store.where(l.bucket), Err: err}
}
