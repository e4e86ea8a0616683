package migrate_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/regions/prices"
)

// expected estimates plans of a state by prices of some things.
func expected(home state.Home) migrate.Expected {
	return func(ctx context.Context, p *plan.Plan) (cost.Work, *cost.Estimate, error) {
		own, err := prices.Parse("own.csv", []byte("provider,region,item,of,unit,price,currency\n"+
			"cloud,*,put,STANDARD,1000 requests,5,EUR\ncloud,*,get,STANDARD,1000 requests,0.4,EUR\n"))
		if err != nil {
			return cost.Work{}, nil, err
		}
		charges := &plan.Charges{At: time.Now()}
		if err := charges.Count(ctx, home, p); err != nil {
			return cost.Work{}, nil, err
		}
		w := p.Work(charges, 0)
		e, err := cost.Of(w, prices.Of(own))
		return w, e, err
	}
}

// asExpected fails where something was sent that is outside of what was estimated.
func (f *fixture) asExpected(p *plan.Plan) []cost.Compared {
	f.t.Helper()
	of, err := record.Of(f.t.Context(), f.home, p)
	if err != nil {
		f.t.Fatal(err)
	}
	var c certificate.Certificate
	if err := of.Certificate(f.t.Context(), &c); err != nil {
		f.t.Fatal(err)
	}
	if c.Cost == nil || len(c.Cost.Requests) != 8 {
		f.t.Fatalf("cost %+v", c.Cost)
	}
	for _, r := range c.Cost.Requests {
		if r.Counted < r.Low || r.Counted > r.High {
			f.t.Errorf("%d %s at %s, estimated %d to %d", r.Counted, r.Item, r.At, r.Low, r.High)
		}
	}
	return c.Cost.Requests
}

// chargedAs is what Amazon charges an operation as.
func chargedAs(operation string) string {
	is := func(verbs ...string) bool {
		return slices.ContainsFunc(verbs, func(verb string) bool { return strings.HasPrefix(operation, verb) })
	}
	switch {
	case is("Delete", "Abort"):
		return prices.Delete
	case is("Put", "Copy", "Create", "Complete", "Upload", "List"):
		return prices.Put
	}
	return prices.Get
}

// What several runs have sent is added, and a run that did not come to its end is known to be
// missing.
func TestRunsAreAdded(t *testing.T) {
	f := newFixture(t, true)
	f.fill(12, 10)
	p := f.plan("auto")
	run := func(o migrate.Options) {
		t.Helper()
		r := f.runner()
		r.Expected = expected(f.home)
		if result, err := r.Run(t.Context(), p, o); err != nil {
			t.Fatalf("%v\n%s", err, problems(result))
		}
	}
	run(migrate.Options{KeepSource: true})
	of, err := record.Of(t.Context(), f.home, p)
	if err != nil {
		t.Fatal(err)
	}
	first, err := of.Cost(t.Context())
	if err != nil || first == nil || first.Begun != 1 || first.Counted != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	killed := *first
	killed.Begun++ // as a run leaves it that is killed
	if err := of.SaveCost(t.Context(), &killed); err != nil {
		t.Fatal(err)
	}
	run(migrate.Options{})
	var c certificate.Certificate
	if err := of.Certificate(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	if c.Cost == nil || c.Cost.Runs != 3 || c.Cost.Uncounted != 1 {
		t.Fatalf("cost %+v", c.Cost)
	}
	second, err := of.Cost(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, before := range first.Requests {
		if after := second.Requests[i]; after.At != before.At || after.Put <= before.Put || after.Get <= before.Get {
			t.Errorf("%+v, and after another run %+v", before, after)
		}
	}
}

// A run that is refused before it changes anything leaves the certificate of the run before
// borne out by its evidence.
func TestRefusedRunLeavesTheCertificate(t *testing.T) {
	f := newFixture(t, true)
	f.fill(3, 10)
	p := f.plan("auto")
	runner := f.runner()
	runner.Expected = expected(f.home)
	if result, err := runner.Run(t.Context(), p, migrate.Options{}); err != nil {
		t.Fatalf("%v\n%s", err, problems(result))
	}
	sound := func(behind string) {
		t.Helper()
		r, err := audit.Verify(t.Context(), audit.InState(f.home, p.ID), audit.Trust{})
		if err != nil || !r.Valid {
			t.Errorf("behind %s: %+v, %v", behind, r, err)
		}
	}
	sound("the run")
	denied := func(storetest.Request) storetest.Fault { return storetest.Fault{Status: 403, Code: "AccessDenied"} }
	f.from.SetFault(denied)
	f.to.SetFault(denied)
	for name, run := range map[string]func() (*migrate.Result, error){
		"an erase": func() (*migrate.Result, error) { return runner.Erase(t.Context(), p) },
		"a run":    func() (*migrate.Result, error) { return runner.Run(t.Context(), p, migrate.Options{}) },
	} {
		if _, err := run(); err == nil {
			t.Errorf("%s was not refused", name)
		}
		sound(name + " that was refused")
	}
}
