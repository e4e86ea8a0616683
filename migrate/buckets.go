package migrate

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

const (
	bucketsFile   = "buckets.json"
	bucketsSchema = "residency/buckets/1"
)

// bucketRecord says which destination buckets a plan makes. Nothing else is
// configured by it.
type bucketRecord struct {
	Schema  string       `json:"schema"`
	Plan    string       `json:"plan_sha256"`
	Buckets []madeBucket `json:"buckets"`
}

// madeBucket is written before the bucket is asked for, and again when it was
// seen to be there and new.
type madeBucket struct {
	Bucket string `json:"bucket"`
	Made   bool   `json:"made"`
	// Versioned is when its versioning was turned on, which takes a while to come into
	// force; zero: it was not, or is none of the plan's doing.
	Versioned time.Time `json:"versioned_at,omitzero"`
}

func (r *bucketRecord) find(bucket string) *madeBucket {
	i := slices.IndexFunc(r.Buckets, func(b madeBucket) bool { return b.Bucket == bucket })
	if i < 0 {
		return nil
	}
	return &r.Buckets[i]
}

func (w *work) bucketRecord(ctx context.Context) (*bucketRecord, error) {
	r := new(bucketRecord)
	err := getJSON(ctx, w.Home, w.name(bucketsFile), r)
	if errors.Is(err, state.ErrNotFound) {
		return &bucketRecord{Schema: bucketsSchema, Plan: w.plan.Digest}, nil
	}
	if err == nil {
		err = w.belongs(bucketsFile, r.Schema, bucketsSchema, r.Plan)
	}
	return r, err
}

// has tells whether a move's bucket is one that the plan may write to: it was there
// when the plan was made, or is the plan's own.
func (r *bucketRecord) has(m Move) bool {
	made := r.find(m.Destination)
	return m.Exists || made != nil && made.Made
}

// saveBucket keeps that a bucket is to be made, or was.
func (w *work) saveBucket(ctx context.Context, r *bucketRecord, bucket string, made bool) error {
	b := r.find(bucket)
	if b == nil {
		r.Buckets = append(r.Buckets, madeBucket{Bucket: bucket})
		b = &r.Buckets[len(r.Buckets)-1]
	}
	b.Made = made
	return putJSON(ctx, w.Home, w.name(bucketsFile), r)
}

// settle gives the plan its digest, knowing the buckets that plans of this state
// made, and those that the lease of a run says a plan has made.
func (p *planner) settle(ctx context.Context, home state.Home) error {
	own := make(map[string]bool)
	records := make(map[string]*bucketRecord) // by plan
	ids, err := List(ctx, home)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !strings.HasPrefix(id, p.Customer+"-"+p.Destination.Code+"-") {
			continue
		}
		var r bucketRecord
		if err := getJSON(ctx, home, id+"/"+bucketsFile, &r); err != nil && !errors.Is(err, state.ErrNotFound) {
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
			others := func(who string) bool { return !strings.HasPrefix(who, holder(id)) }
			return !slices.ContainsFunc(claims, others), nil
		}
		_, err := load(ctx, home, id)
		if errors.Is(err, state.ErrNotFound) {
			return false, nil
		}
		for _, m := range p.plan.Moves { // another plan's bucket is not this one's
			if _, known := own[m.Destination]; known && !m.Exists && records[id] != nil && records[id].find(m.Destination) == nil {
				return false, err
			}
		}
		return err == nil, err
	})
}

