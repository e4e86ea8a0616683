package cost_test

import (
	"encoding/json"
	"testing"

	"github.com/residency/residency/migrate/cost"
)

// Whatever an estimate's file says, making it again ends without a panic, and says the same
// each time.
func FuzzAgain(f *testing.F) {
	w := move(false, cost.Entry{Size: 5}, cost.Entry{Size: 1, Class: "GLACIER", Parts: 2}, cost.Entry{Marker: true})
	f.Add([]byte(`{"parts":[{"item":"put","price":{"provider":"cloud","region":"*","item":"put","of":"STANDARD",`+
		`"price":"5","lowest":"4","currency":"EUR","own":true}}],"estimated_high":null}`), mustJSON(f, w))
	f.Add([]byte(`{"low":1.5,"storage_a_month_before":{"high":2}}`), []byte(`{"moves":[{"tally":{"entries":-1}}]}`))
	f.Add([]byte(`{}`), []byte(`{"moves":[{"tally":{"entries":9223372036854775807,"classes":[{"class":"GLACIER_IR",`+
		`"versions":9223372036854775807,"parts":9223372036854775807,"billed_bytes":-5}]}}],"bandwidth":1}`))
	f.Fuzz(func(t *testing.T, estimate, work []byte) {
		var e cost.Estimate
		var w cost.Work
		if json.Unmarshal(estimate, &e) != nil || json.Unmarshal(work, &w) != nil {
			return
		}
		one, err := e.Again(w)
		if err != nil {
			return
		}
		other, err := e.Again(w)
		if err != nil {
			t.Fatal(err)
		}
		first, err1 := json.Marshal(one)
		second, err2 := json.Marshal(other)
		if string(first) != string(second) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%s, %v\n%s, %v", first, err1, second, err2)
		}
		cost.Compare(w, one, []cost.Count{{At: ":", Put: 1}})
	})
}

func mustJSON(tb testing.TB, v any) []byte {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func FuzzParseLimit(f *testing.F) {
	for _, text := range []string{"50", "50USD", "0.000001 EUR", "-1", "1e9", "9999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := cost.ParseLimit(text)
		if err != nil {
			return
		}
		again, err := cost.ParseLimit(l.String())
		if err != nil || again != l || l.Amount < 0 {
			t.Fatalf("%q is %+v, and that is %+v, %v", text, l, again, err)
		}
	})
}
