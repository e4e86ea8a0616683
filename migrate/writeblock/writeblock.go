// Package writeblock denies writes to what moves, by the policies of the source's buckets,
// while its last changes are carried, and takes that back.
package writeblock

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
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

const (
	// File is where it is kept, under the plan's directory.
	File   = "fence.json"
	schema = "residency/fence/1"
)

// Record says which source buckets' policies deny writes, and what they
// were before.
type Record struct {
	Schema   string    `json:"schema"`
	At       time.Time `json:"at"`
	Honoured bool      `json:"honoured"` // writes were seen to be denied
	Buckets  []Bucket  `json:"buckets"`
}

// Bucket is one of them.
type Bucket struct {
	Provider string          `json:"provider"`
	Region   string          `json:"region"`
	Bucket   string          `json:"bucket"`
	Before   json.RawMessage `json:"before,omitempty"` // the policy; none if absent
	Blocked  json.RawMessage `json:"fenced"`
}

func (b Bucket) String() string { return b.Provider + ":" + b.Bucket }

// Earlier tells which buckets a write block of an earlier run still stands in, and
// whether that is all of them. What it may have left of trying that is taken away: it
// would count as somebody's.
func Earlier(ctx context.Context, r *phase.Run) (standing []string, stands bool, err error) {
	record, err := Read(ctx, r)
	if err != nil || record.Schema == "" {
		return nil, false, err
	}
	if err := DropProbes(ctx, r); err != nil || !record.Honoured {
		return nil, false, err
	}
	standing, gone, err := Look(ctx, r)
	if len(gone) > 0 {
		r.Notef("the fence of an earlier run is no longer in the bucket policy of %s: writes there may not be denied",
			strings.Join(gone, ", "))
	}
	return standing, len(gone) == 0, err
}

// Look reads the policies of the buckets that were blocked, and names those that still
// have the statement, and the others: somebody has taken it away, or it is not to be seen.
func Look(ctx context.Context, r *phase.Run) (standing, gone []string, err error) {
	standing = []string{}
	record, err := Read(ctx, r)
	if err != nil {
		return standing, nil, err
	}
	if !record.Honoured {
		return standing, nil, liftUntried(ctx, r, record)
	}
	for _, b := range record.Buckets {
		rules := rulesOf(r.Stores(b.Provider, b.Region), b.Bucket)
		now, err := rules.read(ctx)
		if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) ||
			errors.Is(err, objectstore.ErrNotFound) {
			gone = append(gone, b.String()+" (it cannot be read)")
			continue
		}
		stands := false
		if err == nil {
			stands, err = rules.In(now, name(r))
		}
		switch {
		case err != nil:
			return standing, gone, fmt.Errorf("look at the fence of %s: %w", b, err)
		case stands:
			standing = append(standing, b.String())
		default:
			gone = append(gone, b.String())
		}
	}
	return standing, gone, nil
}

// liftUntried takes away a write block of a run that ended before it saw whether it is
// honoured, and that no run after it has tried.
func liftUntried(ctx context.Context, r *phase.Run, record Record) error {
	if len(record.Buckets) == 0 {
		return nil
	}
	err := Lift(ctx, r, record)
	if errors.Is(err, objectstore.ErrDenied) {
		r.Notef("a run that ended early left an untested fence, and it could not be removed: %v; "+
			"remove the statement ResidencyFence… from the bucket policy", err)
		return nil
	}
	return err
}

// DropProbes aborts uploads that were begun at the sources to try a write block.
func DropProbes(ctx context.Context, r *phase.Run) error {
	for _, m := range r.Plan.Moves {
		for u, err := range r.Source(m).Uploads(ctx, m.Bucket, m.Prefix+objectstore.ProbePrefix) {
			if err == nil {
				err = r.Source(m).AbortUpload(ctx, m.Bucket, u.Key, u.UploadID)
			}
			if err != nil {
				return fmt.Errorf("abort what was begun to try the fence of %s: %w", m.From(), err)
			}
		}
	}
	return nil
}

// Read reads what the plan knows of its write block; the zero value if nothing.
func Read(ctx context.Context, r *phase.Run) (Record, error) {
	var record Record
	err := state.GetJSON(ctx, r.Home, r.Name(File), &record)
	if errors.Is(err, state.ErrNotFound) {
		return record, nil
	}
	return record, err
}

// Ruleless says why no write block can be put up, whatever is tried; empty if that is not known.
func Ruleless(r *phase.Run) string {
	for _, m := range r.Plan.Moves {
		if why := ruleless(r.Source(m), plan.BucketName(m)); why != "" {
			return why
		}
	}
	return ""
}

func ruleless(store objectstore.Store, bucket string) string {
	if objectstore.WriteBlocksOf(store) != nil {
		return ""
	}
	return "the service of " + bucket + " has no rules that deny everybody writes to a bucket"
}

