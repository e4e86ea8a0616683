// Package copier brings one key's history from a source to a destination, in
// order, and proves each entry.
//
// It looks before it writes and writes only under a guard, so that a history
// may be handed to it again after any failure: what the destination holds
// already is proven, not copied, and what is not ours is never overwritten.
package copier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// Source is what a copy reads.
type Source interface {
	objectstore.Reader
	Endpoint() string
}

// Destination is what a copy writes, and reads to verify.
type Destination interface {
	objectstore.Lister
	objectstore.Reader
	objectstore.Writer
	Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error)
	Endpoint() string
}

// Options tunes a Copier. The zero value selects the defaults.
type Options struct {
	Budget     *Budget                // memory for bodies; default 256 MiB
	Buffered   int64                  // bodies up to so many bytes are held whole; default 16 MiB
	Spare      Spare                  // places for further parts of one object; default 3 per object
	Attempts   int                    // per entry; default 6
	Backoff    time.Duration          // before the second attempt, doubling; default 200 ms
	Readback   bool                   // re-read both ends of every entry
	Versioning objectstore.Versioning // of the source bucket
	Enforced   bool                   // the destination was seen to refuse a wrong SHA-256
	Locked     bool                   // the source bucket has object lock
	Summed     bool                   // the destination takes no body without a checksum, as with object lock
	KMSKey     string                 // of the destination, for what is under a KMS key at the source
	Encryption string                 // that each write asks for; empty: none
	KMSDefault bool                   // the destination bucket encrypts under KMS by itself
	Retention  string                 // the mode that the plan says the destination gives to all by default
	Limits     objectstore.Limits     // of the destination; default: what it says of itself
	Opaque     bool                   // ETags of copies may differ from their sources', as under KMS and SSE-C
	AnyClass   bool                   // the storage class is left to the destination
	ACLs       bool                   // access control lists are in force at the source
	// the source says, to these credentials, how many tags a version has; else each is asked about
	TagsTold         bool
	UnversionedUntil time.Time    // until then copies may get no version ID, where they are to have one
	Compared         manifest.Key // whose copies are compared in full, whatever the service vouches for
	// the service was seen to carry attributes in a copy; default: what it says of itself
	Carries bool
	// each version that the service copies is asked for a website redirect, which no service copies
	Redirects bool
	// Streamed has bytes pass through this machine also where the service could copy by itself.
	Streamed bool
	Accounts bool   // both ends know the same accounts, so that grants to them can be carried
	Mark     string // an unfinished upload at the destination that is no copy, whatever its key
	Now      func() time.Time
	Sleep    func(context.Context, time.Duration) error
	Random   func(n int64) int64 // from 0 to below n
	// Uploads remembers uploads that were begun; nil: each begins anew.
	Uploads Uploads
	// Copied is told of each body's bytes as they arrive at the destination; of
	// fewer than none if what had arrived is given up and sent again.
	Copied func(bytes int64)
	// Retried is told of each failure that another attempt follows.
	Retried func(error)
}

// Copier copies histories from one bucket to another. It is safe for
// concurrent use on different keys.
type Copier struct {
	*ends
	proof    *prover
	streams  *streamer   // nil where the service copies everything by itself
	service  *serverSide // nil where it copies nothing
	refusals objectstore.Refusals
	// trailing tells that the destination keeps no delete marker beneath a version.
	trailing bool
	// markerIsPresence tells that the destination takes a delete marker for an
	// object that exists.
	markerIsPresence atomic.Bool
}

// ends are the two buckets, and what is said of copies between them.
type ends struct {
	Options
	source      Source
	destination Destination
	from, to    string // buckets
	// untold is how many versions were taken to have no tags because none were told of.
	untold atomic.Int64
	sum    string // the one algorithm that the destination compares; empty: any
	lowers bool   // the destination keeps names of metadata in lower case
	// some tells that the service copies some versions by itself: receipts say which.
	some bool
}

