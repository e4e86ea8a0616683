package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
)

// departure is in what the configuration in force would plan otherwise than a plan that is
// stored: what the plan says of its destination, and what of the customer's it does not
// have. A source that is not the customer's any more is refused: nothing of it may be
// erased, whoever approved that.
func (a *app) departure(ctx context.Context, w *session, p *plan.Plan) (d certificate.Departure, err error) {
	for _, m := range p.Moves {
		why, err := a.unclaimed(ctx, w, p, m)
		if err != nil {
			return d, err
		}
		if why != "" {
			return d, &refusedError{err: fmt.Errorf("%w: plan %s moves %s, %s; nothing was changed", migrate.ErrChanged, p.ID,
				m.From(), why),
				remedy: fmt.Sprintf("correct the configuration or the tag, if it is %s's; if not, %s removes the copies, as "+
					"long as nothing was erased", p.Customer, a.abortCommand(p))}
		}
		from := m.From()
		if name := w.config.BucketName(from, p.Destination.Code, p.Customer, m.Source.Code); name != m.Destination {
			to := p.BucketAt(plan.Move{Destination: name})
			d.Otherwise = append(d.Otherwise, fmt.Sprintf("%s would go to %s, not to %s", from, to, p.BucketAt(m)))
		}
	}
	is := w.providers[p.Destination.Provider].operator(p.Destination.Code)
	if is.Name != p.Destination.Operator || is.Country != p.Destination.OperatorCountry {
		d.Otherwise = append(d.Otherwise, fmt.Sprintf("%s would be operated by %s (%s), not by %s (%s)", p.Destination,
			orUnknown(is.Name), orUnknown(is.Country), orUnknown(p.Destination.Operator),
			orUnknown(p.Destination.OperatorCountry)))
	}
	if p.Configuration == nil || p.Configuration.SHA256 != w.config.SHA256 {
		d.NotInPlan, err = a.beyond(ctx, w, p)
	}
	return d, err
}

func (a *app) abortCommand(p *plan.Plan) string {
	return a.command("migrate", "--abort", p.ID, "--approve", p.Digest)
}

// unclaimed says why a source of a plan is not its customer's any more; empty if it is. A
// tag is asked for only where the configuration does not name the source.
func (a *app) unclaimed(ctx context.Context, w *session, p *plan.Plan, m plan.Move) (string, error) {
	request, at := a.request(w, p.Customer, nil), m.From()
	places := request.Attribute(at.Provider, m.Source.Code, at.Bucket, nil)
	own := func(o inventory.Place) bool {
		return o.Customer == p.Customer && strings.HasPrefix(at.Prefix, o.Prefix)
	}
	if slices.ContainsFunc(places, own) {
		return "", nil
	}
	var parts []string
	others := ""
	for _, o := range places {
		switch {
		case o.Customer == p.Customer:
			parts = append(parts, o.Location().String())
		case o.Attribution == inventory.ByConfiguration && o.Location().Overlaps(at):
			others = fmt.Sprintf("which the configuration in force names as customer %s's (%s)", o.Customer, o.Location())
		}
	}
	switch {
	case len(parts) > 0:
		return fmt.Sprintf("of which customer %s claims only %s", p.Customer, strings.Join(parts, ", ")), nil
	case others != "":
		return others, nil
	}
	why := fmt.Sprintf("which customer %[1]s does not claim any more: the configuration in force does not name it "+
		"as %[1]s's, and ", p.Customer)
	tags, err := w.stores(at.Provider, m.Source.Code).BucketTags(ctx, at.Bucket)
	switch {
	case errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrNoBucket):
		return "", nil // the run says that it is gone
	case errors.Is(err, objectstore.ErrDenied):
		return why + "its tags, which may, cannot be read (access denied)", nil
	case err != nil && !errors.Is(err, objectstore.ErrNotOffered):
		return "", fmt.Errorf("tags of %s: %w", at, err)
	}
	if slices.ContainsFunc(request.Attribute(at.Provider, m.Source.Code, at.Bucket, tags), own) {
		return "", nil
	}
	for _, t := range tags {
		if t.Key == request.TagKey {
			return fmt.Sprintf("%sits tag says %s=%s", why, t.Key, t.Value), nil
		}
	}
	return why + "the bucket has no tag " + request.TagKey, nil
}

// notLookedAt stands behind a place that could not be looked at, and before why.
const notLookedAt = " (what it holds could not be looked at: "

