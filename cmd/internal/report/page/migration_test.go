package page_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/residency/residency/cmd/internal/report/page"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

// migrated is a migration that has something of everything.
func migrated(t testing.TB) page.Migrated {
	t.Helper()
	us := certificate.Region{Provider: "cloud", Region: "us-east-1", Country: "US", Operator: "Example Cloud Inc.",
		OperatorCountry: "US"}
	de := certificate.Region{Provider: "cloud", Region: "eu-central-1", Country: "DE", Operator: "Example Cloud Inc.",
		OperatorCountry: "US"}
	ie := certificate.Region{Provider: "cloud", Region: "eu-west-1", Country: "IE", Operator: "Example Cloud Inc.",
		OperatorCountry: "US"}
	reach, safeguards := inventory.Exposures(made(t).Catalog, "IE", regions.Operator{Name: us.Operator,
		Country: "US"})
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	actor := certificate.Actor{Step: "approve", At: at, How: "digest", User: "ci", Host: "runner-7", Country: "US",
		Basis: certificate.Declared, CI: &certificate.CI{Service: "GitHub Actions", Repository: "acme/data",
			Run: "https://ci.example/1", Actor: "ada", Approver: "grace"},
		Program: certificate.Program{Version: "residency 1.2.3", SHA256: "ab"}}
	c := &certificate.Certificate{
		Schema: certificate.Schema, Tool: "residency 1.2.3", Plan: "acme-eu-west-1-3f9a0c1b2d4e", PlanDigest: "3f9a0c1b2d4e",
		Customer: "acme", Configuration: inventory.Configuration{Path: "residency.yaml", SHA256: "cd"},
		Departure: certificate.Departure{Otherwise: []string{"other bucket"}, NotInPlan: []string{"cloud:new"}},
		Catalog:   certificate.Catalog{SHA256: "ef", AsOf: "2026-11"}, Destination: ie,
		Started: at, Finished: at.Add(time.Hour),
		Moves: []certificate.Move{
			{Source: us, SourceLocation: "cloud:acme-prod", DestinationBucket: "cloud:acme-eu", Way: plan.Streamed,
				Entries: 1380, Versions: 1372, DeleteMarkers: 8, Bytes: 21820906, Verified: 1380, Erased: 1377,
				SourceLeft: 3, Found: 1380},
			{Source: de, SourceLocation: "cloud:acme-de", DestinationBucket: "cloud:acme-de-eu", Way: plan.ServerSide,
				Entries: 20, Versions: 20, Bytes: 87030, Verified: 20, Erased: 20, Found: 20},
		},
		Parity: []certificate.Parity{{Bucket: "cloud:acme-prod", Setting: "policy", Outcome: "rewritten", Detail: "d",
			Found: "equal"}},
		OwnerChecks: []certificate.OwnerCheck{{At: "cloud:us-east-1",
			OwnerCheck: objectstore.OwnerCheck{Account: "42", By: "STS"}}},
		Callers: []certificate.Caller{{Stage: "copy", At: "cloud:us-east-1",
			Caller: objectstore.Caller{ARN: "arn:aws:iam::42:role/mover"}}},
		Actors:    []certificate.Actor{actor},
		Endpoints: []certificate.Endpoint{{At: "cloud:us-east-1", URL: "https://s3.example", Country: "US", Account: "42"}},
		Findings:  []certificate.Finding{{Rule: "transit-us", Text: "bytes were streamed through runner-7"}},
		Passes:    []certificate.Pass{{Number: 2, Listed: at, New: 4, Gone: 1, Fenced: true}},
		Transit: certificate.Transit{Streamed: 1380, ServerSide: 20,
			Machines: []certificate.Machine{{Host: "runner-7", Country: "US", Basis: certificate.Declared}}, Note: "streamed"},
		Entries: 1400, Bytes: 21907936, Verdicts: map[string]int64{"verified": 1400},
		Methods:  map[string]int64{"sha256": 1372, "marker": 8, "checksum": 20},
		Erasures: map[string]int64{"erased": 1396, "gone": 1, "retained": 3},
		Guards:   map[string]int64{"version-id": 1000, "if-match": 400},
		Added:    map[string]int64{"encryption": 7}, NotCompared: []string{"tags that were added"},
		Left: []certificate.Left{{Location: "cloud:acme-prod", Entries: 3, Uploads: 1,
			Reason: "3 retained, the last until 2027-01-01"}},
		Found: 1400, Fence: []string{"cloud:acme-prod"}, NotFenced: "not honoured", UnguardedWrites: "looked first",
		Exposures: reach, Safeguards: safeguards,
		Evidence: certificate.Evidence{Root: "0a", Files: 18, IndexFiles: 1}, Digest: "9",
	}
	p := &plan.Plan{ID: c.Plan, Customer: "acme", Stays: []plan.Stay{{Location: "cloud:acme-us", Region: "us-west-2",
		Country: "US", Why: "not among the sources that were named"}},
		Warnings: []plan.Issue{{Rule: "not-listed", Location: "cloud ap-south-1", Text: "denied", Count: 2}}}
	return page.Migrated{Certificate: c, SHA256: "11", Plan: p, Signatures: []string{"SHA256:abc"}}
}

