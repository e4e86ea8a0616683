package migrate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// audited is a migration of a small bucket in memory that has come to its end: histories,
// delete markers, and keys that are no text.
type audited struct {
	t      *testing.T
	dir    string // of the plan
	plan   *plan.Plan
	runner *migrate.Runner
	keys   []dsse.Verifier // that it is signed with
}

func newAudited(t *testing.T, keys int) *audited {
	t.Helper()
	const bucket = "source-bucket"
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region(us)
	destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region(eu)
	must(source.CreateBucket(ctx, bucket, false))
	must(source.SetVersioning(ctx, bucket, objectstore.Enabled))
	put := func(key, body string) {
		_, err := source.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key},
			objectstore.Body{Reader: strings.NewReader(body), Size: int64(len(body))})
		must(err)
	}
	for i := range keys {
		put(fmt.Sprintf("people/%05d", i), strings.Repeat("x", i%100))
	}
	put("no text \xff", "one")
	put("people/history", "one")
	put("people/history", "another")
	_, err := source.PutMarker(ctx, bucket, "people/history")
	must(err)
	home := t.TempDir()
	stores := func(_, region string) objectstore.Store {
		if region == us {
			return source
		}
		return destination
	}
	p, err := plan.Make(ctx, state.NewDir(home), plan.Request{
		Customer: "acme", Verify: "auto", Stores: stores, Now: time.Now(), Progress: &progress.Progress{},
		Destination: plan.Region{Provider: "cloud", Code: eu, Country: "IE"},
		Inventory: &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: us,
			Country: "US", Bucket: bucket, Versioning: objectstore.Enabled}}},
		BucketName: func(at objectstore.Location, _ string) string { return at.Bucket + "-" + eu },
	})
	must(err)
	a := &audited{t: t, dir: filepath.Join(home, p.ID), plan: p, runner: &migrate.Runner{Home: state.NewDir(home),
		Stores: stores, Now: time.Now, Sleep: noSleep, Progress: &progress.Progress{}, Workers: 2, Tool: "test", Host: "here",
		Expected: expected(state.NewDir(home))}}
	for _, kind := range []string{attest.Ed25519, attest.ECDSAP256} {
		s, v := newKey(t, kind)
		a.runner.Signers, a.keys = append(a.runner.Signers, s), append(a.keys, v)
	}
	r, err := a.runner.Run(ctx, p, migrate.Options{})
	if err != nil {
		t.Fatal(err, problems(r))
	}
	return a
}

func (a *audited) read(name string, v any) {
	a.t.Helper()
	data, err := os.ReadFile(filepath.Join(a.dir, name))
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *audited) write(name string, v any) {
	a.t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(a.dir, name), append(data, '\n'), 0o600)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// A state whose certificate lists its evidence, as releases before did, still opens, and its
// certificate is held against the records as before.
func TestCertificateOfTheReleaseBefore(t *testing.T) {
	a := newAudited(t, 20)
	var c certificate.Certificate
	a.read(record.CertificateFile, &c)
	index, err := os.ReadFile(filepath.Join(a.dir, "evidence", "000001.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	a.write(record.GateFile, map[string]any{})
	gate := "{\n  \"schema\": \"residency/gate/1\",\n  \"plan_sha256\": \"" + a.plan.Digest +
		"\",\n  \"at\": \"2026-01-02T03:04:05.000Z\",\n  \"entries\": 24,\n  \"intents\": true\n}\n"
	if err := os.WriteFile(filepath.Join(a.dir, record.GateFile), []byte(gate), 0o600); err != nil {
		t.Fatal(err)
	}
	var before map[string]any
	a.read(record.CertificateFile, &before)
	before["schema"] = certificate.Schema1
	for _, later := range []string{"catalog", "countries", "covered_keys", "further_entries", "unfinished_uploads_aborted"} {
		delete(before, later)
	}
	for _, m := range before["moves"].([]any) {
		maps.DeleteFunc(m.(map[string]any), func(name string, _ any) bool { return strings.HasPrefix(name, "entries_") })
	}
	evidence := []map[string]string{{"name": record.GateFile, "sha256": state.Digest([]byte(gate))}}
	for l := range strings.Lines(string(index)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(l), "  ")
		if strings.Contains(name, "/") {
			evidence = append(evidence, map[string]string{"name": name, "sha256": sum})
		}
	}
	before["evidence"] = evidence
	before["digest"] = "-"
	for _, gone := range []string{"evidence", record.ClosingFile} {
		if err := os.RemoveAll(filepath.Join(a.dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	a.write(record.CertificateFile, before)
	seal(t, filepath.Join(a.dir, record.CertificateFile))

	s, err := a.runner.Status(t.Context(), a.plan)
	if err != nil || s.Stage != migrate.Certified {
		t.Fatalf("%+v, %v", s, err)
	}
	if v, err := a.runner.Verify(t.Context(), a.plan, false); err != nil || !v.Certified {
		t.Fatalf("%+v, %v", v, err)
	}
	receipts := filepath.Join(a.dir, "receipts", "000001.ndjson.zst")
	data, err := os.ReadFile(receipts)
	if err != nil {
		t.Fatal(err)
	}
	// Behind the last frame an empty one: the same lines, in another file.
	data = append(data, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00)
	if err := os.WriteFile(receipts, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.runner.Verify(t.Context(), a.plan, false); !errors.Is(err, migrate.ErrCertificate) ||
		!strings.Contains(err.Error(), "evidence of receipts/000001.ndjson.zst") {
		t.Errorf("%v, want ErrCertificate and the file", err)
	}
}

// seal gives a certificate that was changed a digest of its own again.
func seal(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`"digest": "[^"]*"`).ReplaceAllString(string(data), `"digest": "-"`)
	sum := state.Digest([]byte(text))
	if err := os.WriteFile(path, []byte(strings.Replace(text, `"digest": "-"`, `"digest": "`+sum+`"`, 1)),
		0o600); err != nil {
		t.Fatal(err)
	}
}

// What the gate and the last act have listed is in the evidence, by location.
func TestListingsAreEvidence(t *testing.T) {
	a := newAudited(t, 20)
	var gate record.Gate
	a.read(record.GateFile, &gate)
	var closing record.Closing
	a.read(record.ClosingFile, &closing)
	for name, l := range map[string]record.Listed{"source at the gate": gate.Sources[0],
		"destination at the gate": gate.Destinations[0], "destination in the end": closing.Destinations[0]} {
		if l.Entries != 24 || l.Versions != 23 || l.Markers != 1 || len(l.SHA256) != 64 || l.Bytes != 190+3+3+7 {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if l := closing.Sources[0]; l.Left() || l.Location != "cloud:source-bucket" {
		t.Errorf("source in the end: %+v", l)
	}
	if gate.Destinations[0].SHA256 != closing.Destinations[0].SHA256 {
		t.Error("the destination's listings before and after the erase have other digests")
	}
	var c certificate.Certificate
	a.read(record.CertificateFile, &c)
	if len(c.Countries) != 2 || c.Countries[0].Country != "IE" || c.Countries[0].EntriesIn != 24 ||
		c.Countries[1].EntriesOut != 24 || c.Countries[1].BytesOut != 203 {
		t.Errorf("countries: %+v", c.Countries)
	}
	index, err := os.ReadFile(filepath.Join(a.dir, "evidence", "000001.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(index), "\n"), "\n")
	if c.Evidence.Files != int64(len(lines)) || c.Evidence.IndexFiles != 1 {
		t.Errorf("%+v, and %d lines", c.Evidence, len(lines))
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, "  plan.json") }) {
		t.Error("plan.json is not evidence")
	}
}
