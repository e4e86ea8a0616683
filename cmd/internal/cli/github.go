package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/cmd/internal/report"
)

// github tells whether a job of GitHub Actions runs this.
func (a *app) github() bool { return a.getenv("GITHUB_ACTIONS") == "true" }

// annotate shows what was found beside the job and in its summary. Nobody asked for either, so
// that what cannot be written there is said, and changes nothing.
func (a *app) annotate(r *report.Report) {
	if a.logFormat != "json" { // whose readers take each line for an object
		for _, line := range r.Annotations() {
			a.log.Say(render.Event{Level: slog.LevelWarn, Text: line, Shown: line})
		}
	}
	file := a.getenv("GITHUB_STEP_SUMMARY")
	for _, to := range a.reportTo {
		if to.file == file {
			return // it is there already
		}
	}
	if file == "" {
		return
	}
	if err := summarize(file, r); err != nil {
		text := "the summary of the job's step has no report: " + err.Error()
		a.log.Say(render.Event{Level: slog.LevelWarn, Text: text, Shown: "residency: " + render.Text(text)})
	}
}

// summarize adds a report to a step's summary, which holds no more than a mebibyte in all.
func summarize(file string, r *report.Report) (err error) {
	room, start := report.MarkdownLimit-1, ""
	info, err := os.Stat(file)
	switch {
	case err == nil:
		if unended(file, info.Size()) {
			start = "\n"
		}
		room -= int(min(info.Size(), report.MarkdownLimit)) + len(start)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	text := r.Summary(room)
	if text == "" {
		return fmt.Errorf("%s has no room left for it", file)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = strings.NewReader(start + text).WriteTo(f)
	return errors.Join(err, f.Close())
}

// unended tells whether the last line of a file has no end, so that what is added would go on
// with it.
func unended(file string, size int64) bool {
	f, err := os.Open(file)
	if err != nil {
		return false // which is found when it is written to
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, size-1)
	return errors.Join(err, f.Close()) == nil && last[0] != '\n'
}