func migration(t testing.TB, m page.Migrated) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page.Migration(&b, made(t), m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMigration(t *testing.T) {
	m := migrated(t)
	root := sound(t, migration(t, m))
	answer := inner(byID(t, root, "answer"))
	for _, want := range []string{
		"1,400 entries (1,392 versions, 8 delete markers; 20.9 MiB) of customer acme were moved from Germany (DE) and the " +
			"United States (US) to Ireland (IE).",
		"1,400 of 1,400 were verified at the destination before anything was deleted",
		"The source is not empty as of 28 November 2026, 10:00 UTC: 3 entries and 1 unfinished upload are left.",
		"run by Example Cloud Inc., at home in the United States (US)", "bytes were streamed through runner-7",
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer does not say %q: %s", want, answer)
		}
	}
	// Each question of an auditor has its section, in this order, and its answer.
	questions := []struct{ id, says string }{
		{"looked", "could not be looked at: cloud ap-south-1: denied (2 entries)"},
		{"where", "Found there at the end"}, {"law", "US CLOUD Act"}, {"complete", "1,400 of 1,400 entries have the verdict"},
		{"left", "In the United States, of this plan's locations: 3 entries left."},
		{"who", "approved by the plan's digest; CI job of GitHub Actions"}, {"way", "runner-7"},
		{"limits", "no legal opinion"},
		{"check", "residency certificate verify"},
	}
	var order []string
	for _, s := range all(root, "section")[1:] {
		order = append(order, attr(s, "id"))
	}
	for i, q := range questions {
		if i >= len(order) || order[i] != q.id {
			t.Fatalf("the sections are %v", order)
		}
		if text := inner(byID(t, root, q.id)); !strings.Contains(text, q.says) {
			t.Errorf("section %s does not say %q: %s", q.id, q.says, text)
		}
	}
	for _, e := range slices.Concat(m.Certificate.Exposures, m.Certificate.Safeguards) {
		if text := inner(byID(t, root, "law")); !strings.Contains(text, e.Law) || !strings.Contains(text, e.Source) ||
			!strings.Contains(text, e.AsOf) || !strings.Contains(text, e.Detail) {
			t.Errorf("the report does not have all of %+v", e)
		}
	}
}

// What the report says in numbers is what the certificate's JSON says.
func TestNumbersAreTheCertificates(t *testing.T) {
	m := migrated(t)
	root := parse(t, migration(t, m))
	data, err := json.Marshal(m.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Moves []struct {
			Source  struct{ Country string }
			At      string `json:"source_location"`
			Entries int64
			Left    int64 `json:"entries_at_source"`
			Found   int64 `json:"entries_found_at_destination"`
			Erased  int64 `json:"entries_erased"`
		}
		Verdicts, Methods, Erasures map[string]int64
		Guards                      map[string]int64 `json:"deletion_guards"`
		Transit                     map[string]any
		Left                        []struct {
			Location string
			Entries  int64
			Uploads  int64 `json:"unfinished_uploads"`
		}
		Evidence struct{ Files int64 }
	}
	if err := json.Unmarshal(data, &said); err != nil {
		t.Fatal(err)
	}
	want := func(n int64, table, row, column string) {
		t.Helper()
		if got := number(t, root, table, row, column); got != n {
			t.Errorf("table %s, row %s, column %s: %d, the certificate has %d", table, row, column, got, n)
		}
	}
	var found int64
	for _, x := range said.Moves {
		want(x.Entries, "locations", x.At, "Entries")
		country := map[string]string{"US": "United States", "DE": "Germany"}[x.Source.Country]
		want(x.Entries, "countries", country, "Before")
		want(x.Erased, "countries", country, "Erased there")
		want(x.Left, "countries", country, "Left there")
		found += x.Found
	}
	want(found, "countries", "Ireland", "Found there at the end")
	want(said.Verdicts["verified"], "countries", "Ireland", "Verified there")
	for table, counts := range map[string]map[string]int64{"verdicts": said.Verdicts, "methods": said.Methods,
		"erasures": said.Erasures, "guards": said.Guards} {
		for key, n := range counts {
			want(n, table, key, "Entries")
		}
	}
	want(int64(said.Transit["entries_streamed"].(float64)), "transit", "through a machine", "Entries")
	want(int64(said.Transit["entries_server_side"].(float64)), "transit", "within the service", "Entries")
	for _, l := range said.Left {
		want(l.Entries, "remains", l.Location, "Entries")
		want(l.Uploads, "remains", l.Location, "Unfinished uploads")
	}
	want(said.Evidence.Files, "digests", "Files of the evidence", "Value")
}

