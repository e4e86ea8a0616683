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
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Amazon S3 tells how many tags a version has only to those who may read them
// (API model, "HeadObjectOutput" and "GetObjectOutput", TagCount). To others a
// version with tags looks like one without. That an answer names none is therefore
// taken for none only where it was seen, before and after, that tags may be read;
// elsewhere each version is asked about.

// ErrTags reports that tags may not be read, so that nothing can be proven.
var ErrTags = errors.New("tags at the source may not be read")

// tagAction is the permission to read the tags of what a move moves (Amazon S3 API
// Reference, "GetObjectTagging").
func tagAction(m Move) string {
	if m.Versioning == objectstore.Unversioned {
		return "s3:GetObjectTagging"
	}
	return "s3:GetObjectVersionTagging"
}

func tagsDenied(m Move, err error) error {
	return fmt.Errorf("%w: %s: what has tags cannot be told from what has none; give %s on all that is moved: %w",
		ErrTags, m.From(), tagAction(m), err)
}

const (
	tagsFile   = "tags.json"
	tagsSchema = "residency/tags/1"
)

// tagRecord says until when it was seen that tags may be read, and whether that
// was lost since: then what was verified since is not.
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
}

func (w *work) tagRecord(ctx context.Context) (r tagRecord, err error) {
	err = getJSON(ctx, w.Home, w.name(tagsFile), &r)
	if errors.Is(err, state.ErrNotFound) {
		return tagRecord{Schema: tagsSchema, Plan: w.plan.Digest}, nil
	}
	if err == nil {
		err = w.belongs(tagsFile, r.Schema, tagsSchema, r.Plan)
	}
	return r, err
}

func (w *work) saveTags(ctx context.Context, r tagRecord) error {
	return putJSON(ctx, w.Home, w.name(tagsFile), r)
}

// loseTags remembers that tags could not be read any more.
func (w *work) loseTags(ctx context.Context) error {
	r, err := w.tagRecord(ctx)
	if err != nil || r.Lost {
		return err
	}
	r.Lost = true
	return w.saveTags(context.WithoutCancel(ctx), r)
}

// forgetTags forgets, with the copies, what was seen; not that a source was seen to
// tell nothing.
func (w *work) forgetTags(ctx context.Context) error {
	r, err := w.tagRecord(ctx)
	empty := tagRecord{Schema: r.Schema, Plan: r.Plan, Untold: r.Untold}
	if err != nil || r == empty {
		return err
	}
	return w.saveTags(ctx, empty)
}

// tagsKnown refuses to go by receipts that were given while tags may not have been
// read.
func (w *work) tagsKnown(ctx context.Context) error {
	r, err := w.tagRecord(ctx)
	if err == nil && r.Lost {
		err = fmt.Errorf("%w: tags at the source could not be read any more while it was; "+
			"residency migrate --plan %s proves it anew", ErrNotCopied, w.plan.ID)
	}
	return err
}

// retag proves anew what was verified since tags were last seen to be readable, if
// that was lost. Copies of this plan that lack their tags stay its own, so that an
// abort can take them back.
func (w *work) retag(ctx context.Context) error {
	record, err := w.tagRecord(ctx)
	if err != nil || !record.Lost {
		return err
	}
	w.Progress.Begin("proving again", w.totals().Entries, 0)
	var bad int64
	for _, s := range w.pass.Segments {
		r, err := w.load(ctx, s, withReceipts)
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		changed, err := w.retagged(ctx, w.plan.Moves[s.Move], r, record.Seen)
		if errors.Is(err, objectstore.ErrDenied) {
			return tagsDenied(w.plan.Moves[s.Move], err)
		}
		if err != nil {
			return err
		}
		w.Progress.Entries.Add(int64(len(r.receipts)))
		for i := range r.receipts {
			if r.receipts[i].Verdict == receipt.Mismatch {
				bad++
			}
		}
		if !changed {
			continue
		}
		data, err := receipt.Encode(w.codec, s, r.receipts)
		if err != nil {
			return err
		}
		if err := w.Home.Put(ctx, w.file(s, "receipts"), data); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%w: %d copies differ from their source, as some of what was copied while tags could "+
			"not be read does; nothing was erased: residency migrate --abort %s takes this plan's copies back", ErrVerification, bad, w.plan.ID)
	}
	record.Lost, record.Trusting = false, false
	return w.saveTags(ctx, record)
}

