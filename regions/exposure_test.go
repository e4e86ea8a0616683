package regions_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/residency/residency/regions"
)

func TestExposures(t *testing.T) {
	t.Parallel()
	cat := load(t)
	operatorOf := func(provider, code string) regions.Operator {
		r, _ := cat.Lookup(provider, code)
		op, _ := cat.Operator(r)
		return op
	}
	amazon, esc := operatorOf("aws", "eu-west-1"), operatorOf("aws", "eusc-de-east-1")
	tests := []struct {
		name    string
		country string
		op      regions.Operator
		yes, no []string // "axis/part of the law/country"
	}{
		{"american operator in dublin", "IE", amazon,
			[]string{"location/GDPR/EU", "location/Data Protection Act/IE", "location/GDPR art. 48/EU", "location/e-Evidence/EU", "operator/CLOUD Act/US",
				"operator/FISA section 702/US", "operator/national security letters/US"},
			[]string{"location/FISA/US", "operator/GDPR/IE"}},
		{"french operator in france", "fr", regions.Operator{Name: "Example Cloud", Country: "FR"},
			[]string{"location/Informatique/FR", "operator/e-Evidence/EU"}, []string{"operator/CLOUD/US", "operator/FISA/US"}},
		{"sovereign cloud of an american owner", "DE", esc,
			[]string{"location/BDSG/DE", "operator/e-Evidence/EU", "operator/CLOUD Act/US"}, nil},
		{"in the us", "US", amazon,
			[]string{"location/Stored Communications/US", "location/FISA/US", "operator/CLOUD/US"},
			[]string{"location/mutual/US", "location/CLOUD Act agreement/US"}},
		{"canada negotiates", "CA", amazon, []string{"location/PIPEDA/CA"},
			[]string{"location/CLOUD Act agreement/CA", "location/lawful-access/CA"}},
		{"mexico has no general rule", "MX", amazon, []string{"location/sector rules/MX"},
			[]string{"location/localisation/MX"}},
		{"territory", "PR", amazon, []string{"location/FISA/US"}, nil},
		{"china", "CN", operatorOf("aws", "cn-north-1"),
			[]string{"location/PIPL/CN", "location/28 CFR 202/US", "operator/National Intelligence/CN",
				"operator/28 CFR 202/US", "operator/CLOUD/US"}, // through its American supplier, contested
			nil},
		{"hong kong", "HK", amazon, []string{"location/28 CFR 202/US", "operator/CLOUD Act/US"}, nil},
		{"london", "GB", regions.Operator{Country: "GB"},
			[]string{"location/CLOUD Act agreement/GB", "location/intelligence sharing/GB", "operator/Investigatory/GB"},
			[]string{"location/GDPR art. 48/EU"}},
		{"ireland shares nothing", "IE", amazon, nil, []string{"location/intelligence sharing/IE", "location/CLOUD/IE",
			"location/localisation/IE"}},
		{"country without a law row", "LU", amazon, []string{"location/unknown/LU", "location/GDPR art. 48/EU"}, nil},
		{"no country", "", amazon, []string{"location/unknown/", "operator/CLOUD/US"}, nil},
		{"no operator", "IE", regions.Operator{}, []string{"location/GDPR/EU", "operator/unknown/"}, nil},
		{"operator of a country without such a law", "IE", regions.Operator{Country: "CH"}, []string{"operator/unknown/CH"},
			nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := cat.Exposures(tt.country, tt.op)
			for _, want := range tt.yes {
				if !has(got, want) {
					t.Errorf("no %s in %+v", want, got)
				}
			}
			for _, not := range tt.no {
				if has(got, not) {
					t.Errorf("%s should not be there", not)
				}
			}
			for _, e := range got {
				if e.Law == "" || e.Detail == "" || e.Source == "" || e.AsOf == "" || e.Confidence == "" || e.State == "" ||
					e.Group == "" {
					t.Errorf("incomplete: %+v", e)
				}
				if tt.op.Contested && e.Axis == regions.AxisOperator && e.Country == "US" &&
					(e.State == regions.InForce || !strings.Contains(e.Detail, "contested whether")) {
					t.Errorf("not marked as contested: %+v", e)
				}
			}
		})
	}
}

func has(list []regions.Exposure, want string) bool {
	parts := strings.Split(want, "/")
	for _, e := range list {
		if e.Axis == parts[0] && strings.Contains(e.Law, parts[1]) && e.Country == parts[2] {
			return true
		}
	}
	return false
}

// TestNoVerdict holds every text that can be printed to the promise that no
// place is called safe or compliant.
func TestNoVerdict(t *testing.T) {
	t.Parallel()
	cat := load(t)
	verdict := regexp.MustCompile(`(?i)\b(safe|compliant)\b|-proof\b`)
	check := func(texts ...string) {
		for _, s := range texts {
			if verdict.MatchString(s) {
				t.Errorf("verdict in %q", s)
			}
		}
	}
	for _, r := range cat.All() {
		op, _ := cat.Operator(r)
		check(r.Name, r.Place, r.Status, r.Verified, op.Name, op.Note)
		for _, e := range cat.Exposures(r.Country, op) {
			check(e.Law, e.Detail, e.Confidence)
		}
		for _, c := range cat.Claims(regions.AxisLocation, r.Country) {
			check(c.Law, c.Detail, c.Confidence, c.State)
		}
	}
}
