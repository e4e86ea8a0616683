package migrate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/state"
)

// relied refuses sources that a run of another plan is writing to at the moment.
func (w *work) relied(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		err := w.rivals(ctx, w.source(m), m.Bucket, m.Prefix, "")
		var held *state.LeasedError
		switch {
		case errors.As(err, &held) && strings.HasPrefix(held.Holder, holder(w.plan.ID)+w.reservation.ID+", "):
			return fmt.Errorf("%w: the lease written to %s shows in %s; nothing was erased", ErrCoupled, w.plan.To(m), m.From())
		case errors.Is(err, state.ErrLeased):
			return fmt.Errorf("%s is the destination of another migration, which is at work: %w", m.From(), err)
		case errors.Is(err, objectstore.ErrDenied) && m.Prefix != "":
			w.note("whether another migration is writing to %s at this moment could not be seen (access denied to keys that begin with %s)", m.From(), objectstore.LeasePrefix)
		case err != nil:
			return fmt.Errorf("look for reservations of %s: %w", m.From(), err)
		}
	}
	return nil
}

// leaseAt takes the lease of one move's destination. Where object lock could
// keep its versions for years none is taken, and the mark alone tells of others.
func (w *work) leaseAt(ctx context.Context, m Move) (context.Context, func() error, error) {
	store := w.destination()
	lock, err := w.objectLock(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	if m.Lock || lock != nil {
		return ctx, func() error { return nil }, nil
	}
	tidy := &tidyStore{Store: store}
	home := state.NewBucket(tidy, objectstore.Location{Provider: w.plan.Destination.Provider, Bucket: m.Destination},
		w.holder(len(w.reservation.Runs)-1))
	for i := range w.reservation.Runs[:len(w.reservation.Runs)-1] {
		home.Ended = append(home.Ended, w.holder(i))
	}
	home.Now, home.Nonce, home.Term, home.Reserves, home.Drop = w.Now, w.token, cmp.Or(w.LeaseTerm, reservationTerm), true, tidy.clear
	name := objectstore.LeaseName(m.Prefix)
	leased, end, err := home.Lease(ctx, name)
	var held *state.LeasedError
	if errors.As(err, &held) && strings.HasPrefix(held.Holder, holder(w.plan.ID)) && held.Until.Before(w.Now().Add(2*home.Term)) {
		// The same plan, from a state that is not here: a run that died, most
		// likely, and its lease ends by itself. If it goes on, it has renewed it.
		w.note("an earlier run of this plan, from another state, has reserved %s until %s; waiting for that", w.plan.To(m), held.Until.UTC().Format(time.RFC3339))
		if err := w.sleep(ctx, held.Until.Sub(w.Now())+time.Second); err != nil {
			return nil, nil, err
		}
		leased, end, err = home.Lease(ctx, name)
	}
	if err != nil {
		return nil, nil, err
	}
	// Ours is there before others' are looked for: of two that do both at once,
	// at least one sees the other.
	if err := w.rivals(leased, store, m.Destination, m.Prefix, name); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return leased, end, nil
}

// holder is how a lease at a destination names a plan; the ID of its reservation
// follows.
func holder(plan string) string { return "plan " + plan + ", reservation " }

// holder is how a lease at a destination names one of the plan's runs.
func (w *work) holder(run int) string {
	return holder(w.plan.ID) + w.reservation.ID + ", run " + w.reservation.Runs[run]
}

// claimant names who has, or had when it was killed, the lease of a move's
// destination; nobody where there is none.
func claimant(ctx context.Context, destination objectstore.Store, m Move, now time.Time) (string, error) {
	ref := objectstore.Ref{Bucket: m.Destination, Key: objectstore.LeaseName(m.Prefix) + "/" + objectstore.LeaseFile}
	l, err := state.ReadLease(ctx, destination, ref, now)
	switch {
	case errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrDenied), errors.Is(err, state.ErrDamaged):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for a reservation of %s: %w", m.Destination, err)
	}
	return l.Holder, nil
}

// rivals is as the function, and tries again what can be.
func (w *work) rivals(ctx context.Context, store objectstore.Store, bucket, prefix, own string) (err error) {
	failed := w.patient(ctx, func() error {
		if err = rivals(ctx, store, bucket, prefix, own, w.Now()); errors.Is(err, state.ErrLeased) {
			return nil // which is an answer
		}
		return err
	})
	return cmp.Or(failed, err)
}

