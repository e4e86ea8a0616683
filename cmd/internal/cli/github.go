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
	room := report.MarkdownLimit - 1
	info, err := os.Stat(file)
	switch {
	case err == nil:
		room -= int(min(info.Size(), report.MarkdownLimit))
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
	_, err = strings.NewReader(text).WriteTo(f)
	return errors.Join(err, f.Close())
}
