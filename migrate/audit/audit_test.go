package audit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/residency/residency/migrate/certificate"
)

// An index of more files than one part has is cut where it should be, and names each.
func TestIndexOfManyFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	put("file", "")
	var x index
	var parts []string
	for i := range 2*indexLines + 1 {
		f := certificate.File{Name: "file", SHA256: empty}
		x.add(f, 0)
		if i%indexLines == 0 {
			parts = append(parts, "")
		}
		parts[len(parts)-1] += line(f) + "\n"
	}
	for i, text := range parts {
		put(IndexFile(int64(i+1)), text)
	}
	check := func() *Report {
		t.Helper()
		r := &Report{Valid: true, Said: &certificate.Certificate{Evidence: x.evidence()}}
		if err := r.index(t.Context(), Folder(dir), indexed{said: r.Said.Evidence, name: IndexFile}); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := check(); r.Faulty() || r.Files != 2*indexLines+1 || r.Said.Evidence.IndexFiles != 3 {
		t.Fatalf("%+v", r)
	}
	put(IndexFile(2), parts[1]+parts[2])
	put(IndexFile(3), "")
	if r := check(); r.Faulty() {
		t.Errorf("cut elsewhere, the lines are the same: %+v", r)
	}
	put(IndexFile(3), parts[2])
	if r := check(); !r.Faulty() {
		t.Error("a line more was not found")
	}
	put("file", "x")
	if r := check(); len(r.Faults) != mostFaults || r.More < 2*indexLines-mostFaults {
		t.Errorf("%d faults and %d more", len(r.Faults), r.More)
	}
}

func FuzzIndexLine(f *testing.F) {
	f.Add(strings.Repeat("0", 64) + "  plan.json")
	f.Add(strings.Repeat("0", 64) + "  ../plan.json")
	f.Fuzz(func(t *testing.T, l string) {
		if x, ok := parseLine(l); ok && (line(x) != l || strings.Contains(x.Name, "..") && strings.Contains(x.Name, "/../")) {
			t.Errorf("%q is read as %+v", l, x)
		}
	})
}

func FuzzRedacted(f *testing.F) {
	f.Add([]byte(`{"schema":"residency/redacted/1","segment":1,"move":0,"entries":1}` + "\n" +
		`{"entry":{"key":"hmac-sha256:` + strings.Repeat("0", 64) + `","version_id":"1","size":1,"modified":"2026-01-02T03:04:05Z"},` +
		`"receipt":{"key":"hmac-sha256:` + strings.Repeat("0", 64) + `","version_id":"1","size":1,"verdict":"failed",` +
		`"at":"2026-01-02T03:04:05Z"}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &Account{Moves: make([]Move, 1), keyless: true}
		c := &certificate.Certificate{Moves: make([]certificate.Move, 1)}
		err := a.redactedSegment(c, redactedFile(1), data)
		if lines := int64(strings.Count(string(data), "\n")); err == nil && a.Moves[0].Source.Entries > lines {
			t.Errorf("%d entries in %d lines", a.Moves[0].Source.Entries, lines)
		}
	})
}
