package probe

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/reserve"
)

// trusted tells whether nothing is to be found out about conditions of writes: the
// service vouches for them, or the plan does without.
func (p *Prober) trusted() bool {
	return p.run.Plan.UnguardedWrites || objectstore.CapabilitiesOf(p.run.Destination()).ConditionsWrites
}

// conditions finds out, on a probe that is there, whether the destination compares the
// conditions of writes. A service may refuse them, or pass over them, which is worse. What
// it writes all the same is removed.
func (p *Prober) conditions(ctx context.Context, m plan.Move, key string) error {
	if p.trusted() || p.compares[m.Destination] {
		return nil
	}
	store := p.run.Destination()
	for _, g := range []objectstore.Guard{{Absent: true}, {ETag: objectstore.ImpossibleETag}} {
		written, err := store.Put(ctx, objectstore.NewObject{Bucket: m.Destination, Key: key, Guard: g}, Body())
		switch {
		case errors.Is(err, objectstore.ErrPrecondition):
			continue
		case errors.Is(err, objectstore.ErrNotOffered):
			return p.unconditional(ctx, fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err))
		case err != nil:
			return err
		}
		passed := fmt.Errorf("a probe that was written to %s replaced one that was there", p.run.Plan.To(m))
		return errors.Join(p.unconditional(ctx, passed), p.Remove(ctx, store, m.Destination, key, written))
	}
	if err := p.conditionsOfUploads(ctx, m, key); err != nil {
		return err
	}
	p.compares[m.Destination] = true
	p.run.Saw(ctx, store.Endpoint(), doctor.ConditionalWrites, true)
	return nil
}

// conditionsOfUploads is as conditions, of what is sent in parts.
func (p *Prober) conditionsOfUploads(ctx context.Context, m plan.Move, key string) error {
	store := p.run.Destination()
	o := objectstore.NewObject{Bucket: m.Destination, Key: key, Guard: objectstore.Guard{Absent: true}}
	id, err := store.CreateUpload(ctx, o)
	if err != nil {
		return err
	}
	part, err := store.UploadPart(ctx, o.Bucket, key, id, 1, Body())
	if err != nil {
		return errors.Join(err, store.AbortUpload(context.WithoutCancel(ctx), o.Bucket, key, id))
	}
	written, err := store.CompleteUpload(ctx, o, id, []objectstore.Part{part}, objectstore.Checksum{})
	if err == nil {
		passed := fmt.Errorf("an upload to %s replaced a probe that was there", p.run.Plan.To(m))
		return errors.Join(p.unconditional(ctx, passed), p.Remove(ctx, store, o.Bucket, key, written))
	}
	if abort := store.AbortUpload(context.WithoutCancel(ctx), o.Bucket, key, id); abort != nil {
		return errors.Join(err, abort)
	}
	switch {
	case errors.Is(err, objectstore.ErrPrecondition):
		return nil
	case errors.Is(err, objectstore.ErrNotOffered):
		return p.unconditional(ctx, fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err))
	}
	return err
}

// refusesConditions is as conditions, where nothing may be written: the bytes that are sent
// do not have the MD5 that they are sent with. A service that takes them all the same has
// written what others can read until it is removed, and nothing of theirs is replaced.
func (p *Prober) refusesConditions(ctx context.Context, m plan.Move, key string) error {
	if p.trusted() || p.compares[m.Destination] {
		return nil
	}
	store := p.run.Destination()
	refused := plan.RefusesConditions(ctx, store, m.Destination, key)
	if !refused {
		body := Body()
		body.MD5 = hex.EncodeToString(make([]byte, 16))
		written, err := store.Put(ctx, objectstore.NewObject{Bucket: m.Destination, Key: key,
			Guard: objectstore.Guard{Absent: true}}, body)
		if err == nil {
			if err := p.Remove(ctx, store, m.Destination, key, written); err != nil {
				return fmt.Errorf("remove the probe %s, which was written although its MD5 is another: %w", key, err)
			}
		}
		refused = errors.Is(err, objectstore.ErrNotOffered)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if refused {
		return p.unconditional(ctx, fmt.Errorf("probe %s", p.run.Plan.To(m)))
	}
	p.compares[m.Destination] = true // as far as can be told
	return nil
}

func (p *Prober) unconditional(ctx context.Context, why error) error {
	p.run.Saw(ctx, p.run.Destination().Endpoint(), doctor.ConditionalWrites, false)
	return fmt.Errorf("%w: %w", reserve.ErrUnconditional, why)
}
