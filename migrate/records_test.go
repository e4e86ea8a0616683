package migrate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/migrate/writeblock"
)

// small is a customer's plan of one move, sealed.
func small(t testing.TB, customer string) *plan.Plan {
	t.Helper()
	p := &plan.Plan{
		Schema: plan.Schema, Customer: customer, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Verify: "auto",
		Destination: plan.Region{Provider: "cloud", Code: "eu-west-1", Country: "IE"}, Totals: plan.Totals{Entries: 1,
			Versions: 1},
		Moves: []plan.Move{{Source: plan.Region{Provider: "cloud", Code: "us-east-1", Country: "US"}, Bucket: "first",
			Versioning: objectstore.Enabled, Destination: "first-eu", Way: plan.Streamed, Totals: plan.Totals{Entries: 1,
				Versions: 1}}},
		Segments: []manifest.Segment{{Number: 1, Entries: 1, FirstKey: "a", LastKey: "a", Digest: strings.Repeat("ab", 32)}},
	}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

// Records that say how far a plan has come decide what may be gone and what is
// done: one that is damaged, or another plan's, is refused by whatever reads it.
func TestHostileRecords(t *testing.T) {
	p, other := small(t, "acme"), small(t, "globex")
	written := func(v any) string {
		home := state.NewDir(t.TempDir())
		if err := state.PutJSON(t.Context(), home, "x", v); err != nil {
			t.Fatal(err)
		}
		data, err := home.Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	gate := record.Gate{Schema: record.GateSchema, Plan: p.Digest, At: "2026-01-02T03:04:05.000Z", Entries: 10}
	started := record.Start{Schema: record.StartedSchema, Plan: p.Digest, At: p.Created}
	cert := certificate.Certificate{Schema: certificate.Schema, Plan: p.ID, PlanDigest: p.Digest, SourceEmpty: true}
	with := func(change func()) string { // of one record, and back
		g, s, c := gate, started, cert
		change()
		text := ""
		switch {
		case !reflect.DeepEqual(g, gate):
			text = written(gate)
		case s != started:
			text = written(started)
		default:
			text = written(cert)
		}
		gate, started, cert = g, s, c
		return text
	}
	for name, files := range map[string]map[string]string{
		"gate": {"an empty object": "{}", "no text": "", "cut": "{\n",
			"of another plan":   with(func() { gate.Plan = other.Digest }),
			"of another schema": with(func() { gate.Schema = "x" }),
			"a field twice":     "{\"schema\":\"residency/gate/1\",\"schema\":\"residency/gate/1\"}"},
		"started": {"an empty object": "{}", "no text": "",
			"of another plan":   with(func() { started.Plan = other.Digest }),
			"of another schema": with(func() { started.Schema = "x" }), "with another time": "{\"at\": \"yesterday\"}"},
		"certificate": {"an empty object": "{}", "no text": "", "of another plan": with(func() { cert.Plan = other.ID }),
			"of another digest": with(func() { cert.PlanDigest = other.Digest }),
			"of another schema": with(func() { cert.Schema = "x" })},
	} {
		for how, text := range files {
			dir := t.TempDir()
			home := state.NewDir(dir)
			if err := p.Save(t.Context(), home); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, p.ID, name+".json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := &Runner{Home: home, Now: time.Now, Progress: &progress.Progress{}}
			if s, err := r.Status(t.Context(), p); !errors.Is(err, state.ErrDamaged) {
				t.Errorf("%s, %s: %v, %+v, want ErrDamaged", name, how, err, s)
			}
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("{\n  \"schema\": \"residency/gate/1\",\n  \"plan_sha256\": \"\",\n  \"at\": \"\",\n  \"entries\": " +
		"0\n}\n"))
	f.Add([]byte(`{"schema":"residency/pass/1","segments":[{"segment":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := small(t, "acme")
		for _, v := range []any{&record.Gate{}, &record.Start{}, &writeblock.Record{}} {
			if state.DecodeJSON(data, v) == nil && !bytes.HasSuffix(data, []byte("}\n")) {
				t.Errorf("took %q", data)
			}
		}
		next := &record.Pass{}
		if state.DecodeJSON(data, next) == nil && next.Check(p, 2) == nil && next.Totals().Entries < 0 {
			t.Errorf("took a pass with %+v", next.Totals())
		}
	})
}
