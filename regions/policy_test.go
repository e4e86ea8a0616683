package regions_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/regions"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	cat := load(t)
	tests := []struct {
		allowed []string
		text    string
		yes, no []string // code/country
	}{
		{nil, "anywhere but the US",
			[]string{"eu-west-1/IE", "gra/FR", "cn-north-1/CN", "/de"},
			[]string{"us-east-1/US", "x/PR", "eu-west-1/", "x/XX", "EUR4/FI+NL", "x/ZZ", "EU/EU"}},
		{[]string{"EU"}, "EU",
			[]string{"eu-west-1/IE", "x/LU"},
			[]string{"eu-west-2/GB", "x/NO", "us-east-1/US", "eu-west-1/", "eu-west-1/US"}},
		{[]string{"eea", " ch ", "CH"}, "EEA, CH", []string{"x/NO", "eu-central-2/CH"}, []string{"eu-west-2/GB"}},
		{[]string{"EEA+adequate"}, "EEA+adequate", []string{"x/GB", "x/JP", "x/IE"}, []string{"x/US", "x/SG"}},
		{[]string{"not-14-eyes"}, "not-14-eyes", []string{"x/CH", "x/IE"}, []string{"x/DE", "x/US", "x/LU"}},
		{[]string{"eu-west-1"}, "eu-west-1",
			[]string{"eu-west-1/IE", "EU-WEST-1/IE"},
			[]string{"northeurope/IE", "eu-west-1/GB", "eu-west-1/US", "eu-west-1/"}},
		{[]string{"westeurope", "EUROPE-WEST9"}, "westeurope, europe-west9",
			[]string{"westeurope/NL", "europe-west9/FR"}, []string{"eu-west-3/FR"}},
		{[]string{"US"}, "US", []string{"us-east-1/US", "x/PR"}, []string{"eu-west-1/IE"}},
		{[]string{"us-east-1"}, "us-east-1", []string{"us-east-1/US"}, []string{"us-east-2/US"}},
		{[]string{"PR"}, "PR", []string{"x/PR"}, []string{"us-east-1/US"}},
	}
	for _, tt := range tests {
		p, err := regions.NewPolicy(cat, tt.allowed)
		if err != nil {
			t.Errorf("NewPolicy(%q): %v", tt.allowed, err)
			continue
		}
		if p.String() != tt.text {
			t.Errorf("NewPolicy(%q) is %q, want %q", tt.allowed, p, tt.text)
		}
		for want, places := range map[bool][]string{true: tt.yes, false: tt.no} {
			for _, place := range places {
				code, country, _ := strings.Cut(place, "/")
				if got := p.Allows(code, country); got != want {
					t.Errorf("policy %q: Allows(%q, %q) = %v", p, code, country, got)
				}
			}
		}
	}
}

func TestPolicyUnknownEntry(t *testing.T) {
	t.Parallel()
	cat := load(t)
	for _, entry := range []string{"", "XX", "Europe", "mars-1", "ASIA", "EUR5", "aws-global", "gra"} {
		_, err := regions.NewPolicy(cat, []string{"EU", entry})
		if !errors.Is(err, regions.ErrPolicy) || !strings.Contains(err.Error(), `"`+entry+`"`) {
			t.Errorf("NewPolicy(%q): %v", entry, err)
		}
	}
}

func TestPolicyZero(t *testing.T) {
	t.Parallel()
	var p regions.Policy
	for country, want := range map[string]bool{
		"IE": true, "QA": true, "us": false, "PR": false, "": false, "XX": false, "ZZ": false, "AA": false, "QM": false,
		"FI+NL": false, "*": false,
	} {
		if got := p.Allows("x", country); got != want {
			t.Errorf("Allows(%q) = %v", country, got)
		}
	}
	if p.String() != "anywhere but the US" {
		t.Error(p)
	}
}
