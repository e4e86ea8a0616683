package simulation_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// patch is a bug to be planted: text of the product's source that is replaced by
// other text while the simulation is built, so that the product itself knows
// nothing of it. The files in testdata/planted say what it is, then, for each
// place, the file and the lines: as they are (space), as they are no more (-) and
// as they are instead (+). A bug in what the simulation stands in for names the package
// whose tests are to catch it (@).
type patch struct {
	name, what string
	tested     string // package; empty: by the simulation
	hunks      []hunk
}

type hunk struct{ file, old, new string }

// root is the module's directory as seen from this package.
const root = "../.."

// patches reads all bugs.
func patches(t *testing.T) (all []patch) {
	names, err := filepath.Glob("testdata/planted/*.patch")
	if err != nil || len(names) == 0 {
		t.Fatalf("no bugs to plant: %v", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := patch{name: strings.TrimSuffix(filepath.Base(name), ".patch")}
		for line := range strings.Lines(string(data)) {
			if err := p.read(line); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		all = append(all, p)
	}
	return all
}

func (p *patch) read(line string) error {
	if file, ok := strings.CutPrefix(line, "--- "); ok {
		p.hunks = append(p.hunks, hunk{file: strings.TrimSpace(file)})
		return nil
	}
	if what, ok := strings.CutPrefix(line, "# "); ok {
		p.what = strings.TrimSpace(what)
		return nil
	}
	if tested, ok := strings.CutPrefix(line, "@ "); ok {
		p.tested = strings.TrimSpace(tested)
		return nil
	}
	if len(p.hunks) == 0 {
		return fmt.Errorf("%q belongs to no file", line)
	}
	h := &p.hunks[len(p.hunks)-1]
	switch line[0] {
	case '-':
		h.old += line[1:]
	case '+':
		h.new += line[1:]
	case ' ':
		h.old, h.new = h.old+line[1:], h.new+line[1:]
	default:
		return fmt.Errorf("%q begins with none of space, - and +", line)
	}
	return nil
}

// apply returns the files that the patch changes, whole. Text that is not there
// exactly once is an error: the product has changed, and the bug with it.
func (p patch) apply() (map[string]string, error) {
	files := make(map[string]string)
	for _, h := range p.hunks {
		if _, read := files[h.file]; !read {
			data, err := os.ReadFile(filepath.Join(root, h.file))
			if err != nil {
				return nil, err
			}
			files[h.file] = string(data)
		}
		if n := strings.Count(files[h.file], h.old); n != 1 {
			return nil, fmt.Errorf("%s has %d times, not once:\n%s", h.file, n, h.old)
		}
		files[h.file] = strings.Replace(files[h.file], h.old, h.new, 1)
	}
	return files, nil
}

// Every bug can still be planted.
func TestPatchesApply(t *testing.T) {
	for _, p := range patches(t) {
		files, err := p.apply()
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
		for name, text := range files {
			if _, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
	}
}
