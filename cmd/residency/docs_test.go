package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// notRun are the reasons for which a block of the documentation is not run, each with
// how many blocks have it.
var notRun = map[string]int{
	"builds the program":       1,
	"needs a bucket for state": 1,
	"needs archived objects":   1,
	"needs openssl and jq":     1,
	"runs until it is stopped": 1,
	"tests Amazon itself":      1,
	"the tests themselves":     1,
}

// block is a fenced block of a page.
type block struct {
	page, section string
	line          int
	language      string
	skip          string // why it is not run
	before        string // what has happened before it, as a command line
	lines         []string
}

var (
	fence    = regexp.MustCompile("^```(\\w*)$")
	skipped  = regexp.MustCompile(`^<!-- not run: (.+) -->$`)
	prepared = regexp.MustCompile(`^<!-- before: (.+) -->$`)
)

// blocks finds the fenced blocks of a page.
func blocks(page, text string) (all []block) {
	var b block
	open := false
	for i, line := range strings.Split(text, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open && line == "```":
			all = append(all, b)
			b, open = block{page: page, section: b.section}, false
		case open:
			b.lines = append(b.lines, line)
		case m != nil:
			b.page, b.line, b.language, open = page, i+1, m[1], true
		case strings.HasPrefix(line, "## "):
			b.section = line
		case skipped.MatchString(line):
			b.skip = skipped.FindStringSubmatch(line)[1]
		case prepared.MatchString(line):
			b.before = prepared.FindStringSubmatch(line)[1]
		}
	}
	return all
}

// pages are the README and the help topics.
func pages(t *testing.T) (all []block) {
	names, err := filepath.Glob(filepath.Join("..", "internal", "manual", "topics", "*.md"))
	if err != nil || len(names) == 0 {
		t.Fatalf("help topics: %v, %v", names, err)
	}
	for _, name := range append(names, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, blocks(filepath.Base(name), string(text))...)
	}
	return all
}

// TestDocumentation runs every command line of the README and the help topics, on real
// servers with the sample customers: a section's blocks one after the other. What a
// block shows of the output is held against it.
func TestDocumentation(t *testing.T) {
	reasons := map[string]int{}
	sections := map[string][]block{}
	var order []string
	for _, b := range pages(t) {
		switch {
		case b.skip != "":
			reasons[b.skip]++
			if _, ok := notRun[b.skip]; !ok {
				t.Errorf("%s:%d is not run, for a reason that is none: %s", b.page, b.line, b.skip)
			}
		case slices.Contains([]string{"sh", "console", "yaml"}, b.language):
			key := b.page + " " + b.section
			if sections[key] == nil {
				order = append(order, key)
			}
			sections[key] = append(sections[key], b)
		case b.language != "":
			t.Errorf("%s:%d is %s, which nothing checks", b.page, b.line, b.language)
		}
	}
	for reason, n := range notRun {
		if reasons[reason] != n {
			t.Errorf("%d blocks are not run because of: %s; want %d", reasons[reason], reason, n)
		}
	}
	var ran atomic.Int64
	t.Run("pages", func(t *testing.T) {
		for _, key := range order {
			t.Run(key, func(t *testing.T) {
				t.Parallel()
				r := &reader{t: t, dir: t.TempDir(), ran: &ran}
				for _, b := range sections[key] {
					r.block(b)
				}
			})
		}
	})
	t.Logf("%d command lines were run", ran.Load())
	if ran.Load() < 25 && !t.Failed() {
		t.Errorf("%d command lines were run, want those of all pages", ran.Load())
	}
}

// reader does what a page tells its reader to do.
type reader struct {
	t       *testing.T
	dir     string
	box     *storetest.Sandbox
	ran     *atomic.Int64
	digests []string // of the plan at hand: in full
	plan    string
	files   int
}

