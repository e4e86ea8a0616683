package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

// migration is one run of the migrate command.
type migration struct {
	*app
	session *session
	to      string
	plan    string
	verify  string
	agree   approval
	options migrate.Options
	workers int
	memory  memory
	most    maxCost
}

// ready is a migration that runs once its plan is approved.
type ready struct {
	*migration
	is       *plan.Plan
	resolved regions.Resolution
	estimate *cost.Estimate // nil: nobody needs it
	departs  certificate.Departure
	runner   *migrate.Runner
	fresh    bool   // it was made just now
	approval string // how it was approved
}

// migrate plans for all destinations before anything is changed, has the plans approved, and carries them out one
// after the other. If one cannot be made or is not approved, none is carried out.
func (t *targets) migrate(ctx context.Context, agree approval, with func(target) (*migration, error)) error {
	var all []*ready
	err := t.each(ctx, func(ctx context.Context, one target) error {
		m, err := with(one)
		if err != nil {
			return err
		}
		r, err := m.prepare(ctx, t.several)
		if r != nil {
			all = append(all, r)
		}
		return err
	})
	if err == nil {
		err = t.approveAll(ctx, all, agree)
	}
	if err != nil {
		if t.several && len(t.all) > 0 {
			err = fmt.Errorf("%w; no plan was carried out", err)
		}
		return err
	}
	var errs []error
	for i, r := range all {
		if ctx.Err() != nil {
			errs = append(errs, t.at(r.to, context.Cause(ctx)))
			break
		}
		if len(all) > 1 {
			t.reporter().Note("carrying out plan " + r.is.ID)
		}
		err := error(nil)
		if i > 0 { // of what was found when it was made, hours may have passed
			err = r.lookAgain(ctx)
		}
		if err == nil {
			err = r.run(ctx)
		}
		if err != nil {
			errs = append(errs, t.at(r.to, err))
		}
	}
	return join(errs)
}

// approveAll has the plans of all destinations approved: by a digest each or by --yes, else together.
func (t *targets) approveAll(ctx context.Context, all []*ready, agree approval) error {
	if len(all) == 0 {
		return nil
	}
	plans := make([]*plan.Plan, len(all))
	for i, r := range all {
		plans[i] = r.is
	}
	to, scope := t.to, t.scope
	if !t.several {
		to, scope = plans[0].Destination.String(), plans[0].Scope()
	}
	command := all[0].again(to, scope, plans...)
	var open []*ready
	var ids []string
	for _, r := range all {
		// Of several a digest is of one alone, and whoever gives one means no other.
		if len(r.agree.digests) == 0 && (len(agree.digests) > 0 || !agree.yes) {
			open, ids = append(open, r), append(ids, r.is.ID)
			continue
		}
		if err := r.approve(ctx, r.session, r.is, r.resolved, r.agree, command, r.estimate); err != nil {
			return t.at(r.to, err)
		}
		r.approval = r.approvedBy
	}
	if len(open) == 0 {
		return nil
	}
	for i, r := range open {
		if i > 0 && t.output == outputTable {
			fmt.Fprintln(t.Out)
		}
		if err := t.show(r.is, r.resolved, r.agree, r.estimate); err != nil {
			return err
		}
	}
	what, needs := "run this plan", "plan "+ids[0]+" needs one"
	if len(all) > 1 {
		what = "run these plans"
	}
	if len(open) > 1 {
		needs = "plans " + strings.Join(ids, ", ") + " need one each"
	}
	err := t.confirm(ctx, plans[0].Customer, what, needs, command)
	for _, r := range open {
		r.approval = t.approvedBy
	}
	return err
}

// prepare finds the plan that is to run; nil if there is nothing to do, which was said. several tells that there are
// further destinations.
func (m *migration) prepare(ctx context.Context, several bool) (*ready, error) {
	var d regions.Resolution
	if m.to != "" {
		var err error
		if d, err = m.destination(ctx, m.session, m.to); err != nil {
			return nil, err
		}
	}
	if several {
		var err error
		if m.agree, err = m.approvalTo(ctx, m.session, d, m.agree); err != nil {
			return nil, err
		}
	}
	p, fresh, err := m.choose(ctx, d)
	if p == nil || err != nil {
		return nil, err // without either there is nothing to do, and said so
	}
	m.reportOf(m.session).AddPlan(p)
	m.found.People = m.planPage(ctx, m.session, p)
	m.session.signing.warn(m.app, p.Destination.Country)
	workers, most, err := m.bounded(m.workers)
	if err != nil {
		return nil, err
	}
	runner := m.runner(m.session, workers)
	runner.Budget, runner.MostWorkers = m.memory.budget(), most
	status, err := runner.Status(ctx, p)
	if err != nil {
		return nil, err
	}
	if status.Stage == migrate.Certified {
		return nil, m.done(ctx, p)
	}
	if len(p.Blockers) > 0 || len(p.EraseBlockers) > 0 && !m.options.KeepSource {
		return nil, m.refuse(ctx, p, d, blocked(p))
	}
	if status.Stage != migrate.Planned && status.Stage != migrate.Aborted {
		m.agree.stands = stands(status)
	}
	r := &ready{migration: m, is: p, resolved: d, runner: runner, fresh: fresh}
	if r.estimate, err = m.checkCost(ctx, p, d, status.Stage); err != nil {
		return nil, err
	}
	if r.departs, err = m.checkPlan(ctx, m.session, p, fresh); err != nil {
		return nil, err
	}
	if m.plan == "" && len(m.agree.digests) == 0 {
		erasing := status.Stage == migrate.Erasing || status.Stage == migrate.Remaining
		if err := m.otherwise(p, r.departs, erasing); err != nil {
			return nil, err
		}
	}
	runner.Departs = r.departs
	return r, nil
}

