package cost_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/regions/prices"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// own makes a table of the lines of a file without its header.
func own(t *testing.T, lines ...string) *prices.Table {
	t.Helper()
	rows, err := prices.Parse("own.csv", []byte("provider,region,item,of,unit,price,lowest,currency\n"+
		strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return prices.Of(rows)
}

// everything is what a plain move between two regions of a cloud is priced by.
func everything() []string {
	return []string{
		"cloud,*,put,STANDARD,1000 requests,5,4,EUR", "cloud,*,get,STANDARD,1000 requests,1,,EUR",
		"cloud,*,delete,,1000 requests,0,,EUR", "cloud,*,transfer,*,GB,0.02,,EUR",
		"cloud,*,transfer,internet,GB,0.09,0.05,EUR", "cloud,us,storage,STANDARD,GB-month,0.03,0.02,EUR",
		"cloud,eu,storage,STANDARD,GB-month,0.04,,EUR",
	}
}

func move(serverSide bool, entries ...cost.Entry) cost.Work {
	m := cost.Move{Source: cost.End{Provider: "cloud", Region: "us"},
		Destination: cost.End{Provider: "cloud", Region: "eu"},
		ServerSide:  serverSide, Versioned: true}
	for _, e := range entries {
		m.Add(e, now)
	}
	return cost.Work{At: now, Moves: []cost.Move{m}}
}

func many(n int, e cost.Entry) []cost.Entry {
	all := make([]cost.Entry, n)
	for i := range all {
		all[i] = e
	}
	return all
}

func line(t *testing.T, e *cost.Estimate, what string) cost.Line {
	t.Helper()
	for _, l := range e.Lines {
		if l.String() == what {
			return l
		}
	}
	t.Fatalf("no %s in %+v", what, e.Lines)
	return cost.Line{}
}

func TestPlainMove(t *testing.T) {
	const gib = 1 << 30
	w := move(true, many(10_000, cost.Entry{Size: gib / 10})...)
	e, err := cost.Of(w, own(t, everything()...))
	if err != nil {
		t.Fatal(err)
	}
	if e.Currency != "EUR" || e.High == nil || len(e.Unknown) > 0 {
		t.Fatalf("estimate %+v", e)
	}
	// Each object is copied by one PUT; each ten thousand take ten pages of a listing.
	if l := line(t, e, "put STANDARD at cloud:eu"); l.LowQuantity != 10_000+2*10 || *l.Low != 40_080_000 ||
		l.HighQuantity != 10_000+8*10+117 || *l.High != 50_985_000 {
		t.Errorf("%+v", l)
	}
	// A service that copies by itself sends the bytes once, between two regions.
	bytes := int64(10_000) * (gib / 10)
	if l := line(t, e, "transfer eu at cloud:us"); l.LowQuantity != bytes || l.HighQuantity != bytes ||
		*l.Low != 19_999_999 || *l.High != 21_474_837 {
		t.Errorf("%+v, low %v, high %v", l, l.Low, l.High)
	}
	for _, l := range e.Lines {
		if strings.Contains(l.Of, prices.Internet) {
			t.Errorf("%s: nothing goes over the internet", l)
		}
	}
	if *e.Before.Low != 19_999_999 || *e.Before.High != 32_212_255 || *e.After.High != 42_949_673 {
		t.Errorf("storage before %v to %v, after %v to %v", *e.Before.Low, e.Before.High, e.After.Low, e.After.High)
	}
	if e.Time.Low != nil || e.Time.High != nil || e.Time.Basis == "" {
		t.Errorf("time %+v", e.Time)
	}
	// Streamed, each is one GET besides, and passes through a machine of which it is not known
	// where it stands.
	w.Moves[0].ServerSide = false
	if e, err = cost.Of(w, own(t, everything()...)); err != nil {
		t.Fatal(err)
	}
	if l := line(t, e, "get STANDARD at cloud:us"); l.LowQuantity != 10_000+3 {
		t.Errorf("%+v", l)
	}
	if l := line(t, e, "transfer internet at cloud:us"); l.LowQuantity != 0 || l.HighQuantity != bytes || *l.Low != 0 {
		t.Errorf("%+v", l)
	}
}

// TestSome: where the service copies some by itself, all or nothing may be read through a machine, and a bandwidth
// bounds no time from below.
func TestSome(t *testing.T) {
	const size = 1 << 20
	for some, want := range map[bool]int64{false: size, true: 0} {
		w := move(false, cost.Entry{Size: size})
		w.Bandwidth, w.Moves[0].Some = size, some
		e, err := cost.Of(w, own(t, everything()...))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cost.Compare(w, e, nil) {
			if c.Item == cost.Received && c.At == "cloud:us" && (c.Low != want || c.High < size) {
				t.Errorf("some %t: %d to %d bytes", some, c.Low, c.High)
			}
		}
		if bounded := e.Time.Low != nil; bounded == some {
			t.Errorf("some %t: time %+v", some, e.Time)
		}
	}
}

// What has no price makes the high end unknown, and is named; the low end is of the rest.
func TestUnknown(t *testing.T) {
	w := move(true, cost.Entry{Size: 1}, cost.Entry{Size: 1, Class: "COLD"})
	e, err := cost.Of(w, own(t, everything()...))
	if err != nil {
		t.Fatal(err)
	}
	if e.High != nil ||
		strings.Join(e.Unknown, "; ") != "put COLD at cloud:eu; get COLD at cloud:eu; get COLD at cloud:us" {
		t.Errorf("high %v, unknown %q", e.High, e.Unknown)
	}
	if e.Low == nil || *e.Low == 0 {
		t.Error("nothing is known")
	}
	if e.Before.High != nil || strings.Join(e.Before.Unknown, "") != "storage COLD at cloud:us" {
		t.Errorf("before %+v", e.Before)
	}
	e, err = cost.Of(w, own(t))
	if err != nil || e.Currency != "" || *e.Low != 0 || e.High != nil || len(e.Unknown) != len(e.Lines) {
		t.Errorf("without any price: %+v, %v", e, err)
	}
	text, err := json.Marshal(e)
	if err != nil || !strings.Contains(string(text), `"low":0,"high":null,"unknown":["put`) {
		t.Errorf("%s, %v", text, err) // as certificates of before have it
	}
	// What nobody knows is not zero.
	w.Rules = cost.Rules
	if e, err = cost.Of(w, own(t)); err != nil || e.Low != nil || e.Before.Low != nil || e.After.Low != nil {
		t.Errorf("without any price: %+v, %v", e, err)
	}
	if text, err = json.Marshal(e); err != nil || strings.Contains(string(text), `"low":0`) {
		t.Errorf("%s, %v", text, err)
	}
	// Of nothing it is: nothing is charged.
	if e, err = cost.Of(cost.Work{Rules: cost.Rules}, own(t)); err != nil || e.Low == nil || e.High == nil {
		t.Errorf("of no work: %+v, %v", e, err)
	}
}

func TestCurrencies(t *testing.T) {
	w := move(true, cost.Entry{Size: 1})
	lines := everything()
	lines[0] = strings.Replace(lines[0], "EUR", "USD", 1)
	_, err := cost.Of(w, own(t, lines...))
	if e := (*cost.CurrencyError)(nil); !errors.Is(err, cost.ErrCurrency) || !errors.As(err, &e) ||
		!strings.Contains(err.Error(), "put STANDARD at cloud:* is in USD (own.csv:2), "+
			"get STANDARD at cloud:* in EUR (own.csv:3)") {
		t.Errorf("error %v", err)
	}
	// One that nothing is priced by does no harm.
	lines[0] = everything()[0]
	if _, err := cost.Of(w, own(t, append(lines, "cloud,*,kms,,10000 requests,1,,CHF")...)); err != nil {
		t.Error(err)
	}
	// Storage is in the same currency as all else.
	lines[6] = strings.Replace(lines[6], "EUR", "USD", 1)
	if _, err := cost.Of(w, own(t, lines...)); !errors.Is(err, cost.ErrCurrency) {
		t.Errorf("error %v", err)
	}
}

func TestClasses(t *testing.T) {
	day := func(ago int) time.Time { return now.AddDate(0, 0, -ago) }
	for _, tt := range []struct {
		name  string
		entry cost.Entry
		want  cost.Class
	}{
		{"a small one is charged as 128 KiB, for the rest of 30 days",
			cost.Entry{Class: "STANDARD_IA", Size: 1, Modified: day(10)},
			cost.Class{Class: "STANDARD_IA", Versions: 1, Bytes: 1, Billed: 128 << 10, Early: 128 * 20}},
		{"a day that has begun counts",
			cost.Entry{Class: "STANDARD_IA", Size: 256 << 10, Modified: day(10).Add(time.Hour)},
			cost.Class{Class: "STANDARD_IA", Versions: 1, Bytes: 256 << 10, Billed: 256 << 10, Early: 256 * 21}},
		{"one that has stayed long enough", cost.Entry{Class: "STANDARD_IA", Size: 1 << 20, Modified: day(30)},
			cost.Class{Class: "STANDARD_IA", Versions: 1, Bytes: 1 << 20, Billed: 1 << 20}},
		{"a clock that goes ahead", cost.Entry{Class: "GLACIER_IR", Size: 1 << 20, Modified: day(-400)},
			cost.Class{Class: "GLACIER_IR", Versions: 1, Bytes: 1 << 20, Billed: 1 << 20, Early: 1024 * 90}},
		{"an archived one has its index", cost.Entry{Class: "DEEP_ARCHIVE", Size: 1 << 20, Modified: day(0)},
			cost.Class{Class: "DEEP_ARCHIVE", Versions: 1, Bytes: 1 << 20, Billed: 1 << 20, Early: (1024 + 32) * 180}},
		{"the default one", cost.Entry{Size: 7, Parts: 3, Modified: day(0)},
			cost.Class{Class: "STANDARD", Versions: 1, Bytes: 7, Billed: 7, Multipart: 1, Parts: 3, MultipartBytes: 7}},
		{"one that may be too large to be held", cost.Entry{Size: 16<<20 + 1, Modified: day(0)},
			cost.Class{Class: "STANDARD", Versions: 1, Bytes: 16<<20 + 1, Billed: 16<<20 + 1, Large: 16<<20 + 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got cost.Tally
			got.Add(tt.entry, now)
			if !reflect.DeepEqual(got.Classes, []cost.Class{tt.want}) {
				t.Errorf("%+v, want %+v", got.Classes, tt.want)
			}
		})
	}
}

// Names of classes and sizes are what a server says.
func TestTallyIsBounded(t *testing.T) {
	var a cost.Tally
	for i := range 1000 {
		a.Add(cost.Entry{Class: "C" + strings.Repeat("x", i%100), Size: math.MaxInt64}, now)
	}
	if len(a.Classes) != 17 || a.Entries != 1000 {
		t.Fatalf("%d classes of %d entries", len(a.Classes), a.Entries)
	}
	for _, c := range a.Classes {
		if c.Bytes != math.MaxInt64 {
			t.Errorf("%+v", c)
		}
	}
	w := move(false)
	w.Moves[0].Tally = a
	if e, err := cost.Of(w, own(t, everything()...)); err != nil || *e.Low < 0 || e.High != nil {
		t.Errorf("%+v, %v", e, err)
	}
}

// What may be read more than once is within the high end, and what was estimated before that was
// counted is what it was.
func TestReadAgain(t *testing.T) {
	const mib = 1 << 20
	small, parts, large := cost.Entry{Size: mib}, cost.Entry{Size: 12 * mib, Parts: 3}, cost.Entry{Size: 64 * mib}
	for _, tt := range []struct {
		name       string
		rules      int
		serverSide bool
		source     int64 // MiB received at most
		puts       int64
	}{
		{"by the rules before", 0, false, 1 + 12 + 64, 1 + 5 + 1},
		{"streamed", cost.Rules, false, 2*1 + 3*12 + 3*64, 1 + 5 + 4 + 1},
		{"within a service, by the rules before", 0, true, 0, 1 + 5 + 1},
		{"within a service", cost.Rules, true, 12, 1 + 5 + 4 + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := move(tt.serverSide, small, parts, large)
			w.Rules = tt.rules
			e, err := cost.Of(w, own(t, everything()...))
			if err != nil {
				t.Fatal(err)
			}
			if l := line(t, e, "put STANDARD at cloud:eu"); l.HighQuantity != tt.puts+8+117 {
				t.Errorf("%+v", l)
			}
			got := int64(0)
			for _, c := range cost.Compare(w, e, nil) {
				if c.At == "cloud:us" && c.Item == cost.Received {
					got = c.High
				}
			}
			if got != tt.source*mib {
				t.Errorf("%d bytes received at the source, want %d", got, tt.source*mib)
			}
			if tt.serverSide {
				return
			}
			if l := line(t, e, "transfer internet at cloud:us"); l.HighQuantity != tt.source*mib {
				t.Errorf("%+v", l)
			}
		})
	}
}

func TestRetrievalRestoreAndKMS(t *testing.T) {
	w := move(true, cost.Entry{Class: "STANDARD_IA", Size: 1 << 30, Modified: now.AddDate(-1, 0, 0)},
		cost.Entry{Class: "GLACIER", Size: 1 << 30, Modified: now.AddDate(0, 0, -59)})
	w.Restore, w.Moves[0].KMS, w.Moves[0].Reread = "Bulk", true, true
	lines := append(everything(), "cloud,us,retrieval,STANDARD_IA,GB,0.01,,EUR",
		"cloud,us,retrieval,GLACIER/Bulk,GB,0.5,,EUR",
		"cloud,us,restore,GLACIER/Bulk,1000 requests,25,,EUR", "cloud,*,kms,,10000 requests,3,,EUR",
		"cloud,us,storage,GLACIER,GB-month,0.31,0.28,EUR")
	e, err := cost.Of(w, own(t, lines...))
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string][2]cost.Amount{
		// once by the service, and perhaps once more to prove the copy
		"retrieval STANDARD_IA at cloud:us":  {10_000, 21_475},
		"retrieval GLACIER/Bulk at cloud:us": {0, 536_871},
		"restore GLACIER/Bulk at cloud:us":   {0, 25_000},
		"kms at cloud:us":                    {0, 1_200},
		// 31 days of 90 are left
		"early-deletion GLACIER at cloud:us": {280_008, 368_535},
	} {
		if l := line(t, e, what); l.Low == nil || *l.Low != want[0] || *l.High != want[1] {
			t.Errorf("%s: %v to %v, want %v to %v", what, *l.Low, *l.High, want[0], want[1])
		}
	}
}

