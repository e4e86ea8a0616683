package regions_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/residency/residency/regions"
)

var tables = []string{"claims", "countries", "operators", "regions", "sets"}

// data returns a copy of the tables that a test may spoil.
func data(t testing.TB) fstest.MapFS {
	t.Helper()
	fsys := make(fstest.MapFS)
	for _, name := range tables {
		b, err := os.ReadFile("data/" + name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		fsys["data/"+name+".csv"] = &fstest.MapFile{Data: b}
	}
	return fsys
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, table string
		old, new    string // replaced once; old empty: new is appended
		says        string
	}{
		{"header", "regions", "provider,code", "code,provider", "header is code,provider"},
		{"duplicate", "regions", "", "aws,EU-WEST-1,x,,IE,aws,region,,,,,,,v,s,2026-11\n", "duplicate region aws EU-WEST-1"},
		{"no source", "regions", "", "aws,x-1,x,,IE,aws,region,,,,,,,v,,2026-11\n", "source is empty"},
		{"no date", "regions", "", "aws,x-1,x,,IE,aws,region,,,,,,,v,s,\n", "as_of"},
		{"bad date", "regions", "", "aws,x-1,x,,IE,aws,region,,,,,,,v,s,2026-13\n", "neither YYYY-MM-DD nor YYYY-MM"},
		{"no code", "regions", "", "aws,,x,,IE,aws,region,,,,,,,v,s,2026-11\n", "code is empty"},
		{"unknown country", "regions", "", "aws,x-1,x,,XX,aws,region,,,,,,,v,s,2026-11\n", `unknown country "XX"`},
		{"region in two countries", "regions", "", "aws,x-1,x,,DE+FR,aws,region,,,,,,,v,s,2026-11\n",
			`unknown country "DE+FR"`},
		{"unknown country of a multi-region", "regions", "", "gcp,x-1,x,,XX,aws,gcs-multi-region,,,,,,,v,s,2026-11\n",
			`unknown country "XX"`},
		{"unknown kind", "regions", "", "aws,x-1,x,,IE,aws,planet,,,,,,,v,s,2026-11\n", `unknown kind "planet"`},
		{"pair that is not there", "regions", "", "azure,x1,x,,IE,AzureCloud,region,,nowhere,IE,,,,v,s,2026-11\n",
			`no region "nowhere"`},
		{"pair in another country", "regions", "", "azure,x1,x,,IE,AzureCloud,region,,westeurope,IE,,,,v,s,2026-11\n",
			`no region "westeurope"`},
		{"pair country unknown", "regions", "", "azure,x1,x,,IE,AzureCloud,region,,westeurope,XX,,,,v,s,2026-11\n",
			`unknown country "XX"`},
		{"alias of nothing", "regions", "", "aws,old,x,,IE,aws,s3-location-alias,,,,,,nowhere,v,s,2026-11\n",
			`no region "nowhere"`},
		{"columns", "regions", "", "aws,x-1\n", "wrong number of fields"},
		{"quote", "regions", "", "aws,\"x-1\n", "extraneous or missing"},
		{"space", "regions", "", "aws, x-1,x,,IE,aws,region,,,,,,,v,s,2026-11\n", "space at an end"},
		{"encoding", "regions", "", "aws,x\xff,x,,IE,aws,region,,,,,,,v,s,2026-11\n", "not UTF-8"},
		{"country twice", "countries", "", "IE,Ireland,s,2026-11\n", "duplicate country IE"},
		{"country code", "countries", "", "ie,Ireland,s,2026-11\n", "want two letters"},
		{"member twice", "sets", "", "EU,IE,s,2026-11\n", "duplicate member IE"},
		{"member nowhere", "sets", "", "EU,XX,s,2026-11\n", `unknown country "XX"`},
		{"set spelled twice", "sets", "", "eu,CH,s,2026-11\n", "also spelled"},
		{"operator twice", "operators", "", "aws,aws,,x,X,US,,no,,,,s,2026-11\n", "duplicate operator"},
		{"operator of nothing", "operators", "", "aws,aws-mars,,x,X,US,,no,,,,s,2026-11\n", "does not have"},
		{"operator from nowhere", "operators", "", "aws,aws,eu-west-1,x,X,XX,,no,,,,s,2026-11\n", `unknown country "XX"`},
		{"operator without name", "operators", "", "aws,aws,eu-west-1,x,,US,,no,,,,s,2026-11\n", "without id or name"},
		{"operator contested", "operators", "", "aws,aws,eu-west-1,x,X,US,,,,,,s,2026-11\n", "want yes or no"},
		{"supplier without name", "operators", "", "aws,aws,eu-west-1,x,X,IE,,no,US,,,s,2026-11\n", "a supplier has"},
		{"supplier from nowhere", "operators", "", "aws,aws,eu-west-1,x,X,IE,,no,XX,Y,,s,2026-11\n", `unknown country "XX"`},
		{"axis", "claims", "", claimRow("moon", "axis"), `axis "moon"`},
		{"claim of nowhere", "claims", "", claimRow("XX", "applies"), `applies to "XX"`},
		{"law of no country", "claims", "", claimRow("XX", "country"), `law of "XX"`},
		{"claim of no group", "claims", "", claimRow("", "group"), "group is empty"},
		{"claim of another group", "claims", "", claimRow("exposure", "group"), `group "exposure"`},
		{"claim without state", "claims", "", claimRow("", "state"), "state is empty"},
		{"claim of another state", "claims", "", claimRow("probably", "state"), `state "probably"`},
		{"claim without confidence", "claims", "", claimRow("", "confidence"), `confidence ""`},
		{"claim of another confidence", "claims", "", claimRow("R", "confidence"), `confidence "R"`},
		{"claim without detail", "claims", "", claimRow("", "detail"), "detail is empty"},
		{"claim without source", "claims", "", claimRow("", "source"), "source is empty"},
		{"claim without date", "claims", "", claimRow("", "dated"), "dated: "},
		{"claim with an invented date", "claims", "", claimRow("2026-13", "dated"), "dated: "},
		{"claim since when", "claims", "", claimRow("soon", "since"), "since: "},
	}
	place := regexp.MustCompile(`data/[a-z]+\.csv:\d+: `)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fsys := data(t)
			file := fsys["data/"+tt.table+".csv"]
			if tt.old == "" {
				file.Data = append(file.Data, tt.new...)
			} else {
				file.Data = []byte(strings.Replace(string(file.Data), tt.old, tt.new, 1))
			}
			_, err := regions.Parse(fsys)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("Parse() = %v, want an error that says %q", err, tt.says)
			}
			if !place.MatchString(err.Error()) {
				t.Errorf("error %q does not name file and line", err)
			}
		})
	}
}

