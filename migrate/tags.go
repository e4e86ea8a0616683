package migrate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/probe"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/segment"
	"github.com/residency/residency/migrate/state"
)

// Amazon S3 tells how many tags a version has only to those who may read them
// (API model, "HeadObjectOutput" and "GetObjectOutput", TagCount). To others a
// version with tags looks like one without. That an answer names none is therefore
// taken for none only where it was seen, before and after, that tags may be read;
// elsewhere each version is asked about.

// ErrTags reports that tags may not be read, so that nothing can be proven.
var ErrTags = errors.New("tags at the source may not be read")

func tagsDenied(m plan.Move, err error) error {
	return fmt.Errorf("%w: %s: tagged versions cannot be told from untagged ones; grant %s on everything that is "+
		"moved: %w",
		ErrTags, m.From(), plan.TagAction(m), err)
}

// tagging knows whether answers of the sources tell of tags.
type tagging struct {
	run          *phase.Run
	prober       *probe.Prober
	blocksWrites bool // Options.Fence
}

const (
	tagsFile   = "tags.json"
	tagsSchema = "residency/tags/1"
)

// tagRecord says until when it was seen that tags may be read, and whether that
// was lost since: then what was verified since is not. An abort leaves it, as it
// leaves some copies and their receipts.
type tagRecord struct {
	Schema string    `json:"schema"`
	Plan   string    `json:"plan_sha256"`
	Seen   time.Time `json:"seen"` // zero: not yet
	Lost   bool      `json:"lost,omitempty"`
	// Trusting tells that some source was taken to tell of tags, as servers do, which
	// a probe is to show before the first deletion. Untold: it showed the contrary, or
	// could not be written.
	Trusting bool `json:"trusting,omitempty"`
	Untold   bool `json:"untold,omitempty"`
	// Begun, of earlier versions: a run has copied versions as having no tags, and has not
	// seen afterwards that tags may still be read.
	Begun []int `json:"begun,omitempty"`
}

func (g *tagging) tagRecord(ctx context.Context) (r tagRecord, err error) {
	found, err := g.run.ReadFile(ctx, tagsFile, tagsSchema, &r, &r.Schema, &r.Plan)
	if !found && err == nil {
		r.Schema, r.Plan = tagsSchema, g.run.Plan.Digest
	}
	r.Lost, r.Begun = r.Lost || len(r.Begun) > 0, nil
	return r, err
}

func (g *tagging) saveTags(ctx context.Context, r tagRecord) error {
	return state.PutJSON(ctx, g.run.Home, g.run.Name(tagsFile), r)
}

// loseTags writes down that tags could not be read any more, which was last seen to be
// otherwise at the time given.
func (g *tagging) loseTags(ctx context.Context, since time.Time) error {
	r, err := g.tagRecord(ctx)
	if err != nil || r.Lost && !since.Before(r.Seen) {
		return err
	}
	r.Lost, r.Seen = true, since
	return g.saveTags(context.WithoutCancel(ctx), r)
}

// tagsKnown refuses to go by receipts that were given while tags may not have been
// read.
func (g *tagging) tagsKnown(ctx context.Context) error {
	r, err := g.tagRecord(ctx)
	if err != nil || !r.Lost {
		return err
	}
	return g.unreadable()
}

func (g *tagging) unreadable() error {
	return fmt.Errorf("%w: during the copy, tags at the source became unreadable; "+
		"residency migrate --plan %s verifies the copies again", ErrNotCopied, g.run.Plan.ID)
}

// trustTags writes down, before anything is copied, that some source is taken to tell
// of tags: a run that is killed cannot say so later.
func (g *tagging) trustTags(ctx context.Context, all []tagged) error {
	if !slices.ContainsFunc(all, func(t tagged) bool { return t.trust }) {
		return nil
	}
	r, err := g.tagRecord(ctx)
	if err != nil || r.Trusting {
		return err
	}
	r.Trusting = true
	return g.saveTags(ctx, r)
}

