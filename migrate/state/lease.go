package state

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

const leaseFile = objectstore.LeaseFile

// A lease is renewed three times before it ends. Another run takes it over only
// when it has ended by a third of its term more, so that neither clocks nor the
// way of a request can be the reason.
const (
	leaseTerm   = 30 * time.Second
	dropTries   = 3               // of a lease that is taken away as an object
	releaseTime = 5 * time.Second // for giving a lease back, which must not hold up a stop
	maxTerm     = time.Hour       // that a record in the store is believed
	maxLease    = 64 << 10        // bytes that a record has at most
)

// leaseRecord is the lease as it lies in the store. Token grows with each
// taking: it tells later holders from earlier ones.
type leaseRecord struct {
	Schema  string    `json:"schema"`
	Holder  string    `json:"holder"`
	Nonce   string    `json:"nonce,omitempty"` // tells apart holders of one name
	Token   int64     `json:"token"`
	Expires time.Time `json:"expires"` // by the holder's clock; zero: given back
	Term    float64   `json:"term_seconds,omitempty"`
}

const leaseSchema = "residency/lease/1"

// ErrLeaseLost is the cause of a leased context that ended because the lease
// could not be renewed.
var ErrLeaseLost = remedy.New("the lease was lost",
	"check with residency status whether another run is active; if none is, run the same command again")

// free tells when a lease that lies in the store can be taken over. Where the
// store says when it was written and what time it is now, that decides, and no
// two machines' clocks are compared.
func (r leaseRecord) free(there objectstore.Info, now time.Time) (at time.Time, ok bool) {
	if r.Expires.IsZero() {
		return now, true
	}
	term := time.Duration(r.Term * float64(time.Second))
	if term <= 0 || there.Modified.IsZero() || there.Answered.IsZero() {
		at = r.Expires.Add(leaseTerm / 3)
		if term > 0 {
			at = r.Expires.Add(term / 3)
		}
		return at, !now.Before(at)
	}
	left := there.Modified.Add(term + term/3).Sub(there.Answered)
	return now.Add(left), left < 0 // times of answers are in whole seconds
}

// LeasedError is an ErrLeased that says who holds the lease, and until when
// unless it is renewed.
type LeasedError struct {
	Holder string
	Until  time.Time
}

