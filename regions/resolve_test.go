package regions_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/regions"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	cat := load(t)
	europe := aws("us-east-1", "eu-west-3", "eu-west-2", "eu-west-1", "eu-central-1", "eu-central-2", "us-gov-west-1",
		"ca-central-1")
	cloud := offer("cloud", "s3", "us-east-1", "eu-west-1", "gra", "mars-1")
	at := func(p regions.Place, country string) []regions.Place { p.Country = country; return []regions.Place{p} }
	gra := regions.Place{Provider: "cloud", Kind: "s3", Code: "gra"}
	tests := []struct {
		name         string
		query        string
		offered      []regions.Place
		want         string // provider:code=country
		alternatives []string
		area         bool
		err          error
		says         string // must be in the error
	}{
		{name: "code", query: "eu-west-1", offered: europe, want: "aws:eu-west-1=IE"},
		{name: "case", query: " EU-West-1 ", offered: europe, want: "aws:eu-west-1=IE"},
		{name: "qualified", query: "aws:eu-central-2", offered: europe, want: "aws:eu-central-2=CH"},
		{name: "area", query: "eu-west", offered: europe, want: "aws:eu-west-1=IE", area: true,
			alternatives: []string{"aws:eu-west-2=GB", "aws:eu-west-3=FR"}},
		{name: "qualified area", query: "aws:eu-central", offered: europe, want: "aws:eu-central-1=DE", area: true,
			alternatives: []string{"aws:eu-central-2=CH"}},
		{name: "area without its first", query: "eu-west", offered: aws("eu-west-3", "eu-west-2"), want: "aws:eu-west-2=GB",
			area:         true,
			alternatives: []string{"aws:eu-west-3=FR"}},
		{name: "numbers, not strings", query: "europe-west", offered: offer("g", "gcp", "europe-west10", "europe-west9"),
			want: "g:europe-west9=FR", area: true, alternatives: []string{"g:europe-west10=DE"}},
		{name: "s3 takes the country of the aws code", query: "cloud:eu-west-1", offered: cloud, want: "cloud:eu-west-1=IE"},
		{name: "s3 with its own country", query: "gra", offered: at(gra, "fr"), want: "cloud:gra=FR"},
		{name: "configured country before catalog on s3", query: "eu-west-1",
			offered: at(regions.Place{Provider: "cloud", Kind: "s3", Code: "eu-west-1"}, "DE"), want: "cloud:eu-west-1=DE"},
		{name: "said twice", query: "eu-west-1", offered: append(aws("eu-west-1"), aws("eu-west-1")...),
			want: "aws:eu-west-1=IE"},

		{name: "us", query: "us-east-1", offered: europe, err: regions.ErrUS},
		{name: "us not offered", query: "us-west-2", offered: europe, err: regions.ErrUS},
		{name: "us with no provider at all", query: "us-west-2", err: regions.ErrUS},
		{name: "us in capitals", query: "US-WEST-2", offered: europe, err: regions.ErrUS},
		{name: "us of an unknown provider", query: "nobody:us-east-1", offered: europe, err: regions.ErrUS},
		{name: "us on s3", query: "cloud:us-east-1", offered: cloud, err: regions.ErrUS},
		{name: "us code relabelled", query: "us-east-1",
			offered: at(regions.Place{Provider: "cloud", Kind: "s3", Code: "us-east-1"}, "FR"), err: regions.ErrUS},
		{name: "us area", query: "us-east", offered: europe, err: regions.ErrUS},
		{name: "us area of gcp", query: "us-south", err: regions.ErrUS},
		{name: "us number nobody has", query: "us-east-99", offered: europe, err: regions.ErrUS},
		{name: "gov", query: "us-gov", offered: europe, err: regions.ErrUS},
		{name: "gov region", query: "us-gov-west-1", offered: europe, err: regions.ErrUS},
		{name: "gov area", query: "us-gov-east", err: regions.ErrUS},
		{name: "iso", query: "us-iso-east-1", err: regions.ErrUS},
		{name: "azure gov", query: "usgovvirginia", err: regions.ErrUS},
		{name: "azure us", query: "azure:eastus2", err: regions.ErrUS},
		{name: "country us", query: "us", offered: europe, err: regions.ErrUS},
		{name: "territory", query: "PR", offered: europe, err: regions.ErrUS},
		{name: "place in a territory", query: "gra", offered: at(gra, "PR"), err: regions.ErrUS, says: "cloud:gra is in PR"},
		{name: "us global", query: "aws-global", offered: europe, err: regions.ErrUS},
		{name: "gcp us multi-region", query: "gcp:US", err: regions.ErrUS},
		{name: "gcp us dual-region", query: "nam4", err: regions.ErrUS},
		{name: "area that begins in the us", query: "zone", err: regions.ErrUS, offered: append(
			at(regions.Place{Provider: "c", Kind: "s3", Code: "zone-1"}, "GU"),
			at(regions.Place{Provider: "c", Kind: "s3", Code: "zone-2"}, "FR")...)},

		{name: "another partition", query: "eu-west-1", offered: aws("us-gov-west-1", "us-gov-east-1"),
			err:  regions.ErrPartition,
			says: "aws eu-west-1 (IE) is in aws, and provider aws in aws-us-gov: no credentials"},
		{name: "area of another partition", query: "aws:eusc-de-east", offered: aws("eu-west-1"), err: regions.ErrPartition},
		{name: "another partition that one provider is in", query: "eu-west-2", err: regions.ErrNotOffered,
			offered: append(aws("us-gov-west-1"), offer("eu", "aws", "eu-west-1")...)},
		{name: "another partition, and no provider of that service", query: "eusc-de-east-1", offered: cloud,
			err: regions.ErrNotOffered},
		{name: "unknown", query: "mars-1", offered: europe, err: regions.ErrUnknownRegion,
			says: "offered are aws:ca-central-1 (CA)"},
		{name: "typo", query: "eu-wset-1", offered: europe, err: regions.ErrUnknownRegion,
			says: "did you mean aws:eu-west-1 (IE)"},
		{name: "old location name", query: "EU", offered: aws("EU", "eu-west-1"), err: regions.ErrUnknownRegion},
		{name: "empty", query: "", offered: europe, err: regions.ErrUnknownRegion},
		{name: "empty region", query: "aws:", offered: europe, err: regions.ErrUnknownRegion},
		{name: "empty provider", query: ":eu-west-1", offered: europe, err: regions.ErrUnknownRegion},
		{name: "set", query: "EEA", offered: europe, err: regions.ErrUnknownRegion},
		{name: "country", query: "DE", offered: europe, err: regions.ErrUnknownRegion},
		{name: "gcp multi-region", query: "asia", offered: europe, err: regions.ErrUnknownRegion,
			says: "not in one known country"},
		{name: "gcp multi-region offered", query: "EU", offered: offer("g", "gcp", "EU"), err: regions.ErrUnknownRegion},
		{name: "gcp dual-region of two countries", query: "EUR5", offered: offer("g", "gcp", "EUR5"),
			err: regions.ErrUnknownRegion},
		{name: "azure geography", query: "europe", offered: offer("az", "azure", "westeurope"),
			err: regions.ErrUnknownRegion},
		{name: "china global", query: "aws-cn-global", err: regions.ErrUnknownRegion},
		{name: "local zone", query: "us-east-1-qro-1a", err: regions.ErrUnknownRegion},
		{name: "unknown provider and region", query: "nobody:mars-1", offered: europe, err: regions.ErrUnknownRegion,
			says: `no provider "nobody"`},

		{name: "not offered", query: "eu-north-1", offered: europe, err: regions.ErrNotOffered, says: "eu-north-1 (SE)"},
		{name: "other provider's", query: "westeurope", offered: europe, err: regions.ErrNotOffered},
		{name: "area not offered", query: "eu-north", offered: europe, err: regions.ErrNotOffered},
		{name: "not by that provider", query: "cloud:eu-central-1", offered: slices.Concat(europe, cloud),
			err:  regions.ErrNotOffered,
			says: "did you mean aws:eu-central-1"},
		{name: "code is not taken for an area", query: "australiacentral", offered: offer("az", "azure", "australiacentral2"),
			err: regions.ErrNotOffered},

		{name: "offered somewhere", query: "gra", offered: cloud, err: regions.ErrUnknownPlace, says: "give its country"},
		{name: "offered nowhere on the map", query: "gra", offered: at(gra, "Atlantis"), err: regions.ErrUnknownPlace},
		{name: "configuration against catalog", query: "eu-west-1", err: regions.ErrUnknownPlace,
			offered: at(regions.Place{Provider: "aws", Kind: "aws", Code: "eu-west-1"}, "DE")},

		{name: "two providers", query: "eu-west-1", offered: slices.Concat(europe, cloud), err: regions.ErrAmbiguous,
			says: "aws:eu-west-1, cloud:eu-west-1"},
		{name: "area of two providers", query: "eu-west", offered: slices.Concat(europe, cloud), err: regions.ErrAmbiguous},
		{name: "two countries for one", query: "gra", offered: append(at(gra, "FR"), at(gra, "DE")...),
			err: regions.ErrAmbiguous},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(tt.offered)
			got, err := cat.Resolve(tt.query, tt.offered)
			if !slices.Equal(before, tt.offered) {
				t.Error("Resolve changed the offered places")
			}
			if !errors.Is(err, tt.err) {
				t.Fatalf("Resolve(%q) = %v, %v; want error %v", tt.query, got, err, tt.err)
			}
			if tt.err != nil {
				if n := sentinels(err); n != 1 || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %q wraps %d sentinels, and should say %q", err, n, tt.says)
				}
				return
			}
			if c := codes([]regions.Place{got.Place}); c[0] != tt.want || got.Area != tt.area ||
				!slices.Equal(codes(got.Alternatives), tt.alternatives) {
				t.Errorf("Resolve(%q) = %s area %v with %q; want %s area %v with %q",
					tt.query, c[0], got.Area, codes(got.Alternatives), tt.want, tt.area, tt.alternatives)
			}
			if inCatalog := got.Place.Kind != "s3"; inCatalog != (got.Region.Code != "") {
				t.Errorf("region %q for a place of kind %s", got.Region.Code, got.Place.Kind)
			}
		})
	}
}

