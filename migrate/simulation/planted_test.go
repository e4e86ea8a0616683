//go:build planted

package simulation_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
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
				t.Errorf("%s is not caught (by %s): %s", p.name, cmp.Or(p.tested, fmt.Sprint(enough, " seeds")), p.what)
			}
		})
	}
}

var failing = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)

// caught builds what is to catch the bug, with the bug in it, and runs that.
func (p patch) caught(t *testing.T) (by, says string) {
	if p.tested == "" {
		return p.caughtBySeed(t)
	}
	out, err := exec.CommandContext(t.Context(), p.binary(t, t.TempDir(), p.tested)).CombinedOutput()
	found := failing.FindSubmatch(out)
	if (err == nil) != (found == nil) {
		t.Fatalf("%s: %v\n%s", p.name, err, out[max(0, len(out)-4000):])
	}
	if found == nil {
		return "none", ""
	}
	return "–", string(found[1])
}

var verdict = regexp.MustCompile(`simulation_test\.go:\d+: seed (\d+): (.*)`)

// caughtBySeed builds the simulation with the bug in it and runs its seeds.
func (p patch) caughtBySeed(t *testing.T) (seed, says string) {
	binary := p.binary(t, t.TempDir(), "./migrate/simulation")
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

// binary makes a test binary of a package and of a product with the bug.
func (p patch) binary(t *testing.T, dir, of string) string {
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
		root+strings.TrimPrefix(of, ".")).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, out)
	}
	return binary
}
