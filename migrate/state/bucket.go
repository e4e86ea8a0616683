package state

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Store is what a Bucket needs of the object store that it lies in.
type Store interface {
	Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error)
	Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error)
	Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error]
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
}

// NewBucket returns the home at a location.
func NewBucket(store Store, at objectstore.Location, holder string) *Bucket {
	if at.Prefix != "" && !strings.HasSuffix(at.Prefix, "/") {
		at.Prefix += "/"
	}
	return &Bucket{Store: store, Location: at, Holder: holder, Now: time.Now, After: time.After}
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
		if err == nil || attempt+1 == attempts || ctx.Err() != nil || objectstore.Permanent(err) || errors.Is(err, ErrNotFound) {
			return err
		}
		select {
		case <-b.After(time.Second << attempt):
		case <-ctx.Done():
			return ctx.Err()
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

func (b *Bucket) get(ctx context.Context, name string) (data []byte, etag string, err error) {
	key, err := b.key(name)
	if err != nil {
		return nil, "", err
	}
	o, err := b.Store.Open(ctx, objectstore.Ref{Bucket: b.Location.Bucket, Key: key}, 0)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, "", fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read state: %w", err)
	}
	defer func() { err = errors.Join(err, o.Body.Close()) }()
	data, err = io.ReadAll(io.LimitReader(o.Body, maxDecoded+1))
	if err == nil && int64(len(data)) != o.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, "", fmt.Errorf("read state: %w", err)
	}
	return data, o.ETag, nil
}

func (b *Bucket) put(ctx context.Context, name string, data []byte, guard objectstore.Guard) (etag string, err error) {
	key, err := b.key(name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	w, err := b.Store.Put(ctx, objectstore.NewObject{Bucket: b.Location.Bucket, Key: key, Guard: guard, Attributes: objectstore.Attributes{ContentType: "application/octet-stream"}},
		objectstore.Body{Reader: bytes.NewReader(data), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	if err != nil {
		return "", fmt.Errorf("write state: %w", err)
	}
	return w.ETag, nil
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

const leaseFile = "lease.json"

// A lease is renewed three times before it ends. Another run takes it over
// only when it has ended by so much that clocks cannot be the reason.
const (
	leaseTerm  = 30 * time.Second
	leaseSkew  = 10 * time.Second
	leaseRenew = leaseTerm / 3

	releaseTime = 5 * time.Second // for giving a lease back, which must not hold up a stop
)

// leaseRecord is the lease as it lies in the store. Token grows with each
// taking: it tells later holders from earlier ones.
type leaseRecord struct {
	Schema  string    `json:"schema"`
	Holder  string    `json:"holder"`
	Token   int64     `json:"token"`
	Expires time.Time `json:"expires"`
}

// ErrLeaseLost is the cause of a leased context that ended because the lease
// could not be renewed.
var ErrLeaseLost = errors.New("the lease was lost")

// Lease implements Home by conditional writes of one object. The leased context
// ends when the term does, counted from before the last renewal that
// succeeded: a run that was frozen finds it ended.
func (b *Bucket) Lease(ctx context.Context, plan string) (context.Context, func() error, error) {
	name := plan + "/" + leaseFile
	guard := objectstore.Guard{Absent: true}
	record := leaseRecord{Schema: "residency/lease/1", Holder: b.Holder, Token: 1}
	asked := b.Now()
	data, etag, err := b.get(ctx, name)
	switch {
	case err == nil:
		var held leaseRecord
		if err := json.Unmarshal(data, &held); err != nil {
			return nil, nil, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
		}
		if free := held.Expires.Add(leaseSkew); asked.Before(free) {
			return nil, nil, fmt.Errorf("%w: %s, until %s", ErrLeased, held.Holder, free.UTC().Format(time.RFC3339))
		}
		record.Token, guard = held.Token+1, objectstore.Guard{ETag: etag}
	case !errors.Is(err, ErrNotFound):
		return nil, nil, err
	}
	l := &lease{bucket: b, name: name, record: record}
	if err := l.write(ctx, asked, guard); err != nil {
		if errors.Is(err, objectstore.ErrPrecondition) {
			err = fmt.Errorf("%w: another run took it at this moment", ErrLeased)
		}
		return nil, nil, err
	}
	leased, cancel := context.WithCancelCause(ctx)
	keeping, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.keep(keeping, cancel)
	}()
	return leased, func() error {
		stop()
		<-done
		lost := context.Cause(leased)
		cancel(nil)
		if errors.Is(lost, ErrLeaseLost) {
			return lost
		}
		// Given back, so that the next run need not wait; it must be tried even
		// if the run's context has ended.
		l.record.Expires = time.Time{}
		bounded, stopPut := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer stopPut()
		_, err := b.put(bounded, name, l.encode(), objectstore.Guard{ETag: l.etag})
		return err
	}, nil
}

// lease is one that is held. Its goroutine is the only user of its fields
// until it has ended.
type lease struct {
	bucket *Bucket
	name   string
	record leaseRecord
	etag   string
	ends   time.Time
}

func (l *lease) encode() []byte {
	data, err := json.Marshal(l.record)
	if err != nil {
		return nil // a struct of strings, a number and a time always encodes
	}
	return data
}

// write makes the lease last a term from asked on.
func (l *lease) write(ctx context.Context, asked time.Time, guard objectstore.Guard) error {
	l.record.Expires = asked.Add(leaseTerm).UTC()
	etag, err := l.bucket.put(ctx, l.name, l.encode(), guard)
	if err == nil {
		l.etag, l.ends = etag, asked.Add(leaseTerm)
	}
	return err
}

// keep renews the lease until the context ends, and ends the run's when that
// fails for good.
func (l *lease) keep(ctx context.Context, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.bucket.After(leaseRenew):
		}
		asked := l.bucket.Now()
		if !asked.Before(l.ends) {
			cancel(fmt.Errorf("%w: this run stood still beyond its term", ErrLeaseLost))
			return
		}
		bounded, stop := context.WithTimeout(ctx, l.ends.Sub(asked))
		err := l.write(bounded, asked, objectstore.Guard{ETag: l.etag})
		stop()
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, objectstore.ErrPrecondition) && l.ours(ctx):
		case errors.Is(err, objectstore.ErrPrecondition), !l.bucket.Now().Before(l.ends):
			cancel(fmt.Errorf("%w: %w", ErrLeaseLost, err))
			return
		}
	}
}

// ours tells whether the lease in the store is our own renewal, whose answer
// was lost.
func (l *lease) ours(ctx context.Context) bool {
	data, etag, err := l.bucket.get(ctx, l.name)
	var there leaseRecord
	if err != nil || json.Unmarshal(data, &there) != nil || there.Token != l.record.Token || there.Holder != l.record.Holder {
		return false
	}
	l.etag, l.ends = etag, there.Expires
	return true
}