func sentinels(err error) int {
	n := 0
	for _, s := range []error{regions.ErrUS, regions.ErrUnknownRegion, regions.ErrNotOffered, regions.ErrPartition,
		regions.ErrUnknownPlace, regions.ErrAmbiguous} {
		if errors.Is(err, s) {
			n++
		}
	}
	return n
}

func TestResolveEveryRow(t *testing.T) {
	t.Parallel()
	cat := load(t)
	for _, r := range cat.All() {
		_, err := cat.Resolve(r.Code, []regions.Place{{Provider: "p", Kind: r.Provider, Code: r.Code}})
		switch {
		case r.Kind == regions.KindAlias || r.Kind == regions.KindPseudo:
			if err == nil {
				t.Errorf("%s %s, a %s, is accepted", r.Provider, r.Code, r.Kind)
			}
		case regions.IsUS(r.Country):
			if !errors.Is(err, regions.ErrUS) {
				t.Errorf("%s %s: %v", r.Provider, r.Code, err)
			}
		case r.Country == "":
			if !errors.Is(err, regions.ErrUnknownRegion) {
				t.Errorf("%s %s: %v", r.Provider, r.Code, err)
			}
		case err != nil:
			t.Errorf("%s %s: %v", r.Provider, r.Code, err)
		}
	}
}