func (e *LeasedError) Error() string {
	return fmt.Sprintf("%v: %s, until %s", ErrLeased, e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// Unwrap makes it an ErrLeased.
func (e *LeasedError) Unwrap() error { return ErrLeased }

func readLease(name string, data []byte) (leaseRecord, error) {
	var r leaseRecord
	if err := strict(data, &r); err != nil {
		return r, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	if r.Schema != leaseSchema || r.Token < 1 || r.Term < 0 || r.Term > maxTerm.Seconds() {
		return r, fmt.Errorf("%w: %s has schema %q, token %d, term %g s", ErrDamaged, name, r.Schema, r.Token, r.Term)
	}
	return r, nil
}

// Lease implements Home by conditional writes of one object. The leased context
// ends when the term does, counted from before the last renewal that succeeded.
// A run that stood still beyond its term is kept from sending anything by the
// context's fence, which looks at the clock before each piece of a request.
func (b *Bucket) Lease(ctx context.Context, plan string) (context.Context, func() error, error) {
	name := plan + "/" + leaseFile
	guard := objectstore.Guard{Absent: true}
	term := cmp.Or(b.Term, leaseTerm)
	record := leaseRecord{Schema: leaseSchema, Holder: b.Holder, Nonce: b.Nonce(), Token: 1, Term: term.Seconds()}
	var data []byte
	var there objectstore.Info
	err := b.retry(ctx, func() (err error) {
		data, there, err = b.get(ctx, name)
		return err
	})
	asked := b.Now()
	switch {
	case err == nil:
		held, err := b.readHeld(name, data, there)
		if err != nil {
			return nil, nil, err
		}
		if free, ok := held.free(there, asked); !ok && !slices.Contains(b.Ended, held.Holder) {
			return nil, nil, &LeasedError{held.Holder, free}
		}
		record.Token, guard = held.Token+1, there.Current()
	case !errors.Is(err, ErrNotFound):
		return nil, nil, err
	}
	l := &lease{bucket: b, name: name, record: record, term: term}
	l.extend(asked.Add(term))
	if err := b.retry(ctx, func() error { return l.write(ctx, asked, guard) }); err != nil {
		if !errors.Is(err, objectstore.ErrPrecondition) {
			return nil, nil, err
		}
		if !l.ours(ctx) {
			return nil, nil, fmt.Errorf("%w: another run took it at the same moment", ErrLeased)
		}
	}
	if err := l.guarded(ctx); err != nil {
		return nil, nil, errors.Join(err, l.release(context.WithoutCancel(ctx)))
	}
	leased, cancel := context.WithCancelCause(ctx)
	keeping, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.keep(keeping, cancel)
	}()
	fenced := objectstore.WithFence(leased, func() error { return l.check(cancel) })
	return fenced, func() error {
		stop()
		<-done
		lost := context.Cause(leased)
		cancel(nil)
		if errors.Is(lost, ErrLeaseLost) {
			return lost
		}
		return l.release(context.WithoutCancel(ctx))
	}, nil
}

// ErrUnguarded reports a state whose service does not compare the conditions of writes, so
// that nothing keeps two runs apart.
var ErrUnguarded = remedy.New("the service that has the state does not compare conditions of writes (If-None-Match), "+
	"without which two runs cannot be kept apart",
	"keep the state in a directory, or in a bucket of a service that compares them")

// guarded tries whether the lease that was just written can be written over by whoever says
// that there is none. What a plan reserves at its destination is tried by a probe.
func (l *lease) guarded(ctx context.Context) error {
	if l.bucket.Reserves || objectstore.CapabilitiesOf(l.bucket.Store).ConditionsWrites {
		return nil
	}
	var w objectstore.Written
	err := l.bucket.retry(ctx, func() (err error) {
		w, err = l.bucket.put(ctx, l.name, l.encode(), objectstore.Guard{Absent: true})
		return err
	})
	switch {
	case errors.Is(err, objectstore.ErrPrecondition):
		return nil
	case err != nil:
		return err
	}
	l.held = w.Current()
	return ErrUnguarded
}

// readHeld reads somebody's lease.
func (b *Bucket) readHeld(name string, data []byte, there objectstore.Info) (leaseRecord, error) {
	held, err := readLease(name, data)
	if err != nil && b.Reserves {
		return leaseRecord{Holder: "a record that cannot be read", Token: 1, Term: leaseTerm.Seconds(),
			Expires: there.Modified.Add(leaseTerm)}, nil
	}
	return held, err
}

// Leased tells whether a lease is held under a name, by ErrLeased with who holds
// it and until when; nil if there is none, or one that has ended.
func (b *Bucket) Leased(ctx context.Context, plan string) error {
	name := plan + "/" + leaseFile
	var data []byte
	var there objectstore.Info
	err := b.retry(ctx, func() (err error) {
		data, there, err = b.get(ctx, name)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	held, err := b.readHeld(name, data, there)
	if err != nil {
		return err
	}
	if free, ok := held.free(there, b.Now()); !ok {
		return &LeasedError{held.Holder, free}
	}
	return nil
}

// Lease is one that lies in a store.
type Lease struct {
	Holder string
	Until  time.Time // when it ends unless it is renewed, or has ended
	Held   bool
}

// ReadLease reads the lease that a version of an object holds, ErrDamaged if that
// is none.
func ReadLease(ctx context.Context, store Store, ref objectstore.Ref, now time.Time) (_ Lease, err error) {
	o, err := store.Open(ctx, ref, 0)
	if err != nil {
		return Lease{}, err
	}
	defer func() { err = errors.Join(err, o.Body.Close()) }()
	data, err := io.ReadAll(io.LimitReader(o.Body, maxLease+1))
	if err != nil {
		return Lease{}, err
	}
	record, err := readLease(ref.Key, data)
	if err != nil {
		return Lease{}, err
	}
	until, free := record.free(o.Info, now)
	return Lease{Holder: record.Holder, Until: until, Held: !free}, nil
}

// lease is one that is held. Its goroutine is the only user of its fields,
// ends apart, until it has ended.
type lease struct {
	bucket *Bucket
	name   string
	record leaseRecord
	held   objectstore.Guard
	term   time.Duration

	mu   sync.Mutex
	ends time.Time
}

// over tells whether the term has ended, by the clock on the wall, which goes on
// while the machine is suspended, or by the one that nobody can set back.
func (l *lease) over(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !now.Before(l.ends) || !now.Round(0).Before(l.ends.Round(0))
}

func (l *lease) left(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends.Sub(now)
}

func (l *lease) extend(ends time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = ends
}

var errStoodStill = fmt.Errorf("%w: this run was suspended, or could not reach the state, for longer than its term; "+
	"another may have taken over", ErrLeaseLost)

// check is the fence of everything that is done under the lease.
func (l *lease) check(cancel context.CancelCauseFunc) error {
	if l.over(l.bucket.Now()) {
		cancel(errStoodStill)
		return errStoodStill
	}
	return nil
}

func (l *lease) encode() []byte {
	data, err := json.Marshal(l.record)
	if err != nil {
		return nil // a struct of strings, numbers and a time always encodes
	}
	return data
}

// write makes the lease last a term from asked on.
func (l *lease) write(ctx context.Context, asked time.Time, guard objectstore.Guard) error {
	l.record.Expires = asked.Add(l.term).UTC()
	w, err := l.bucket.put(ctx, l.name, l.encode(), guard)
	if err == nil {
		l.held = w.Current()
		l.extend(asked.Add(l.term))
	}
	return err
}

// release gives the lease back, so that the next run need not wait. It is tried
// even if the run's context has ended, but not if the term has.
func (l *lease) release(ctx context.Context) error {
	if l.over(l.bucket.Now()) {
		return nil
	}
	bounded, stop := context.WithTimeout(ctx, releaseTime)
	defer stop()
	if l.bucket.Drop != nil {
		err := l.bucket.Drop(bounded)
		for try := 1; err != nil && bounded.Err() == nil && try < dropTries; try++ {
			err = l.bucket.Drop(bounded)
		}
		return err
	}
	l.record.Expires = time.Time{}
	_, err := l.bucket.put(bounded, l.name, l.encode(), l.held)
	if errors.Is(err, objectstore.ErrPrecondition) && l.ours(bounded) {
		// The renewal that the end of the run cut off had been done.
		_, err = l.bucket.put(bounded, l.name, l.encode(), l.held)
	}
	return err
}

// keep renews the lease until the context ends, and ends the run's when that
// fails for good. A renewal that failed is tried again sooner.
func (l *lease) keep(ctx context.Context, cancel context.CancelCauseFunc) {
	wait := l.term / 3
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.bucket.After(min(wait, max(l.left(l.bucket.Now()), 0))):
		}
		asked := l.bucket.Now()
		if l.check(cancel) != nil {
			return
		}
		bounded, stop := context.WithTimeout(ctx, min(l.term/3, l.left(asked)))
		err := l.write(bounded, asked, l.held)
		stop()
		wait = l.term / 3
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, objectstore.ErrPrecondition) && l.ours(ctx):
		case errors.Is(err, objectstore.ErrPrecondition):
			cancel(fmt.Errorf("%w: another run has taken it", ErrLeaseLost))
			return
		default:
			wait = l.term / 15
		}
	}
}

// ours tells whether the lease in the store is our own renewal, whose answer
// was lost.
func (l *lease) ours(ctx context.Context) bool {
	bounded, stop := context.WithTimeout(ctx, max(l.left(l.bucket.Now()), 0))
	defer stop()
	data, info, err := l.bucket.get(bounded, l.name)
	if err != nil {
		return false
	}
	there, err := readLease(l.name, data)
	if err != nil || there.Token != l.record.Token || there.Nonce != l.record.Nonce {
		return false
	}
	l.held = info.Current()
	return true
}