// New returns a Copier between two buckets. What the destination's service can copy by
// itself does not pass through this machine.
func New(source Source, from string, destination Destination, to string, o Options) *Copier {
	if o.Budget == nil {
		o.Budget = NewBudget(256 << 20)
	}
	if o.Buffered == 0 {
		o.Buffered = 16 << 20
	}
	if o.Limits == (objectstore.Limits{}) {
		o.Limits = objectstore.LimitsOf(destination)
	}
	if o.Attempts == 0 {
		o.Attempts = 6
	}
	if o.Backoff == 0 {
		o.Backoff = 200 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = objectstore.Sleep
	}
	if o.Random == nil {
		o.Random = rand.Int64N
	}
	if o.Copied == nil {
		o.Copied = func(int64) {}
	}
	if o.Retried == nil {
		o.Retried = func(error) {}
	}
	o.Carries = o.Carries || objectstore.CapabilitiesOf(destination).CarriesAttributes
	both := &ends{Options: o, source: source, destination: destination, from: from, to: to,
		sum: objectstore.CapabilitiesOf(destination).Sum, lowers: objectstore.CapabilitiesOf(destination).LowersNames}
	within := !o.Streamed && objectstore.CanCopy(source, destination)
	both.some = within && objectstore.CapabilitiesOf(destination).CopiesSome
	c := &Copier{ends: both, proof: &prover{both}, trailing: objectstore.CapabilitiesOf(destination).TrailingMarkers}
	uploads := &uploader{both}
	if within {
		c.service = &serverSide{ends: both, uploads: uploads}
	}
	if !within || both.some {
		c.streams = &streamer{ends: both, uploads: uploads}
	}
	return c
}

// ErrDrift reports that the source no longer has what the plan says.
var ErrDrift = errors.New("the source no longer has this entry as planned")

// errIncomplete reports a source that says that it does not tell everything.
var errIncomplete = errors.New("the source's answer is incomplete or altered")

// errLockLost reports a version that something keeps, of a bucket that does not say that its versions can be kept: the
// destination's bucket was made without locks.
var errLockLost = errors.New("it is under retention or a hold, which cannot be carried")

// errUnkept reports an entry that would take the place of the one before it. A source can say that it keeps no versions
// and have some from before (Azure, Google), or snapshots, and its destination is made as it says.
var errUnkept = fmt.Errorf("%w: the destination keeps no versions, and an older entry of this key is there",
	objectstore.ErrNotOffered)

// outage is how many times the attempts of an entry are made while nobody
// answers: about a minute. After that the run stops.
const outage = 2

// History copies one key's entries, oldest first, behind what the destination
// holds of them already (also oldest first). known are the receipts of the
// first entries where they are proven. It gives one receipt per entry, in order,
// as they come. An error means that the run must stop: the context ended, or
// every other entry would fail as well; what was given stands.
func (c *Copier) History(
	ctx context.Context, entries []manifest.Entry, held []objectstore.Version, known []receipt.Receipt,
	give func(receipt.Receipt) error,
) error {
	written, places := Written(entries, c.trailing)
	if places == nil {
		return c.written(ctx, entries, nil, held, known, give)
	}
	r := &recorder{copier: c, entries: entries, known: known, places: places, give: give}
	if len(written) == 0 {
		held, _ = Uncovered(written, held)
		return r.only(held)
	}
	if err := c.written(ctx, written, places, held, ofWritten(places, known), r.one); err != nil {
		return err
	}
	return r.until(len(entries))
}

// written is History of entries all of which the destination is to have, with their places in the
// history; nil if these are all there are.
func (c *Copier) written(
	ctx context.Context, entries []manifest.Entry, places []int, held []objectstore.Version, known []receipt.Receipt,
	give func(receipt.Receipt) error,
) error {
	if !hasPlaceholder(entries, held) {
		held, _ = Align(entries, held)
	}
	deleted := func(top int) bool { return Deletable(top, places, len(known)) }
	var previous receipt.Receipt
	for i, e := range entries {
		if i < len(known) {
			if err := give(known[i]); err != nil {
				return err
			}
			previous = known[i]
			continue
		}
		r, err := c.entry(ctx, e, i, previous, entries, held, deleted)
		if err != nil {
			return err
		}
		if err := give(r); err != nil {
			return err
		}
		if hasPlaceholder(entries, held) { // it was taken away
			held, _ = Align(entries, held[1:])
		}
		if r.Verdict == receipt.Failed || r.Verdict == receipt.Mismatch || r.Verdict == receipt.Unverifiable &&
			r.DestinationETag == "" {
			// What follows would stand on a gap in the history.
			for _, later := range entries[i+1:] {
				behind := c.newReceipt(later, verifier.Finding{Verdict: receipt.Failed,
					Reason: "an older entry of this key was not copied"})
				behind.Lasting, behind.Cause = r.Lasting, r.Cause
				if err := give(behind); err != nil {
					return err
				}
			}
			return nil
		}
		previous = r
	}
	return nil
}