// retag proves anew what was verified since tags were last seen to be readable, if
// that was lost. Copies of this plan that lack their tags stay its own, so that an
// abort can take them back.
func (g *tagging) retag(ctx context.Context) error {
	seen, err := g.tagRecord(ctx)
	if err != nil || !seen.Lost {
		return err
	}
	g.run.Progress.Begin("verifying again", g.run.Totals().Entries, 0)
	var bad int64
	for _, s := range g.run.Pass.Segments {
		r, err := g.run.Load(ctx, s, record.WithReceipts)
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		changed, err := g.retagged(ctx, g.run.Plan.Moves[s.Move], r, seen.Seen)
		if errors.Is(err, objectstore.ErrDenied) {
			return tagsDenied(g.run.Plan.Moves[s.Move], err)
		}
		if err != nil {
			return err
		}
		g.run.Progress.Entries.Add(int64(len(r.Receipts)))
		for i := range r.Receipts {
			if r.Receipts[i].Verdict == receipt.Mismatch {
				bad++
			}
		}
		if !changed {
			continue
		}
		data, err := receipt.Encode(g.run.Codec, s, r.Receipts)
		if err != nil {
			return err
		}
		if err := g.run.Home.Put(ctx, g.run.File(s, "receipts"), data); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%w: %d copies, made while tags could not be read, differ from their source; "+
			"nothing was erased: residency migrate --abort %s removes this plan's copies", ErrVerification, bad, g.run.Plan.ID)
	}
	seen.Lost, seen.Trusting = false, false
	return g.saveTags(ctx, seen)
}

// retagged proves anew what was verified since then, several at a time.
func (g *tagging) retagged(
	ctx context.Context, m plan.Move, r record.Joined, since time.Time,
) (changed bool, err error) {
	c := segment.NewCopier(g.run, m)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(g.run.Workers, DefaultWorkers))
	for i := range r.Receipts {
		x := &r.Receipts[i]
		if x.Marker || x.Verdict != receipt.Verified || x.At.Before(since) {
			continue
		}
		changed = true // or not; it is written all the same
		group.Go(func() error {
			var now receipt.Receipt
			err := g.run.Patient(gctx, func() (err error) {
				now, err = c.Prove(gctx, r.Entries[i], *x)
				return err
			})
			switch {
			case errors.Is(err, copier.ErrDrift), errors.Is(err, objectstore.ErrNotFound),
				errors.Is(err, objectstore.ErrPrecondition):
				return nil // it is erased, or either end has changed, which the run that follows looks at
			case err != nil:
				return err
			}
			now.Within = x.Within && now.SHA256 == "" // else it was read
			now.Held, now.Before, now.SHA256 = x.Held, x.Before, cmp.Or(now.SHA256, x.SHA256)
			*x = now
			return nil
		})
	}
	return changed, group.Wait()
}

// tagged is what is known of tags at one move's source.
type tagged struct {
	told  bool           // an answer that names none says that there are none
	trust bool           // that is yet to be seen
	known manifest.Entry // a version that was asked about; none: nothing to copy, or gone
	gone  bool           // of those that were asked about none is there, so that nothing is known
}