// retagged proves anew what was verified since then, several at a time.
func (w *work) retagged(ctx context.Context, m Move, r records, since time.Time) (changed bool, err error) {
	c := copier.New(w.source(m), m.Bucket, w.destination(), m.Destination, w.copyOptions(m))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(w.Workers, DefaultWorkers))
	for i := range r.receipts {
		x := &r.receipts[i]
		if x.Marker || x.Verdict != receipt.Verified || x.At.Before(since) {
			continue
		}
		changed = true // or not; it is written all the same
		g.Go(func() error {
			var now receipt.Receipt
			err := w.patient(gctx, func() (err error) {
				now, err = c.Prove(gctx, r.entries[i], *x)
				return err
			})
			switch {
			case errors.Is(err, copier.ErrDrift), errors.Is(err, objectstore.ErrNotFound),
				errors.Is(err, objectstore.ErrPrecondition):
				return nil // it is erased, or either end has changed, which the run that follows looks at
			case err != nil:
				return err
			}
			now.Held, now.Before, now.SHA256 = x.Held, x.Before, cmp.Or(now.SHA256, x.SHA256)
			*x = now
			return nil
		})
	}
	return changed, g.Wait()
}

// tagged is what is known of tags at one move's source.
type tagged struct {
	told  bool           // an answer that names none says that there are none
	trust bool           // that is yet to be seen
	known manifest.Entry // a version to ask about; none: nothing to copy
}

// tags finds out, for each move of which something is to be copied, whether its
// source tells of tags. ErrTags if they may not be read.
func (w *work) tags(ctx context.Context, missing []manifest.Segment) ([]tagged, error) {
	all := make([]tagged, len(w.plan.Moves))
	record, err := w.tagRecord(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range missing {
		t := &all[s.Move]
		if t.known.Key != "" {
			continue
		}
		entries, err := w.entries(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.Marker {
				t.known = e
				break
			}
		}
		if t.known.Key == "" {
			continue
		}
		if err = w.tellsTags(ctx, w.plan.Moves[s.Move], t, record.Untold); errors.Is(err, objectstore.ErrDenied) {
			return nil, errors.Join(tagsDenied(w.plan.Moves[s.Move], err), w.loseTags(ctx))
		} else if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// askTags asks for one version's tags. That it is gone is no answer against it.
func (w *work) askTags(ctx context.Context, m Move, e manifest.Entry) (n int, err error) {
	err = w.patient(ctx, func() error {
		tags, err := w.source(m).Tags(ctx, e.Ref(m.Bucket, m.Versioning))
		n = len(tags)
		return err
	})
	if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrNotOffered) {
		return 0, nil
	}
	return n, err
}

// tellsTags finds out whether answers of a move's source name how many tags a
// version has, of whichever version: by the service's word, or as seen on a version
// that has some. Of other sources it is taken to be so if a probe can show it before
// the first deletion. A policy that may hide some from us is against it.
func (w *work) tellsTags(ctx context.Context, m Move, t *tagged, untold bool) error {
	source, e := w.source(m), t.known
	n, err := w.askTags(ctx, m, e)
	if err != nil {
		return err
	}
	if hides, err := w.mayHideTags(ctx, m); hides || err != nil {
		return err
	}
	counter, ok := source.(objectstore.TagCounter)
	switch {
	case ok && counter.CountsTags():
		t.told = true
	case n > 0:
		var info objectstore.Info
		err := w.patient(ctx, func() (err error) {
			info, err = source.Stat(ctx, e.Ref(m.Bucket, m.Versioning), 0)
			return err
		})
		t.told = err == nil && info.TagCount == n
	case untold, m.TagsUntold, m.Lock, w.fences: // there can be no probe
	default:
		t.told, t.trust = true, true
	}
	return ctx.Err()
}

// mayHideTags tells whether a source's policy has a statement that may deny us the
// tags of some versions and not of others.
func (w *work) mayHideTags(ctx context.Context, m Move) (bool, error) {
	policy, err := w.source(m).Setting(ctx, m.Bucket, objectstore.Policy)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered):
		return false, nil
	case errors.Is(err, objectstore.ErrDenied):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("policy of %s: %w", bucketName(m), err)
	}
	denials, err := parity.Denials(policy, m.Bucket, m.Prefix, tagAction(m))
	if err != nil {
		return false, fmt.Errorf("policy of %s: %w", bucketName(m), err)
	}
	return len(denials) > 0 || bytes.Contains(policy, []byte("ExistingObjectTag")), nil
}