// claimants finds who has reserved the buckets that are there and that this state
// knows nothing of. Where that is the plan that is being made, an earlier run of
// it has made them, and its state is lost or elsewhere: they are added to own.
func (p *planner) claimants(ctx context.Context, own map[string]bool) (claims []string, err error) {
	for _, m := range p.plan.Moves {
		if _, known := own[m.Destination]; known || !m.Exists {
			continue
		}
		who, err := claimant(ctx, p.Stores(p.Destination.Provider, p.Destination.Code), m, p.Now)
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

// changed refuses to go on with a plan whose ends are not what was approved.
func changed(format string, args ...any) error {
	return fmt.Errorf("%w: %s; make a new plan", ErrChanged, fmt.Sprintf(format, args...))
}

// sameEnds holds who answers, at either end, against the plan.
func (w *work) sameEnds(ctx context.Context) error {
	for _, planned := range w.plan.Ends() {
		now := w.Stores.located(ctx, planned)
		if now.Endpoint != planned.Endpoint {
			return changed("the endpoint of %s was %s, and is %s", planned, named(planned.Endpoint), named(now.Endpoint))
		}
		// To know the account later than at planning only makes requests stricter.
		if planned.Account != "" && now.Account != planned.Account {
			return changed("the account of %s was %s, and is %s", planned, planned.Account, named(now.Account))
		}
	}
	return w.owned(ctx)
}

func named(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// unchanged holds both ends, and the destination's buckets, against the plan,
// and returns which of those are the plan's own.
func (w *work) unchanged(ctx context.Context) (*bucketRecord, error) {
	if err := w.sameEnds(ctx); err != nil {
		return nil, err
	}
	record, err := w.bucketRecord(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range w.plan.Moves {
		if err := w.sameBucket(ctx, m, record); err != nil {
			return nil, err
		}
	}
	return record, nil
}

// bucketAt is a move's destination bucket, whole.
func (w *work) bucketAt(m Move) objectstore.Location {
	return w.plan.To(Move{Destination: m.Destination})
}

// sameBucket looks at one destination bucket again.
func (w *work) sameBucket(ctx context.Context, m Move, record *bucketRecord) error {
	at := w.bucketAt(m)
	region, err := w.destination().BucketRegion(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrNotFound) && m.Exists:
		return changed("the bucket %s was there, and is gone", at)
	case errors.Is(err, objectstore.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look at %s: %w", at, err)
	case region != "" && region != w.plan.Destination.Code:
		return changed("the bucket %s is in %s, not in %s", at, region, w.plan.Destination.Code)
	}
	if !m.Exists {
		made := record.find(m.Destination)
		switch {
		case made == nil:
			if err := w.adopt(ctx, m, record); err != nil {
				return err
			}
		case !made.Made:
			if err := w.take(ctx, m, record); err != nil {
				return err
			}
		}
	}
	l, err := existing(ctx, w.destination(), w.plan, m, w.Now())
	switch {
	case err != nil:
		return err
	case len(l.blockers) > 0:
		return changed("%s: %s", at, l.blockers[0].Text)
	case m.Found != nil && !m.Found.equal(l.adds):
		return changed("the default retention or encryption of the bucket %s is another", at)
	}
	return nil
}

// adopt takes a bucket for the plan's own that an earlier run of it has made, from
// a state that is not here: the lease there names the plan.
func (w *work) adopt(ctx context.Context, m Move, record *bucketRecord) error {
	who, err := claimant(ctx, w.destination(), m, w.Now())
	switch {
	case err != nil:
		return err
	case who == "":
		return changed("others have made the bucket %s", w.bucketAt(m))
	case !strings.HasPrefix(who, holder(w.plan.ID)):
		return changed("others have made the bucket %s, and %s has reserved it", w.bucketAt(m), who)
	}
	w.note("the bucket %s was made by an earlier run of this plan, from another state (%s)", w.bucketAt(m), who)
	return w.saveBucket(ctx, record, m.Destination, true)
}

// take holds a bucket that this plan asked for to be its own if it is as new
// ones are: the answer may have been lost, and others may have been faster.
func (w *work) take(ctx context.Context, m Move, record *bucketRecord) error {
	trace, err := traces(ctx, w.destination(), m)
	if err != nil {
		return err
	}
	if trace != "" {
		return changed("others have made the bucket %s, or used it since: %s", w.bucketAt(m), trace)
	}
	return w.saveBucket(ctx, record, m.Destination, true)
}

// traces says what somebody did to a bucket since it is there, nothing if
// nobody did.
func traces(ctx context.Context, store objectstore.Store, m Move) (string, error) {
	versioning, err := store.Versioning(ctx, m.Destination)
	if err != nil {
		return "", err
	}
	if versioning != objectstore.Unversioned && (!m.Lock || versioning != objectstore.Enabled) {
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
			return "it has no object lock, which was asked for", nil
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

// prepare makes a move's bucket where there is to be a new one, and gives it
// what the parity table says. What others made stays as it is.
func (w *work) prepare(ctx context.Context, m Move, record *bucketRecord) error {
	if m.Exists {
		return nil
	}
	store := w.destination()
	if _, err := store.BucketRegion(ctx, m.Destination); errors.Is(err, objectstore.ErrNotFound) {
		if err := w.saveBucket(ctx, record, m.Destination, false); err != nil {
			return err
		}
		if err := store.CreateBucket(ctx, m.Destination, m.Lock); err != nil {
			if err = taken(err); err != nil {
				return err
			}
		}
		if err := w.take(ctx, m, record); err != nil {
			return err
		}
		w.note("created bucket %s in %s", w.bucketAt(m), w.plan.Destination.Code)
	} else if err != nil {
		return err
	}
	if made := record.find(m.Destination); made == nil || !made.Made {
		return changed("others have made the bucket %s", w.bucketAt(m))
	}
	if m.Versioning != objectstore.Unversioned {
		now, err := store.Versioning(ctx, m.Destination)
		if err != nil {
			return err
		}
		made := record.find(m.Destination)
		if now != objectstore.Enabled {
			if err := store.SetVersioning(ctx, m.Destination, objectstore.Enabled); err != nil {
				return err
			}
			made.Versioned = w.Now().UTC()
			if err := putJSON(ctx, w.Home, w.name(bucketsFile), record); err != nil {
				return err
			}
		}
		w.settles(m, made.Versioned)
	}
	if len(m.Tags) > 0 {
		err := store.SetBucketTags(ctx, m.Destination, m.Tags)
		if err != nil && !errors.Is(err, objectstore.ErrNotOffered) {
			return err
		}
	}
	return w.apply(ctx, m, true)
}
