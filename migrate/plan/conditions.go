package plan

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
)

// Seen recalls what endpoints were seen to do.
type Seen interface {
	Recall(ctx context.Context, endpoint string) (map[string]doctor.Sighting, error)
}

// UnguardedWrites is what a certificate says of writes without conditions.
const UnguardedWrites = "the destination's service was not asked to compare conditions of writes: right before each " +
	"write a request (HEAD) showed what was under its key; what others wrote there between the two was not seen"

const (
	ruleConditions = "conditional-writes"
	ruleUnguarded  = "unguarded-writes"
)

// conditions finds out whether the destination's service compares the conditions of
// writes, on which it rests that nothing is overwritten.
func (p *destinationReader) conditions(ctx context.Context) error {
	store := p.Stores(p.Destination.Provider, p.Destination.Code)
	vouched := objectstore.CapabilitiesOf(store).ConditionsWrites
	at := p.Destination.String()
	if p.UnguardedWrites {
		if vouched {
			p.block(Issue{Rule: ruleUnguarded, Location: at, Text: "the service compares conditions of writes, so that " +
				"nothing is gained by writing without", Remedy: "plan without --unguarded-writes"})
			return nil
		}
		p.warn(Issue{Rule: ruleUnguarded, Location: at, Text: "writes carry no conditions: right before each write " +
			"a request (HEAD) shows what is under its key. What others write there between the two, which for a large " +
			"object is as long as its upload takes, is not seen: in a bucket without versions the copy replaces it, in one " +
			"with versions it stays beneath the copy. Two runs that begin at the same moment are told apart after 5 s only",
			Remedy: "see that nobody else writes to the destination until the migration has ended"})
		return nil
	}
	if vouched || len(p.plan.Moves) == 0 {
		return nil
	}
	offered, as, err := p.offersConditions(ctx, store)
	if err != nil || offered {
		return err
	}
	p.block(Issue{Rule: ruleConditions, Location: at, Text: "the service takes no conditional writes " +
		"(If-None-Match)" + as +
		", without which a copy could overwrite what others have written",
		Remedy: "choose a destination on another service, or plan with --unguarded-writes, which looks at each key right " +
			"before it is written, and is weaker"})
	return nil
}

// offersConditions tells whether the service takes conditions, as it was seen within the
// last day, or as it answers now. What neither tells the run finds out before it copies.
func (p *destinationReader) offersConditions(
	ctx context.Context, store objectstore.Store,
) (offered bool, as string, err error) {
	if p.Seen != nil {
		seen, err := p.Seen.Recall(ctx, store.Endpoint())
		if err != nil {
			return false, "", fmt.Errorf("what is known of %s: %w", p.Destination, err)
		}
		if s, ok := seen[doctor.ConditionalWrites]; ok && p.Now.Sub(s.At) < doctor.MaxAge {
			return s.Outcome != doctor.NotOffered, " (as seen on " + s.At.UTC().Format("2006-01-02 15:04 UTC") + ")", nil
		}
	}
	bucket := p.plan.Moves[0].Destination
	for _, m := range p.plan.Moves {
		if m.Exists {
			bucket = m.Destination
		}
	}
	refused := RefusesConditions(ctx, store, bucket, nothingKey)
	return !refused, "", ctx.Err()
}

// noUpload is no upload's ID.
const noUpload = "residency-no-such-upload"

// RefusesConditions tells whether a service refuses to be asked for a conditional write.
// It is asked to complete an upload that does not exist, so that nothing is written
// whatever it does. Every other answer says nothing.
func RefusesConditions(ctx context.Context, store objectstore.Store, bucket, key string) bool {
	_, err := store.CompleteUpload(ctx,
		objectstore.NewObject{Bucket: bucket, Key: key, Guard: objectstore.Guard{Absent: true}},
		noUpload, []objectstore.Part{{Number: 1, ETag: objectstore.ImpossibleETag}}, objectstore.Checksum{})
	return errors.Is(err, objectstore.ErrNotOffered)
}
