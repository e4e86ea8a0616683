package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// action is what a composite action is made of; a field that is not here is an error.
type action struct {
	Name, Description string
	Inputs            map[string]struct{ Description, Default string }
	Outputs           map[string]struct{ Description, Value string }
	Runs              struct {
		Using string
		Steps []struct {
			ID, If, Shell, Run string
			Env                map[string]string
		}
	}
}

// strictly reads a YAML file of the repository.
func strictly(t *testing.T, into any, path ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
}

var expression = regexp.MustCompile(`\$\{\{ *(.+?) *\}\}`)

// workflow runs an action's steps, as a runner does, as far as the action needs one.
type workflow struct {
	*testing.T
	action  action
	values  map[string]string // of expressions
	env     []string
	dir     string
	outputs map[string]string // of its steps
	summary string
	said    string
}

// run runs the steps until one fails, and returns its exit code.
func (w *workflow) run() int {
	w.Helper()
	file := func(name string) string { return filepath.Join(w.dir, "runner-"+name) }
	value := func(text string) string {
		return expression.ReplaceAllStringFunc(text, func(e string) string {
			name := expression.FindStringSubmatch(e)[1]
			if input, ok := strings.CutPrefix(name, "inputs."); ok {
				given, known := w.action.Inputs[input]
				if !known {
					w.Fatalf("there is no input %s", input)
				}
				if v, ok := w.values[name]; ok {
					return v
				}
				return given.Default
			}
			v, ok := w.values[name]
			if !ok {
				w.Fatalf("the runner knows no %s", name)
			}
			return v
		})
	}
	var path []string
	for _, s := range w.action.Runs.Steps {
		switch s.If {
		case "${{ inputs.path == '' }}":
			if w.values["inputs.path"] != "" {
				continue
			}
		case "${{ inputs.path != '' }}":
			if w.values["inputs.path"] == "" {
				continue
			}
		case "":
		default:
			w.Fatalf("nobody knows whether %s", s.If)
		}
		if expression.MatchString(s.Run) {
			w.Errorf("step %s has an expression in its script, where an input could be a command", s.ID)
		}
		c := exec.CommandContext(w.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", s.Run)
		c.Dir, c.Env = w.dir, append(os.Environ(), w.env...)
		c.Env = append(c.Env, "RUNNER_OS=Linux", "RUNNER_ARCH=X64", "RUNNER_TEMP="+w.dir, "GITHUB_PATH="+file("path"),
			"GITHUB_OUTPUT="+file("output-"+s.ID), "GITHUB_STEP_SUMMARY="+file("summary"), "GITHUB_ACTIONS=true")
		for name, text := range s.Env {
			c.Env = append(c.Env, name+"="+value(text))
		}
		if len(path) > 0 {
			c.Env = append(c.Env, "PATH="+strings.Join(path, ":")+":"+os.Getenv("PATH"))
		}
		out, err := c.CombinedOutput()
		w.said += string(out)
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			w.Fatal(err)
		}
		text, _ := os.ReadFile(file("output-" + s.ID)) // none if it has written none
		for line := range strings.Lines(string(text)) {
			name, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			w.outputs["steps."+s.ID+".outputs."+name] = v
		}
		text, _ = os.ReadFile(file("path"))
		path = strings.Fields(string(text))
		text, _ = os.ReadFile(file("summary"))
		w.summary = string(text)
		if code := c.ProcessState.ExitCode(); code != 0 {
			return code
		}
	}
	return 0
}

func newWorkflow(t *testing.T, env []string, values map[string]string) *workflow {
	t.Helper()
	w := &workflow{T: t, values: values, env: append(env, "HOME="+t.TempDir()), dir: t.TempDir(), outputs: map[string]string{}}
	strictly(t, &w.action, ".github", "actions", "residency", "action.yml")
	if w.action.Runs.Using != "composite" {
		t.Fatalf("the action runs using %q", w.action.Runs.Using)
	}
	return w
}

// release serves what a release has: an archive of the program and its checksum.
func release(t *testing.T, version, program string, spoil bool) string {
	t.Helper()
	var archive bytes.Buffer
	z, err := gzip.NewWriterLevel(&archive, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewWriter(z)
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(files.WriteHeader(&tar.Header{Name: "residency", Mode: 0o755, Size: int64(len(data))}),
		func() error { _, err := files.Write(data); return err }(), files.Close(), z.Close())
	if err != nil {
		t.Fatal(err)
	}
	name := "residency_" + version + "_linux_amd64.tar.gz"
	sums := fmt.Sprintf("%x  %s\n%x  other.tar.gz\n", sha256.Sum256(archive.Bytes()), name, sha256.Sum256(nil))
	if spoil {
		archive.WriteByte(0)
	}
	mux := http.NewServeMux()
	at := "/residency/residency/releases/download/v" + version + "/"
	mux.HandleFunc(at+name, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) })
	mux.HandleFunc(at+"checksums.txt", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(sums)) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// TestAction runs the GitHub Action's steps on the sandbox: with a release that it