// PutUp denies writes to what moves, by the source buckets' policies, finds out
// whether that is honoured, and names the buckets. Where it is not it names none and
// says why; the policies are then as they were, and what is written later is never erased.
func PutUp(ctx context.Context, r *phase.Run) (standing []string, why string, err error) {
	record, err := Read(ctx, r)
	if err != nil {
		return nil, "", err
	}
	if len(record.Buckets) == 0 || record.Honoured { // it stood, and was taken away
		if record, err = prepare(ctx, r); err != nil {
			return nil, "", fmt.Errorf("fence: %w", err)
		}
		if err := state.PutJSON(ctx, r.Home, r.Name(File), record); err != nil {
			return nil, "", err
		}
	}
	for _, b := range record.Buckets {
		store := r.Stores(b.Provider, b.Region)
		if why := ruleless(store, b.String()); why != "" {
			return impossible(ctx, r, Record{}, why)
		}
		if b.Before == nil && !objectstore.CapabilitiesOf(store).KeepsOwner {
			return impossible(ctx, r, Record{}, b.String()+
				" has no policy, and with one this service may lock out even the owner; give it a policy that allows what the "+
				"plan needs")
		}
	}
	for i := range record.Buckets {
		b := &record.Buckets[i]
		err := putUp(ctx, r, b)
		if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) ||
			errors.Is(err, objectstore.ErrRejected) {
			return impossible(ctx, r, record, err.Error())
		}
		if err != nil {
			return nil, "", fmt.Errorf("fence %s: %w", b, err)
		}
	}
	for _, m := range r.Plan.Moves {
		denied, err := denied(ctx, r, m)
		if err == nil && !denied {
			return impossible(ctx, r, record, "the endpoint still accepts writes to "+m.From().String())
		}
		if err != nil {
			return nil, "", fmt.Errorf("fence %s: %w", m.From(), err)
		}
	}
	record.Honoured = true
	for _, b := range record.Buckets {
		standing = append(standing, b.String())
	}
	r.Notef("fence: writes to %s are now denied by the bucket policy", strings.Join(standing, ", "))
	return standing, "", state.PutJSON(ctx, r.Home, r.Name(File), record)
}

// putUp gives a bucket the policy that denies writes, without what its service does not know.
func putUp(ctx context.Context, r *phase.Run, b *Bucket) error {
	rules := rulesOf(r.Stores(b.Provider, b.Region), b.Bucket)
	err := rules.write(ctx, b.Blocked)
	if !errors.Is(err, objectstore.ErrRejected) {
		return err
	}
	narrow := of(r, b)
	narrow.Narrow = true
	blocked, narrowErr := rules.With(b.Before, narrow)
	if narrowErr != nil {
		return errors.Join(err, narrowErr)
	}
	b.Blocked = blocked
	return rules.write(ctx, b.Blocked)
}

// of is this plan's write block of one bucket.
func of(r *phase.Run, b *Bucket) objectstore.WriteBlock {
	block := objectstore.WriteBlock{Name: name(r), Bucket: b.Bucket}
	for _, m := range r.Plan.Moves {
		if plan.BucketName(m) == b.String() {
			block.Deletes = m.Versioning != objectstore.Unversioned
			block.Prefixes = append(block.Prefixes, m.Prefix)
		}
	}
	return block
}

// rules are those of one bucket, where its service keeps some that deny writes.
type rules struct {
	objectstore.WriteBlocks // nil: it keeps none
	store                   objectstore.Store
	bucket                  string
}

func rulesOf(store objectstore.Store, bucket string) rules {
	return rules{objectstore.WriteBlocksOf(store), store, bucket}
}

// read returns the rules, nil if there are none, and ErrNotOffered if there can be none.
func (r rules) read(ctx context.Context) ([]byte, error) {
	if r.WriteBlocks == nil {
		return nil, fmt.Errorf("%w: the service has no rules that deny everybody writes to a bucket",
			objectstore.ErrNotOffered)
	}
	return r.store.Setting(ctx, r.bucket, r.Setting())
}

func (r rules) write(ctx context.Context, text []byte) error {
	return r.store.SetSetting(ctx, r.bucket, r.Setting(), text)
}

func impossible(ctx context.Context, r *phase.Run, record Record, why string) ([]string, string, error) {
	r.Notef("no fence: %s; anything written to the source from now on stays there", why)
	return nil, why, Lift(ctx, r, record)
}

