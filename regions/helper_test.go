package regions_test

import (
	"testing"

	"github.com/residency/residency/regions"
)

func load(t testing.TB) *regions.Catalog {
	t.Helper()
	cat, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// aws offers AWS regions under the provider name aws.
func aws(codes ...string) []regions.Place { return offer("aws", "aws", codes...) }

func offer(provider, kind string, codes ...string) []regions.Place {
	var places []regions.Place
	for _, code := range codes {
		places = append(places, regions.Place{Provider: provider, Kind: kind, Code: code, Configured: true})
	}
	return places
}

func codes(places []regions.Place) []string {
	var out []string
	for _, p := range places {
		out = append(out, p.Provider+":"+p.Code+"="+p.Country)
	}
	return out
}
