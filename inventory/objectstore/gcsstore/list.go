package gcsstore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore"
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
		l := &lister{store: s, bucket: bucket, prefix: prefix, after: after, yield: yield}
		for o, err := range l.items(ctx) {
			if err == nil {
				err = l.take(o)
			}
			if errors.Is(err, errStop) {
				return
			}
			if err != nil {
				yield(objectstore.Version{}, err)
				return
			}
		}
		if err := l.flush(); err != nil && !errors.Is(err, errStop) {
			yield(objectstore.Version{}, err)
		}
	}
}

// errStop ends a listing that nobody wants more of.
var errStop = errors.New("stop")

// lister turns what the service lists into entries.
type lister struct {
	store                 *Store
	bucket, prefix, after string
	soft                  bool // what is deleted and kept, in place of versions
	yield                 func(objectstore.Version, error) bool

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

// items yields the service's entries page by page. A page may be empty and have others
// behind it (JSON API, "Objects: list", nextPageToken).
func (l *lister) items(ctx context.Context) iter.Seq2[*resource, error] {
	return func(yield func(*resource, error) bool) {
		s := l.store
		r := s.request("storage.objects.list", l.bucket, "GET", bucketPath(l.bucket)+"/o", query{
			"versions": "true", "maxResults": decimal(int64(s.pageSize)), "prefix": l.prefix,
			"startOffset": l.after, "fields": "nextPageToken,items(" + listFields + ")",
		})
		if l.soft {
			delete(r.query, "versions")
			r.query["softDeleted"] = "true"
			r.query["fields"] = "nextPageToken,items(" + listFields + ",hardDeleteTime)"
		}
		for {
			a, err := s.transport.send(ctx, r)
			if err != nil {
				yield(nil, err)
				return
			}
			p, err := parsePage(a.data)
			if err == nil && p.NextPageToken != "" && p.NextPageToken == r.query["pageToken"] {
				err = errToken
			}
			if err != nil {
				yield(nil, s.broken(r, err))
				return
			}
			for i := range p.Items {
				if !yield(&p.Items[i], nil) {
					return
				}
			}
			if p.NextPageToken == "" {
				return
			}
			r.query["pageToken"] = p.NextPageToken
		}
	}
}

// take takes the next entry of the service.
func (l *lister) take(o *resource) error {
	if l.after != "" && o.Name <= l.after {
		if o.Name < l.after {
			return l.wrong(objectstore.ErrKeyOrder)
		}
		return nil // the offset is included
	}
	if len(l.history) > 0 && l.history[0].Key != o.Name {
		if err := l.flush(); err != nil {
			return err
		}
	}
	v := o.version()
	if len(l.history) > 0 {
		v.Key = l.history[0].Key // kept once
	}
	l.history = append(l.history, entry{v, o.Generation, o.TimeDeleted})
	return nil
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
			return l.wrong(errTwice)
		case h[i].Latest:
			return l.wrong(errLive)
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
		return l.wrong(err)
	}
	l.last = v
	if !l.yield(v, nil) {
		return errStop
	}
	return nil
}

func (l *lister) wrong(err error) error {
	return &objectstore.Error{Op: "storage.objects.list", Bucket: l.store.where(l.bucket), Err: err}
}
