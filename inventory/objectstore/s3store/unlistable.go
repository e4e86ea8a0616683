package s3store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// XML cannot hold every key. Services escape keys when asked to; servers that do
// not (versitygw) put U+FFFD for each character that they cannot write. What is
// listed so may be another key's entry, it says nothing of its place in the order
// of keys, and a page that begins behind it would pass over what lies between.
//
// So a listing that meets U+FFFD goes on page by page. Each entry under such a key
// is asked for: a key may really have that character. And no page begins behind
// one, but behind the last key before it that is beyond doubt; what came behind
// that is read again.

// errDoubtful ends a listing by many requests at once.
var errDoubtful = errors.New("a key with U+FFFD")

// lister reads one listing of versions.
type lister struct {
	*Store
	bucket, prefix, op string
	page               func(ctx context.Context, bucket, prefix string, from listing.Marker) (*page, error)
}

// versions lists by many requests as long as no key is in doubt.
func (l *lister) versions(ctx context.Context, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		place := progress{before: after}
		for v, err := range listing.Versions(ctx, l.prefix, after, l.sure, listing.Options{Now: l.now, Workers: l.listers}) {
			if errors.Is(err, errDoubtful) {
				l.byPage(ctx, place, yield)
				return
			}
			place.saw(v)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// sure is a pager of pages without doubtful keys.
func (l *lister) sure(ctx context.Context, from listing.Marker) (listing.Page, error) {
	p, err := l.page(ctx, l.bucket, l.prefix, from)
	switch {
	case err != nil:
		return listing.Page{}, err
	case len(p.doubtful) > 0 || p.truncated && p.astray:
		return listing.Page{}, errDoubtful
	}
	if err := ascending(p.versions); err != nil {
		return listing.Page{}, err
	}
	sortPage(p.versions)
	next := listing.Marker{Key: p.nextKey, VersionID: p.nextID}
	return listing.Page{Entries: p.versions, More: p.truncated, Next: next}, nil
}

// progress is how far a listing has come.
type progress struct {
	before string              // the key behind which key was begun
	last   objectstore.Version // handed over last
	n      int                 // entries of its key that were handed over
}

func (p *progress) saw(v objectstore.Version) {
	if p.n > 0 && v.Key != p.last.Key {
		p.before, p.n = p.last.Key, 0
	}
	p.last = v
	p.n++
}

// passes tells whether an entry that is read again was handed over, in the order
// in which it was, and whether what was is there no more.
func (p *progress) passes(v objectstore.Version) (again, changed bool) {
	if p.n == 0 {
		return false, false
	}
	p.n--
	return true, v.Key != p.last.Key || p.n == 0 && v != p.last
}

// byPage goes on with a listing, page by page: from the key before the last, of
// whose history it passes over what was handed over.
func (l *lister) byPage(ctx context.Context, done progress, yield func(objectstore.Version, error) bool) {
	from := listing.Marker{Key: done.before}
	var last objectstore.Version
	var course listing.Course
	var again []objectstore.Version // unlistable entries that the next page may show once more
	for {
		p, odd, err := l.sifted(ctx, from)
		if err != nil {
			yield(objectstore.Version{}, err)
			return
		}
		for _, v := range p.versions {
			if from.VersionID == "" && v.Key <= from.Key || v == last {
				continue // some servers take the marker as included
			}
			err := objectstore.Follows(last, v, l.prefix)
			last = v
			if again, changed := done.passes(v); changed {
				err = fmt.Errorf("%w: it changed while it was read again", objectstore.ErrOrder)
			} else if again && err == nil {
				continue
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
		for _, v := range odd {
			if i := slices.Index(again, v); i >= 0 {
				again = slices.Delete(again, i, i+1)
			} else if !yield(v, l.unlistable(l.op, l.bucket)) {
				return
			}
		}
		if !p.truncated {
			if done.n > 0 {
				yield(objectstore.Version{}, fmt.Errorf("%w: it changed while it was read again", objectstore.ErrOrder))
			}
			return
		}
		again = nil
		if p.astray {
			again = odd
		}
		next := listing.Marker{Key: p.nextKey, VersionID: p.nextID}
		if err := course.Advance(next, len(p.versions)); err != nil {
			yield(objectstore.Version{}, err)
			return
		}
		from = next
	}
}

func (s *Store) unlistable(op, bucket string) error {
	return &objectstore.Error{Op: op, Bucket: s.provider + ":" + bucket, Kind: objectstore.ErrUnlistable,
		Err: errors.New("it writes U+FFFD for what its listings cannot represent, and the listed key does not exist")}
}

// sifted is a page in order, without the entries of which the key is not known.
// If it is astray, it was cut behind the last key that the next one can begin
// behind.
func (l *lister) sifted(ctx context.Context, from listing.Marker) (p *page, odd []objectstore.Version, err error) {
	if p, err = l.page(ctx, l.bucket, l.prefix, from); err != nil {
		return nil, nil, err
	}
	known, err := l.real(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	var kept []objectstore.Version
	var sure string                    // the last key beyond doubt
	var behind [2]*objectstore.Version // the entry behind, of each kind
	for i, v := range slices.Backward(p.versions) {
		doubt := slices.Contains(p.doubtful, i)
		next := behind[kindOf(v)]
		if doubt && (!known[i] || next != nil && (next.Key < v.Key || next.Key == v.Key && next.VersionID == v.VersionID)) {
			odd = append(odd, v) // something else, or it would have another place
			continue
		}
		if !doubt {
			sure = max(sure, v.Key)
		}
		kept = append(kept, v)
		behind[kindOf(v)] = &p.versions[i]
	}
	slices.Reverse(kept)
	slices.Reverse(odd)
	if p.truncated && p.astray {
		if sure < from.Key || sure == from.Key && from.VersionID == "" {
			return nil, nil, fmt.Errorf("%w: the next page can start after no key of this one, because all are listed with "+
				"U+FFFD, which the server writes for what it cannot represent", objectstore.ErrOrder)
		}
		kept = slices.DeleteFunc(kept, func(v objectstore.Version) bool { return v.Key > sure })
		p.nextKey, p.nextID = sure, ""
	}
	if err := ascending(kept); err != nil {
		return nil, nil, err
	}
	sortPage(kept)
	p.versions = kept
	return p, odd, nil
}

// askedAtOnce bounds the requests about the doubtful keys of one page.
const askedAtOnce = 8

// real finds out which of a page's doubtful entries are there as they are listed.
func (l *lister) real(ctx context.Context, p *page) (map[int]bool, error) {
	there := make([]bool, len(p.doubtful))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(askedAtOnce)
	for j, i := range p.doubtful {
		g.Go(func() (err error) {
			there[j], err = l.there(gctx, p.versions[i])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	known := make(map[int]bool, len(there))
	for j, i := range p.doubtful {
		known[i] = there[j]
	}
	return known, ctx.Err()
}

// there tells whether an entry is found under the key that it is listed with.
func (l *lister) there(ctx context.Context, v objectstore.Version) (bool, error) {
	ref := objectstore.Ref{Bucket: l.bucket, Key: v.Key, VersionID: v.VersionID}
	if l.op == "ListObjectsV2" {
		ref.VersionID = ""
	}
	info, err := l.Stat(ctx, ref, 0)
	switch {
	case err == nil:
		return !v.Marker && info.ETag == v.ETag && info.Size == v.Size, nil
	case v.Marker && errors.Is(err, objectstore.ErrMarker):
		return true, nil
	case errors.Is(err, objectstore.ErrNotFound):
		return false, nil
	}
	return false, fmt.Errorf("ask for a key that is listed with U+FFFD: %w", err)
}
