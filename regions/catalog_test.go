package regions_test

import (
	"slices"
	"testing"
	"time"

	"github.com/residency/residency/regions"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	cat := load(t)
	tests := []struct {
		provider, code string
		wantCode       string // empty: not found
		wantCountry    string
	}{
		{"aws", "eu-west-1", "eu-west-1", "IE"},
		{"aws", "EU-WEST-1", "eu-west-1", "IE"},
		{"aws", "EU", "eu-west-1", "IE"},
		{"aws", "eu", "", ""},
		{"aws", "", "us-east-1", "US"},
		{"aws", "(empty)", "", ""},
		{"aws", "eusc-de-east-1", "eusc-de-east-1", "DE"},
		{"aws", "us-gov-west-1", "us-gov-west-1", "US"},
		{"aws", "westeurope", "", ""},
		{"aws", "mars-1", "", ""},
		{"azure", "westeurope", "westeurope", "NL"},
		{"azure", "", "", ""},
		{"gcp", "EUROPE-WEST2", "europe-west2", "GB"},
		{"gcp", "EU", "EU", ""},
		{"gcp", "ASIA1", "ASIA1", "JP"},
		{"gcp", "EUR5", "EUR5", ""},
		{"", "eu-west-1", "", ""},
	}
	for _, tt := range tests {
		r, ok := cat.Lookup(tt.provider, tt.code)
		if ok != (tt.wantCode != "") || r.Code != tt.wantCode || r.Country != tt.wantCountry {
			t.Errorf("Lookup(%q, %q) = %q in %q, %v; want %q in %q", tt.provider, tt.code, r.Code, r.Country, ok, tt.wantCode,
				tt.wantCountry)
		}
	}
}

func TestLookupAny(t *testing.T) {
	t.Parallel()
	cat := load(t)
	for code, want := range map[string][]string{
		"eu-west-1": {"aws eu-west-1"},
		"EU":        {"aws eu-west-1", "gcp EU"},
		"":          {"aws us-east-1"},
		"mars-1":    nil,
	} {
		var got []string
		for _, r := range cat.LookupAny(code) {
			got = append(got, r.Provider+" "+r.Code)
		}
		if !slices.Equal(got, want) {
			t.Errorf("LookupAny(%q) = %q, want %q", code, got, want)
		}
	}
}

func TestResultsBelongToCaller(t *testing.T) {
	t.Parallel()
	cat := load(t)
	cat.All()[0].Country = "XX"
	cat.SetMembers("EU")[0] = "XX"
	ie, _ := cat.Country("IE")
	ie.Sets[0] = "XX"
	ie, _ = cat.Country("ie")
	if cat.All()[0].Country == "XX" || cat.SetMembers("EU")[0] == "XX" || ie.Sets[0] == "XX" {
		t.Error("a change to a result changed the catalog")
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	cat := load(t)
	oldest := cat.AsOf()
	for _, r := range cat.All() {
		if r.AsOf.Before(oldest) {
			t.Errorf("%s is older than AsOf", r.Code)
		}
	}
	if limit := oldest.AddDate(0, 6, 0); cat.Stale(limit) || !cat.Stale(limit.Add(time.Second)) {
		t.Error("Stale does not turn true right after six months")
	}
}

func TestCountrySets(t *testing.T) {
	t.Parallel()
	cat := load(t)
	tests := []struct {
		iso     string
		in, out []string
	}{
		{"IE", []string{"EU", "EEA", "EEA+adequate", "not-US"}, []string{"adequate", "14-eyes", "not-14-eyes"}},
		{"NO", []string{"EEA", "14-eyes"}, []string{"EU"}},
		{"GB", []string{"adequate", "EEA+adequate", "14-eyes"}, []string{"EU", "EEA"}},
		{"CH", []string{"adequate"}, []string{"EU", "EEA"}},
		{"US", []string{"14-eyes"}, []string{"adequate", "EEA+adequate", "not-US"}},
		{"PR", nil, []string{"not-US", "not-14-eyes"}},
		{"LU", []string{"EU", "EEA"}, []string{"not-14-eyes", "14-eyes"}}, // no law row
		{"HK", []string{"US-DSP-concern"}, []string{"adequate"}},
	}
	for _, tt := range tests {
		got := cat.Sets(tt.iso)
		for _, s := range tt.in {
			if !slices.Contains(got, s) || !slices.Contains(cat.SetMembers(s), tt.iso) {
				t.Errorf("%s is not in %s: %q", tt.iso, s, got)
			}
		}
		for _, s := range tt.out {
			if slices.Contains(got, s) {
				t.Errorf("%s is in %s", tt.iso, s)
			}
		}
	}
	if eu, eea := len(cat.SetMembers("eu")), len(cat.SetMembers("EEA")); eu != 27 || eea != 30 {
		t.Errorf("EU has %d members and EEA %d, want 27 and 30", eu, eea)
	}
	if cat.SetMembers("nowhere") != nil {
		t.Error("members of no set")
	}
	if c, ok := cat.Country("hk"); !ok || !c.DSPConcern || c.Name == "" || c.Source == "" {
		t.Errorf("Country(hk) = %+v, %v", c, ok)
	}
	if _, ok := cat.Country(""); ok {
		t.Error("the empty country is known")
	}
}

func TestOperator(t *testing.T) {
	t.Parallel()
	cat := load(t)
	tests := []struct {
		provider, code, id, country, parent string
		contested, ok                       bool
	}{
		{"aws", "eu-west-1", "aws", "US", "", false, true},
		{"aws", "cn-north-1", "sinnet", "CN", "", false, true},
		{"aws", "cn-northwest-1", "nwcd", "CN", "", false, true},
		{"aws", "eusc-de-east-1", "aws-eusc", "DE", "US", true, true},
		{"azure", "northeurope", "microsoft", "US", "", false, true},
		{"azure", "chinaeast2", "21vianet", "CN", "", false, true},
		{"azure", "bleufrancecentral", "bleu", "FR", "", false, true},
		{"azure", "singaporenorth", "unknown", "", "", false, false},
		{"gcp", "europe-west1", "google", "US", "", false, true},
		{"gcp", "u-france-east1", "s3ns", "FR", "", false, true},
		{"gcp", "u-germany-northeast1", "unknown", "", "", false, false},
	}
	for _, tt := range tests {
		r, _ := cat.Lookup(tt.provider, tt.code)
		op, ok := cat.Operator(r)
		if ok != tt.ok || op.ID != tt.id || op.Country != tt.country || op.Parent != tt.parent ||
			op.Contested != tt.contested {
			t.Errorf("Operator(%s %s) = %+v, %v", tt.provider, tt.code, op, ok)
		}
	}
	if op, ok := cat.Operator(regions.Region{}); ok || op != (regions.Operator{}) {
		t.Errorf("operator of no region: %+v", op)
	}
}

func TestIsUS(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"US", "us", " Us ", "PR", "GU", "VI", "AS", "MP", "UM"} {
		if !regions.IsUS(code) {
			t.Errorf("IsUS(%q) is false", code)
		}
	}
	for _, code := range []string{"", "CA", "GB", "USA", "U", "VG"} {
		if regions.IsUS(code) {
			t.Errorf("IsUS(%q) is true", code)
		}
	}
}
