package storetest

import (
	"os"
	"strings"
	"testing"
)

// Generated holds the part of a Markdown file that a test writes against what the test
// has found, and writes it if that is wanted. The part begins behind
// "<!-- NAME: written by COMMAND -->" and an empty line, and ends before "<!-- end -->".
func Generated(t testing.TB, path, name, found string, write bool) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const opened, end = " -->\n\n", "<!-- end -->"
	text := string(data)
	at := strings.Index(text, "<!-- "+name+": written by ")
	if at < 0 {
		t.Fatalf("%s has no place for %s", path, name)
	}
	head, rest, ok := strings.Cut(text[at:], opened)
	was, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s: the place for %s has no end", path, name)
	}
	if found = strings.TrimRight(found, "\n") + "\n\n"; was == found {
		return
	}
	if !write {
		t.Errorf("%s: %s is not what was found; -update writes it\n%s", path, name, found)
		return
	}
	if err := os.WriteFile(path, []byte(text[:at]+head+opened+found+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
