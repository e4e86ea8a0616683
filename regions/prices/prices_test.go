package prices_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/regions"
	"github.com/residency/residency/regions/prices"
)

func load(t *testing.T) *prices.Table {
	t.Helper()
	table, err := prices.Load()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// Each built-in row says where it is from, whether that was read, and is of a region that
// the catalog knows.
func TestBuiltIn(t *testing.T) {
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	rows := load(t).Rows()
	if len(rows) < 300 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		if _, ok := catalog.Lookup(r.Provider, r.Region); !ok {
			t.Errorf("%s: the catalog has no region %s of %s", r.Place(), r.Region, r.Provider)
		}
		if !strings.HasPrefix(r.Source, "https://") || r.AsOf == "" ||
			r.Confidence != "read in a source" && r.Confidence != "from memory, not checked" {
			t.Errorf("%s: source %q, as of %q, confidence %q", r.Place(), r.Source, r.AsOf, r.Confidence)
		}
		if r.Currency != "USD" {
			t.Errorf("%s: currency %s", r.Place(), r.Currency)
		}
	}
}

// Of every region that the table knows, it knows what a plain move needs.
func TestPlainMoveIsPriced(t *testing.T) {
	table := load(t)
	for _, region := range []string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-west-1",
		"eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "eu-south-1"} {
		for _, k := range []prices.Key{
			{Item: prices.Put, Of: prices.Standard}, {Item: prices.Get, Of: prices.Standard}, {Item: prices.Delete},
			{Item: prices.Storage, Of: prices.Standard}, {Item: prices.Storage, Of: "STANDARD_IA"},
			{Item: prices.Transfer, Of: "eu-west-1"}, {Item: prices.Transfer, Of: prices.Internet}, {Item: prices.KMS},
		} {
			k.Provider, k.Region = "mine", region
			if _, ok := table.Find(k, "aws"); !ok {
				t.Errorf("%s has no price", k)
			}
			if r, ok := table.Find(k, ""); ok {
				t.Errorf("%s of a service that nobody knows is priced by %s", k, r.Place())
			}
		}
	}
	if r, ok := table.Find(prices.Key{Provider: "aws", Region: "mars-1", Item: prices.Delete}, "aws"); ok {
		t.Errorf("a region that nobody knows is priced by %s", r.Place())
	}
}

const head = "provider,region,item,of,unit,price,currency\n"

