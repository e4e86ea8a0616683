package regions_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/regions"
)

func TestDataIntegrity(t *testing.T) {
	t.Parallel()
	cat := load(t)
	seen := make(map[string]bool)
	all := cat.All()
	for i, r := range all {
		id := r.Provider + " " + r.Code
		if k := strings.ToLower(id); seen[k] {
			t.Errorf("%s: twice", id)
		} else {
			seen[k] = true
		}
		if i > 0 && (all[i-1].Provider > r.Provider || all[i-1].Provider == r.Provider && all[i-1].Code >= r.Code) {
			t.Errorf("%s: out of order", id)
		}
		if r.Source == "" || r.Verified == "" || r.AsOf.IsZero() {
			t.Errorf("%s: no source, verification or date", id)
		}
		if op, ok := cat.Operator(r); r.Kind == regions.KindRegion && (op.Source == "" || !ok && op.ID != "unknown") {
			t.Errorf("%s: no operator", id)
		}
		if r.Country == "" {
			if r.Kind == regions.KindRegion || r.CountryNote == "" {
				t.Errorf("%s: no country", id)
			}
			continue
		}
		c, ok := cat.Country(r.Country)
		if !ok || c.Name == "" || c.Source == "" || !hasLaw(cat, r.Country) {
			t.Errorf("%s: country %q: %+v", id, r.Country, c)
		}
	}
}

// hasLaw tells whether the catalog says anything of a country's own law.
func hasLaw(cat *regions.Catalog, country string) bool {
	return slices.ContainsFunc(cat.Claims(regions.AxisLocation, country), func(c regions.Claim) bool {
		return c.Applies == country && c.Group == regions.GroupLaw
	})
}

// TestClaims holds each thing that the catalog says of the law to what makes it one:
// a group, a state, a source, a date and how it is known, of its own.
func TestClaims(t *testing.T) {
	t.Parallel()
	cat := load(t)
	date := regexp.MustCompile(`^2[0-9]{3}(-[0-9]{2}(-[0-9]{2})?)?$`)
	n := 0
	for _, axis := range []string{regions.AxisLocation, regions.AxisOperator} {
		for _, country := range countries(cat) {
			for _, c := range cat.Claims(axis, country) {
				n++
				if c.Group == "" || c.State == "" || c.Source == "" || c.Confidence == "" || c.Detail == "" ||
					!date.MatchString(string(c.AsOf)) || c.Since != "" && !date.MatchString(string(c.Since)) {
					t.Errorf("incomplete: %+v", c)
				}
				memory := c.Confidence == regions.FromMemory
				if recalled := strings.Contains(c.Source, "recalled") || strings.Contains(c.Source, "not re-read"); memory != recalled {
					t.Errorf("%s, and the source is %q: %+v", c.Confidence, c.Source, c)
				}
			}
		}
	}
	if n < 200 {
		t.Errorf("%d claims only", n)
	}
}

// What is said of a country and the sets that it is in do not contradict each other.
func TestClaimsAgreeWithSets(t *testing.T) {
	t.Parallel()
	cat := load(t)
	for _, country := range countries(cat) {
		if !hasLaw(cat, country) || regions.IsUS(country) {
			continue
		}
		said := func(law string) bool {
			return slices.ContainsFunc(cat.Claims(regions.AxisLocation, country), func(c regions.Claim) bool {
				return c.Applies == country && strings.HasPrefix(c.Law, law)
			})
		}
		for set, law := range map[string]string{"adequate": "GDPR art. 45", "14-eyes": "intelligence sharing"} {
			if in := slices.Contains(cat.SetMembers(set), country); in != said(law) {
				t.Errorf("%s: in %s %t, claim of %s %t", country, set, in, law, said(law))
			}
		}
		if slices.Contains(cat.SetMembers("14-eyes"), country) == slices.Contains(cat.SetMembers("not-14-eyes"), country) {
			t.Errorf("%s is in both or neither of 14-eyes and not-14-eyes", country)
		}
	}
}

// countries are those that have regions.
func countries(cat *regions.Catalog) []string {
	var list []string
	for _, r := range cat.All() {
		if r.Country != "" && !slices.Contains(list, r.Country) {
			list = append(list, r.Country)
		}
	}
	return list
}

// TestAWSRegionsMatchSDK holds the catalog's AWS regions against the list in
// the AWS SDK that this module is built with.
func TestAWSRegionsMatchSDK(t *testing.T) {
	t.Parallel()
	cat := load(t)
	// Rows of the catalog that are no regions of the SDK's list.
	notInSDK := []string{"EU", "(empty)", "(LOCAL-ZONE)"}
	// Pseudo regions of the SDK that no bucket can be in.
	notInCatalog := []string{"aws-iso-global", "aws-iso-b-global", "aws-iso-e-global", "aws-iso-f-global"}

	inSDK := sdkRegions(t)
	for code, partition := range inSDK {
		r, ok := cat.Lookup("aws", code)
		switch {
		case !ok && !slices.Contains(notInCatalog, code):
			t.Errorf("%s of %s is in the SDK, but not in the catalog", code, partition)
		case ok && r.Partition != partition:
			t.Errorf("%s is in %s for the SDK and in %s for the catalog", code, partition, r.Partition)
		}
	}
	for _, r := range cat.All() {
		if _, ok := inSDK[r.Code]; !ok && r.Provider == "aws" && !slices.Contains(notInSDK, r.Code) {
			t.Errorf("%s is in the catalog, but not in the SDK", r.Code)
		}
	}
}

// sdkRegions returns the SDK's region codes and the partition of each.
func sdkRegions(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/aws/aws-sdk-go-v2").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)),
		"internal/endpoints/awsrulesfn/partitions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Partitions []struct {
			ID      string
			Regions map[string]any
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	regionsOf := make(map[string]string)
	for _, p := range doc.Partitions {
		for code := range p.Regions {
			regionsOf[code] = p.ID
		}
	}
	if len(regionsOf) < 40 {
		t.Fatalf("the SDK lists %d regions only", len(regionsOf))
	}
	return regionsOf
}