func TestWhatIsLeft(t *testing.T) {
	m := migrated(t)
	c := m.Certificate
	c.Left, c.SourceEmpty, c.Moves[0].SourceLeft = []certificate.Left{}, true, 0
	root := sound(t, migration(t, m))
	if text := inner(byID(t, root, "answer")); !strings.Contains(text, "Nothing of that is left at the source as of 28 "+
		"November 2026, 10:00 UTC") {
		t.Error(text)
	}
	if text := inner(byID(t, root, "left")); !strings.Contains(text, "this plan's locations: 0 entries left") {
		t.Error(text)
	}
	c.Found = 1399
	if text := inner(byID(t, parse(t, migration(t, m)), "answer")); !strings.Contains(text, "only 1,399 of 1,400") {
		t.Error(text)
	}
	c.Moves[0].Source.Country = "FR"
	if text := inner(byID(t, parse(t, migration(t, m)), "left")); !strings.Contains(text, "None of the locations") {
		t.Error(text)
	}
}

func TestStaleLaw(t *testing.T) {
	m := migrated(t)
	for asOf, want := range map[string]bool{"2026-11": false, "2026-05": true, "2026-06": false, "": false} {
		m.Certificate.Catalog.AsOf = asOf
		text := inner(byID(t, parse(t, migration(t, m)), "law"))
		if got := strings.Contains(text, "not been checked for more than six months"); got != want {
			t.Errorf("%q: said to be old: %v", asOf, got)
		}
	}
}

// A certificate of an earlier version has not all of it: what is not there is not called none.
func TestEarlierCertificate(t *testing.T) {
	m := migrated(t)
	m.Certificate = &certificate.Certificate{Schema: certificate.Schema1, Plan: "p", Customer: "acme", Entries: 5,
		SourceEmpty: true,
		Moves:       []certificate.Move{{Source: certificate.Region{Country: "US"}, SourceLocation: "cloud:a", Entries: 5}}}
	root := sound(t, migration(t, m))
	for _, column := range []string{"Erased there", "Left there", "Verified there", "Found there at the end"} {
		if got := cell(t, root, "countries", "United States", column); got != "not recorded" {
			t.Errorf("%s: %q", column, got)
		}
	}
	for id, want := range map[string]string{"who": "Not recorded", "left": "was not recorded by location",
		"limits": "of an earlier version"} {
		if text := inner(byID(t, root, id)); !strings.Contains(text, want) {
			t.Errorf("section %s does not say %q: %s", id, want, text)
		}
	}
}

// hostile are names as somebody would choose them to change the page.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`,
		`</td></tr></table><h1>fine`,
		`</style><script>x</script>`, `</title><svg onload=alert(1)>`, `javascript:alert(1)`, `http://tracker.example/x`,
		`data:text/html,<b>`, "a\u202egnp.exe\u2066\u200f", "a\x00b\r\nc\u2028d",
		`{{.}}{{template "x"}}`, `&lt;b&gt;&#60;b&#62;`,
		"-->]]><!--", "\xff\xfe<b>", strings.Repeat("very-long-", 100), "שלום عالم",
	}
}

