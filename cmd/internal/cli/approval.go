package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/regions"
)

// approval is how somebody agrees to a plan.
type approval struct {
	digest string
	yes    bool
}

func (p *approval) addTo(c *cobra.Command) {
	c.Flags().StringVar(&p.digest, "approve", "",
		"approve the plan with this `digest` (or at least 12 hex digits of it, which begin no other plan's here)")
	c.Flags().BoolVar(&p.yes, "yes", false, "approve whatever the plan says")
}

// check refuses digits that are too few to name a plan.
func (p *approval) check() error {
	if p.digest != "" && len(p.digest) < migrate.MinApproval {
		return &usageError{err: fmt.Errorf("--approve %q: at least %d hex digits of the plan's digest",
			p.digest, migrate.MinApproval)}
	}
	return nil
}

// approve asks, or demands what stands in for an answer. Nothing was changed
// when it returns an error.
func (a *app) approve(
	ctx context.Context, w *world, p *migrate.Plan, d regions.Resolution, agree approval, command string,
) error {
	if agree.digest != "" {
		return a.approved(ctx, w, p, agree.digest)
	}
	if agree.yes {
		return nil
	}
	if err := a.printPlan(p, d); err != nil {
		return err
	}
	if !render.IsTerminal(a.In) || !render.IsTerminal(a.Out) {
		if a.output == "table" {
			fmt.Fprintf(a.Out, "\nNothing was changed. To run this plan:\n  %s\n", command)
		}
		return &refusedError{err: fmt.Errorf("%w: plan %s needs one; nothing was changed", errApproval, p.ID), hint: command}
	}
	fmt.Fprintf(a.Out, "\nType the customer's name (%s) to go on, anything else to stop: ", p.Customer)
	line, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil && line == "" {
		return &refusedError{err: fmt.Errorf("%w: no answer; nothing was changed", errApproval)}
	}
	if strings.TrimSpace(line) != p.Customer {
		return &refusedError{err: fmt.Errorf("%w: the answer was not %q; nothing was changed", errApproval, p.Customer)}
	}
	return nil
}

// meant refuses an approval of another plan than this one, of which nothing is
// left to be approved.
func (a *app) meant(ctx context.Context, w *world, p *migrate.Plan, agree approval) error {
	if agree.digest == "" {
		return nil
	}
	return a.approved(ctx, w, p, agree.digest)
}

// approved tells whether a digest, or its beginning, approves this plan: it must
// be the plan's, and begin no other stored plan's.
func (a *app) approved(ctx context.Context, w *world, p *migrate.Plan, digits string) error {
	named, err := migrate.ByDigest(ctx, w.home, digits)
	switch {
	case errors.Is(err, migrate.ErrAmbiguous):
		return ambiguous(err)
	case err == nil && named.ID == p.ID && p.Approves(digits):
		return nil
	case err != nil && !errors.Is(err, migrate.ErrNoPlan):
		return err
	}
	text := fmt.Sprintf("%s is not the digest of plan %s, which is %s", digits, p.ID, p.Digest)
	if named != nil {
		text += fmt.Sprintf("; it is that of plan %s, %s", named.ID, named.Digest)
	}
	return &refusedError{err: fmt.Errorf("%w: %s", errApproval, text),
		hint: a.command("status", "--plan", p.ID) + " shows what would be approved"}
}

// ambiguous is an approval that more than one plan could be meant by.
func ambiguous(err error) error { return &refusedError{err: err, hint: remedy(err)} }

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
