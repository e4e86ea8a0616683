// Package release holds what makes releases against the tools that read it; it has only
// tests.
package release

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

const root = "../.."

// load reads the configuration as goreleaser does: a field that it does not have is an
// error.
func load(t *testing.T) config.Project {
	t.Helper()
	p, err := config.Load(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConfiguration(t *testing.T) {
	p := load(t)
	if len(p.Builds) != 1 || len(p.Archives) != 1 || len(p.SBOMs) != 1 || len(p.DockersV2) != 1 {
		t.Fatalf("%d builds, %d archives, %d bills of materials, %d images; want 1 of each", len(p.Builds),
			len(p.Archives), len(p.SBOMs), len(p.DockersV2))
	}
	if p.Checksum.NameTemplate != "checksums.txt" {
		t.Errorf("checksums are in %q, where nobody looks for them", p.Checksum.NameTemplate)
	}
	for _, f := range p.Archives[0].Files {
		if strings.HasPrefix(f.Source, "man/") {
			continue // make man writes them
		}
		if _, err := os.Stat(filepath.Join(root, f.Source)); err != nil {
			t.Error(err)
		}
	}
	// The systems are those that are compiled for with each change.
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var systems []string
	b := p.Builds[0]
	for _, system := range b.Goos {
		for _, processor := range b.Goarch {
			if !slices.ContainsFunc(b.Ignore, func(i config.IgnoredBuild) bool { return i.Goos == system && i.Goarch == processor }) {
				systems = append(systems, system+"/"+processor)
			}
		}
	}
	if list := "for system in " + strings.Join(systems, " ") + ";"; !strings.Contains(string(makefile), list) {
		t.Errorf("make cross does not compile %s", list)
	}
}

// TestBuild builds as a release is built, and looks whether the image needs nothing else.
func TestBuild(t *testing.T) {
	if os.Getenv("RESIDENCY_CROSS") == "" {
		t.Skip("make cross builds as a release is built, and sets RESIDENCY_CROSS")
	}
	b := load(t).Builds[0]
	out := filepath.Join(t.TempDir(), b.Binary)
	args := slices.Concat([]string{"build", "-o", out, "-ldflags", strings.Join(b.Ldflags, " ")}, b.Flags, []string{b.Main})
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = root
	c.Env = append(os.Environ(), append([]string{"GOOS=linux", "GOARCH=amd64"}, b.Env...)...)
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	program, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if needs, err := program.ImportedLibraries(); err != nil || len(needs) > 0 || program.Section(".interp") != nil {
		t.Errorf("the program needs %v, which the image does not have (%v)", needs, err)
	}
}

// TestImage looks whether the image is made of the program alone.
func TestImage(t *testing.T) {
	image := load(t).DockersV2[0]
	text, err := os.ReadFile(filepath.Join(root, image.Dockerfile))
	if err != nil {
		t.Fatal(err)
	}
	comment := regexp.MustCompile(`(?m)^#.*\n`)
	want := "FROM scratch\nARG TARGETPLATFORM\nCOPY $TARGETPLATFORM/residency /residency\nUSER 65532:65532\n" +
		"WORKDIR /work\nENTRYPOINT [\"/residency\"]\n"
	if got := comment.ReplaceAllString(string(text), ""); got != want {
		t.Errorf("the image is made of\n%s\nwant\n%s", got, want)
	}
}