// beyond finds what the configuration names as the customer's, would be moved, and is not
// in the plan.
func (a *app) beyond(ctx context.Context, w *session, p *plan.Plan) (all []string, err error) {
	request := a.request(w, p.Customer, nil)
	for _, c := range w.config.Claims() {
		at := c.Location
		if c.Customer != p.Customer || slices.ContainsFunc(p.Moves, func(m plan.Move) bool {
			from := m.From()
			return from.Provider == at.Provider && from.Bucket == at.Bucket && strings.HasPrefix(at.Prefix, from.Prefix)
		}) {
			continue
		}
		codes, err := w.regionsOf(ctx, at)
		if err != nil {
			all = append(all, fmt.Sprintf("%s%s%v)", at, notLookedAt, err))
		}
		for _, code := range codes {
			if at.Provider == p.Destination.Provider && code == p.Destination.Code {
				continue
			}
			places := request.Attribute(at.Provider, code, at.Bucket, nil)
			i := slices.IndexFunc(places, func(o inventory.Place) bool { return o.Location() == at })
			if _, moves := p.Scope().Moves(places[i], request.Policy(p.Customer).String()); !moves {
				continue
			}
			for _, err := range w.stores(at.Provider, code).Versions(ctx, at.Bucket, at.Prefix, "") {
				text := at.String()
				if err != nil && !errors.Is(err, objectstore.ErrUnlistable) {
					text = fmt.Sprintf("%s%s%v)", at, notLookedAt, err)
				}
				all = append(all, text)
				break
			}
		}
	}
	return all, ctx.Err()
}

// regionsOf finds the regions in which a provider shows a bucket.
func (w *session) regionsOf(ctx context.Context, at objectstore.Location) (found []string, err error) {
	p := w.providers[at.Provider]
	codes := p.store.Regions()
	if p.store.Global() || len(codes) == 0 {
		codes = codes[:min(len(codes), 1)] // any region knows where a bucket is
		if len(codes) == 0 {
			codes = []string{""}
		}
	}
	for _, code := range codes {
		region, err := p.store.Region(code).BucketRegion(ctx, at.Bucket)
		switch {
		case errors.Is(err, objectstore.ErrNotFound):
		case err != nil:
			return nil, err
		case p.store.Global():
			found = append(found, cmp.Or(region, code))
		default:
			found = append(found, code)
		}
	}
	return found, nil
}

// otherwise refuses to go on by itself with a plan that the configuration in force would
// make otherwise.
func (a *app) otherwise(p *plan.Plan, d certificate.Departure, erasing bool) error {
	if len(d.Otherwise) == 0 {
		return nil
	}
	ways := a.command("migrate", "--plan", p.ID, "--approve", p.Digest) + " finishes what was approved"
	if !erasing {
		ways += "; for another plan, " + a.abortCommand(p) + " comes first"
	}
	return &refusedError{err: fmt.Errorf("%w: the configuration in force says otherwise than plan %s: %s; nothing was "+
		"changed", migrate.ErrChanged, p.ID, strings.Join(d.Otherwise, "; ")), remedy: ways}
}

// noteDeparture says what a run does not do as the configuration in force has it.
func (a *app) noteDeparture(p *plan.Plan, d certificate.Departure) {
	if len(d.Otherwise) > 0 {
		a.reporter().Note(fmt.Sprintf("plan %s is carried out as it was approved; the configuration in force says "+
			"otherwise: %s", p.ID, strings.Join(d.Otherwise, "; ")))
	}
	if len(d.NotInPlan) == 0 {
		return
	}
	words := []string{"--to", p.Destination.String(), "--customer", p.Customer}
	for _, at := range d.NotInPlan {
		at, _, _ = strings.Cut(at, notLookedAt)
		words = append(words, "--source", at)
	}
	a.reporter().Note(fmt.Sprintf("not in plan %s: %s; %s moves %s", p.ID, strings.Join(d.NotInPlan, ", "),
		a.command("migrate", words...), map[bool]string{true: "it", false: "them"}[len(d.NotInPlan) == 1]))
}

// hasSources refuses a plan of which the configuration has not the providers.
func hasSources(w *session, p *plan.Plan) error {
	for _, m := range p.Moves {
		if w.providers[m.Source.Provider] == nil {
			return &usageError{err: fmt.Errorf("plan %s moves from provider %s, which the configuration does not have",
				p.ID, m.Source.Provider)}
		}
	}
	return nil
}
