package simulation

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// store is one region as one process sees it: every request waits for its turn
// and may go wrong.
type store struct {
	*process
	side string // source or destination
	real *memstore.Store
}

var _ objectstore.Store = store{}

func (s store) Endpoint() string {
	if s.world.options.coupling.oneBucket {
		return s.side // two names, behind which one answers
	}
	return s.real.Endpoint()
}

// Capabilities is what a side says of itself. That it keeps the owner makes a fence possible
// also where a bucket had no policy; that it compares conditions of writes, that nobody asks.
func (s store) Capabilities() objectstore.Capabilities {
	return objectstore.Capabilities{KeepsOwner: true, ConditionsWrites: true,
		CountsTags: s.side == source && s.world.options.countsTags,
		CopiesSome: s.real.Capabilities().CopiesSome,
		NoMarkers:  s.real.Capabilities().NoMarkers, TrailingMarkers: s.real.Capabilities().TrailingMarkers,
		DeletesInSteps: s.real.Capabilities().DeletesInSteps, Sum: s.real.Capabilities().Sum}
}

// WriteBlocks are the service's, if it has any.
func (s store) WriteBlocks() objectstore.WriteBlocks {
	if s.world.options.noRules {
		return nil
	}
	return s.real.WriteBlocks()
}

// ask waits for a request's turn.
func (s store) ask(ctx context.Context, k kind, bucket, format string, args ...any) (*request, error) {
	r := &request{process: s.process, kind: k, name: s.side + " " + fmt.Sprintf(format, args...), bucket: bucket}
	return r, s.begin(ctx, r)
}

// body is an answer's body with what goes wrong with it.
func (s store) body(r *request, b io.ReadCloser) io.ReadCloser {
	if r.fault != truncated && r.fault != flipped {
		return b
	}
	data, _ := io.ReadAll(b) // it is in memory
	if len(data) > 0 && r.fault == truncated {
		return io.NopCloser(io.MultiReader(bytes.NewReader(data[:s.world.dice.below(len(data))]), failing{}))
	}
	return io.NopCloser(bytes.NewReader(s.flip(data)))
}

// flip changes one byte.
func (s store) flip(data []byte) []byte {
	data = bytes.Clone(data)
	if len(data) > 0 {
		data[s.world.dice.below(len(data))] ^= 0x20
	}
	return data
}

// failing is the end of a body that broke off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (s store) Open(ctx context.Context, at objectstore.Ref, part int) (*objectstore.Object, error) {
	r, err := s.ask(ctx, kindRead, at.Bucket, "open %s part %d", ref(at), part)
	if err != nil {
		return nil, err
	}
	if s.side == source {
		s.world.oracle.kept(s.process, at)
	}
	o, err := s.real.Open(ctx, at, part)
	if err == nil {
		o.Body = s.body(r, o.Body)
	}
	return o, s.leave(r, err)
}

func (s store) Stat(ctx context.Context, at objectstore.Ref, part int) (objectstore.Info, error) {
	r, err := s.ask(ctx, kindLook, at.Bucket, "stat %s part %d", ref(at), part)
	if err != nil {
		return objectstore.Info{}, err
	}
	s.looked[s.side+" "+at.Bucket+"/"+at.Key] = s.world.step
	i, err := s.real.Stat(ctx, at, part)
	return i, s.leave(r, err)
}

func (s store) Tags(ctx context.Context, at objectstore.Ref) ([]objectstore.Tag, error) {
	r, err := s.ask(ctx, kindLook, at.Bucket, "tags of %s", ref(at))
	if err != nil {
		return nil, err
	}
	if s.side == destination && s.phase() != "copying" {
		s.tagged[at.Bucket+"/"+at.Key] = s.world.step
	}
	tags, err := s.real.Tags(ctx, at)
	return tags, s.leave(r, err)
}