// lookAgain holds a plan that was made a while ago against what is there now, as one of an earlier command is.
func (r *ready) lookAgain(ctx context.Context) (err error) {
	r.fresh = false
	r.departs, err = r.checkPlan(ctx, r.session, r.is, false)
	r.runner.Departs = r.departs
	return err
}

// done says that a plan was carried out before.
func (m *migration) done(ctx context.Context, p *plan.Plan) error {
	if err := m.confirmDigest(ctx, m.session, p, m.agree); err != nil {
		return err
	}
	n := nothing{Plan: &p.ID, Customer: p.Customer, Destination: p.Destination.String(),
		Reason: "plan " + p.ID + " is done, and its source was empty when it was certified"}
	if err := m.vanished(ctx, m.session, n, p); err != nil {
		return err
	}
	return m.nothingToDo(n)
}

// run carries an approved plan out.
func (r *ready) run(ctx context.Context) error {
	r.noteDeparture(r.is, r.departs)
	return r.carryOut(ctx, r.session, r.is, "migrate", func(ctx context.Context) (*migrate.Result, error) {
		o := r.options
		o.Fresh = r.fresh
		r.runner.Actor, r.runner.Approval = r.streamer(ctx, r.session, r.is), r.approval
		return r.runner.Run(ctx, r.is, o)
	}, r.runner)
}

// refuse shows the plan that is refused.
func (m *migration) refuse(ctx context.Context, p *plan.Plan, d regions.Resolution, why error) error {
	estimate, err := m.estimate(ctx, m.session, p)
	if err != nil {
		return err
	}
	return cmp.Or(m.printPlan(p, d, estimate), why)
}

// checkCost holds what the plan costs against the most that it may. Prices that cannot be
// added are refused before a plan is started, which writes down what it is to cost. The
// estimate is nil where nobody needs it, for it may take a reading of the manifest.
func (m *migration) checkCost(
	ctx context.Context, p *plan.Plan, d regions.Resolution, at migrate.Stage,
) (*cost.Estimate, error) {
	if m.most.limit == nil && at != migrate.Planned && m.agree.given() {
		return nil, nil
	}
	estimate, err := m.estimate(ctx, m.session, p)
	if err != nil {
		return nil, err
	}
	if why := m.most.admits(estimate); why != nil {
		return nil, cmp.Or(m.printPlan(p, d, estimate), why)
	}
	return estimate, nil
}

// again is what would run these plans, of one customer and to a destination each.
func (m *migration) again(to string, scope plan.Scope, plans ...*plan.Plan) string {
	digests := make([]string, len(plans))
	for i, p := range plans {
		digests[i] = p.Digest
	}
	words := []string{"--to", to, "--customer", plans[0].Customer}
	if m.options.KeepSource {
		words = append(words, "--keep-source")
	}
	// What a plan was made with can be in one of them alone, if an earlier command began that.
	if i := slices.IndexFunc(plans, func(p *plan.Plan) bool { return p.Verify != verifyAuto }); i >= 0 {
		words = append(words, "--verify", plans[i].Verify)
	}
	if i := slices.IndexFunc(plans, func(p *plan.Plan) bool { return p.Restore != nil }); i >= 0 {
		words = append(words, "--restore", plans[i].Restore.Tier)
	}
	words = append(words, scopeWords(scope)...)
	for _, f := range []struct {
		name string
		is   func(*plan.Plan) bool
	}{
		{"--exclude-unlistable", func(p *plan.Plan) bool { return p.ExcludeUnlistable }},
		{"--without-settings", func(p *plan.Plan) bool { return p.WithoutSettings }},
		{"--unguarded-writes", func(p *plan.Plan) bool { return p.UnguardedWrites }},
		{"--ask-redirects", func(p *plan.Plan) bool { return p.AskRedirects }},
		{"--stream", func(p *plan.Plan) bool { return p.Stream }},
	} {
		if slices.ContainsFunc(plans, f.is) {
			words = append(words, f.name)
		}
	}
	switch {
	case m.options.FenceRequired:
		words = append(words, "--fence="+string(fenceRequired))
	case m.options.Fence:
		words = append(words, "--fence")
	}
	if n := m.options.RemoveOutdated; n > 0 {
		words = append(words, "--remove-outdated", strconv.FormatInt(n, 10))
	}
	if m.options.Passes != migrate.DefaultPasses {
		words = append(words, "--passes", strconv.Itoa(m.options.Passes))
	}
	words = append(words, m.most.words()...)
	words = append(words, m.session.signing.words...)
	for _, country := range m.session.noTransit {
		words = append(words, "--no-transit", country)
	}
	return m.command("migrate", append(words, "--approve", strings.Join(digests, ","))...)
}
