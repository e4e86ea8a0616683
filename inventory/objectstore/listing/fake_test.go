package listing_test

import (
	"context"
	"iter"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// bucket answers as S3 does, from entries in listing order.
type bucket struct {
	entries  []objectstore.Version
	size     int           // of pages
	delay    time.Duration // of each request
	requests atomic.Int64
	flying   atomic.Int64
	most     atomic.Int64
}

func (b *bucket) page(ctx context.Context, from listing.Marker) (listing.Page, error) {
	b.requests.Add(1)
	now := b.flying.Add(1)
	for {
		most := b.most.Load()
		if most >= now || b.most.CompareAndSwap(most, now) {
			break
		}
	}
	defer b.flying.Add(-1)
	if b.delay > 0 {
		select {
		case <-time.After(b.delay):
		case <-ctx.Done():
			return listing.Page{}, ctx.Err()
		}
	}
	return slice(b.entries, from, b.size), nil
}

func slice(entries []objectstore.Version, from listing.Marker, size int) listing.Page {
	start := sort.Search(len(entries), func(i int) bool { return entries[i].Key > from.Key })
	if from.VersionID != "" {
		start = sort.Search(len(entries), func(i int) bool { return entries[i].Key >= from.Key })
		for start < len(entries) && entries[start].Key == from.Key && entries[start].VersionID != from.VersionID {
			start++
		}
		start++
	}
	end := min(start+size, len(entries))
	p := listing.Page{Entries: slices.Clone(entries[start:end]), More: end < len(entries)}
	if p.More {
		last := entries[end-1]
		p.Next = listing.Marker{Key: last.Key, VersionID: last.VersionID}
	}
	return p
}

func objects(keys iter.Seq[string]) []objectstore.Version {
	sorted := slices.Sorted(keys)
	out := make([]objectstore.Version, 0, len(sorted))
	for _, k := range slices.Compact(sorted) {
		out = append(out, objectstore.Version{Key: k, VersionID: "v"})
	}
	return out
}

func collect(s iter.Seq2[objectstore.Version, error]) ([]objectstore.Version, error) {
	var out []objectstore.Version
	for v, err := range s {
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}
