package migrate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/state"
)

const (
	fenceFile   = "fence.json"
	fenceSchema = "residency/fence/1"
)

// fenceRecord says which source buckets' policies deny writes, and what they
// were before.
type fenceRecord struct {
	Schema   string        `json:"schema"`
	At       time.Time     `json:"at"`
	Honoured bool          `json:"honoured"` // writes were seen to be denied
	Buckets  []fenceBucket `json:"buckets"`
}

type fenceBucket struct {
	Provider string          `json:"provider"`
	Region   string          `json:"region"`
	Bucket   string          `json:"bucket"`
	Before   json.RawMessage `json:"before,omitempty"` // the policy; none if absent
	Fenced   json.RawMessage `json:"fenced"`
}

func (b fenceBucket) String() string { return b.Provider + ":" + b.Bucket }

// fenced tells whether an earlier run has put up a fence that still stands. What
// it may have left of trying that is taken away: it would count as somebody's.
func (w *work) fenced(ctx context.Context) (bool, error) {
	record, err := w.fenceRecord(ctx)
	if err != nil || record.Schema == "" {
		return false, err
	}
	if err := w.dropProbes(ctx); err != nil || !record.Honoured {
		return false, err
	}
	gone, err := w.lookFence(ctx)
	if len(gone) > 0 {
		w.note("the fence that an earlier run has put up is not to be seen any more in the bucket policy of %s: writes there may not be denied", strings.Join(gone, ", "))
	}
	return len(gone) == 0, err
}

// lookFence reads the policies of the buckets that were fenced, and has the result
// name those that still have the statement. It returns the others: somebody has
// taken it away, or it is not to be seen.
func (w *work) lookFence(ctx context.Context) (gone []string, err error) {
	record, err := w.fenceRecord(ctx)
	if err != nil {
		return nil, err
	}
	w.result.Fence = []string{}
	if !record.Honoured {
		return nil, w.liftUntried(ctx, record)
	}
	for _, b := range record.Buckets {
		now, err := w.Stores(b.Provider, b.Region).Setting(ctx, b.Bucket, objectstore.Policy)
		if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) || errors.Is(err, objectstore.ErrNotFound) {
			gone = append(gone, b.String()+" (it cannot be read)")
			continue
		}
		stands := false
		if err == nil {
			stands, err = w.ownFence().In(now)
		}
		switch {
		case err != nil:
			return gone, fmt.Errorf("look at the fence of %s: %w", b, err)
		case stands:
			w.result.Fence = append(w.result.Fence, b.String())
		default:
			gone = append(gone, b.String())
		}
	}
	return gone, nil
}

// liftUntried takes away a fence of a run that ended before it saw whether it is
// honoured, and that no run after it has tried.
func (w *work) liftUntried(ctx context.Context, record fenceRecord) error {
	if len(record.Buckets) == 0 {
		return nil
	}
	err := w.liftFence(ctx, record)
	if errors.Is(err, objectstore.ErrDenied) {
		w.note("a run that ended early has put up a fence that nobody has tried, and it could not be taken away: %v; "+
			"take the statement ResidencyFence… from the bucket policy", err)
		return nil
	}
	return err
}

// dropProbes aborts uploads that were begun at the sources to try a fence.
func (w *work) dropProbes(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		for u, err := range w.source(m).Uploads(ctx, m.Bucket, m.Prefix+objectstore.ProbePrefix) {
			if err == nil {
				err = w.source(m).AbortUpload(ctx, m.Bucket, u.Key, u.UploadID)
			}
			if err != nil {
				return fmt.Errorf("abort what was begun to try the fence of %s: %w", m.From(), err)
			}
		}
	}
	return nil
}

func (w *work) fenceRecord(ctx context.Context) (fenceRecord, error) {
	var record fenceRecord
	err := getJSON(ctx, w.Home, w.name(fenceFile), &record)
	if errors.Is(err, state.ErrNotFound) {
		return record, nil
	}
	return record, err
}

