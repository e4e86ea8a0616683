//go:build planted

package simulation_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// enough seeds must catch every planted bug.
const enough = 2000

var bug = flag.String("bug", "", "plant this bug alone")

// Each planted bug is caught: the test of the test.
func TestPlanted(t *testing.T) {
	fmt.Printf("%-22s %6s  %s\n", "planted bug", "seed", "what the oracle says")
	for _, p := range patches(t) {
		if *bug != "" && *bug != p.name {
			continue
		}
		t.Run(p.name, func(t *testing.T) { // one that does not build hides no other
			seed, says := p.caught(t)
			fmt.Printf("%-22s %6s  %s\n", p.name, seed, says)
			if says == "" {
				t.Errorf("%s is not caught within %d seeds: %s", p.name, enough, p.what)
			}
		})
	}
}

var verdict = regexp.MustCompile(`simulation_test\.go:\d+: seed (\d+): (.*)`)

// caught builds the simulation with the bug in it and runs its seeds.
func (p patch) caught(t *testing.T) (seed, says string) {
	binary := p.build(t, t.TempDir())
	out, err := exec.CommandContext(t.Context(), binary, "-test.run", "TestSimulate$", "-test.timeout", "0", "-seeds",
		strconv.Itoa(enough)).CombinedOutput()
	found := verdict.FindSubmatch(out)
	if (err == nil) != (found == nil) {
		t.Fatalf("%s: %v\n%s", p.name, err, out[max(0, len(out)-4000):])
	}
	if found == nil {
		return "none", ""
	}
	return string(found[1]), string(found[2])
}

// build makes a test binary of this package and of a product with the bug.
func (p patch) build(t *testing.T, dir string) string {
	files, err := p.apply()
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for name, text := range files {
		at, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[at] = filepath.Join(dir, strconv.Itoa(len(overlay.Replace))+".go")
		if err := os.WriteFile(overlay.Replace[at], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, p.name+".test")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", file, "-c", "-o", binary,
		".").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, out)
	}
	return binary
}
