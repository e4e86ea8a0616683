package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/state"
)

// decideID gives the plan its digest, knowing the buckets that plans of this state
// made, and those that the lease of a run says a plan has made.
func (p *destinationReader) decideID(ctx context.Context, home state.Home) error {
	own := make(map[string]bool)
	records := make(map[string]*BucketRecord) // by plan
	ids, err := List(ctx, home)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !strings.HasPrefix(id, p.Customer+"-"+p.Destination.Code+"-") {
			continue
		}
		var r BucketRecord
		if err := state.GetJSON(ctx, home, id+"/"+BucketsFile, &r); err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		records[id] = &r
		for _, b := range r.Buckets {
			own[b.Bucket] = own[b.Bucket] || b.Made
		}
	}
	claims, err := p.claimants(ctx, own)
	if err != nil {
		return err
	}
	return p.identify(ctx, own, func(id string) (bool, error) {
		if len(claims) > 0 {
			others := func(who string) bool { return !strings.HasPrefix(who, LeaseHolder(id)) }
			return !slices.ContainsFunc(claims, others), nil
		}
		_, err := load(ctx, home, id)
		if errors.Is(err, state.ErrNotFound) {
			return false, nil
		}
		for _, m := range p.plan.Moves { // another plan's bucket is not this one's
			if _, known := own[m.Destination]; known && !m.Exists && records[id] != nil &&
				records[id].Find(m.Destination) == nil {
				return false, err
			}
		}
		return err == nil, err
	})
}

// claimants finds who has reserved the buckets that are there and that this state
// knows nothing of. Where that is the plan that is being made, an earlier run of
// it has made them, and its state is lost or elsewhere: they are added to own.
func (p *destinationReader) claimants(ctx context.Context, own map[string]bool) (claims []string, err error) {
	for _, m := range p.plan.Moves {
		if _, known := own[m.Destination]; known || !m.Exists {
			continue
		}
		who, err := Claimant(ctx, p.Stores(p.Destination.Provider, p.Destination.Code), m, p.Now)
		if err != nil {
			return nil, err
		}
		if who == "" {
			return nil, nil // others made this one: the plan is another
		}
		claims = append(claims, who)
	}
	for _, m := range p.plan.Moves {
		if _, known := own[m.Destination]; !known && m.Exists {
			own[m.Destination] = true
		}
	}
	return claims, nil
}

// Traces says what somebody did to a bucket since it is there, nothing if
// nobody did.
func Traces(ctx context.Context, store objectstore.Store, m Move) (string, error) {
	versioning, err := store.Versioning(ctx, m.Destination)
	if err != nil {
		return "", err
	}
	account := objectstore.CapabilitiesOf(store).NewBuckets.AccountVersioning
	if versioning != objectstore.Unversioned && !account && (!m.Lock || versioning != objectstore.Enabled) {
		return "it has versioning", nil
	}
	tags, err := store.BucketTags(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrDenied):
		return "its tags cannot be read", nil
	case err != nil && !errors.Is(err, objectstore.ErrNotOffered):
		return "", err
	case len(tags) > 0:
		return "it has tags", nil
	}
	for _, name := range []objectstore.Setting{
		objectstore.ObjectLock, objectstore.Policy, objectstore.CORS, objectstore.Website, objectstore.Lifecycle,
		objectstore.Replication,
	} {
		value, err := store.Setting(ctx, m.Destination, name)
		switch {
		case name == objectstore.ObjectLock && m.Lock && err == nil && value == nil:
			return "it has no object lock, which was requested", nil
		case errors.Is(err, objectstore.ErrNotOffered), err == nil && value == nil:
			continue
		case errors.Is(err, objectstore.ErrDenied):
			return fmt.Sprintf("its %s cannot be read", name), nil
		case err != nil:
			return "", fmt.Errorf("%s of %s: %w", name, m.Destination, err)
		}
		if name == objectstore.ObjectLock && m.Lock {
			if r, err := parity.ParseRetention(value); err == nil && r == (parity.Retention{}) {
				continue
			}
		}
		return fmt.Sprintf("it has %s", name), nil
	}
	for _, err := range store.Versions(ctx, m.Destination, "", "") {
		return "it is not empty", err
	}
	for _, err := range store.Uploads(ctx, m.Destination, "") {
		return "it has unfinished uploads", err
	}
	return "", nil
}

const (
	// BucketsFile is where it lies, under the plan's directory.
	BucketsFile = "buckets.json"
	// BucketsSchema is its.
	BucketsSchema = "residency/buckets/1"
)

// BucketRecord says which destination buckets a plan makes. Nothing else is
// configured by it.
type BucketRecord struct {
	Schema  string       `json:"schema"`
	Plan    string       `json:"plan_sha256"`
	Buckets []MadeBucket `json:"buckets"`
}

// MadeBucket is written before the bucket is asked for, and again when it was
// seen to be there and new.
type MadeBucket struct {
	Bucket string `json:"bucket"`
	Made   bool   `json:"made"`
	// Versioned is when its versioning was turned on, which takes a while to come into
	// force; zero: it was not, or is none of the plan's doing.
	Versioned time.Time `json:"versioned_at,omitzero"`
}

// Find is what is known of a bucket; nil if it is not the plan's.
func (r *BucketRecord) Find(bucket string) *MadeBucket {
	i := slices.IndexFunc(r.Buckets, func(b MadeBucket) bool { return b.Bucket == bucket })
	if i < 0 {
		return nil
	}
	return &r.Buckets[i]
}

// Has tells whether a move's bucket is one that the plan may write to: it was there
// when the plan was made, or is the plan's own.
func (r *BucketRecord) Has(m Move) bool {
	made := r.Find(m.Destination)
	return m.Exists || made != nil && made.Made
}

// LeaseHolder is how a lease at a destination names a plan; the ID of its reservation
// follows.
func LeaseHolder(plan string) string { return "plan " + plan + ", reservation " }

// Claimant names who has, or had when it was killed, the lease of a move's
// destination; nobody where there is none.
func Claimant(ctx context.Context, destination objectstore.Store, m Move, now time.Time) (string, error) {
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

// Numbered tells whether a version has an ID of its own.
func Numbered(versionID string) bool { return versionID != "" && versionID != objectstore.NullVersion }
