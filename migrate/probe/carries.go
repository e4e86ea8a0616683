package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/verifier"
)

// CarriesAll finds out whether a service that copies by itself carries what an object
// has: by its own word, or as a copy of a probe at the destination shows, which is
// removed at once. Where it does not, or no probe is written, each copy is compared.
func (p *Prober) CarriesAll(ctx context.Context, m plan.Move) (bool, error) {
	store := p.run.Destination()
	switch {
	case m.Way != plan.ServerSide:
		return false, nil
	case objectstore.CapabilitiesOf(store).CarriesAttributes:
		return true, nil
	}
	if lock, err := phase.ObjectLock(ctx, p.run, m); err != nil || lock != nil {
		return false, err
	}
	carries, err := p.probeCopy(ctx, m)
	if err = errors.Join(unlessRefused(ctx, err), p.DropOwn(ctx, store, m.Destination, "")); err != nil {
		return false, fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err)
	}
	return carries, nil
}

func (p *Prober) probeCopy(ctx context.Context, m plan.Move) (bool, error) {
	store := p.run.Destination()
	absent := objectstore.Guard{Absent: true}
	o := objectstore.NewObject{Bucket: m.Destination, Key: p.OwnPrefix() + p.run.Token(), Guard: absent}
	o.Attributes = objectstore.Attributes{
		ContentType: "text/x-probe", CacheControl: "no-store", ContentDisposition: "inline", ContentEncoding: "identity",
		ContentLanguage: "en", Expires: "Thu, 01 Jan 2099 00:00:00 GMT",
		Metadata: map[string]string{"residency": objectstore.ProbeText},
		Tags:     []objectstore.Tag{{Key: "residency", Value: objectstore.ProbeText}},
	}
	written, err := store.Put(ctx, o, Body())
	if err != nil {
		return false, err
	}
	copied := objectstore.NewObject{Bucket: m.Destination, Key: o.Key + "-copy", Guard: absent}
	result, err := store.Copy(ctx, Ref(m.Destination, o.Key, written), copied)
	if err != nil {
		return false, err
	}
	var seen [2]objectstore.Info
	for i, ref := range []objectstore.Ref{
		Ref(m.Destination, o.Key, written), Ref(m.Destination, copied.Key, result),
	} {
		if seen[i], err = store.Stat(ctx, ref, 0); err != nil {
			return false, err
		}
		if seen[i].Tags, err = store.Tags(ctx, ref); err != nil {
			return false, err
		}
	}
	return len(seen[0].Tags) == 1 && len(verifier.Differences(seen[0].Attributes, seen[1].Attributes)) == 0, nil
}

// unlessRefused drops an error that is an answer.
func unlessRefused(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || objectstore.Hopeless(err) || objectstore.Outage(err) {
		return err
	}
	return nil
}