// prepare works out the policies.
func prepare(ctx context.Context, r *phase.Run) (Record, error) {
	record := Record{Schema: schema, At: r.Now().UTC()}
	for _, m := range r.Plan.Moves {
		known := func(b Bucket) bool { return b.String() == plan.BucketName(m) }
		if !slices.ContainsFunc(record.Buckets, known) {
			record.Buckets = append(record.Buckets, Bucket{Provider: m.Source.Provider, Region: m.Source.Code, Bucket: m.Bucket})
		}
	}
	for i := range record.Buckets {
		b := &record.Buckets[i]
		rules := rulesOf(r.Stores(b.Provider, b.Region), b.Bucket)
		before, err := rules.read(ctx)
		if rules.WriteBlocks == nil {
			continue // which putting it up says
		}
		if err != nil && !errors.Is(err, objectstore.ErrNotOffered) {
			return record, err
		}
		// One of our own is from a run that the state has forgotten.
		if b.Before, err = rules.Without(before, name(r)); err != nil {
			return record, fmt.Errorf("policy of %s: %w", b, err)
		}
		if b.Blocked, err = rules.With(before, of(r, b)); err != nil {
			return record, fmt.Errorf("policy of %s: %w", b, err)
		}
	}
	return record, nil
}

// name is that of this plan's write block.
func name(r *phase.Run) string { return r.Plan.Digest[:plan.MinApproval] }

// A policy takes effect with delay, and not everywhere at once (IAM User Guide,
// "Troubleshooting IAM", changes are not always immediately visible): one refusal
// proves nothing. Writes are tried on several connections at once, and a write block
// counts as honoured when all were refused so many times in a row, with a pause between.
const (
	connections = 4
	rounds      = 3
	pause       = 2 * time.Second
	// tries is how often a write may be taken, with a second, two, four …
	// between, before a write block counts as not honoured.
	tries = 4
)

// denied tells whether writes to a move's source are refused now.
func denied(ctx context.Context, r *phase.Run, m plan.Move) (bool, error) {
	for taken, refused := 0, 0; ; {
		all, err := refuses(ctx, r, m)
		if err != nil {
			return false, err
		}
		pause := pause
		if all {
			if refused++; refused == rounds {
				return true, nil
			}
		} else {
			if taken == tries {
				return false, nil
			}
			pause = time.Second << taken
			taken, refused = taken+1, 0
		}
		if err := r.Wait(ctx, pause); err != nil {
			return false, err
		}
	}
}

// refuses tells whether writes to a move's source are refused on several connections,
// by beginning uploads that are aborted at once.
func refuses(ctx context.Context, r *phase.Run, m plan.Move) (bool, error) {
	var refused atomic.Int32
	g, ctx := errgroup.WithContext(ctx)
	for range connections {
		key := m.Prefix + r.ProbeKey()
		g.Go(func() error {
			id, err := r.Source(m).CreateUpload(ctx, objectstore.NewObject{Bucket: m.Bucket, Key: key})
			if errors.Is(err, objectstore.ErrDenied) {
				refused.Add(1)
				return nil
			}
			if err != nil {
				return err
			}
			return r.Source(m).AbortUpload(ctx, m.Bucket, key, id)
		})
	}
	err := g.Wait()
	return refused.Load() == connections, err
}

// Lift gives the buckets their policies back, where they are still ours.
func Lift(ctx context.Context, r *phase.Run, record Record) error {
	for _, b := range record.Buckets {
		rules := rulesOf(r.Stores(b.Provider, b.Region), b.Bucket)
		now, err := rules.read(ctx)
		if errors.Is(err, objectstore.ErrNotOffered) {
			continue
		}
		if err != nil {
			return fmt.Errorf("lift the fence of %s: %w", b, err)
		}
		before := []byte(b.Before)
		if !plan.EqualJSON(now, b.Blocked) {
			// Somebody has changed it since: only our statement goes.
			if before, err = rules.Without(now, name(r)); err != nil {
				return fmt.Errorf("lift the fence of %s: %w", b, err)
			}
			if bytes.Equal(before, now) {
				continue
			}
		}
		if err := rules.write(ctx, before); err != nil {
			return fmt.Errorf("lift the fence of %s: %w", b, err)
		}
	}
	return state.PutJSON(ctx, r.Home, r.Name(File), Record{Schema: schema, At: r.Now().UTC()})
}

// LiftForgotten takes this plan's write block from source buckets where no record tells
// of it: a state that was lost knew. It tells whether there was one.
func LiftForgotten(ctx context.Context, r *phase.Run) (found bool, err error) {
	seen := make(map[string]bool)
	for _, m := range r.Plan.Moves {
		bucket := plan.BucketName(m)
		if seen[bucket] {
			continue
		}
		seen[bucket] = true
		rules := rulesOf(r.Source(m), m.Bucket)
		now, err := rules.read(ctx)
		if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) ||
			errors.Is(err, objectstore.ErrNotFound) {
			continue // who may not read policies has set none
		}
		rest := now
		if err == nil {
			rest, err = rules.Without(now, name(r))
		}
		if err == nil && !bytes.Equal(rest, now) {
			found = true
			err = rules.write(ctx, rest)
		}
		if err != nil {
			return found, fmt.Errorf("lift the fence of %s: %w", bucket, err)
		}
	}
	return found, nil
}
