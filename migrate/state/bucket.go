package state

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Store is what a Bucket needs of the object store that it lies in.
type Store interface {
	Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error)
	Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error)
	Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error]
	Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error)
}

// Bucket is a Home in an object store. Every file is one object, written by one
// request: whole or not at all. The bucket must exist.
type Bucket struct {
	Store    Store
	Location objectstore.Location // its prefix ends in a slash, or is empty
	Holder   string               // who takes leases, as others shall read it
	Now      func() time.Time
	// After returns a channel that receives once, after the duration.
	After func(time.Duration) <-chan time.Time
	// Nonce returns a text that no other lease has; it tells this one's writes.
	Nonce func() string
	// Term is how long a lease lasts unless it is renewed; default 30 s.
	Term time.Duration
	// Reserves tells that leases are taken of a bucket for which others keep
	// their own state. One that cannot be read says nothing of a damaged state; it
	// counts as held until a term after it was written.
	Reserves bool
	// Ended are holders that are known to have ended. Their leases are taken over
	// at once.
	Ended []string
	// Drop removes the lease that is given back, instead of leaving its record;
	// nil: the record stays and says so.
	Drop func(ctx context.Context) error
}

// NewBucket returns the home at a location.
func NewBucket(store Store, at objectstore.Location, holder string) *Bucket {
	if at.Prefix != "" && !strings.HasSuffix(at.Prefix, "/") {
		at.Prefix += "/"
	}
	return &Bucket{Store: store, Location: at, Holder: holder, Now: time.Now, After: time.After, Nonce: rand.Text}
}

func (b *Bucket) String() string { return b.Location.String() }

func (b *Bucket) key(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	return b.Location.Prefix + name, nil
}

// attempts is how often a request is tried, with a second, two, four between.
const attempts = 4

// retry tries until an answer is final.
func (b *Bucket) retry(ctx context.Context, f func() error) error {
	for attempt := 0; ; attempt++ {
		err := f()
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx) // why, which the answer to a request does not know
		}
		if err == nil || attempt+1 == attempts || objectstore.Permanent(err) || errors.Is(err, ErrNotFound) ||
			errors.Is(err, errName) {
			return err
		}
		select {
		case <-b.After(time.Second << attempt):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Get implements Home.
func (b *Bucket) Get(ctx context.Context, name string) (data []byte, err error) {
	err = b.retry(ctx, func() (err error) {
		data, _, err = b.get(ctx, name)
		return err
	})
	return data, err
}

func (b *Bucket) get(ctx context.Context, name string) (data []byte, info objectstore.Info, err error) {
	key, err := b.key(name)
	if err != nil {
		return nil, info, err
	}
	o, err := b.Store.Open(ctx, objectstore.Ref{Bucket: b.Location.Bucket, Key: key}, 0)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, info, fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, info, fmt.Errorf("read state: %w", err)
	}
	defer func() { err = errors.Join(err, o.Body.Close()) }()
	data, err = io.ReadAll(io.LimitReader(o.Body, maxDecoded+1))
	if err == nil && int64(len(data)) != o.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, info, fmt.Errorf("read state: %w", err)
	}
	return data, o.Info, nil
}

func (b *Bucket) put(
	ctx context.Context, name string, data []byte, guard objectstore.Guard,
) (objectstore.Written, error) {
	key, err := b.key(name)
	if err != nil {
		return objectstore.Written{}, err
	}
	sum := sha256.Sum256(data)
	w, err := b.Store.Put(ctx, objectstore.NewObject{Bucket: b.Location.Bucket, Key: key, Guard: guard,
		Attributes: objectstore.Attributes{ContentType: "application/octet-stream"}},
		objectstore.Body{Reader: bytes.NewReader(data), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	switch {
	case errors.Is(err, objectstore.ErrNotOffered) && guard != (objectstore.Guard{}) && !b.Reserves:
		return w, fmt.Errorf("write state: %w: %w", ErrUnguarded, err)
	case err != nil:
		return w, fmt.Errorf("write state: %w", err)
	}
	return w, nil
}

// Put implements Home.
func (b *Bucket) Put(ctx context.Context, name string, data []byte) error {
	return b.retry(ctx, func() error {
		_, err := b.put(ctx, name, data, objectstore.Guard{})
		return err
	})
}

// PutIfAbsent implements Home.
func (b *Bucket) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	err := b.retry(ctx, func() error {
		_, err := b.put(ctx, name, data, objectstore.Guard{Absent: true})
		return err
	})
	if !errors.Is(err, objectstore.ErrPrecondition) {
		return err
	}
	// It may be our own, whose answer was lost.
	if there, err := b.Get(ctx, name); err == nil && bytes.Equal(there, data) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, ErrExists)
}

// List implements Home.
func (b *Bucket) List(ctx context.Context, prefix string) (names []string, err error) {
	err = b.retry(ctx, func() error {
		names = nil
		for v, err := range b.Store.Versions(ctx, b.Location.Bucket, b.Location.Prefix+prefix, "") {
			if err != nil {
				return fmt.Errorf("list state: %w", err)
			}
			if v.Latest && !v.Marker && !strings.HasSuffix(v.Key, "/"+leaseFile) {
				names = append(names, strings.TrimPrefix(v.Key, b.Location.Prefix))
			}
		}
		return nil
	})
	return names, err
}

// deletions is how many versions one request deletes.
const deletions = 1000

// Remove implements Home. Of a bucket with versions it removes them all.
func (b *Bucket) Remove(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(names))
	prefix := names[0]
	for _, name := range names {
		key, err := b.key(name)
		if err != nil {
			return err
		}
		wanted[key] = true
		for !strings.HasPrefix(name, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return b.retry(ctx, func() error {
		var gone []objectstore.Deletion
		for v, err := range b.Store.Versions(ctx, b.Location.Bucket, b.Location.Prefix+prefix, "") {
			if err != nil {
				return fmt.Errorf("list state: %w", err)
			}
			if wanted[v.Key] {
				gone = append(gone, objectstore.Deletion{Key: v.Key, VersionID: v.VersionID})
			}
		}
		for some := range slices.Chunk(gone, deletions) {
			results, err := b.Store.Delete(ctx, b.Location.Bucket, some)
			if err = errors.Join(append(results, err)...); err != nil {
				return fmt.Errorf("remove from state: %w", err)
			}
		}
		return nil
	})
}
