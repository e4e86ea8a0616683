// Package listing reads one listing with many requests at once.
//
// A listing is a chain of pages: where one begins is known when the one before
// has come. On a link where a page takes 50 ms, a million entries take a
// minute of waiting. So the keys are cut into ranges, each read by requests of
// its own, and handed over in order: what comes out is what one chain of pages
// would have given, entry by entry.
//
// The ranges are half open, (after, until], and made by cutting one range in
// two at a key, so that they cover all keys and do not overlap. A range begins
// behind all versions of a key and ends behind all versions of one: no history
// is ever cut. That they also meet at the server is proven at each seam: the
// last page of the range before shows what comes next, and this must be what
// the range behind began with. Where it is not, because the server misreads
// the key that it was asked to begin behind or because somebody writes just
// there, the range is read again in sequence from the last entry handed over.
package listing

import (
	"context"
	"iter"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Marker is a place in a listing: behind all versions of Key, or, with a
// VersionID, behind that one. The zero value is the beginning.
type Marker struct{ Key, VersionID string }

// Page is one answer: entries in listing order, and where the next one begins.
type Page struct {
	Entries []objectstore.Version
	Next    Marker
	More    bool
}

// Pager asks for the page that begins behind a marker. It is called by many
// goroutines at once. It bears the prefix and the size of pages, and tries
// again what is worth it.
type Pager func(ctx context.Context, from Marker) (Page, error)

// Options tunes a listing.
type Options struct {
	// Now tells how long pages take. Without it one request is made at a time.
	Now func() time.Time
	// Workers bounds the requests in flight; default 80. It is reached only
	// where pages take long and more requests bring more pages.
	Workers int
	// Ahead bounds the pages that were read and not handed over; default 256.
	Ahead int
	// Cut proposes a key at which to cut (low, high], for tests of the ranges;
	// endless means that there is no high. Nil: by the keys seen.
	Cut func(low, high string, endless bool) (string, bool)
}

const (
	defaultWorkers = 80
	defaultAhead   = 256
	// alone is how many pages are read one by one, each when it is asked for,
	// before any is read ahead: most listings end there, and many readers stop.
	alone = 2
)

// Versions yields every entry behind the key after, in byte order of keys. It
// yields an error wrapping ErrOrder, and ends, if a key is out of order or does
// not begin with prefix, and the error of any request that failed. All its
// goroutines have ended when it returns.
func Versions(
	ctx context.Context,
	prefix, after string,
	fetch Pager,
	o Options,
) iter.Seq2[objectstore.Version, error] {
	if o.Workers <= 0 {
		o.Workers = defaultWorkers
	}
	if o.Ahead <= 0 {
		o.Ahead = defaultAhead
	}
	return func(yield func(objectstore.Version, error) bool) {
		out := output{prefix: prefix, yield: yield}
		first := &span{after: after, from: Marker{Key: after}, endless: true, position: after}
		var took time.Duration
		for range alone {
			page, err := timed(ctx, fetch, first.from, o.Now, &took)
			if err == nil {
				err = first.take(page)
			}
			if err != nil {
				out.fail(err)
				return
			}
			if !out.hand(first.pages) || first.done {
				return
			}
			first.pages = nil
		}
		ctx, cancel := context.WithCancel(ctx)
		c := newChain(prefix, first, out.last, took/alone, fetch, o)
		pages := make(chan []objectstore.Version)
		go c.run(ctx, pages)
		defer func() {
			cancel()
			for p := range pages { // closed when the last request has ended
				_ = p
			}
		}()
		for p := range pages {
			if !out.hand([][]objectstore.Version{p}) {
				return
			}
		}
		if c.err != nil {
			out.fail(c.err)
		}
	}
}

// timed makes one request and adds the time it took.
func timed(ctx context.Context, fetch Pager, from Marker, now func() time.Time, took *time.Duration) (Page, error) {
	if now == nil {
		return fetch(ctx, from)
	}
	begin := now()
	page, err := fetch(ctx, from)
	*took += now().Sub(begin)
	return page, err
}

// output hands entries over and checks what every deletion rests on.
type output struct {
	prefix string
	yield  func(objectstore.Version, error) bool
	last   objectstore.Version
}

// hand reports whether to go on.
func (o *output) hand(pages [][]objectstore.Version) bool {
	for _, page := range pages {
		for i := range page {
			if err := objectstore.Follows(o.last, page[i], o.prefix); err != nil {
				o.fail(err)
				return false
			}
			o.last = page[i]
			if !o.yield(page[i], nil) {
				return false
			}
		}
	}
	return true
}

func (o *output) fail(err error) { o.yield(objectstore.Version{}, err) }