func (s store) Lock(ctx context.Context, at objectstore.Ref) (objectstore.Lock, error) {
	r, err := s.ask(ctx, kindLook, at.Bucket, "lock of %s", ref(at))
	if err != nil {
		return objectstore.Lock{}, err
	}
	lock, err := s.real.Lock(ctx, at)
	return lock, s.leave(r, err)
}

func (s store) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	loop, first := false, memstore.Marker{}
	return memstore.Walk(prefix, after, func(m memstore.Marker) ([]objectstore.Version, bool, error) {
		r, err := s.ask(ctx, kindPage, bucket, "list %s/%s after %q %s", bucket, prefix, m.Key, m.VersionID)
		if err != nil {
			return nil, false, err
		}
		if r.fault == looping {
			loop, first = true, m
		} else if loop && m != first {
			m = first
		}
		page, more, err := s.real.Page(ctx, bucket, prefix, m)
		if err == nil && loop && len(page) > 0 {
			return page, true, s.leave(r, nil)
		}
		if err == nil {
			hidden := ""
			page, hidden = s.disturb(r, page)
			s.show(bucket, prefix, m, page, more, hidden)
		}
		return page, more, s.leave(r, err)
	})
}

// show remembers what a page covered.
func (s store) show(bucket, prefix string, m memstore.Marker, page []objectstore.Version, more bool, hidden string) {
	seen := shown{side: s.side, bucket: bucket, after: m.Key, end: !more && prefix == "", step: s.world.step,
		hidden: hidden}
	if m.VersionID != "" {
		seen.after += "\x00" // the key itself was covered in part before
		if i := len(s.pages) - 1; i >= 0 && s.pages[i].last == m.Key {
			seen.after = s.pages[i].after
			seen.step = s.pages[i].step
			if s.pages[i].hidden == m.Key {
				seen.hidden = m.Key
			}
		}
	}
	switch {
	case !more:
		seen.last = prefix + "\xff"
	case len(page) > 0:
		seen.last = page[len(page)-1].Key
	}
	if seen.after < prefix {
		seen.after = prefix[:max(0, len(prefix)-1)]
	}
	s.pages = append(s.pages, seen)
}

// disturb spoils a page; it returns the key of what it leaves out.
func (s store) disturb(r *request, page []objectstore.Version) (spoiled []objectstore.Version, hidden string) {
	switch {
	case r.fault == hole && len(page) > 1:
		i := s.world.dice.below(len(page) - 1)
		return append(page[:i:i], page[i+1:]...), page[i].Key
	case r.fault == disordered && len(page) > 1 && page[0].Key != page[len(page)-1].Key:
		page[0], page[len(page)-1] = page[len(page)-1], page[0]
	}
	return page, ""
}

// Parts is what has arrived of an upload.
func (s store) Parts(ctx context.Context, bucket, key, uploadID string) ([]objectstore.Part, error) {
	r, err := s.ask(ctx, kindLook, bucket, "list parts of %s/%s", bucket, key)
	if err != nil {
		return nil, err
	}
	parts, err := s.real.Parts(ctx, bucket, key, uploadID)
	return parts, s.leave(r, err)
}

func (s store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		r, err := s.ask(ctx, kindUploads, bucket, "list uploads of %s/%s", bucket, prefix)
		var uploads []objectstore.Upload
		if err == nil {
			if s.side == source {
				s.uploadsSeen[bucket] = s.world.step
			}
			for u, listErr := range s.real.Uploads(ctx, bucket, prefix) {
				if err = listErr; err == nil {
					uploads = append(uploads, u)
				}
			}
			err = s.leave(r, err)
		}
		var course listing.Course
		for at := 0; ; at = 1 - at {
			for _, u := range uploads {
				if !yield(u, nil) {
					return
				}
			}
			if err != nil || r.fault != looping || len(uploads) == 0 {
				break
			}
			err = course.Advance(listing.Marker{Key: uploads[0].Key, VersionID: fmt.Sprint(at)}, len(uploads))
		}
		if err != nil {
			yield(objectstore.Upload{}, err)
		}
	}
}
