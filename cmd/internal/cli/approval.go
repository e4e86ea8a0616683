package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

// approval is how somebody agrees to a plan, or to one for each of several destinations.
type approval struct {
	digests []string // or their beginnings
	yes     bool
	aborts  bool   // what is agreed to is that it is aborted
	stands  string // how the plan stands, if it has begun
}

func (p *approval) addTo(c *cobra.Command, more string) {
	c.Flags().StringSliceVar(&p.digests, "approve", nil,
		"approve the plan with this `digest` (or at least its first 12 hex digits, if they begin no other\nplan's "+
			"digest in this state)"+more)
	c.Flags().BoolVar(&p.yes, "yes", false, "approve whatever the plan says")
}

// check refuses digits that are too few to name a plan, and more digests than there can be plans.
func (p *approval) check(most int) error {
	for i, digits := range p.digests {
		digits = strings.TrimSpace(digits)
		p.digests[i] = digits
		if len(digits) < plan.MinApproval {
			return &usageError{err: fmt.Errorf("--approve %q: at least %d hex digits of the plan's digest",
				digits, plan.MinApproval)}
		}
	}
	if len(p.digests) > most {
		return &usageError{err: fmt.Errorf("--approve has %s, and the command is of %s", plural(len(p.digests), "digest"),
			plural(most, "plan")), remedy: "give the digest of each plan once"}
	}
	return nil
}

// digest is the one that was given, if one was.
func (p *approval) digest() string { return strings.Join(p.digests, ",") }

// given tells whether nobody needs to be asked.
func (p *approval) given() bool { return p.yes || len(p.digests) > 0 }

// approve asks, or demands what stands in for an answer, and shows the plan with what it costs,
// unless that is nil. Nothing was changed when it returns an error.
func (a *app) approve(
	ctx context.Context, w *session, p *plan.Plan, d regions.Resolution, agree approval, command string,
	estimate *cost.Estimate,
) error {
	switch {
	case len(agree.digests) > 0: // whatever else is said
		a.approvedBy = "digest"
		return a.approved(ctx, w, p, agree.digest())
	case agree.yes:
		a.approvedBy = "yes"
		return nil
	}
	if err := a.show(p, d, agree, estimate); err != nil {
		return err
	}
	what := "run this plan"
	if agree.aborts {
		what = "abort this plan"
	}
	return a.confirm(ctx, p.Customer, what, fmt.Sprintf("plan %s needs one", p.ID), command)
}

// show shows a plan that is to be approved.
func (a *app) show(p *plan.Plan, d regions.Resolution, agree approval, estimate *cost.Estimate) error {
	if err := a.printPlan(p, d, estimate); err != nil {
		return err
	}
	if agree.stands != "" && a.output == outputTable {
		fmt.Fprintln(a.Out)
		a.paragraph("%s", agree.stands)
	}
	return nil
}

// confirm has somebody agree to what was shown, or says which command does.
func (a *app) confirm(ctx context.Context, customer, what, needs, command string) error {
	if !a.interactive || a.output != outputTable { // nobody reads a plan as JSON before they answer
		if a.output == outputTable {
			fmt.Fprintf(a.Out, "\nNothing was changed. To %s:\n  %s\n", what, command)
		}
		return &refusedError{err: fmt.Errorf("%w: %s; nothing was changed", errApproval, needs), remedy: command}
	}
	fmt.Fprintf(a.Out, "\nType the customer's name (%s) to proceed, anything else to stop: ", customer)
	name, err := a.answer(ctx)
	if err != nil {
		return &refusedError{err: fmt.Errorf("%w: no answer; nothing was changed", errApproval)}
	}
	if name != customer {
		return &refusedError{err: fmt.Errorf("%w: the answer was not %q; nothing was changed", errApproval, customer)}
	}
	a.approvedBy = "typed"
	return nil
}

// approvalTo is what an approval says of the plan to one of several destinations: the digest of a stored plan to
// there. Digests of no stored plan may be another machine's of what is there now, to any of them.
func (a *app) approvalTo(
	ctx context.Context, w *session, d regions.Resolution, agree approval,
) (approval, error) {
	own := agree
	own.digests = nil
	for _, digits := range agree.digests {
		p, err := plan.ByDigest(ctx, w.home, digits)
		switch {
		case errors.Is(err, plan.ErrAmbiguous):
			return own, ambiguous(err)
		case errors.Is(err, plan.ErrNoPlan):
			own.digests = append(own.digests, digits)
		case err != nil:
			return own, err
		case p.Destination.Provider == d.Place.Provider && p.Destination.Code == d.Place.Code:
			own.digests = []string{digits}
			return own, nil
		}
	}
	return own, nil
}

// confirmDigest refuses an approval of another plan than this one, of which nothing is
// left to be approved.
func (a *app) confirmDigest(ctx context.Context, w *session, p *plan.Plan, agree approval) error {
	if len(agree.digests) == 0 {
		return nil
	}
	return a.approved(ctx, w, p, agree.digest())
}

// approved tells whether a digest, or its beginning, approves this plan: it must
// be the plan's, and begin no other stored plan's.
func (a *app) approved(ctx context.Context, w *session, p *plan.Plan, digits string) error {
	named, err := plan.ByDigest(ctx, w.home, digits)
	switch {
	case errors.Is(err, plan.ErrAmbiguous):
		return ambiguous(err)
	case err == nil && named.ID == p.ID && p.Approves(digits):
		return nil
	case err != nil && !errors.Is(err, plan.ErrNoPlan):
		return err
	}
	text := fmt.Sprintf("%s is not the digest of plan %s, which is %s", digits, p.ID, p.Digest)
	if named != nil {
		text += fmt.Sprintf("; it is that of plan %s, %s", named.ID, named.Digest)
	}
	return &refusedError{err: fmt.Errorf("%w: %s", errApproval, text),
		remedy: a.command("status", "--plan", p.ID) + " shows what would be approved"}
}

// ambiguous is an approval that more than one plan could be meant by.
func ambiguous(err error) error { return &refusedError{err: err, remedy: remedy.For(err)} }

// command is a command to be pasted, with what this one was told of the
// configuration and the state.
func (a *app) command(name string, words ...string) string {
	parts := []string{"residency", name}
	if a.configPath != "" {
		parts = append(parts, "--config", a.configPath)
	}
	if a.state != "" {
		parts = append(parts, "--state", a.state)
	}
	if a.insecure {
		parts = append(parts, "--insecure")
	}
	return strings.Join(append(parts, words...), " ")
}
