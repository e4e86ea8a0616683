package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// seen is what a terminal of so many columns shows of a program, and how it exits.
func seen(t *testing.T, columns int, dir string, env []string, command ...string) (string, int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Dir, c.Env = dir, env
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 50, Cols: uint16(columns)})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	_, _ = io.Copy(&b, terminal) // how a terminal whose program is gone ends differs by system
	terminal.Close()
	err = c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n"), c.ProcessState.ExitCode()
}

var control = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")

// fits looks whether each line that a terminal shows fits into it. Commands are to be
// pasted, and stay in one line, as does a word that is longer than the terminal is wide.
func fits(t *testing.T, columns int, what, shown string) (widest int) {
	t.Helper()
	for line := range strings.SplitSeq(control.ReplaceAllString(shown, ""), "\n") {
		for _, drawn := range strings.Split(line, "\r") {
			text := strings.TrimSpace(drawn)
			if strings.HasPrefix(strings.TrimPrefix(text, "next: "), "residency ") && strings.Contains(text, " --") ||
				strings.HasPrefix(text, "next      residency") || len(strings.Fields(text)) == 1 {
				continue
			}
			n := utf8.RuneCountInString(strings.TrimRight(drawn, " "))
			if n > columns {
				t.Errorf("%s: %d columns on a terminal of %d: %s", what, n, columns, drawn)
			}
			widest = max(widest, n)
		}
	}
	return widest
}

// TestPages has commands write on terminals of both widths.
func TestPages(t *testing.T) {
	t.Parallel()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Samples: true})
	env := append(os.Environ(), box.Env()...)
	env = append(env, "TERM=xterm-256color", "NO_COLOR=", "HOME="+t.TempDir())
	dir := t.TempDir()
	for _, columns := range []int{80, 160} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			widest := 0
			for _, line := range []string{"inventory", "plan --to eu-west --customer acme", "status", "doctor --customer acme",
				"regions", "regions show eu-west-1 gcp:eu", "regions compare eu-west-1 eu-west-2", "config check",
				"inventory --customer acne", "plan --to us-east-1 --customer acme", "migrate --to eu-west --customer nobody"} {
				shown, _ := seen(t, columns, dir, env, append([]string{"residency"}, strings.Fields(line)...)...)
				if shown == "" {
					t.Errorf("%s shows nothing", line)
				}
				widest = max(widest, fits(t, columns, line, shown))
			}
			if widest < columns*9/10 {
				t.Errorf("the widest line has %d columns of %d", widest, columns)
			}
		})
	}
}

// TestColours has severity words coloured on a terminal that wants that, and nothing
// elsewhere.
func TestColours(t *testing.T) {
	t.Parallel()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Samples: true})
	base := append(os.Environ(), box.Env()...)
	base = append(base, "HOME="+t.TempDir())
	inventory := []string{"residency", "inventory", "--quiet"}
	shown := func(env ...string) string {
		text, _ := seen(t, 100, t.TempDir(), append(base[:len(base):len(base)], env...), inventory...)
		return text
	}
	coloured := shown("TERM=xterm-256color", "NO_COLOR=")
	if !strings.Contains(coloured, "\x1b[31moutside\x1b[0m") {
		t.Errorf("what is outside of the policy has no colour:\n%s", coloured)
	}
	for _, env := range [][]string{{"TERM=xterm-256color", "NO_COLOR=1"}, {"TERM=dumb", "NO_COLOR="}} {
		if text := shown(env...); strings.Contains(text, "\x1b") || text != control.ReplaceAllString(coloured, "") {
			t.Errorf("with %v it is not the same without colours:\n%s", env, cmp.Diff(control.ReplaceAllString(coloured, ""), text))
		}
	}
	c := exec.CommandContext(t.Context(), inventory[0], inventory[1:]...)
	c.Dir, c.Env = t.TempDir(), append(base, "TERM=xterm-256color", "NO_COLOR=")
	if out, err := c.Output(); err != nil || bytes.Contains(out, []byte("\x1b")) {
		t.Errorf("colours without a terminal, or %v:\n%s", err, out)
	}
}