// entry brings one entry across, trying again where that can help. Every
// attempt after the first begins with a look at the destination, because an
// answer that was lost says nothing about the deed.
func (c *Copier) entry(
	ctx context.Context, e manifest.Entry, at int, previous receipt.Receipt, entries []manifest.Entry,
	held []objectstore.Version, deleted func(top int) bool,
) (receipt.Receipt, error) {
	stale := false // held may be behind the destination
	var own *wrote // what an attempt has written and could not prove
	for attempt := 1; ; attempt++ {
		var err error
		if stale {
			held, err = objectstore.History(ctx, c.destination, c.to, string(e.Key))
		}
		if err == nil {
			held, err = c.withoutPlaceholder(ctx, entries, held)
			held, _ = Align(entries, held)
		}
		if err == nil {
			var r receipt.Receipt
			there, uncovered := held, false
			if deleted(len(held) - 1) {
				there, uncovered = Uncovered(entries, held)
			}
			if err = continues(entries, there, at, stale, c.Opaque); err == nil {
				if r, err = c.attempt(ctx, e, at, previous, there, uncovered && at == len(there)); err == nil {
					return r, c.refusals.Saw(nil)
				}
			}
		}
		errors.As(err, &own)
		switch {
		case ctx.Err() != nil:
			return receipt.Receipt{}, ctx.Err()
		case objectstore.Hopeless(err), errors.Is(err, ErrTagsHidden), errors.Is(err, ErrRedirect):
			return receipt.Receipt{}, err
		case objectstore.Outage(err) && attempt < outage*c.Attempts:
			// Worth more patience than what concerns this entry alone.
		case objectstore.Outage(err):
			return receipt.Receipt{}, fmt.Errorf("after %d attempts: %w", attempt, err)
		case errors.Is(err, objectstore.ErrCustomerKey), errors.Is(err, errIncomplete), errors.Is(err, errLockLost):
			r := c.newReceipt(e, verifier.Finding{Verdict: receipt.Unverifiable, Reason: err.Error()})
			r.Cause = receipt.CauseOf(err)
			return r, nil
		case attempt >= c.Attempts || !worthwhile(err, attempt):
			return c.failed(e, err, at, own, held), c.refusals.Saw(err)
		}
		stale = true
		c.Retried(err)
		if err := c.Sleep(ctx, c.backoff(attempt)); err != nil {
			return receipt.Receipt{}, err
		}
	}
}

// wrote is a failure after the destination has taken a copy.
type wrote struct {
	objectstore.Written
	err error
}

func (w *wrote) Error() string { return w.err.Error() }
func (w *wrote) Unwrap() error { return w.err }

// failed says what is at the destination all the same, so that it is not
// forgotten: what this run has written, or what it found there.
func (c *Copier) failed(e manifest.Entry, err error, at int, own *wrote, held []objectstore.Version) receipt.Receipt {
	r := c.newReceipt(e, verifier.Finding{Verdict: receipt.Failed, Reason: err.Error()})
	r.Lasting = errors.Is(err, receipt.ErrForeign) || errors.Is(err, receipt.ErrNoKey) || objectstore.Lasting(err)
	r.Cause = receipt.CauseOf(err)
	switch {
	case own != nil:
		record(&r, own.Written)
	case at < len(held) && Like(e, held[at], c.Opaque):
		r.DestinationVersionID, r.DestinationETag, r.Held = held[at].VersionID, held[at].ETag, true
	}
	return r
}

// worthwhile tells whether another attempt can help. A guard that held may
// have met our own write whose answer was lost, so the first time it is worth
// a look.
func worthwhile(err error, attempt int) bool {
	var refused *refusal
	if errors.As(err, &refused) && errors.Is(err, objectstore.ErrPrecondition) {
		return attempt == 1
	}
	return !objectstore.Permanent(err) && !errors.Is(err, receipt.ErrForeign) && !errors.Is(err, ErrDrift) &&
		!errors.Is(err, receipt.ErrNoKey)
}

// backoff is exponential with full jitter, at most 20 s.
func (c *Copier) backoff(attempt int) time.Duration {
	d := min(c.Backoff<<min(attempt-1, 16), 20*time.Second)
	return time.Duration(c.Random(int64(d) + 1))
}

