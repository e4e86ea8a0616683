package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestLogJSON has everybody write, who knows of JSON and who does not.
func TestLogJSON(t *testing.T) {
	var screen bytes.Buffer
	l := NewLog(&screen, true)
	fmt.Fprint(l, "SDK 2026 WARN a ")
	l.Say(Event{Level: slog.LevelError, Text: "refused", Shown: "residency: refused\n  next: ask",
		Attrs: []slog.Attr{slog.Int("exit_code", 4)}})
	fmt.Fprint(l, "line\n\n  of two\n")
	l.Ask("Type it: ")
	l.Draw(func(w io.Writer) { fmt.Fprint(w, "\r 34% |====") })
	r := NewReporter(l, false, "")
	r.Began(Snapshot{Phase: "copying"})
	r.Ended(Snapshot{Phase: "copying", Entries: 3, EntriesTotal: 10, Bytes: 5, BytesTotal: 9}, Interrupted)
	var lines []map[string]any
	for line := range strings.Lines(screen.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q is no object: %v", line, err)
		}
		lines = append(lines, fields)
	}
	want := []string{"refused", "SDK 2026 WARN a line", "of two", "Type it:", "copying: started",
		"copying: interrupted, 3 of 10 entries, 5 B of 9 B in 0.0s"}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d\n%s", len(lines), len(want), &screen)
	}
	for i, line := range lines {
		if line["msg"] != want[i] {
			t.Errorf("line %d is %v, want %q", i, line["msg"], want[i])
		}
	}
	if lines[0]["exit_code"] != 4.0 || lines[5]["state"] != Interrupted || lines[5]["entries_total"] != 10.0 {
		t.Errorf("fields are missing: %v, %v", lines[0], lines[5])
	}
	if _, ok := lines[4]["entries_total"]; ok {
		t.Errorf("a total that is not known: %v", lines[4])
	}
}

// TestLogFile has a file get what the screen does, and what it does not.
func TestLogFile(t *testing.T) {
	var screen, file bytes.Buffer
	l := NewLog(&screen, false)
	l.Also(&file)
	r := NewReporter(l, true, "")
	r.Note("a note")
	r.Ended(Snapshot{Phase: "copying", Entries: 3}, Done)
	l.Say(Event{Level: slog.LevelError, Text: "refused", Shown: "residency: refused"})
	_, _ = fmt.Fprintln(l, "of a library")
	if want := "residency: refused\nof a library\n"; screen.String() != want {
		t.Errorf("the screen has %q, want %q", &screen, want)
	}
	for _, want := range []string{`level=INFO msg="a note"`, "phase=copying state=done entries=3 ", "level=ERROR msg=refused",
		`msg="of a library"`} {
		if !strings.Contains(file.String(), want) {
			t.Errorf("the file has no %s:\n%s", want, &file)
		}
	}
	if strings.Count(file.String(), "\n") != 4 || strings.Count(file.String(), "time=2") != 4 {
		t.Errorf("the file does not have four lines with their time:\n%s", &file)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestLogFileFull has a file that takes nothing hold up nobody, and say so.
func TestLogFileFull(t *testing.T) {
	var screen bytes.Buffer
	l := NewLog(&screen, false)
	l.Also(full{})
	l.Say(Event{Text: "one"})
	l.Say(Event{Text: "two"})
	if screen.String() != "one\ntwo\n" || l.Err() == nil {
		t.Errorf("the screen has %q, and Err is %v", &screen, l.Err())
	}
}

// TestDrawnFits draws progress on terminals of all widths: one line, within it.
func TestDrawnFits(t *testing.T) {
	known := Snapshot{Phase: "listing the destination again", Entries: 123456, EntriesTotal: 4567890, Bytes: 1 << 40,
		BytesTotal: 3 << 40, Failures: 12, Retries: 345}
	unknown := Snapshot{Phase: "listing", Entries: 123456}
	for columns := 20; columns <= 200; columns += 7 {
		for _, s := range []Snapshot{known, unknown} {
			var screen bytes.Buffer
			r := NewReporter(NewLog(&screen, false), false, "")
			r.terminal = func() int { return columns }
			r.draw(s, time.Minute, columns)
			r.draw(s, time.Minute, columns)
			for drawn := range strings.SplitSeq(screen.String(), "\r") {
				drawn = strings.ReplaceAll(strings.ReplaceAll(drawn, "\x1b[0K", ""), "\x1b[K", "")
				if n := utf8.RuneCountInString(drawn); n >= columns || strings.Contains(drawn, "\n") {
					t.Errorf("%d columns: %d are drawn: %q", columns, n, drawn)
				}
			}
			if percent := strings.Contains(screen.String(), "%"); percent && s.EntriesTotal == 0 {
				t.Errorf("a percentage of what is not known: %q", &screen)
			}
			if columns >= 80 && !strings.Contains(screen.String(), "123,456") {
				t.Errorf("%d columns do not show how far it is: %q", columns, &screen)
			}
		}
	}
}

// A tick that comes behind the end of a phase draws nothing: nobody would take it away.
func TestNothingDrawnBehindTheEnd(t *testing.T) {
	var screen bytes.Buffer
	r := NewReporter(NewLog(&screen, false), false, "")
	r.terminal = func() int { return 80 }
	s := Snapshot{Phase: "reading back", Entries: 460, EntriesTotal: 460}
	r.show(s, time.Now())
	r.Began(s)
	r.show(s, time.Now())
	if !strings.Contains(screen.String(), "460/460") {
		t.Errorf("nothing is drawn of a phase under way: %q", screen.String())
	}
	r.Ended(s, Done)
	r.show(s, time.Now())
	if _, behind, _ := strings.Cut(screen.String(), "\n"); behind != "" {
		t.Errorf("drawn behind the end: %q", behind)
	}
}

// A line of a library that never ends does not stay in memory.
func TestLogOfEndlessLine(t *testing.T) {
	var screen bytes.Buffer
	l := NewLog(&screen, false)
	for range 3 * longestLine / 16 {
		if _, err := l.Write([]byte("sixteen letters.")); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(screen.String(), "\n"); n != 3 {
		t.Errorf("%d lines on the screen, want 3", n)
	}
}
