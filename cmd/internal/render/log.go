package render

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// Log is where diagnostics go: a screen, which is standard error, and a file beside it
// if there is one. It is an io.Writer for what knows nothing of it, such as a library,
// of which each line is an event. It is safe for concurrent use.
type Log struct {
	mu     sync.Mutex
	screen io.Writer
	json   *slog.Logger // what the screen gets instead of text; nil: text
	file   *slog.Logger // nil: none
	disk   *kept
	drawn  bool   // a line is on the screen that the next one replaces
	begun  []byte // a line that a writer has not ended
}

// Event is something that happened.
type Event struct {
	Level slog.Level
	Text  string      // in a line
	Shown string      // on a screen for people; default: Text
	Quiet bool        // the screen does not get it
	Attrs []slog.Attr // the same in fields, for JSON and the file
}

// NewLog writes to a screen; with json, each line is an object.
func NewLog(screen io.Writer, json bool) *Log {
	l := &Log{screen: screen}
	if json {
		l.json = slog.New(slog.NewJSONHandler(screen, nil))
	}
	return l
}

// Also has a file get everything from now on, what the screen does not get included.
func (l *Log) Also(file io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.disk = &kept{to: file}
	var h slog.Handler = slog.NewTextHandler(l.disk, nil)
	if l.json != nil {
		h = slog.NewJSONHandler(l.disk, nil)
	}
	l.file = slog.New(h)
}

// Err is the first error of the file.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.disk == nil {
		return nil
	}
	return l.disk.err
}

// kept is a writer that keeps its first error, after which it writes nothing.
type kept struct {
	to  io.Writer
	err error
}

func (k *kept) Write(p []byte) (int, error) {
	if k.err == nil {
		_, k.err = k.to.Write(p)
	}
	return len(p), nil
}

// Say writes an event.
func (l *Log) Say(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(e)
}

func (l *Log) say(e Event) {
	ctx := context.Background() // of no request: handlers ask it for nothing
	if l.file != nil {
		l.file.LogAttrs(ctx, e.Level, e.Text, e.Attrs...)
	}
	switch {
	case e.Quiet:
	case l.json != nil:
		l.json.LogAttrs(ctx, e.Level, e.Text, e.Attrs...)
	default:
		l.clear()
		text := e.Shown
		if text == "" {
			text = Text(e.Text)
		}
		fmt.Fprintln(l.screen, text)
	}
}

// Ask writes a question, whose answer is given in the same line.
func (l *Log) Ask(question string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.json != nil {
		l.say(Event{Text: strings.TrimSpace(question)})
		return
	}
	l.clear()
	if columns := Columns(l.screen); columns > 0 {
		question = Wrap(question, columns, "  ") + " "
	}
	fmt.Fprint(l.screen, question)
}

// Draw shows a line that the next one replaces: nowhere but on a screen for people.
func (l *Log) Draw(draw func(io.Writer)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.json == nil {
		draw(l.screen)
		l.drawn = true
	}
}

// Columns is how wide the screen is, if it is a terminal that shows text; else 0.
func (l *Log) Columns() int {
	if l.json != nil {
		return 0
	}
	return Columns(l.screen)
}

// clear takes away what is drawn.
func (l *Log) clear() {
	if l.drawn {
		fmt.Fprint(l.screen, "\r\x1b[K")
		l.drawn = false
	}
}

// longestLine is how many bytes of a line that has no end are kept until it has one.
const longestLine = 64 << 10

// Write takes the lines of others. What has no end yet waits for it, unless it is too long.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = append(l.begun, p...)
	for {
		line, rest, ended := bytes.Cut(l.begun, []byte("\n"))
		if !ended && len(l.begun) < longestLine {
			return len(p), nil
		}
		text := string(line)
		l.begun = rest
		if shown := strings.TrimSpace(text); shown != "" {
			l.say(Event{Text: shown, Shown: text})
		}
	}
}