func (r *reader) block(b block) {
	r.t.Helper()
	if b.language == "yaml" {
		r.configuration(b)
		return
	}
	if r.box == nil {
		r.box = storetest.StartSandbox(r.t, storetest.SandboxOptions{Samples: true,
			Clouds: strings.Contains(strings.Join(b.lines, " "), "azure:")})
	}
	for line := range strings.SplitSeq(b.before, "; ") {
		if line != "" {
			r.command(b, line)
		}
	}
	var shown []string
	var output string
	compare := func() {
		r.shows(b, shown, output)
		shown = nil
	}
	for i := 0; i < len(b.lines); i++ {
		line := b.lines[i]
		if b.language == "console" && !strings.HasPrefix(line, "$ ") {
			shown = append(shown, line)
			continue
		}
		compare()
		line = strings.TrimPrefix(line, "$ ")
		for strings.HasSuffix(line, `\`) {
			i++
			line = strings.TrimSuffix(line, `\`) + b.lines[i]
		}
		output = r.command(b, line)
	}
	compare()
}

var (
	exits  = regexp.MustCompile(`# exits (\d+)`)
	hex    = regexp.MustCompile(`\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b`)
	digest = regexp.MustCompile(`(?m)^digest ([0-9a-f]{64})$`)
	planID = regexp.MustCompile(`(?m)^Plan (\S+)$`)
)

// command runs a line in a shell, and expects the exit code that it names.
func (r *reader) command(b block, line string) string {
	r.t.Helper()
	want := 0
	if m := exits.FindStringSubmatch(line); m != nil {
		want, _ = strconv.Atoi(m[1])
	}
	env := append(os.Environ(), r.box.Env()...)
	env = append(env, "PLAN="+r.plan, "HOME="+r.dir, "STATE="+filepath.Join(r.box.Dir, "state"))
	if n := len(r.digests); n > 0 {
		env = append(env, "DIGEST="+r.digests[n-1])
		line = hex.ReplaceAllStringFunc(line, func(s string) string { return r.digests[n-1][:len(s)] })
	}
	c := exec.CommandContext(r.t.Context(), "sh", "-c", line)
	c.Dir, c.Env = r.dir, env
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("%s:%d: %s: %v", b.page, b.line, line, err)
	}
	if code := c.ProcessState.ExitCode(); code != want {
		r.t.Fatalf("%s:%d: %s: exit code %d, want %d\n%s%s", b.page, b.line, line, code, want, out, &stderr)
	}
	r.ran.Add(1)
	if m := digest.FindSubmatch(out); m != nil {
		r.digests = append(r.digests, string(m[1]))
	}
	if m := planID.FindSubmatch(out); m != nil {
		r.plan = string(m[1])
	}
	return string(out)
}

// shows holds the lines that a page shows against the output: they are all there, in
// this order, and an ellipsis stands for others.
func (r *reader) shows(b block, shown []string, output string) {
	r.t.Helper()
	have := strings.Split(hex.ReplaceAllString(output, "HEX"), "\n")
	for _, line := range shown {
		if line == "…" {
			continue
		}
		want := hex.ReplaceAllString(line, "HEX")
		i := slices.Index(have, want)
		if i < 0 {
			r.t.Fatalf("%s:%d shows a line that does not come, or not in this place: %q\n%s", b.page, b.line, line, output)
		}
		have = have[i+1:]
	}
}

// configuration has a command read a configuration, or a part of one.
func (r *reader) configuration(b block) {
	r.t.Helper()
	text := strings.Join(b.lines, "\n") + "\n"
	if strings.HasPrefix(text, "steps:") || strings.HasPrefix(text, "include:") {
		r.pipeline(b, text)
		return
	}
	if !strings.HasPrefix(text, "version:") {
		text = "version: 1\nproviders: {aws: {type: aws}}\n" + text
	}
	r.files++
	name := filepath.Join(r.t.TempDir(), fmt.Sprintf("%d.yaml", r.files))
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	// It reads the configuration and sends nothing.
	c := exec.CommandContext(r.t.Context(), "residency", "--config", name, "permissions", "--stage", "plan")
	if out, err := c.CombinedOutput(); err != nil {
		r.t.Errorf("%s:%d: %v\n%s\n%s", b.page, b.line, err, text, out)
	}
}

// inRepository are the files of this repository that a pipeline uses.
var inRepository = regexp.MustCompile(`(?:uses: |/)residency/residency/(?:v[0-9.]+/)?([^@\s]+)`)

// inPipeline are the checks that a pipeline's steps run.
var inPipeline = regexp.MustCompile(`(?m)(?:run|script|command): (residency inventory --check .+)$`)

// pipeline looks whether what a pipeline uses of this repository is there, and runs its checks.
func (r *reader) pipeline(b block, text string) {
	r.t.Helper()
	var value map[string]any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		r.t.Errorf("%s:%d: %v", b.page, b.line, err)
	}
	used, runs := inRepository.FindAllStringSubmatch(text, -1), inPipeline.FindAllStringSubmatch(text, -1)
	if len(used)+len(runs) == 0 {
		r.t.Errorf("%s:%d uses nothing of this repository", b.page, b.line)
	}
	for _, m := range runs {
		if r.box == nil {
			r.box = storetest.StartSandbox(r.t, storetest.SandboxOptions{Samples: true})
		}
		r.command(b, m[1]+" # exits 3")
	}
	for _, m := range used {
		if _, err := os.Stat(filepath.Join("..", "..", m[1])); err != nil {
			r.t.Errorf("%s:%d: %v", b.page, b.line, err)
		}
	}
}

// TestExamples has each command take each line of its examples, as far as its flags.
func TestExamples(t *testing.T) {
	help := func(words ...string) string {
		out, err := exec.CommandContext(t.Context(), "residency", append(words, "--help")...).CombinedOutput()
		if err != nil {
			t.Errorf("residency %s --help: %v\n%s", strings.Join(words, " "), err, out)
		}
		return string(out)
	}
	command := regexp.MustCompile(`(?m)^  ([a-z]+) `)
	_, list, _ := strings.Cut(help(), "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	n := 0
	for _, m := range command.FindAllStringSubmatch(list, -1) {
		_, examples, _ := strings.Cut(help(m[1]), "Examples:\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		for line := range strings.Lines(examples) {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "residency" {
				if i := slices.Index(words, ">"); i > 0 {
					words = words[:i]
				}
				help(words[1:]...)
				n++
			}
		}
	}
	if n < 20 {
		t.Errorf("%d examples, want those of all commands", n)
	}
}