// claimRow is a sound row of claims but for one column.
func claimRow(value, column string) string {
	names := []string{"axis", "applies", "group", "law", "country", "state", "since", "detail", "confidence", "dated",
		"source", "as_of"}
	row := []string{"operator", "US", "law", "l", "US", "in force", "2026", "d", "read in a source", "2026-11", "s", "2026-11"}
	row[slices.Index(names, column)] = value
	return strings.Join(row, ",") + "\n"
}

func TestParseMissingTable(t *testing.T) {
	t.Parallel()
	for _, name := range tables {
		fsys := data(t)
		delete(fsys, "data/"+name+".csv")
		if _, err := regions.Parse(fsys); err == nil {
			t.Errorf("parsed without %s", name)
		}
		fsys["data/"+name+".csv"] = &fstest.MapFile{}
		if _, err := regions.Parse(fsys); err == nil || !strings.Contains(err.Error(), "data/"+name+".csv:1: ") {
			t.Errorf("parsed an empty %s: %v", name, err)
		}
	}
}

func TestParseErrorLine(t *testing.T) {
	t.Parallel()
	fsys := data(t)
	file := fsys["data/sets.csv"]
	file.Data = []byte("set,iso,source,as_of\nEU,IE,\"two\nlines\",2026-11\nEU,XX,s,2026-11\n")
	if _, err := regions.Parse(fsys); err == nil || !strings.Contains(err.Error(), "data/sets.csv:4: ") {
		t.Errorf("Parse() = %v, want an error on line 4", err)
	}
}

// FuzzParse appends to the region table: whatever is accepted obeys the rules
// that the rest of the package relies on.
func FuzzParse(f *testing.F) {
	f.Add("aws,x-1,x,,IE,aws,region,,,,,,,v,s,2026-11\n")
	f.Add("aws,old,x,,IE,aws,s3-location-alias,,,,,,eu-west-1,v,s,2026-11\n")
	f.Add("gcp,\"x\n1\",x,,*,y,gcs-multi-region,,,,,,,v,s,2026-11-05\n")
	f.Add("aws,\"x")
	f.Fuzz(func(t *testing.T, rows string) {
		fsys := data(t)
		file := fsys["data/regions.csv"]
		file.Data = append(file.Data, rows...)
		cat, err := regions.Parse(fsys)
		if err != nil {
			return
		}
		for _, r := range cat.All() {
			_, known := cat.Country(r.Country)
			if r.Source == "" || r.AsOf.IsZero() || r.Code == "" || !known && (r.Country != "" || r.Kind == regions.KindRegion) {
				t.Errorf("accepted %+v", r)
			}
		}
	})
}
