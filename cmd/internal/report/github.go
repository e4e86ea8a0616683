package report

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
)

// mostAnnotations is how many GitHub shows of a step.
const mostAnnotations = 10

// Annotations are lines that GitHub shows beside a job and its files: one for each kind of
// finding, at most ten, the worst first. They have no objects' keys, and nothing in them can be
// another command to the runner.
func (r *Report) Annotations() (lines []string) {
	groups, order := map[string][]Finding{}, []string{}
	for _, f := range r.Findings {
		if f.Waived() || !f.Fails() && f.Severity != Warning {
			continue
		}
		kind := string(f.Severity) + " " + f.Rule
		if groups[kind] == nil {
			order = append(order, kind)
		}
		groups[kind] = append(groups[kind], f)
	}
	for i, kind := range order {
		if i == mostAnnotations-1 && len(order) > mostAnnotations {
			return append(lines, "::warning title=residency::"+escaped(fmt.Sprintf(
				"%d further kinds of findings are in the summary and in reports", len(order)-i)))
		}
		lines = append(lines, annotation(groups[kind]))
	}
	return lines
}

// annotation is one of findings of a kind: what the first says, and where all are.
func annotation(list []Finding) string {
	f, command := list[0], "error"
	if !f.Fails() {
		command = "warning"
	}
	properties := "title=" + property("residency: "+f.Rule)
	if at := f.At; at != nil && !strings.HasPrefix(at.File, "file:") {
		file := at.File
		if plain, err := url.PathUnescape(file); err == nil {
			file = plain
		}
		properties += fmt.Sprintf(",file=%s,line=%d,col=%d", property(file), at.Line, at.Column)
	}
	text := f.sentence()
	if n := len(list) - 1; n > 0 {
		var others []string
		for _, o := range list[1:min(len(list), 4)] {
			if o.Location != "" {
				others = append(others, o.place())
			}
		}
		text += fmt.Sprintf("; and %s more", render.Count(int64(n)))
		if len(others) > 0 {
			text += ": " + strings.Join(others, ", ")
		}
		if n > len(others) && len(others) > 0 {
			text += ", …"
		}
	}
	return "::" + command + " " + properties + "::" + escaped(text)
}

// escaped is a text as the value of a command to the runner (github.com/actions/toolkit,
// packages/core/src/command.ts).
func escaped(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(plainText(text))
}

// property is a text as a property of such a command.
func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escaped(text))
}