// fence denies writes to what moves, by the source buckets' policies, and finds
// out whether that is honoured. Where it is not, the policies are put back and
// the run goes on without: what is written later is never erased.
func (w *work) fence(ctx context.Context) (bool, error) {
	record, err := w.fenceRecord(ctx)
	if err != nil {
		return false, err
	}
	if len(record.Buckets) == 0 || record.Honoured { // it stood, and was taken away
		if record, err = w.fencePlan(ctx); err != nil {
			return false, fmt.Errorf("fence: %w", err)
		}
		if err := putJSON(ctx, w.Home, w.name(fenceFile), record); err != nil {
			return false, err
		}
	}
	for _, b := range record.Buckets {
		if b.Before == nil && !keepsOwner(w.Stores(b.Provider, b.Region)) {
			return false, w.unfenceable(ctx, fenceRecord{}, b.String()+" has no policy, and beside one this service may not even let its owner in; give it one that permits what the plan needs")
		}
	}
	for i := range record.Buckets {
		b := &record.Buckets[i]
		err := w.putUp(ctx, b)
		if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) || errors.Is(err, objectstore.ErrRejected) {
			return false, w.unfenceable(ctx, record, err.Error())
		}
		if err != nil {
			return false, fmt.Errorf("fence %s: %w", b, err)
		}
	}
	for _, m := range w.plan.Moves {
		denied, err := w.denied(ctx, m)
		if err == nil && !denied {
			return false, w.unfenceable(ctx, record, "the endpoint goes on taking writes to "+m.From().String())
		}
		if err != nil {
			return false, fmt.Errorf("fence %s: %w", m.From(), err)
		}
	}
	record.Honoured = true
	w.result.Fence = []string{}
	for _, b := range record.Buckets {
		w.result.Fence = append(w.result.Fence, b.String())
	}
	w.note("fence: writes to %s are denied by the bucket policy now", strings.Join(w.result.Fence, ", "))
	return true, putJSON(ctx, w.Home, w.name(fenceFile), record)
}

// putUp gives a bucket its fenced policy, without what its service does not know.
func (w *work) putUp(ctx context.Context, b *fenceBucket) error {
	store := w.Stores(b.Provider, b.Region)
	err := store.SetSetting(ctx, b.Bucket, objectstore.Policy, b.Fenced)
	if !errors.Is(err, objectstore.ErrRejected) {
		return err
	}
	narrow := w.fenceOf(b.String())
	narrow.Narrow = true
	fenced, narrowErr := narrow.With(b.Before)
	if narrowErr != nil {
		return errors.Join(err, narrowErr)
	}
	b.Fenced = fenced
	return store.SetSetting(ctx, b.Bucket, objectstore.Policy, b.Fenced)
}

// fenceOf is this plan's fence of one bucket.
func (w *work) fenceOf(bucket string) parity.Fence {
	fence := w.ownFence()
	for _, m := range w.plan.Moves {
		if bucketName(m) == bucket {
			fence.Deletes = m.Versioning != objectstore.Unversioned
			fence.Resources = append(fence.Resources, "arn:"+partition(m.Source.Code)+":s3:::"+m.Bucket+"/"+m.Prefix+"*")
		}
	}
	return fence
}

// keepsOwner tells whether a service is known to let a bucket's owner in whatever
// its policy leaves unsaid. Some take a policy as all that is allowed: the first
// policy of a bucket would lock us out, for good.
func keepsOwner(store objectstore.Store) bool {
	k, ok := store.(interface{ KeepsOwner() bool })
	return ok && k.KeepsOwner()
}

func (w *work) unfenceable(ctx context.Context, record fenceRecord, why string) error {
	w.note("no fence: %s; what is written to the source from now on is left there", why)
	return w.liftFence(ctx, record)
}

// fencePlan works out the policies.
func (w *work) fencePlan(ctx context.Context) (fenceRecord, error) {
	record := fenceRecord{Schema: fenceSchema, At: w.Now().UTC()}
	for _, m := range w.plan.Moves {
		known := func(b fenceBucket) bool { return b.String() == bucketName(m) }
		if !slices.ContainsFunc(record.Buckets, known) {
			record.Buckets = append(record.Buckets, fenceBucket{Provider: m.Source.Provider, Region: m.Source.Code, Bucket: m.Bucket})
		}
	}
	for i := range record.Buckets {
		b := &record.Buckets[i]
		before, err := w.Stores(b.Provider, b.Region).Setting(ctx, b.Bucket, objectstore.Policy)
		if err != nil && !errors.Is(err, objectstore.ErrNotOffered) {
			return record, err
		}
		// One of our own is from a run that the state has forgotten.
		fence := w.fenceOf(b.String())
		if b.Before, err = fence.Without(before); err != nil {
			return record, fmt.Errorf("policy of %s: %w", b, err)
		}
		if b.Fenced, err = fence.With(before); err != nil {
			return record, fmt.Errorf("policy of %s: %w", b, err)
		}
	}
	return record, nil
}

