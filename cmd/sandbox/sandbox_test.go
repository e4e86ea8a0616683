package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProgram makes the test binary be the program; the servers, which it starts
// by executing itself again, inherit it.
const asProgram = "SANDBOX_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is the sandbox with the given arguments, not started yet.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	// Under TMPDIR it shall leave nothing behind.
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+t.TempDir())
	return cmd
}

// running is a sandbox that said "ready".
type running struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout string // until "ready"
	stderr string // a file's name
	info   description
}

// description is what sandbox.json holds.
type description struct {
	Regions map[string]struct {
		Endpoint string `json:"endpoint"`
		PID      int    `json:"pid"`
	} `json:"regions"`
	AccessKey   string `json:"access_key"`
	SecretKey   string `json:"secret_key"`
	Config      string `json:"config"`
	Credentials string `json:"credentials"`
	Dir         string `json:"dir"`
}

func startSandbox(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{cmd: program(t, append([]string{"up"}, args...)...)}
	// The servers share its standard error. Were that a pipe, waiting for the
	// parent would wait for them too, and hide one that stays behind.
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stderr.Close() }()
	r.cmd.Stderr, r.stderr = stderr, stderr.Name()
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = stdin
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		for _, server := range r.info.Regions {
			if !ended(server.PID) {
				_ = syscall.Kill(server.PID, syscall.SIGKILL)
			}
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if lines.Text() == "ready" {
			r.readDescription(t)
			return r
		}
		r.stdout += lines.Text() + "\n"
	}
	t.Fatalf("ended before it was ready; stderr:\n%s", r.errors(t))
	return nil
}

// errors is what it and its servers wrote to standard error.
func (r *running) errors(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(r.stderr)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readDescription finds sandbox.json by the path that the user is told.
func (r *running) readDescription(t *testing.T) {
	t.Helper()
	_, rest, found := strings.Cut(r.stdout, "  . ")
	env, _, ended := strings.Cut(rest, "\n")
	if !found || !ended {
		t.Fatalf("does not say which file to source:\n%s", r.stdout)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(env), "sandbox.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r.info); err != nil {
		t.Fatal(err)
	}
}

// gone checks that the servers' processes have ended, or do in time.
func (r *running) gone(t *testing.T, in time.Duration) {
	t.Helper()
	deadline := time.Now().Add(in)
	for region, server := range r.info.Regions {
		for !ended(server.PID) {
			if time.Now().After(deadline) {
				t.Fatalf("the server of %s (process %d) is still there", region, server.PID)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if c, err := net.Dial("tcp", strings.TrimPrefix(server.Endpoint, "http://")); err == nil {
			_ = c.Close()
			t.Errorf("%s still answers at %s", region, server.Endpoint)
		}
	}
}

// ended counts a process that nobody has waited for as ended: an orphan's new
// parent may take its time.
func ended(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(err, os.ErrNotExist) && dirExists("/proc/self")
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(state, []byte("Z"))
}

func dirExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func TestUpStops(t *testing.T) {
	small := []string{"-samples=false", "-regions", "us-east-1,eu-west-1"}
	tests := []struct {
		name string
		args []string
		stop func(*running) error
	}{
		{"on SIGTERM", nil, func(r *running) error { return r.cmd.Process.Signal(syscall.SIGTERM) }},
		{"on SIGINT", nil, func(r *running) error { return r.cmd.Process.Signal(os.Interrupt) }},
		{"when standard input ends", []string{"-exit-on-stdin-close"}, func(r *running) error { return r.stdin.Close() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := startSandbox(t, append(small, tt.args...)...)
			holdUnused(t, r)
			began := time.Now()
			if err := tt.stop(r); err != nil {
				t.Fatal(err)
			}
			if err := r.cmd.Wait(); err != nil {
				t.Errorf("ended with %v; stderr:\n%s", err, r.errors(t))
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v to stop", took)
			}
			r.gone(t, 0) // it waits for them
			if dirExists(r.info.Dir) {
				t.Errorf("left its temporary directory %s", r.info.Dir)
			}
			if text := r.errors(t); text != "" {
				t.Errorf("stderr:\n%s", text)
			}
		})
	}
}

// holdUnused keeps a connection to each server open that never carries a
// request, as happens in a client's pool: stopping must not wait for it, which
// the server left to itself would do for ten seconds.
func holdUnused(t *testing.T, r *running) {
	t.Helper()
	for _, server := range r.info.Regions {
		c, err := net.Dial("tcp", strings.TrimPrefix(server.Endpoint, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	time.Sleep(50 * time.Millisecond) // until the servers have accepted it
}

func TestUpStopsWhileStarting(t *testing.T) {
	t.Parallel()
	cmd := program(t, "up")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond) // starting or seeding: it has to hold for both
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v; stderr:\n%s", err, stderr.String())
	}
}

func TestServersDieWithTheirParent(t *testing.T) {
	t.Parallel()
	r := startSandbox(t, "-samples=false", "-dir", t.TempDir())
	if n := len(r.info.Regions); n != 5 {
		t.Errorf("%d regions, want the five default ones", n)
	}
	holdUnused(t, r)
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait() // says that it was killed
	r.gone(t, 3*time.Second)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	script := `echo "$AWS_PROFILE $AWS_REGION $AWS_EC2_METADATA_DISABLED"; test -f "$RESIDENCY_CONFIG" && grep -q '^\[sandbox\]' "$AWS_SHARED_CREDENTIALS_FILE" && exit 7`
	cmd := program(t, "up", "-samples=false", "-regions", "eu-west-1", "-dir", dir, "--", "sh", "-c", script)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, want the command's 7; stderr:\n%s", code, stderr.String())
	}
	if got, want := stdout.String(), "sandbox us-east-1 true\n"; got != want {
		t.Errorf("the command printed %q, want %q and nothing else", got, want)
	}
	for _, name := range []string{"residency.yaml", "credentials", "env", "sandbox.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("a directory that was given keeps its files: %v", err)
		}
	}
}

func TestUpRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-regions", "us-east-1"}, // too few for the samples
		{"-samples=false", "-regions", "us-east-1,us-east-1"},
		{"-samples=false", "-regions", "us-east-1,"},
		{"-samples=false", "-regions", "../us-east-1"},
		{"-scale", "0"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			if code := run(t.Context(), append([]string{"up"}, args...), strings.NewReader(""), io.Discard, &stderr); code != 1 || stderr.Len() == 0 {
				t.Errorf("exit code %d and %q, want 1 and a reason", code, stderr.String())
			}
		})
	}
}
