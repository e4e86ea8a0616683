// Package layout holds the project's import rules; it has only a test.
package layout

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/residency/residency"

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// layer is the place of a package in cmd → migrate → inventory → regions;
// arrows run to lower numbers or stay.
func layer(path string) int {
	for i, top := range []string{"regions", "inventory", "migrate", "cmd"} {
		if p := module + "/" + top; path == p || strings.HasPrefix(path, p+"/") {
			return i
		}
	}
	return -1
}

func TestArrowsRunOneWay(t *testing.T) {
	all := packages(t)
	if len(all) < 10 {
		t.Fatalf("go list found %d packages, want the whole module", len(all))
	}
	for _, p := range all {
		if layer(p.ImportPath) < 0 {
			t.Errorf("%s is outside of the agreed layout", p.ImportPath)
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module) && layer(i) > layer(p.ImportPath) {
				t.Errorf("%s imports %s: arrows run from cmd to regions", p.ImportPath, i)
			}
		}
	}
}

// Within migrate too arrows run one way: each line may import what stands above it.
func TestPhasesRunOneWay(t *testing.T) {
	rank := make(map[string]int)
	for i, line := range []string{
		"cost", "state parity permission certificate progress limit merkle", "manifest attest attest/awskms", "receipt attest/attesttest", "journal verifier", "copier eraser",
		"plan", "record", "phase", "writeblock reserve destination", "segment", "audit changes probe", "undo", "", "simulation",
	} {
		for _, name := range strings.Split(line, " ") {
			rank[strings.TrimSuffix(module+"/migrate/"+name, "/")] = i
		}
	}
	for _, p := range packages(t) {
		if layer(p.ImportPath) != layer(module+"/migrate") {
			continue
		}
		from, known := rank[p.ImportPath]
		if !known {
			t.Errorf("%s has no place in the order of migrate", p.ImportPath)
		}
		for _, i := range p.Imports {
			if to, ok := rank[i]; ok && to >= from {
				t.Errorf("%s imports %s, which stands beside it or above", p.ImportPath, i)
			}
		}
	}
}

func TestImportersAreFew(t *testing.T) {
	allowed := map[string][]string{
		"github.com/aws/": {"/inventory/objectstore/s3store", "/inventory/objectstore/storetest",
			"/inventory/objectstore/storetest/amazon", "/migrate/attest/awskms"}, // a provider of keys
		"github.com/spf13/cobra":              {"/cmd/internal/cli", "/cmd/manpages"},
		"github.com/olekukonko/tablewriter":   {"/cmd/internal/render"},
		"github.com/schollz/progressbar":      {"/cmd/internal/render"},
		"github.com/goccy/go-yaml":            {"/cmd/internal/config"},
		module + "/inventory/objectstore/s3":  {"/inventory/objectstore/kind", "/inventory/objectstore/s3store"},
		"github.com/klauspost/compress":       {"/migrate/state"},
		module + "/inventory/objectstore/mem": {"/migrate/simulation"},
	}
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			for prefix, importers := range allowed {
				if !strings.HasPrefix(i, prefix) {
					continue
				}
				ok := false
				for _, a := range importers {
					ok = ok || p.ImportPath == module+a
				}
				if !ok {
					t.Errorf("%s imports %s, which is left to %v", p.ImportPath, i, importers)
				}
			}
		}
	}
}

// The binary that people run carries neither the test servers nor anything
// that only tests need.
func TestBinaryIsSmall(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+"/cmd/residency").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"versitygw", "storetest", "memstore", "go-internal", "go-cmp", "/testing"} {
		for dep := range strings.Lines(string(out)) {
			if strings.Contains(dep, forbidden) {
				t.Errorf("the binary links %s", strings.TrimSpace(dep))
			}
		}
	}
}