// showTags finds out, before anything is erased, whether sources tell of tags that
// were only taken to: by a probe with a tag, which is removed at once.
func (w *work) showTags(ctx context.Context) error {
	r, err := w.tagRecord(ctx)
	if err != nil || !r.Trusting {
		return err
	}
	for _, m := range w.plan.Moves {
		if counter, ok := w.source(m).(objectstore.TagCounter); ok && counter.CountsTags() {
			continue
		}
		if m.Lock {
			return w.untold(ctx, m, "and no probe is written under object lock")
		}
		if err := w.probeTags(ctx, m); err != nil {
			return err
		}
	}
	r.Trusting = false
	return w.saveTags(ctx, r)
}

func (w *work) probeTags(ctx context.Context, m Move) error {
	source, key := w.source(m), m.Prefix+w.ownProbes()+w.token()
	if err := w.patient(ctx, func() error { _, err := mayRemove(ctx, source, m, key); return err }); err != nil {
		return err
	}
	o := objectstore.NewObject{Bucket: m.Bucket, Key: key, Guard: objectstore.Guard{Absent: true}}
	o.Tags = []objectstore.Tag{{Key: "residency", Value: objectstore.ProbeText}}
	written, err := source.Put(ctx, o, probeBody())
	if err != nil {
		// Its answer may have been lost, and not the probe.
		err = errors.Join(err, w.dropOwn(ctx, source, m.Bucket, m.Prefix))
		if objectstore.Permanent(err) {
			return errors.Join(w.untold(ctx, m, "and no probe with a tag can be written there"), err)
		}
		return fmt.Errorf("probe %s: %w", m.From(), err)
	}
	ref := probeRef(m.Bucket, key, written)
	var info objectstore.Info
	err = w.patient(ctx, func() (err error) {
		info, err = source.Stat(ctx, ref, 0)
		return err
	})
	if err = errors.Join(err, removeProbe(ctx, source, m.Bucket, key, written)); err != nil {
		return fmt.Errorf("probe %s: %w", m.From(), err)
	}
	w.saw(ctx, source.Endpoint(), doctor.TagCounts, info.TagCount > 0)
	if info.TagCount == 0 {
		return w.untold(ctx, m, "as a probe shows")
	}
	return nil
}

// untold ends a run before its first deletion: nothing has shown that the source
// tells of tags. The next one asks about each version.
func (w *work) untold(ctx context.Context, m Move, why string) error {
	r, err := w.tagRecord(ctx)
	if err == nil {
		r.Lost, r.Untold, r.Seen = true, true, time.Time{}
		err = w.saveTags(context.WithoutCancel(ctx), r)
	}
	return errors.Join(fmt.Errorf("%w: %s does not tell which versions have some, %s; "+
		"nothing of it was erased, and the same command asks about each version", ErrTags, m.From(), why), err)
}

// tagsStill asks once more, after the copy, whether tags may be read, and keeps
// that it was seen. Otherwise what was verified meanwhile is not.
func (w *work) tagsStill(ctx context.Context, all []tagged, copied error) error {
	if errors.Is(copied, copier.ErrTagsHidden) {
		err := fmt.Errorf("%w: %w; what was copied meanwhile is proven anew by the next run", ErrTags, copied)
		return errors.Join(err, w.loseTags(ctx))
	}
	for i, t := range all {
		if !t.told {
			continue
		}
		_, err := w.askTags(ctx, w.plan.Moves[i], t.known)
		if errors.Is(err, objectstore.ErrDenied) {
			return errors.Join(tagsDenied(w.plan.Moves[i], err), w.loseTags(ctx))
		}
		if err != nil {
			return errors.Join(copied, err)
		}
	}
	if copied != nil {
		return copied
	}
	r, err := w.tagRecord(ctx)
	if err != nil {
		return err
	}
	r.Seen = w.Now().UTC()
	r.Trusting = r.Trusting || slices.ContainsFunc(all, func(t tagged) bool { return t.trust })
	return w.saveTags(ctx, r)
}
