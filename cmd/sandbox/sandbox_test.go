//go:build unix

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
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	info   description
	alone  chan struct{} // closed when nobody has its standard error any more

	mu     sync.Mutex
	stderr bytes.Buffer
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
	r := &running{cmd: program(t, append([]string{"up"}, args...)...), alone: make(chan struct{})}
	// The servers share its standard error, so that it ends with the last of them.
	// A pipe of the command's own would have its Wait wait for them too, and hide
	// one that stays behind.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stderr = write
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = stdin
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	err = r.cmd.Start()
	_ = write.Close()
	if err != nil {
		t.Fatal(err)
	}
	go r.listen(read)
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
	t.Fatalf("ended before it was ready; stderr:\n%s", r.errors())
	return nil
}

// listen keeps what comes until all who could write have ended.
func (r *running) listen(stderr *os.File) {
	defer close(r.alone)
	defer stderr.Close()
	buf := make([]byte, 4096)
	for {
		n, err := stderr.Read(buf)
		r.mu.Lock()
		r.stderr.Write(buf[:n])
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// errors is what it and its servers wrote to standard error.
func (r *running) errors() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stderr.String()
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

// soon is time enough to end, on a busy machine too, and less than the ten seconds
// that a server left to itself would wait for unused connections.
const soon = 8 * time.Second

// gone checks that nobody has the servers' standard error any more, or soon
// nobody will, and that none answers.
func (r *running) gone(t *testing.T) {
	t.Helper()
	select {
	case <-r.alone:
	case <-time.After(soon):
		t.Fatalf("some of the servers %v are still there", r.info.Regions)
	}
	for region, server := range r.info.Regions {
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
		{"when standard input ends", []string{"-exit-on-stdin-close"}, func(r *running) error {
			return r.stdin.Close()
		}},
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
				t.Errorf("ended with %v; stderr:\n%s", err, r.errors())
			}
			if took := time.Since(began); took > soon {
				t.Errorf("took %v to stop", took)
			}
			for region, server := range r.info.Regions {
				if !ended(server.PID) { // it waits for them
					t.Errorf("the server of %s (process %d) is still there", region, server.PID)
				}
			}
			r.gone(t)
			if dirExists(r.info.Dir) {
				t.Errorf("left its temporary directory %s", r.info.Dir)
			}
			if text := r.errors(); text != "" {
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
	// A server accepts connections in their order: once it has answered on a later
	// one, it has these.
	for _, server := range r.info.Regions {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := c.Get(server.Endpoint + healthPath)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
}

func TestUpStopsWhileStarting(t *testing.T) {
	for _, moment := range []string{starting, seeding} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			cmd := program(t, "up")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			for lines.Scan() && lines.Text() != moment {
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() {
				if lines.Text() == "ready" {
					t.Error("got ready, as if nobody had told it to stop")
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("ended with %v; stderr:\n%s", err, stderr.String())
			}
		})
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
	r.gone(t)
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
			if code := run(t.Context(), append([]string{"up"}, args...), strings.NewReader(""), io.Discard,
				&stderr); code != 1 || stderr.Len() == 0 {
				t.Errorf("exit code %d and %q, want 1 and a reason", code, stderr.String())
			}
		})
	}
}
