package migrate

import (
	"context"
	"fmt"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/changes"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/probe"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/reserve"
)

// open makes a work of the plan as far as it has come.
func (r *Runner) open(ctx context.Context, p *plan.Plan) (*work, error) {
	of, err := record.Of(ctx, r.Home, p)
	if err != nil {
		return nil, err
	}
	run := &phase.Run{
		Record: of, Stores: r.Stores, Now: r.Now, Progress: r.Progress, Workers: r.Workers,
		MostWorkers: r.MostWorkers,
		Sleep:       r.Sleep, After: r.After, Random: r.Random, Note: r.Note,
		UnversionedUntil: make(map[string]time.Time),
	}
	result := newResult(p)
	reservation := reserve.New(run, r.LeaseTerm)
	tried := probe.New(run, reservation, r.Claims)
	result.Configuration = r.Configuration
	result.Otherwise = append(result.Otherwise, r.Departs.Otherwise...)
	result.NotInPlan = append(result.NotInPlan, r.Departs.NotInPlan...)
	tags := &tagging{run: run, prober: tried}
	return &work{
		run: run, reservation: reservation, probes: tried, tagging: tags,
		sourceCheck: changes.NewCheck(run, reservation), budget: r.Budget,
		result: result, tool: r.Tool, actor: r.actor(), approval: r.Approval, catalog: r.Catalog, signers: r.Signers,
		stamp:  r.Stamp,
		report: r.Report, spent: spending{expected: r.Expected},
	}, nil
}

// openToWrite is open for what writes to the destination: with the encryption that the plan
// asks for, and without conditions if it says so. The store does so from now on.
func (r *Runner) openToWrite(ctx context.Context, p *plan.Plan) (*work, error) {
	w, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := p.Ordered(w.run.Stores); err != nil {
		return nil, remedy.Wrap(fmt.Errorf("%w: %w", phase.ErrChanged, err), "restore ordering in the "+
			"configuration to finish what was approved, or make a new plan after migrate --abort "+p.ID)
	}
	if p.UnguardedWrites { // a store that knows nothing of it refuses, as its service does
		if u, ok := w.run.Destination().(objectstore.Unguarder); ok {
			u.Unguard()
		}
	}
	if p.Encryption == "" {
		return w, nil
	}
	return w, encrypts(w.run, p)
}

func encrypts(run *phase.Run, p *plan.Plan) error {
	e, ok := run.Destination().(objectstore.Encrypter)
	if !ok {
		return fmt.Errorf("%w: the destination's service knows no choice of encryption (%s)", objectstore.ErrNotOffered,
			p.Encryption)
	}
	e.Encrypt(p.Encryption, p.KMSKey)
	return nil
}
