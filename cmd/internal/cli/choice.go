package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/regions"
)

// choose finds the plan to run: the one named, the one approved, the one that
// an earlier run began, or a new one.
func (m *migration) choose(ctx context.Context, d regions.Resolution) (p *plan.Plan, fresh bool, err error) {
	name := m.plan
	if name == "" && len(m.agree.digests) == 1 {
		name = m.agree.digest()
	}
	if name != "" {
		p, err = m.load(ctx, m.session, name)
		if err == nil {
			if err := m.checkMatch(p, d); err != nil {
				return p, false, err
			}
			return p, false, m.checkDestination(m.session, p)
		}
		if errors.Is(err, plan.ErrAmbiguous) && m.plan == "" {
			return nil, false, ambiguous(err)
		}
		if !errors.Is(err, plan.ErrNoPlan) || m.plan != "" || m.to == "" {
			return nil, false, err
		}
		// Another machine's plan: the same source gives the same digest here.
	}
	customer, err := m.oneCustomer(m.session)
	if err != nil {
		return nil, false, err
	}
	if p, err = m.begun(ctx, d, customer); p != nil || err != nil {
		return p, false, err
	}
	p, err = m.makePlan(ctx, m.session, d, customer, m.verify)
	if errors.Is(err, plan.ErrNothing) {
		return nil, false, m.nothing(ctx, d, customer, err)
	}
	if err != nil {
		return nil, false, err
	}
	switch {
	case slices.ContainsFunc(m.agree.digests, p.Approves):
		m.agree.digests = []string{p.Digest}
	case len(m.agree.digests) > 0:
		err := fmt.Errorf("%w: the approval names %s, the plan of what is there now has digest %s", migrate.ErrDrift,
			strings.Join(m.agree.digests, ", "), p.Digest)
		if slices.ContainsFunc(p.Moves, func(m plan.Move) bool { return m.Exists }) {
			err = fmt.Errorf("%w; its destination exists now, which a plan made before that did not know", err)
		}
		return nil, false, &refusedError{
			err:    err,
			remedy: "review the new plan with residency status --plan " + p.ID + ", then approve its digest",
		}
	}
	return p, true, nil
}

// checkMatch refuses a plan that is not what the command line describes.
func (m *migration) checkMatch(p *plan.Plan, d regions.Resolution) error {
	if m.to != "" && (d.Place.Provider != p.Destination.Provider || d.Place.Code != p.Destination.Code) {
		return &refusedError{err: fmt.Errorf("plan %s moves to %s, not to %s", p.ID, p.Destination,
			d.Place.Provider+":"+d.Place.Code)}
	}
	// Of several destinations it may have been made by a command for this one alone: its digest approves it as it is.
	asked := m.session.scope
	asked.Provider = p.OfProvider
	if (asked.All || len(asked.Sources) > 0) && !asked.Equal(p.Scope()) {
		return &refusedError{err: fmt.Errorf("plan %s was made for another choice of sources than --all or --source make",
			p.ID), remedy: "leave them out to run this plan, or --plan and --approve to make another one"}
	}
	return nil
}

// begun finds a plan for this customer and destination that an earlier run
// started, or began to abort, and did not finish. One that erases comes first. A
// plan is passed over where another one, of the same source, has since erased all of it:
// what it would find gone is not its owners' doing. So is one that was made for another
// choice of sources.
func (m *migration) begun(ctx context.Context, d regions.Resolution, customer string) (*plan.Plan, error) {
	plans, err := m.find(ctx, d, customer)
	if err != nil {
		return nil, err
	}
	superseded := func(x candidate) bool {
		return slices.ContainsFunc(plans, func(o candidate) bool { return o.finished(x) })
	}
	plans = slices.DeleteFunc(slices.Clone(plans), superseded)
	for _, x := range plans {
		if x.status.Stage == migrate.Erasing || x.status.Stage == migrate.Remaining {
			return x.plan, nil
		}
	}
	for _, x := range plans {
		if !x.plan.Scope().Equal(m.session.scope) {
			continue // it was to move more, or less
		}
		switch x.status.Stage {
		case migrate.Copying, migrate.Copied, migrate.Aborting:
			return x.plan, nil
		}
	}
	return nil, nil
}

// candidate is a plan that fits, and how it stands.
type candidate struct {
	plan   *plan.Plan
	status *migrate.Status
}

// finished tells whether a plan has erased the source of an older one.
func (c candidate) finished(older candidate) bool {
	return c.status.Stage == migrate.Certified && c.status.Certified.After(older.plan.Created) &&
		c.plan.SharesSource(older.plan)
}

func (m *migration) find(ctx context.Context, d regions.Resolution, customer string) (plans []candidate, err error) {
	ids, err := plan.List(ctx, m.session.home)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !strings.HasPrefix(id, customer+"-"+d.Place.Code+"-") {
			continue
		}
		p, err := plan.Load(ctx, m.session.home, id)
		if errors.Is(err, state.ErrDamaged) {
			m.reporter().Note(fmt.Sprintf("plan %s is passed over: %v", id, err))
			continue
		}
		if err != nil {
			return nil, err
		}
		if p.Customer != customer || p.Destination.Provider != d.Place.Provider || p.Destination.Code != d.Place.Code {
			continue
		}
		status, err := m.runner(m.session, 0).Status(ctx, p)
		if err != nil {
			return nil, err
		}
		plans = append(plans, candidate{p, status})
	}
	return plans, nil
}

// nothing tells apart a migration that is done from one that never was.
func (m *migration) nothing(ctx context.Context, d regions.Resolution, customer string, why error) error {
	plans, err := m.find(ctx, d, customer)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(plans, func(c candidate) bool { return c.status.Stage == migrate.Certified })
	if i < 0 {
		return errors.Join(m.nothingToMove(d, customer, why),
			&refusedError{err: why, remedy: cmp.Or(remedy.For(why), "residency inventory shows where it is")})
	}
	done := plans[i].plan
	if err := m.confirmDigest(ctx, m.session, done, m.agree); err != nil {
		return err
	}
	for _, c := range plans {
		if c.status.Stage != migrate.Certified {
			continue
		}
		err := m.runner(m.session, 0).GiveBack(ctx, c.plan)
		if errors.Is(err, state.ErrLeased) {
			m.reporter().Note(fmt.Sprintf("the reservation of plan %s at its destination was not checked (%v); "+
				"running the same command after that removes what a killed run left", c.plan.ID, err))
		} else if err != nil {
			return err
		}
	}
	what := "all data of " + customer
	if provider := m.session.scope.Provider; provider != "" {
		what += " at " + provider
	}
	if sources := m.session.scope.Sources; len(sources) > 0 {
		what = "what was in " + strings.Join(sources, ", ")
	}
	reason := fmt.Sprintf("%s is in %s; plan %s moved it", what, done.Destination, done.ID)
	if remedy.For(why) != "" {
		reason = fmt.Sprintf("plan %s is done, and what is left may stay: %s", done.ID,
			strings.TrimPrefix(why.Error(), plan.ErrNothing.Error()+": "))
	}
	n := nothing{Plan: &done.ID, Customer: customer, Destination: done.Destination.String(), Reason: reason}
	var certified []*plan.Plan
	for _, c := range plans {
		if c.status.Stage == migrate.Certified {
			certified = append(certified, c.plan)
		}
	}
	if err := m.vanished(ctx, m.session, n, certified...); err != nil {
		return err
	}
	return m.nothingToDo(n)
}