// The built-in prices know all that a plain move out of the United States costs.
func TestBuiltIn(t *testing.T) {
	table, err := prices.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := move(true, many(1000, cost.Entry{Size: 1 << 20})...)
	w.Moves[0].Source = cost.End{Provider: "prod", Region: "us-east-1", Service: "aws"}
	w.Moves[0].Destination = cost.End{Provider: "prod", Region: "eu-central-1", Service: "aws"}
	e, err := cost.Of(w, table)
	if err != nil || e.High == nil || e.Currency != "USD" || *e.Low >= *e.High || e.Time.Low == nil {
		t.Fatalf("%+v, %v", e, err)
	}
	again, err := e.Again(w)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(e)
	other, _ := json.Marshal(again)
	if string(one) != string(other) {
		t.Errorf("again:\n%s\n%s", one, other)
	}
	var read cost.Estimate
	if err := json.Unmarshal(one, &read); err != nil {
		t.Fatal(err)
	}
	if again, err = read.Again(w); err != nil {
		t.Fatal(err)
	}
	if other, _ = json.Marshal(again); string(one) != string(other) {
		t.Errorf("of what was written:\n%s\n%s", one, other)
	}
}

func TestCheck(t *testing.T) {
	low, high := cost.Amount(40_000_000), cost.Amount(60_000_000)
	e := &cost.Estimate{Currency: "USD", Sum: cost.Sum{Low: &low, High: &high}}
	unknown := &cost.Estimate{Currency: "USD", Sum: cost.Sum{Low: &low,
		Unknown: []string{"put A at b", "get A at b"}}}
	for _, tt := range []struct {
		limit string
		e     *cost.Estimate
		want  string
	}{
		{"60", e, ""}, {"60USD", e, ""}, {"60.000001 USD", e, ""},
		{"59.99", e, "the estimate is up to 60.00 USD, the limit 59.99"},
		{"39USD", e, "the estimate is at least 40.00 USD, the limit 39USD"},
		{"1000", unknown, "whether the limit, 1000, is kept cannot be told: no price is known of put A at b, get A at b"},
		{"39", unknown, "the estimate is at least 40.00 USD, the limit 39"},
	} {
		l, err := cost.ParseLimit(tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		if why, err := tt.e.Check(l); err != nil || why != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.limit, why, err, tt.want)
		}
	}
	if _, err := e.Check(cost.Limit{Amount: 1, Currency: "EUR"}); !errors.Is(err, cost.ErrCurrency) {
		t.Errorf("error %v", err)
	}
	for _, text := range []string{"", "USD", "-1", "1e3", "1,5", "5 US", "5usd", "1.0000001", "99999999999999"} {
		if l, err := cost.ParseLimit(text); err == nil {
			t.Errorf("%q is %+v", text, l)
		}
	}
}