// filled sets every text within a value, the keys of maps included.
func filled(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			filled(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				filled(v.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			filled(v.Index(i), text)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			n := v.MapIndex(k)
			v.SetMapIndex(k, reflect.Value{})
			v.SetMapIndex(reflect.ValueOf(text), n)
		}
	case reflect.String:
		v.SetString(text)
	}
}

// harmless holds a page with hostile names against one with plain ones: it has the same
// elements with the same attributes.
func harmless(t *testing.T, render func(name string) []byte) {
	t.Helper()
	plain := skeleton(parse(t, render("plain")))
	for _, name := range hostile() {
		text := render(name)
		root := sound(t, text)
		if got := skeleton(root); got != plain {
			t.Errorf("%.60q changed the page", name)
		}
		if bytes.ContainsAny(text, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028\u2029\x00\r") {
			t.Errorf("%.60q: what does not print is in the page", name)
		}
		odd := func(r rune) bool { return r < ' ' || r > '~' }
		if !strings.ContainsFunc(name, odd) && !strings.Contains(inner(all(root, "main")[0]), name) {
			t.Errorf("%.60q is not shown as it is", name)
		}
	}
}

func TestHostileNames(t *testing.T) {
	harmless(t, func(name string) []byte {
		m := migrated(t)
		filled(reflect.ValueOf(&m).Elem(), name)
		m.Certificate.Schema = certificate.Schema
		return migration(t, m)
	})
}

// The command that checks a certificate works as it stands: one that nobody has signed has no key to be checked with.
func TestCheckOfUnsigned(t *testing.T) {
	m := migrated(t)
	for _, signatures := range [][]string{{"SHA256:abc"}, nil} {
		m.Signatures = signatures
		command := inner(all(byID(t, sound(t, migration(t, m)), "check"), "pre")[0])
		if got := strings.Contains(command, "--key"); got != (signatures != nil) {
			t.Errorf("signatures %v: %s", signatures, command)
		}
	}
}

// Whoever reads what the last listing showed reads what that rests on.
func TestAnyOrder(t *testing.T) {
	m := migrated(t)
	m.Certificate.AnyOrder = plan.AnyOrder
	for _, empty := range []bool{false, true} {
		m.Certificate.SourceEmpty = empty
		root := sound(t, migration(t, m))
		for _, id := range []string{"complete", "left", "limits"} {
			if got := inner(byID(t, root, id)); !strings.Contains(got, plan.AnyOrder) {
				t.Errorf("section %s, source empty: %v, does not say what the listings rest on: %s", id, empty, got)
			}
		}
		if got := inner(byID(t, root, "answer")); empty && !strings.Contains(got, "a weaker proof: section 9") {
			t.Error(got)
		}
	}
	m.Certificate.AnyOrder = ""
	if strings.Contains(string(migration(t, m)), "weaker proof") {
		t.Error("of listings in byte order it is said that they prove less")
	}
}

// A signature that does not fit is not called none.
func TestMisfit(t *testing.T) {
	m := migrated(t)
	m.Signatures, m.Misfit = nil, true
	text := inner(sound(t, migration(t, m)))
	if !strings.Contains(text, "a signature is there and does not fit") || strings.Contains(text, "by nobody") {
		t.Error("an envelope that does not fit is passed over")
	}
}

func TestOnlySourcesLink(t *testing.T) {
	for source, linked := range map[string]bool{
		"https://eur-lex.europa.eu/x?a=b": true, "HTTPS://eur-lex.europa.eu": true, `https://x.example/"><script>`: true,
		"http://x.example": false, "javascript:alert(1)": false, "https://user@x.example/": false, "https:x": false,
		"//x.example": false, "28 CFR 202": false, "https://a.example, b.example": false,
	} {
		m := migrated(t)
		m.Certificate.Exposures = []inventory.Exposure{{Law: "a law", Source: source}}
		root := sound(t, migration(t, m))
		links := slices.DeleteFunc(all(root, "a"), func(n *html.Node) bool { return strings.HasPrefix(attr(n, "href"), "#") })
		if (len(links) == 1) != linked {
			t.Errorf("%q: %d links", source, len(links))
		}
		for _, n := range links {
			if rel := attr(n, "rel"); !strings.Contains(rel, "noopener") || !strings.Contains(rel, "noreferrer") {
				t.Errorf("%q: rel=%q", source, rel)
			}
		}
	}
}
