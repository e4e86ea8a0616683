package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// reply is what somebody types when a terminal's text ends with a question.
type reply struct{ question, answer string }

// seen is what a terminal of so many columns shows of a program, and how it exits.
func seen(
	t *testing.T, columns int, dir string, env []string, replies []reply, command ...string,
) (string, int) {
	t.Helper()
	// A question that nobody answers would be waited for as long as the tests may take.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir, c.Env = dir, env
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: 50, Cols: uint16(columns)})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	answered := 0
	for buffer := make([]byte, 4096); ; {
		n, err := terminal.Read(buffer)
		b.Write(buffer[:n])
		if len(replies) > 0 && strings.HasSuffix(b.String()[answered:], replies[0].question) {
			answered = b.Len()
			if _, err := terminal.WriteString(replies[0].answer + "\n"); err != nil {
				t.Fatal(err)
			}
			replies = replies[1:]
		}
		if err != nil {
			break // how a terminal whose program is gone ends differs by system
		}
	}
	terminal.Close()
	err = c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if len(replies) > 0 {
		t.Errorf("%q: nobody asked %q\n%s", command, replies[0].question, &b)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n"), c.ProcessState.ExitCode()
}

var control = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")

// fits looks whether each line that a terminal shows fits into it. Commands are to be
// pasted, and stay in one line, as does a word that hardly fits by itself.
func fits(t *testing.T, columns int, what, shown string) (widest int) {
	t.Helper()
	for line := range strings.SplitSeq(control.ReplaceAllString(shown, ""), "\n") {
		for _, drawn := range strings.Split(line, "\r") {
			n := utf8.RuneCountInString(strings.TrimRight(drawn, " "))
			if !pasted.MatchString(drawn) && n > columns && longestWord(drawn) < columns-20 {
				t.Errorf("%s: %d columns on a terminal of %d: %s", what, n, columns, drawn)
			}
			if n <= columns {
				widest = max(widest, n)
			}
		}
	}
	return widest
}

// pasted is a line with a command in it, or with what somebody has typed.
var pasted = regexp.MustCompile(`^ *(\$|next:?)? *residency .* --|: \S*$|\? \[aws\] `)

func longestWord(line string) (n int) {
	for _, word := range strings.Fields(line) {
		n = max(n, utf8.RuneCountInString(word))
	}
	return n
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
				shown, _ := seen(t, columns, dir, env, nil, append([]string{"residency"}, strings.Fields(line)...)...)
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
		text, _ := seen(t, 100, t.TempDir(), append(base[:len(base):len(base)], env...), nil, inventory...)
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