// refusal marks an error of a write at the destination.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// attempt brings an entry across behind what the destination holds of its key, which may have been
// deleted there since.
func (c *Copier) attempt(
	ctx context.Context, e manifest.Entry, at int, previous receipt.Receipt, held []objectstore.Version, deleted bool,
) (receipt.Receipt, error) {
	if at < len(held) {
		r, err := c.proof.prove(ctx, e, held[at])
		if r.Verdict == receipt.Mismatch {
			r.Reason += ", which held this entry already"
		}
		return r, err
	}
	if at > 0 && c.Versioning == objectstore.Unversioned && previous.DestinationVersionID == objectstore.NullVersion {
		return receipt.Receipt{}, errUnkept
	}
	if e.Marker {
		r, err := c.mark(ctx, e, at, previous)
		if err == nil && previous.Marker && r.DestinationVersionID == previous.DestinationVersionID {
			// MinIO answers with the marker that is there.
			return c.newReceipt(e, verifier.Finding{Verdict: receipt.Mismatch,
				Reason: "the destination does not create a delete marker on top of a delete marker"}), nil
		}
		return r, err
	}
	guard := c.guard(at, previous)
	if deleted {
		guard = objectstore.Guard{Absent: true}
	}
	r, err := c.transfer(ctx, e, guard)
	if previous.Marker && errors.Is(err, objectstore.ErrPrecondition) {
		// Amazon S3 takes a delete marker for absence; some servers do not and
		// refuse. The next attempt looks whether our marker is still the newest.
		c.markerIsPresence.Store(true)
	}
	return r, err
}

// guard is the condition that keeps a write from going on top of anything but
// the entry before it.
func (c *Copier) guard(at int, previous receipt.Receipt) objectstore.Guard {
	switch {
	case at > 0 && previous.Marker && c.markerIsPresence.Load():
		// No condition fits. In a bucket with versions a write overwrites nothing.
		return objectstore.Guard{}
	case at == 0 || previous.Marker:
		return objectstore.Guard{Absent: true}
	}
	return objectstore.Guard{ETag: previous.DestinationETag, VersionID: previous.DestinationVersionID}
}

// continues tells whether what the destination holds can be the beginning of
// this history: the same kinds, sizes and, where both say something about
// content, ETags. Only what was listed after the earlier entries were copied
// must show them.
func continues(entries []manifest.Entry, held []objectstore.Version, at int, listedAfter, opaque bool) error {
	if len(held) > len(entries) {
		return fmt.Errorf("%w: %d entries where the source has %d", receipt.ErrForeign, len(held), len(entries))
	}
	if listedAfter && len(held) < at {
		return fmt.Errorf("%w: an entry that was copied is no longer there", receipt.ErrForeign)
	}
	for i, v := range held {
		if !Like(entries[i], v, opaque) {
			return receipt.ErrForeign
		}
	}
	return nil
}

// Align returns the part of what the destination holds of a key that stands
// beside its entries, oldest first, and how many older ones lie beneath. That is
// all of it and none, unless the newest it holds are exactly the entries: so it
// is where an earlier run has erased the oldest at the source and its state was
// lost.
func Align(entries []manifest.Entry, held []objectstore.Version) (aligned []objectstore.Version, beneath int) {
	beneath = len(held) - len(entries)
	if beneath <= 0 {
		return held, 0
	}
	for i := range entries {
		if !Same(entries[i], held[beneath+i]) {
			return held, 0
		}
	}
	return held[beneath:], beneath
}

// Like is Same, for entries whose ETags may say nothing of their content, as
// under KMS and SSE-C: then only reading can tell.
func Like(e manifest.Entry, v objectstore.Version, opaque bool) bool {
	return opaque && alike(e, v) || Same(e, v)
}

// Same tells whether a version at the destination can be a copy of an entry,
// as far as a listing shows.
func Same(e manifest.Entry, v objectstore.Version) bool {
	if !alike(e, v) {
		return false
	}
	// Two MD5s that differ are two contents; otherwise only reading can tell.
	theirs, ours := e.Sum(), v.Sum()
	return e.Marker || theirs.Value == ours.Value || e.Parts() != v.Parts() || !theirs.Comparable(ours, true)
}

func alike(e manifest.Entry, v objectstore.Version) bool {
	return string(e.Key) == v.Key && e.Marker == v.Marker && e.Size == v.Size
}

// at names what was written at the destination, which has versions where the source has.
func (c *ends) at(key manifest.Key, id, etag string) objectstore.Ref {
	return manifest.Ref(c.to, key, id, etag, c.Versioning)
}

func (c *ends) newReceipt(e manifest.Entry, f verifier.Finding) receipt.Receipt {
	return receipt.Receipt{
		Key: e.Key, VersionID: e.VersionID, Marker: e.Marker, Size: e.Size,
		Verdict: f.Verdict, Method: f.Method, Reason: f.Reason, Added: f.Added, At: c.Now().UTC(),
		TagsSHA256: f.Tags,
	}
}