// fetches and checks, and with a program that is there.
func TestAction(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the steps are run as on a Linux runner")
	}
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Samples: true})
	given := map[string]string{"inputs.path": filepath.Dir(program.path(t))}

	w := newWorkflow(t, box.Env(), given)
	code := w.run()
	if code != 3 || w.outputs["steps.check.outputs.exit-code"] != "3" ||
		w.outputs["steps.check.outputs.within-policy"] != "false" || !strings.Contains(w.summary, "**outside**") ||
		!strings.Contains(w.summary, "## residency inventory\n") ||
		!strings.Contains(w.said, "::error title=residency%3A outside-policy::") {
		t.Errorf("data outside of the policy: exit code %d, %v, %q\n%s", code, w.outputs, w.summary, w.said)
	}
	result, err := os.ReadFile(filepath.Join(w.dir, w.outputs["steps.check.outputs.result"]))
	if err != nil || !bytes.Contains(result, []byte(`"within_policy": false`)) {
		t.Errorf("the result is %.200q, %v", result, err)
	}
	for name, o := range w.action.Outputs {
		step := expression.FindStringSubmatch(o.Value)
		if step == nil || w.outputs[step[1]] == "" {
			t.Errorf("output %s is %s, which no step wrote", name, o.Value)
		}
	}

	w = newWorkflow(t, box.Env(), map[string]string{"inputs.path": given["inputs.path"], "inputs.customer": "acne"})
	if code := w.run(); code != 2 || w.outputs["steps.check.outputs.within-policy"] != "null" {
		t.Errorf("a mistyped customer: exit code %d, %v\n%s", code, w.outputs, w.said)
	}

	fetched := map[string]string{"inputs.version": "v1.2.3", "github.action_repository": "residency/residency",
		"github.server_url": release(t, "1.2.3", program.path(t), false)}
	w = newWorkflow(t, box.Env(), fetched)
	if code := w.run(); code != 3 || !strings.Contains(w.said, "residency_1.2.3_linux_amd64.tar.gz: OK") {
		t.Errorf("a release: exit code %d\n%s", code, w.said)
	}
	fetched["github.server_url"] = release(t, "1.2.3", program.path(t), true)
	w = newWorkflow(t, box.Env(), fetched)
	if code := w.run(); code == 0 || code == 3 || strings.Contains(w.said, "OK") || len(w.outputs) > 0 {
		t.Errorf("a release that was changed: exit code %d\n%s", code, w.said)
	}
	delete(fetched, "inputs.version")
	if code := newWorkflow(t, box.Env(), fetched).run(); code != 2 {
		t.Errorf("neither a version nor a path: exit code %d, want 2", code)
	}
}

// job is what a job of GitLab's is made of, as far as the template uses it.
type job struct {
	Extends, Image, Stage string
	Variables             map[string]string
	BeforeScript          []string `yaml:"before_script"`
	Script                []string
	Artifacts             struct {
		When    string
		Paths   []string
		Reports map[string]string
	}
	Rules        []struct{ If, When string }
	AllowFailure *bool `yaml:"allow_failure"`
}

// TestGitLab runs the jobs of the GitLab template on the sandbox, one after the other as
// its stages do, with the approval between them.
func TestGitLab(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the jobs are run as on a Linux runner")
	}
	var jobs map[string]job
	strictly(t, &jobs, ".gitlab", "residency.gitlab-ci.yml")
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Samples: true})
	dir := t.TempDir()
	base := jobs[".residency"]
	run := func(name string, env ...string) (string, int) {
		t.Helper()
		j := jobs[name]
		if j.Extends != ".residency" || len(j.Script) == 0 {
			t.Fatalf("job %s extends %q and has %d lines", name, j.Extends, len(j.Script))
		}
		script := strings.Join(append(base.BeforeScript[:len(base.BeforeScript):len(base.BeforeScript)], j.Script...), "\n")
		c := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
		c.Dir = dir
		for k, v := range base.Variables {
			c.Env = append(c.Env, k+"="+v)
		}
		c.Env = append(append(append(c.Env, os.Environ()...), box.Env()...), "HOME="+t.TempDir())
		c.Env = append(c.Env, env...)
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		for _, p := range append(slices.Collect(maps.Values(j.Artifacts.Reports)), j.Artifacts.Paths...) {
			if _, err := os.Stat(filepath.Join(dir, p)); err != nil {
				t.Errorf("job %s: %v", name, err)
			}
		}
		return string(out), c.ProcessState.ExitCode()
	}
	if out, code := run("residency-check"); code != 3 {
		t.Errorf("check: exit code %d, want 3\n%s", code, out)
	}
	to := []string{"RESIDENCY_TO=eu-west-1", "RESIDENCY_CUSTOMER=acme", "RESIDENCY_STATE=" + filepath.Join(dir, "state")}
	out, code := run("residency-plan", to...)
	digest := regexp.MustCompile(`(?m)^digest ([0-9a-f]{64})$`).FindStringSubmatch(out)
	if code != 0 || digest == nil {
		t.Fatalf("plan: exit code %d\n%s", code, out)
	}
	if out, code := run("residency-migrate", to...); code != 4 {
		t.Errorf("migrate without approval: exit code %d, want 4\n%s", code, out)
	}
	if out, code := run("residency-migrate", append(to, "RESIDENCY_APPROVE="+digest[1])...); code != 0 ||
		!strings.Contains(out, "Done: migrate") {
		t.Errorf("migrate: exit code %d\n%s", code, out)
	}
	if rules := jobs["residency-migrate"].Rules; len(rules) != 1 || rules[0].When != "manual" {
		t.Errorf("a migration starts by itself: %v", rules)
	}
	// A runner without the program fetches the release, and checks it.
	bin := t.TempDir()
	for _, name := range []string{"sh", "uname", "mktemp", "wget", "grep", "sha256sum", "tar", "gzip", "cat"} {
		at, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("there is no %s here", name)
		}
		if err := os.Symlink(at, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for spoiled, want := range map[bool]int{false: 3, true: 1} {
		releases := release(t, "1.2.3", program.path(t), spoiled) + "/residency/residency/releases/download"
		out, code := run("residency-check", "PATH="+bin, "RESIDENCY_RELEASE=1.2.3", "RESIDENCY_RELEASES="+releases)
		if code != want || strings.Contains(out, "tar.gz: OK") == spoiled {
			t.Errorf("a release, changed: %v: exit code %d, want %d\n%s", spoiled, code, want, out)
		}
	}
}
