package migrate_test

import (
	"errors"
	"testing"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

// Law L6 holds for whoever calls: no plan is made for the United States or for
// a country that is not known, and none that says so is run.
func TestForbiddenDestinations(t *testing.T) {
	for country, want := range map[string]error{"US": regions.ErrUS, "pr": regions.ErrUS, "": regions.ErrUnknownPlace,
		"Ireland": regions.ErrUnknownPlace, "ZZ": regions.ErrUnknownPlace} {
		to := plan.Region{Provider: "cloud", Code: "eu-west-1", Country: country}
		if _, err := plan.Make(t.Context(), nil, plan.Request{Destination: to}); !errors.Is(err, want) {
			t.Errorf("country %q: a plan ended with %v, want %v", country, err, want)
		}
		r, p := &migrate.Runner{}, &plan.Plan{Destination: to}
		if _, err := r.Run(t.Context(), p, migrate.Options{}); !errors.Is(err, want) {
			t.Errorf("country %q: a run ended with %v, want %v", country, err, want)
		}
		if _, err := r.Erase(t.Context(), p); !errors.Is(err, want) {
			t.Errorf("country %q: an erase ended with %v, want %v", country, err, want)
		}
	}
}