func TestOwnGoesBefore(t *testing.T) {
	own, err := prices.Parse("own.csv", []byte("\ufeff"+head+
		"mine,*,put,STANDARD,1000 requests,0.5,EUR\n"+
		"mine,eu-west-1,put,STANDARD,1000 requests,0.25,EUR\n"+
		"mine,us-east-1,transfer,*,GB,0.01,EUR\n"))
	if err != nil {
		t.Fatal(err)
	}
	table := load(t).With(own)
	for _, tt := range []struct {
		k    prices.Key
		want string // price and currency; empty: none
	}{
		{prices.Key{Provider: "mine", Region: "eu-west-1", Item: prices.Put, Of: prices.Standard}, "0.25 EUR"},
		{prices.Key{Provider: "mine", Region: "us-east-1", Item: prices.Put, Of: prices.Standard}, "0.5 EUR"},
		{prices.Key{Provider: "mine", Region: "us-east-1", Item: prices.Transfer, Of: "eu-west-1"}, "0.01 EUR"},
		// * is another region: neither the internet nor the region itself.
		{prices.Key{Provider: "mine", Region: "us-east-1", Item: prices.Transfer, Of: prices.Internet}, "0.09 USD"},
		{prices.Key{Provider: "mine", Region: "us-east-1", Item: prices.Transfer, Of: "us-east-1"}, "0 USD"},
		{prices.Key{Provider: "other", Region: "us-east-1", Item: prices.Transfer, Of: "eu-west-1"}, "0.02 USD"},
		{prices.Key{Provider: "mine", Region: "us-east-1", Item: prices.Put, Of: "NEVER_HEARD_OF"}, ""},
	} {
		got := ""
		if r, ok := table.Find(tt.k, "aws"); ok {
			got = r.Price.String() + " " + r.Currency
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.k, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	row := func(old, text string) string {
		return head + strings.Replace("aws,us-east-1,put,STANDARD,1000 requests,0.005,USD\n", old, text, 1)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "p.csv:1:1: the file is empty; it begins with provider,region"},
		{"a column that is not known", "provider,colour\n", `p.csv:1:10: column "colour" is not known`},
		{"a column twice", "provider,provider\n", "p.csv:1:10: column provider is there twice"},
		{"a column missing", "provider,region\n", "p.csv:1:1: column item is missing"},
		{"a field missing", head + "aws,us-east-1\n", "p.csv:2:1: wrong number of fields"},
		{"a quote", head + "aws,us\"east,put,STANDARD,1000 requests,1,USD\n", "p.csv:2:7: bare \" in non-quoted"},
		{"no provider", row("aws", ""), "p.csv:2:1: provider is empty"},
		{"no region", row("us-east-1", ""), "p.csv:2:5: region is empty"},
		{"an item that is not known", row("put", "gift"), `p.csv:2:15: item "gift" is not known; one of put, get`},
		{"of nothing", row("STANDARD", ""), "p.csv:2:19: of is empty: want a storage class"},
		{"of something", row("put", "delete"), `p.csv:2:22: of "STANDARD": a price of delete is of nothing more`},
		{"of anything", row("STANDARD", "*"), "p.csv:2:19: of *: want a storage class"},
		{"another unit", row("1000 requests", "request"), `p.csv:2:28: unit "request": prices of put are by 1000 requests`},
		{"no number", row("0.005", "cheap"), `p.csv:2:42: price "cheap": want a number`},
		{"no price", row("0.005", ""), `p.csv:2:42: price "": want a number`},
		{"less than nothing", row("0.005", "-1"), `p.csv:2:42: price "-1": want a number`},
		{"a comma", row("0.005", "\"0,005\""), `p.csv:2:42: price "0,005": want a number`},
		{"more digits than there are", row("0.005", "0.0000000001"), "p.csv:2:42: price"},
		{"too much", row("0.005", "1000001"), "p.csv:2:42: price"},
		{"a sign for a currency", row("USD", "$"), `p.csv:2:48: currency "$": want three capital letters`},
		{"space", row("us-east-1", " us-east-1"), `p.csv:2:5: region " us-east-1": longer than`},
		{"twice", row("", "") + "aws,us-east-1,put,STANDARD,1000 requests,1,USD\n",
			"p.csv:3:1: a second price of put STANDARD at aws:us-east-1; line 2 has the first"},
		{"no text", "\xff", "p.csv:1:1: the file is not in UTF-8"},
		{"lowest is highest", "lowest," + head + "2,aws,us-east-1,put,STANDARD,1000 requests,1,USD\n",
			"p.csv:2:1: lowest 2 is more than the price, 1"},
		{"no date", "as_of," + head + "May,aws,us-east-1,put,STANDARD,1000 requests,1,USD\n", `p.csv:2:1: as_of "May"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := prices.Parse("p.csv", []byte(tt.text))
			if e := (*prices.Error)(nil); !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParseKnowsProviders(t *testing.T) {
	text := []byte(head + "aws,*,kms,,10000 requests,1,USD\naw,*,kms,,10000 requests,1,USD\n")
	if _, err := prices.Parse("p.csv", text, prices.Provider{Name: "aws"}, prices.Provider{Name: "cloud"}); err == nil ||
		err.Error() != `p.csv:3:1: provider "aw": the configuration has aws, cloud` {
		t.Error(err)
	}
	if rows, err := prices.Parse("p.csv", text); err != nil || len(rows) != 2 || !rows[0].Own {
		t.Errorf("%+v, %v", rows, err)
	}
}

// A row that nothing can be priced by is a slip of the pen, and not a price of something else.
func TestParseKnowsRegions(t *testing.T) {
	cloud := prices.Provider{Name: "cloud", Has: func(region string) bool { return region == "eu-west-1" }}
	other := prices.Provider{Name: "other", Has: func(region string) bool { return region == "us-east-1" }}
	for row, want := range map[string]string{
		"cloud,eu-west-1,put,STANDARD,1000 requests,1,EUR": "",
		"cloud,*,put,STANDARD,1000 requests,1,EUR":         "",
		"cloud,eu-wset-1,put,STANDARD,1000 requests,1,EUR": `p.csv:2:7: region "eu-wset-1": provider cloud has no`,
		"cloud,us-east-1,put,STANDARD,1000 requests,1,EUR": `p.csv:2:7: region "us-east-1": provider cloud has no`,
		"cloud,*,put,STANDRAD,1000 requests,1,EUR":         `p.csv:2:13: of "STANDRAD" is not known: want a storage class`,
		"cloud,*,put,GLACIER/Bulk,1000 requests,1,EUR":     `p.csv:2:13: of "GLACIER/Bulk" is not known`,
		"cloud,*,restore,GLACIER/Bulk,1000 requests,1,EUR": "",
		"cloud,*,restore,GLACIER,1000 requests,1,EUR":      `p.csv:2:17: of "GLACIER" is not known: want class/tier`,
		"cloud,*,restore,GLACIER/Fast,1000 requests,1,EUR": `p.csv:2:17: of "GLACIER/Fast" is not known`,
		"cloud,*,retrieval,GLACIER/Bulk,GB,1,EUR":          "",
		"cloud,*,retrieval,GLACIER_IR,GB,1,EUR":            "",
		"cloud,*,transfer,*,GB,1,EUR":                      "",
		"cloud,*,transfer,internet,GB,1,EUR":               "",
		"cloud,*,transfer,us-east-1,GB,1,EUR":              "",
		"cloud,*,transfer,us-esat-1,GB,1,EUR":              `p.csv:2:18: of "us-esat-1": no provider of the configuration`,
	} {
		_, err := prices.Parse("p.csv", []byte(head+row+"\n"), cloud, other)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", row, err, want)
		}
	}
}

func TestPrice(t *testing.T) {
	for _, text := range []string{"0", "0.0004", "10", "0.000000001", "1000000", "123.45"} {
		p, err := prices.ParsePrice(text)
		if err != nil || p.String() != text {
			t.Errorf("%s: %s, %v", text, p, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "aws,us-east-1,put,STANDARD,1000 requests,0.005,USD\n"))
	f.Add([]byte("as_of,source,lowest," + head + "2026-11,x,0.001,aws,*,transfer,internet,GB,0.09,EUR\n"))
	f.Add([]byte(head + "\"a\nb\",\"\"\"\",put,x,1000 requests,1,USD\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := prices.Parse("fuzz.csv", data)
		if e := (*prices.Error)(nil); err != nil {
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
				t.Fatalf("error %v has no place", err)
			}
			return
		}
		table := prices.Of(rows)
		for _, r := range rows {
			if r.Price < r.Lowest || r.Lowest < 0 || r.Price > prices.MostPrice || !prices.IsCurrency(r.Currency) {
				t.Fatalf("row %+v", r)
			}
			if got, ok := table.Find(r.Key, ""); !ok || got != r {
				t.Fatalf("%s is not found", r.Key)
			}
			again, err := prices.ParsePrice(r.Price.String())
			if err != nil || again != r.Price {
				t.Fatalf("price %s: %v, %v", r.Price, again, err)
			}
		}
	})
}