// ownFence is this plan's, by its name.
func (w *work) ownFence() parity.Fence { return parity.Fence{Name: w.plan.Digest[:MinApproval]} }

// partition is that of a region in ARNs (AWS General Reference, "Amazon
// Resource Names"). Other services use Amazon's own.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "eusc-"):
		return "aws-eusc"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// A policy takes effect with delay, and not everywhere at once (IAM User Guide,
// "Troubleshooting IAM", changes are not always immediately visible): one refusal
// proves nothing. Writes are tried on several connections at once, and a fence counts
// as honoured when all were refused so many times in a row, with a pause between.
const (
	fenceConnections = 4
	fenceRounds      = 3
	fencePause       = 2 * time.Second
	// fenceTries is how often a write may be taken, with a second, two, four …
	// between, before a fence counts as not honoured.
	fenceTries = 4
)

// denied tells whether writes to a move's source are refused now.
func (w *work) denied(ctx context.Context, m Move) (bool, error) {
	for taken, refused := 0, 0; ; {
		all, err := w.refuses(ctx, m)
		if err != nil {
			return false, err
		}
		pause := fencePause
		if all {
			if refused++; refused == fenceRounds {
				return true, nil
			}
		} else {
			if taken == fenceTries {
				return false, nil
			}
			pause = time.Second << taken
			taken, refused = taken+1, 0
		}
		if err := w.sleep(ctx, pause); err != nil {
			return false, err
		}
	}
}

// refuses tells whether writes to a move's source are refused on several connections,
// by beginning uploads that are aborted at once.
func (w *work) refuses(ctx context.Context, m Move) (bool, error) {
	var refused atomic.Int32
	g, ctx := errgroup.WithContext(ctx)
	for range fenceConnections {
		key := m.Prefix + w.probeKey()
		g.Go(func() error {
			id, err := w.source(m).CreateUpload(ctx, objectstore.NewObject{Bucket: m.Bucket, Key: key})
			if errors.Is(err, objectstore.ErrDenied) {
				refused.Add(1)
				return nil
			}
			if err != nil {
				return err
			}
			return w.source(m).AbortUpload(ctx, m.Bucket, key, id)
		})
	}
	err := g.Wait()
	return refused.Load() == fenceConnections, err
}

// liftFence gives the buckets their policies back, where they are still ours.
func (w *work) liftFence(ctx context.Context, record fenceRecord) error {
	for _, b := range record.Buckets {
		store := w.Stores(b.Provider, b.Region)
		now, err := store.Setting(ctx, b.Bucket, objectstore.Policy)
		if errors.Is(err, objectstore.ErrNotOffered) {
			continue
		}
		if err != nil {
			return fmt.Errorf("lift the fence of %s: %w", b, err)
		}
		before := []byte(b.Before)
		if !equalJSON(now, b.Fenced) {
			// Somebody has changed it since: only our statement goes.
			if before, err = w.ownFence().Without(now); err != nil {
				return fmt.Errorf("lift the fence of %s: %w", b, err)
			}
			if bytes.Equal(before, now) {
				continue
			}
		}
		if err := store.SetSetting(ctx, b.Bucket, objectstore.Policy, before); err != nil {
			return fmt.Errorf("lift the fence of %s: %w", b, err)
		}
	}
	w.result.Fence = []string{}
	return putJSON(ctx, w.Home, w.name(fenceFile), fenceRecord{Schema: fenceSchema, At: w.Now().UTC()})
}

// liftForgotten takes this plan's fence from source buckets where no record tells
// of it: a state that was lost knew. It tells whether there was one.
func (w *work) liftForgotten(ctx context.Context) (found bool, err error) {
	seen := make(map[string]bool)
	for _, m := range w.plan.Moves {
		name := bucketName(m)
		if seen[name] {
			continue
		}
		seen[name] = true
		now, err := w.source(m).Setting(ctx, m.Bucket, objectstore.Policy)
		if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) || errors.Is(err, objectstore.ErrNotFound) {
			continue // who may not read policies has set none
		}
		rest := now
		if err == nil {
			rest, err = w.ownFence().Without(now)
		}
		if err == nil && !bytes.Equal(rest, now) {
			found = true
			err = w.source(m).SetSetting(ctx, m.Bucket, objectstore.Policy, rest)
		}
		if err != nil {
			return found, fmt.Errorf("lift the fence of %s: %w", name, err)
		}
	}
	return found, nil
}
