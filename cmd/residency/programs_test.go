package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
)

// program is the command as people have it, without the race detector. It is built
// for the first test that asks for it.
var program = new(build)

type build struct {
	once sync.Once
	dir  string
	err  error
}

// path returns where it is.
func (b *build) path(t *testing.T) string {
	t.Helper()
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "residency-program-*"); b.err != nil {
			return
		}
		if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", b.dir,
			".").CombinedOutput(); err != nil {
			b.err = fmt.Errorf("build residency: %w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return filepath.Join(b.dir, "residency")
}

// builder runs the tests, and removes what was built for them.
type builder struct{ *testing.M }

func (b builder) Run() int {
	code := b.M.Run()
	if err := os.RemoveAll(program.dir); err != nil { // nothing was built: no name, and no error
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// The programs that scripts run beside residency.

// exitsMain runs a program that must exit with a code: exits CODE PROGRAM ARG…
func exitsMain() {
	if err := expectExit(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "exits:", err)
		os.Exit(1)
	}
}

// expectExit runs a program with our own streams.
func expectExit(code string, command []string) error {
	want, err := strconv.Atoi(code)
	if err != nil {
		return err
	}
	c := exec.Command(command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if got := c.ProcessState.ExitCode(); got != want {
		return fmt.Errorf("exit code %d, want %d", got, want)
	}
	return nil
}

// terminalMain runs a program at a terminal: terminal ANSWER[,ANSWER] PROGRAM ARG…
func terminalMain() {
	code, err := atTerminal(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		code = 1
	}
	os.Exit(code)
}

// atTerminal answers questions, each of which ends in a colon and a space, and
// copies what the terminal shows to standard output. It returns how the program
// exits.
func atTerminal(answer string, command []string) (int, error) {
	c := exec.Command(command[0], command[1:]...)
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 40, Cols: 100})
	if err != nil {
		return 0, err
	}
	defer terminal.Close()
	var seen strings.Builder
	buffer := make([]byte, 4096)
	answers, answered := strings.Split(answer, ","), 0
	for {
		n, err := terminal.Read(buffer)
		seen.Write(buffer[:n])
		text := seen.String()[answered:]
		if len(answers) > 0 && (strings.HasSuffix(text, "stop: ") || strings.HasSuffix(text, "move to: ") ||
			strings.HasSuffix(text, "acme-prod: ")) {
			if _, err := terminal.WriteString(answers[0] + "\n"); err != nil {
				return 0, err
			}
			answers, answered = answers[1:], seen.Len()
		}
		if err != nil {
			break // how a terminal whose program is gone ends differs by system
		}
	}
	fmt.Print(seen.String())
	err = c.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return c.ProcessState.ExitCode(), err
}