// tags finds out, for each move of which something is to be copied, whether its
// source tells of tags. ErrTags if they may not be read.
func (g *tagging) tags(ctx context.Context, missing []manifest.Segment) ([]tagged, error) {
	all := make([]tagged, len(g.run.Plan.Moves))
	record, err := g.tagRecord(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range missing {
		t := &all[s.Move]
		if t.known.Key != "" {
			continue
		}
		var n int
		if n, err = g.witness(ctx, s, t); err == nil && t.known.Key == "" {
			continue
		}
		if err == nil {
			err = g.tellsTags(ctx, g.run.Plan.Moves[s.Move], t, n, record.Untold)
		}
		if errors.Is(err, objectstore.ErrDenied) {
			return nil, tagsDenied(g.run.Plan.Moves[s.Move], err)
		} else if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// tellsTags finds out whether answers of a move's source name how many tags a
// version has, of whichever version: by the service's word, or as seen on a version
// that has some. Of other sources it is taken to be so if a probe can show it before
// the first deletion. A policy that may hide some from us is against it.
func (g *tagging) tellsTags(ctx context.Context, m plan.Move, t *tagged, n int, untold bool) error {
	source, e := g.run.Source(m), t.known
	if hides, err := g.mayHideTags(ctx, m); hides || err != nil {
		return err
	}
	switch {
	case objectstore.CapabilitiesOf(source).CountsTags:
		t.told = true
	case n > 0:
		var info objectstore.Info
		err := g.run.Patient(ctx, func() (err error) {
			info, err = source.Stat(ctx, e.Ref(m.Bucket, m.Versioning), 0)
			return err
		})
		t.told = err == nil && info.TagCount == n
	case untold, m.TagsUntold, m.Lock, g.blocksWrites: // there can be no probe
	default:
		t.told, t.trust = true, true
	}
	return ctx.Err()
}

// mayHideTags tells whether a source's policy has a statement that may deny us the
// tags of some versions and not of others.
func (g *tagging) mayHideTags(ctx context.Context, m plan.Move) (bool, error) {
	policy, err := g.run.Source(m).Setting(ctx, m.Bucket, objectstore.Policy)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered):
		return false, nil
	case errors.Is(err, objectstore.ErrDenied):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("policy of %s: %w", plan.BucketName(m), err)
	}
	denials, err := parity.Denials(policy, m.Bucket, m.Prefix, plan.TagAction(m))
	if err != nil {
		return false, fmt.Errorf("policy of %s: %w", plan.BucketName(m), err)
	}
	return len(denials) > 0 || bytes.Contains(policy, []byte("ExistingObjectTag")), nil
}

// showTags finds out, before anything is erased, whether sources tell of tags that
// were only taken to: by a probe with a tag, which is removed at once.
func (g *tagging) showTags(ctx context.Context) error {
	r, err := g.tagRecord(ctx)
	if err == nil && r.Lost { // in this run, of which nothing could be asked any more
		err = g.unreadable()
	}
	if err != nil || !r.Trusting {
		return err
	}
	for _, m := range g.run.Plan.Moves {
		if objectstore.CapabilitiesOf(g.run.Source(m)).CountsTags {
			continue
		}
		if m.Lock {
			return g.untold(ctx, m, "and no probe is written under object lock")
		}
		if err := g.probeTags(ctx, m); err != nil {
			return err
		}
	}
	r.Trusting = false
	return g.saveTags(ctx, r)
}

func (g *tagging) probeTags(ctx context.Context, m plan.Move) error {
	source, key := g.run.Source(m), m.Prefix+g.prober.OwnPrefix()+g.run.Token()
	if err := g.run.Patient(ctx, func() error { _, err := probe.MayRemove(ctx, source, m, key); return err }); err != nil {
		return err
	}
	o := objectstore.NewObject{Bucket: m.Bucket, Key: key}
	o.Tags = []objectstore.Tag{{Key: "residency", Value: objectstore.ProbeText}}
	written, err := probe.Put(ctx, source, o)
	if err != nil {
		// Its answer may have been lost, and not the probe.
		err = errors.Join(err, g.prober.DropOwn(ctx, source, m.Bucket, m.Prefix))
		if objectstore.Permanent(err) {
			return errors.Join(g.untold(ctx, m, "and no probe with a tag can be written there"), err)
		}
		return fmt.Errorf("probe %s: %w", m.From(), err)
	}
	ref := probe.Ref(m.Bucket, key, written)
	var info objectstore.Info
	err = g.run.Patient(ctx, func() (err error) {
		info, err = source.Stat(ctx, ref, 0)
		return err
	})
	if err = errors.Join(err, g.prober.Remove(ctx, source, m.Bucket, key, written)); err != nil {
		return fmt.Errorf("probe %s: %w", m.From(), err)
	}
	g.run.Saw(ctx, source.Endpoint(), doctor.TagCounts, info.TagCount > 0)
	if info.TagCount == 0 {
		return g.untold(ctx, m, "as a probe showed")
	}
	return nil
}

// untold ends a run before its first deletion: nothing has shown that the source
// tells of tags. The next one asks about each version.
func (g *tagging) untold(ctx context.Context, m plan.Move, why string) error {
	r, err := g.tagRecord(ctx)
	if err == nil {
		r.Lost, r.Untold, r.Seen = true, true, time.Time{}
		err = g.saveTags(context.WithoutCancel(ctx), r)
	}
	return errors.Join(fmt.Errorf("%w: %s does not report which versions have tags, %s; "+
		"nothing was erased there; run the same command again, which asks about each version", ErrTags, m.From(), why), err)
}
