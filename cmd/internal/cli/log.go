package cli

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
)

// asksForJSON tells, before anything is read that could be wrong, whether diagnostics are
// to be JSON: what is wrong is one of them.
func asksForJSON(args []string, getenv func(string) string) bool {
	const flag = "--log-format"
	format := getenv("RESIDENCY_LOG_FORMAT")
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, flag+"="); ok {
			format = value
		} else if arg == flag && i+1 < len(args) {
			format = args[i+1]
		} else if arg == "--" {
			break
		}
	}
	return format == "json"
}

// openLog begins to write the log file. One that cannot be written is a fault of the
// command line: whoever asks for it does not want to do without.
func (a *app) openLog() error {
	if a.logFile == "" || a.logTo != nil {
		return nil
	}
	f, err := os.OpenFile(a.logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return &usageError{err: fmt.Errorf("--log-file: %w", err)}
	}
	a.logTo = f
	a.log.Also(f)
	return nil
}

// closeLog ends the log file, and says so where it has not all that it should.
func (a *app) closeLog() {
	if a.logTo == nil {
		return
	}
	err := a.log.Err()
	if closing := a.logTo.Close(); err == nil {
		err = closing
	}
	if err != nil {
		text := "the log file is not complete: " + err.Error()
		a.log.Say(render.Event{Level: slog.LevelWarn, Text: text, Shown: "residency: " + render.Text(text)})
	}
}

// library says what a library has to say, which is of those who make the requests.
func (a *app) library(text string) {
	text = strings.Join(slices.Collect(strings.FieldsSeq(text)), " ")
	a.log.Say(render.Event{Level: slog.LevelWarn, Text: text, Quiet: a.quiet,
		Attrs: []slog.Attr{slog.String("source", "sdk")}})
}