// Small sums are said in words, and what is not known is not said to be nothing.
func TestWords(t *testing.T) {
	a := func(n cost.Amount) *cost.Amount { return &n }
	for _, tt := range []struct {
		low, high      *cost.Amount
		currency, want string
	}{
		{a(0), a(500), "EUR", "under 0.01 EUR"}, {a(38), a(1_540_000), "EUR", "under 0.01 to 1.54 EUR"},
		{a(0), a(0), "EUR", "0 EUR"}, {a(38_000), a(1_540_000), "EUR", "0.0380 to 1.54 EUR"},
		{a(20), nil, "EUR", "at most is not known"}, {a(2_000_000), nil, "EUR", "at least 2.00 EUR, at most is not known"},
		{nil, nil, "", "not known"}, {a(0), nil, "", "not known"},
	} {
		if got := cost.Words(tt.low, tt.high, tt.currency); got != tt.want {
			t.Errorf("%v to %v: %q, want %q", tt.low, tt.high, got, tt.want)
		}
	}
}

func TestShown(t *testing.T) {
	for _, tt := range []struct {
		a        cost.Amount
		low, top string
	}{{0, "0.0000", "0.0000"}, {1, "0.0000", "0.0001"}, {123_456, "0.1234", "0.1235"}, {1_999_999, "1.99", "2.00"},
		{12_340_000, "12.34", "12.34"}} {
		if tt.a.Shown(false) != tt.low || tt.a.Shown(true) != tt.top {
			t.Errorf("%s: %s to %s, want %s to %s", tt.a, tt.a.Shown(false), tt.a.Shown(true), tt.low, tt.top)
		}
	}
}
