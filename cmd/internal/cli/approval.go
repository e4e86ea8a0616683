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

// approval is how somebody agrees to a plan.
type approval struct {
	digest string
	yes    bool
	aborts bool // what is agreed to is that it is aborted
}

func (p *approval) addTo(c *cobra.Command) {
	c.Flags().StringVar(&p.digest, "approve", "",
		"approve the plan with this `digest` (or at least its first 12 hex digits, if they begin no other\nplan's "+
			"digest in this state)")
	c.Flags().BoolVar(&p.yes, "yes", false, "approve whatever the plan says")
}

// check refuses digits that are too few to name a plan.
func (p *approval) check() error {
	if p.digest != "" && len(p.digest) < plan.MinApproval {
		return &usageError{err: fmt.Errorf("--approve %q: at least %d hex digits of the plan's digest",
			p.digest, plan.MinApproval)}
	}
	return nil
}

// approve asks, or demands what stands in for an answer, and shows the plan with what it costs,
// unless that is nil. Nothing was changed when it returns an error.
func (a *app) approve(
	ctx context.Context, w *session, p *plan.Plan, d regions.Resolution, agree approval, command string,
	estimate *cost.Estimate,
) error {
	if agree.digest != "" {
		a.approvedBy = "digest"
		return a.approved(ctx, w, p, agree.digest)
	}
	if agree.yes {
		a.approvedBy = "yes"
		return nil
	}
	if err := a.printPlan(p, d, estimate); err != nil {
		return err
	}
	if !a.interactive {
		if a.output == "table" {
			what := "run"
			if agree.aborts {
				what = "abort"
			}
			fmt.Fprintf(a.Out, "\nNothing was changed. To %s this plan:\n  %s\n", what, command)
		}
		return &refusedError{err: fmt.Errorf("%w: plan %s needs one; nothing was changed", errApproval, p.ID),
			remedy: command}
	}
	fmt.Fprintf(a.Out, "\nType the customer's name (%s) to proceed, anything else to stop: ", p.Customer)
	name, err := a.answer(ctx)
	if err != nil {
		return &refusedError{err: fmt.Errorf("%w: no answer; nothing was changed", errApproval)}
	}
	if name != p.Customer {
		return &refusedError{err: fmt.Errorf("%w: the answer was not %q; nothing was changed", errApproval, p.Customer)}
	}
	a.approvedBy = "typed"
	return nil
}

// confirmDigest refuses an approval of another plan than this one, of which nothing is
// left to be approved.
func (a *app) confirmDigest(ctx context.Context, w *session, p *plan.Plan, agree approval) error {
	if agree.digest == "" {
		return nil
	}
	return a.approved(ctx, w, p, agree.digest)
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
