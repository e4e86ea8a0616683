package s3store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/lanrat/extsort"
	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// Some services list in an order of their own. What comes in byte order shows by itself
// that nothing was passed over between two pages; of such a listing that cannot be seen.
// So it is read twice, page by page, and what both have told must be the same: as many
// entries, and the same ones. The first is sorted here, in files where it is long, and
// handed over once the second has borne it out.

const (
	sortedAtOnce  = 20_000 // entries of a listing in memory; more go through files
	anyOrderTries = 3      // pairs of listings that may differ, as they do while others write
)

// anyOrder lists what a service tells in an order of its own, as Versions promises.
func (s *Store) anyOrder(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		l := &lister{Store: s, bucket: bucket, prefix: prefix, op: "ListObjectVersions", page: s.versionsPage}
		plain := s.plain(ctx, bucket)
		if plain {
			l.op, l.page = "ListObjectsV2", s.tokenPage
		}
		err := l.sorted(ctx, after, yield)
		if err == nil && plain {
			err = s.stillPlain(ctx, bucket)
		}
		if err != nil && !errors.Is(err, errEnough) {
			var answered *objectstore.Error
			if errors.Is(err, objectstore.ErrOrder) && !errors.As(err, &answered) {
				err = s.broken(l.op, bucket, err)
			}
			yield(objectstore.Version{}, err)
		}
	}
}

// errEnough ends a listing of which no more is wanted.
var errEnough = errors.New("no more is wanted")

// listed is an entry as a listing has told it.
type listed struct {
	Version objectstore.Version
	Key     []byte // the version's: JSON cannot hold all
	Place   int64  // in the listing
	Odd     bool   // its key is not known
}

func (e listed) encode() ([]byte, error) {
	e.Key, e.Version.Key = []byte(e.Version.Key), ""
	return json.Marshal(e)
}

func decodeListed(data []byte) (e listed, err error) {
	err = json.Unmarshal(data, &e)
	e.Version.Key, e.Key = string(e.Key), nil
	return e, err
}

// before orders by key, and a key's entries as they were told.
func (e listed) before(other listed) int {
	if c := strings.Compare(e.Version.Key, other.Version.Key); c != 0 {
		return c
	}
	return int(min(max(e.Place-other.Place, -1), 1))
}

// told sums up a listing, whatever its order.
type told struct {
	n   int64
	sum [4]uint64 // of the SHA-256 of each entry, in four lanes
}

func (t *told) add(e listed) error {
	e.Place = 0
	data, err := e.encode()
	if err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	for i := range t.sum {
		t.sum[i] += binary.BigEndian.Uint64(digest[8*i:])
	}
	t.n++
	return nil
}

// sorted hands over, in order, what two listings that follow one another have both told.
func (l *lister) sorted(ctx context.Context, after string, yield func(objectstore.Version, error) bool) error {
	for try := 1; ; try++ {
		first, second, err := l.twice(ctx, after, yield)
		if err != nil || first == second {
			return err
		}
		if try == anyOrderTries {
			return fmt.Errorf("%w: two listings in a row do not tell the same (%d entries, then %d)", objectstore.ErrOrder,
				first.n, second.n)
		}
	}
}

// twice lists two times, and hands over the first listing if the second has told the same.
func (l *lister) twice(
	ctx context.Context, after string, yield func(objectstore.Version, error) bool,
) (first, second told, err error) {
	ctx, cancel := context.WithCancel(ctx)
	in := make(chan listed)
	sorter, out, failed := extsort.Generic(in, decodeListed, listed.encode, listed.before,
		&extsort.Config{ChunkSize: sortedAtOnce, NumWorkers: 1, SortedChanBuffSize: pageKeys})
	defer func() { // the sorter ends with its context, and has removed its files then
		cancel()
		for more := true; more; {
			_, more = <-out
		}
		<-failed
	}()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		defer close(in)
		return l.told(reading, func(e listed) error {
			select {
			case in <- e:
				return first.add(e)
			case <-reading.Done():
				return reading.Err()
			}
		})
	})
	sorter.Sort(ctx) // returns when all was taken in, or before if it has failed
	stop()
	if err := g.Wait(); err != nil {
		select {
		case sorting := <-failed:
			return first, second, cmp.Or(sorting, err)
		default:
			return first, second, err
		}
	}
	if err := l.told(ctx, second.add); err != nil || first != second {
		return first, second, err
	}
	return first, second, l.handOver(out, failed, first.n, after, yield)
}

// handOver yields what was sorted, in the order that a listing has.
func (l *lister) handOver(
	sorted <-chan listed, failed <-chan error, n int64, after string, yield func(objectstore.Version, error) bool,
) error {
	var last objectstore.Version
	var history []objectstore.Version
	flush := func() error {
		sortPage(history)
		for i, v := range history {
			if err := objectstore.Follows(last, v, l.prefix); err != nil {
				return err
			}
			if v.Latest != (i == 0) { // dates say less: servers touch them
				return fmt.Errorf("%w: the current entry of a key is not told before its others", objectstore.ErrOrder)
			}
			last = v
			if v.Key > after && !yield(v, nil) {
				return errEnough
			}
		}
		history = history[:0]
		return nil
	}
	for e := range sorted {
		n--
		if e.Odd {
			if !yield(e.Version, l.unlistable(l.op, l.bucket)) {
				return errEnough
			}
			continue
		}
		if len(history) > 0 && history[0].Key != e.Version.Key {
			if err := flush(); err != nil {
				return err
			}
		}
		history = append(history, e.Version)
	}
	if err := <-failed; err != nil {
		return fmt.Errorf("sort the listing of %s: %w", l.bucket, err)
	}
	if n != 0 {
		return fmt.Errorf("sort the listing of %s: %d entries are missing", l.bucket, n)
	}
	return flush()
}

// told reads a listing page by page, in the order of the service.
func (l *lister) told(ctx context.Context, each func(listed) error) error {
	var from listing.Marker
	var course listing.Course
	var last objectstore.Version
	for place := int64(0); ; {
		p, err := l.page(ctx, l.bucket, l.prefix, from)
		if err != nil {
			return err
		}
		known, err := l.real(ctx, p)
		if err != nil {
			return err
		}
		for i, v := range p.versions {
			if i == 0 && v.Key == last.Key && v.VersionID == last.VersionID {
				continue // some servers take the marker as included
			}
			last = v
			odd := slices.Contains(p.doubtful, i) && !known[i]
			if err := each(listed{Version: v, Place: place, Odd: odd}); err != nil {
				return err
			}
			place++
		}
		if !p.truncated {
			return nil
		}
		if p.astray {
			return fmt.Errorf("%w: the next page starts behind a key that the server cannot represent", objectstore.ErrOrder)
		}
		next := listing.Marker{Key: p.nextKey, VersionID: p.nextID}
		if err := course.Advance(next, len(p.versions)); err != nil {
			return err
		}
		from = next
	}
}

// tokenPage asks for a page of objects. The next one is that which the service names.
func (s *Store) tokenPage(ctx context.Context, bucket, prefix string, from listing.Marker) (*page, error) {
	in := &s3.ListObjectsV2Input{}
	if from.VersionID != "" {
		in.ContinuationToken = &from.VersionID
	}
	return s.listObjects(ctx, bucket, prefix, in)
}
