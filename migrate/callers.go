package migrate

import (
	"cmp"
	"context"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

// called adds to the record, and to the result, who carries out stages now.
func (w *work) called(ctx context.Context, stages ...string) error {
	var now []certificate.Caller
	for _, stage := range stages {
		now = append(now, w.run.Stores.Callers(ctx, stage, w.run.Plan.Ends())...)
	}
	if len(now) == 0 {
		return nil
	}
	if err := w.run.AddCallers(ctx, now); err != nil {
		return err
	}
	all, err := w.run.Callers(ctx)
	w.result.Callers = all
	return err
}

// stepApprove is the step of whoever approves.
const stepApprove = "approve"

// actor is who runs this.
func (r *Runner) actor() certificate.Actor {
	a := r.Actor
	a.Host, a.Basis = cmp.Or(a.Host, r.Host), cmp.Or(a.Basis, certificate.NotDetermined)
	a.Program.Version = cmp.Or(a.Program.Version, r.Tool)
	return a
}

// acted adds to the record who carries out steps now, and tells of a machine in the United
// States that bytes are streamed through.
func (w *work) acted(ctx context.Context, steps ...string) error {
	var now []certificate.Actor
	for _, step := range steps {
		a := w.actor
		a.Step, a.At = step, w.run.Now().UTC()
		if step == stepApprove {
			if a.How = w.approval; a.How == "" {
				continue
			}
		}
		if step == plan.StageCopy && regions.IsUS(a.Country) && w.run.Plan.Streams() {
			passing := "bytes pass"
			if !w.run.Plan.Passes() {
				passing = "what the service does not copy by itself passes"
			}
			w.run.Notef("%s through this machine, which is in the United States (%s)", passing, a.Basis)
		}
		now = append(now, a)
	}
	return w.run.AddActors(ctx, now)
}

// owned refuses a run whose configuration demands owners to be checked where they
// are not.
func (w *work) owned(ctx context.Context) error {
	w.result.OwnerChecks = w.run.Stores.OwnerChecks(ctx, w.run.Plan.Ends())
	for _, c := range w.result.OwnerChecks {
		if c.Required && c.Account == "" {
			return phase.Changed("owner_check is required at %s, and the owner of the buckets was %s", c.At, c.OwnerCheck)
		}
	}
	return nil
}