// rivals looks for leases, apart from its own, of keys that overlap a prefix of a
// bucket. One that is held is a state.LeasedError.
func rivals(ctx context.Context, store objectstore.Store, bucket, prefix, own string, now time.Time) error {
	for v, err := range store.Versions(ctx, bucket, objectstore.LeasePrefix, "") {
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(v.Key, "/")
		if name == own || !v.Latest || v.Marker || !objectstore.IsLease(v.Key) {
			continue
		}
		reserved, ok := objectstore.LeaseOf(name)
		if !ok || !strings.HasPrefix(reserved, prefix) && !strings.HasPrefix(prefix, reserved) {
			continue // somebody's own key, or keys apart from ours
		}
		// Whatever lies there now: it may have been renewed since.
		l, err := state.ReadLease(ctx, store, objectstore.Ref{Bucket: bucket, Key: v.Key}, now)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue // given back meanwhile
		}
		if err != nil {
			return err
		}
		if l.Held {
			return &state.LeasedError{Holder: l.Holder, Until: l.Until}
		}
	}
	return nil
}

// tidyStore keeps the versions that renewals leave from gathering in a bucket
// that has versioning.
type tidyStore struct {
	objectstore.Store
	mu      sync.Mutex
	bucket  string
	key     string
	written objectstore.Written // last
	doubted [][sha256.Size]byte // what may have been written since, although the answer was an error
}

func (t *tidyStore) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	data, err := io.ReadAll(body.Reader)
	if err != nil {
		return objectstore.Written{}, err
	}
	body.Reader = bytes.NewReader(data)
	written, err := t.Store.Put(ctx, o, body)
	t.mu.Lock()
	t.bucket, t.key = o.Bucket, o.Key
	if err != nil {
		t.doubted = append(t.doubted, sha256.Sum256(data))
		t.mu.Unlock()
		return written, err
	}
	before := t.written
	t.written, t.doubted = written, nil // what may be there lies beneath
	t.mu.Unlock()
	if numbered(before.VersionID) {
		// One that stays for an error is taken by clear.
		_, _ = t.Store.Delete(ctx, o.Bucket, []objectstore.Deletion{{Key: o.Key, VersionID: before.VersionID}})
	}
	return written, nil
}

func numbered(versionID string) bool { return versionID != "" && versionID != objectstore.NullVersion }

// clear removes what was written last and what lies beneath, of renewals whose
// answer was lost, but nothing that came on top.
func (t *tidyStore) clear(ctx context.Context) error {
	t.mu.Lock()
	bucket, key, last, doubted := t.bucket, t.key, t.written, t.doubted
	t.mu.Unlock()
	if key == "" {
		return nil
	}
	beneath := false
	for v, err := range t.Store.Versions(ctx, bucket, key, "") {
		if err != nil {
			return err
		}
		if v.Key != key {
			continue
		}
		if !beneath {
			beneath = last.ETag != "" && (v.VersionID == last.VersionID || v.ETag == last.ETag)
		}
		if !beneath && !v.Marker && len(doubted) > 0 {
			if beneath, err = t.wrote(ctx, bucket, v, doubted); err != nil {
				return err
			}
		}
		if !beneath {
			continue
		}
		if err := removeVersion(ctx, t.Store, bucket, v); err != nil {
			return err
		}
	}
	return nil
}

// maxLease is more than any lease has, in bytes: what is larger is somebody's own.
const maxLease = 1 << 16

// wrote tells whether a version is one of those that may have been written. Each
// lease has a number of its own in it.
func (t *tidyStore) wrote(ctx context.Context, bucket string, v objectstore.Version, doubted [][sha256.Size]byte) (bool, error) {
	o, err := t.Store.Open(ctx, objectstore.Ref{Bucket: bucket, Key: v.Key, VersionID: v.VersionID}, 0)
	if errors.Is(err, objectstore.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer o.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(o.Body, maxLease)); err != nil {
		return false, err
	}
	return slices.Contains(doubted, [sha256.Size]byte(h.Sum(nil))), nil
}
