package regions_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/residency/residency/regions"
)

var tables = []string{"countries", "law", "operators", "reach", "regions", "sets"}

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
		{"region in two countries", "regions", "", "aws,x-1,x,,DE+FR,aws,region,,,,,,,v,s,2026-11\n", `unknown country "DE+FR"`},
		{"unknown country of a multi-region", "regions", "", "gcp,x-1,x,,XX,aws,gcs-multi-region,,,,,,,v,s,2026-11\n", `unknown country "XX"`},
		{"unknown kind", "regions", "", "aws,x-1,x,,IE,aws,planet,,,,,,,v,s,2026-11\n", `unknown kind "planet"`},
		{"pair that is not there", "regions", "", "azure,x1,x,,IE,AzureCloud,region,,nowhere,IE,,,,v,s,2026-11\n", `no region "nowhere"`},
		{"pair in another country", "regions", "", "azure,x1,x,,IE,AzureCloud,region,,westeurope,IE,,,,v,s,2026-11\n", `no region "westeurope"`},
		{"pair country unknown", "regions", "", "azure,x1,x,,IE,AzureCloud,region,,westeurope,XX,,,,v,s,2026-11\n", `unknown country "XX"`},
		{"alias of nothing", "regions", "", "aws,old,x,,IE,aws,s3-location-alias,,,,,,nowhere,v,s,2026-11\n", `no region "nowhere"`},
		{"columns", "regions", "", "aws,x-1\n", "wrong number of fields"},
		{"quote", "regions", "", "aws,\"x-1\n", "extraneous or missing"},
		{"space", "regions", "", "aws, x-1,x,,IE,aws,region,,,,,,,v,s,2026-11\n", "space at an end"},
		{"encoding", "regions", "", "aws,x\xff,x,,IE,aws,region,,,,,,,v,s,2026-11\n", "not UTF-8"},
		{"law of nowhere", "law", "", "XX,no,no,-,none,x,none,no,R,s,2026-11\n", `unknown country "XX"`},
		{"law twice", "law", "", "IE,no,no,-,none,x,none,no,R,s,2026-11\n", "duplicate country IE"},
		{"concern", "law", "", "RU,no,no,-,none,x,none,maybe,R,s,2026-11\n", "want yes or no"},
		{"concern against set", "law", "", "RU,no,no,-,none,x,none,no,R,s,2026-11\n", "disagree on US-DSP-concern"},
		{"adequacy against set", "law", "", "LU,yes,no,-,none,x,none,no,R,s,2026-11\n", "disagree on adequate"},
		{"ring against set", "law", "", "LU,no,no,14,none,x,none,no,R,s,2026-11\n", "disagree on 14-eyes"},
		{"country twice", "countries", "", "IE,Ireland,s,2026-11\n", "duplicate country IE"},
		{"country code", "countries", "", "ie,Ireland,s,2026-11\n", "want two letters"},
		{"member twice", "sets", "", "EU,IE,s,2026-11\n", "duplicate member IE"},
		{"member nowhere", "sets", "", "EU,XX,s,2026-11\n", `unknown country "XX"`},
		{"set spelled twice", "sets", "", "eu,CH,s,2026-11\n", "also spelled"},
		{"operator twice", "operators", "", "aws,aws,,x,X,US,,no,,s,2026-11\n", "duplicate operator"},
		{"operator of nothing", "operators", "", "aws,aws-mars,,x,X,US,,no,,s,2026-11\n", "does not have"},
		{"operator from nowhere", "operators", "", "aws,aws,eu-west-1,x,X,XX,,no,,s,2026-11\n", `unknown country "XX"`},
		{"operator without name", "operators", "", "aws,aws,eu-west-1,x,,US,,no,,s,2026-11\n", "without id or name"},
		{"operator contested", "operators", "", "aws,aws,eu-west-1,x,X,US,,,,s,2026-11\n", "want yes or no"},
		{"axis", "reach", "", "moon,US,l,US,d,c,s,2026-11\n", `axis "moon"`},
		{"reach of nowhere", "reach", "", "operator,XX,l,US,d,c,s,2026-11\n", `applies to "XX"`},
		{"law of no country", "reach", "", "operator,US,l,XX,d,c,s,2026-11\n", `law of "XX"`},
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