func TestPlaceCountry(t *testing.T) {
	t.Parallel()
	cat := load(t)
	tests := []struct {
		kind, code, configured string
		want                   string // empty: not known
	}{
		{"aws", "eu-west-1", "", "IE"},
		{"aws", "", "", "US"},
		{"aws", "EU", "", "IE"},
		{"aws", "eu-west-1", "IE", "IE"},
		{"aws", "us-east-1", "FR", ""},
		{"s3", "us-east-1", "", "US"},
		{"s3", "us-east-1", "FR", "FR"},
		{"s3", "EU", "", ""},
		{"s3", "", "", ""},
		{"s3", "westeurope", "", "NL"},
		{"s3", "gra", "", ""},
		{"s3", "gra", "fr", "FR"},
		{"s3", "gra", "XX", ""},
		{"gcp", "EU", "DE", ""},
	}
	for _, tt := range tests {
		got, err := cat.PlaceCountry(regions.Place{Provider: "p", Kind: tt.kind, Code: tt.code, Country: tt.configured})
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("PlaceCountry(%s %q %q) = %q, %v; want %q", tt.kind, tt.code, tt.configured, got, err, tt.want)
		}
	}
}

func FuzzResolve(f *testing.F) {
	cat := load(f)
	for _, seed := range []string{"eu-west-1", "eu-west", "us-gov", "", "EU", "cloud:gra", "aws:us-east", "PR", ":", "x9",
		"ſ"} {
		f.Add(seed, "gra", "FR", "s3")
		f.Add(seed, seed, "", "aws")
	}
	f.Fuzz(func(t *testing.T, query, code, country, kind string) {
		offered := append(aws("us-east-1", "eu-west-1", "eu-west-2"),
			regions.Place{Provider: "cloud", Kind: kind, Code: code, Country: country},
			regions.Place{Provider: "cloud", Kind: kind, Code: code + "2", Country: country})
		got, err := cat.Resolve(query, offered)
		if err != nil {
			if sentinels(err) != 1 {
				t.Errorf("error %q wraps %d sentinels", err, sentinels(err))
			}
			return
		}
		for _, p := range append(got.Alternatives, got.Place) {
			if _, known := cat.Country(p.Country); !known || regions.IsUS(p.Country) {
				t.Errorf("Resolve(%q) gives %v", query, p)
			}
			for _, r := range cat.LookupAny(p.Code) {
				if regions.IsUS(r.Country) {
					t.Errorf("Resolve(%q) gives the US code %q", query, p.Code)
				}
			}
		}
	})
}
