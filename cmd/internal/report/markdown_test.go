package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// outsideCode is Markdown without its code spans, in which nothing means anything.
func outsideCode(text string) string {
	for _, fence := range []string{"````", "```", "``", "`"} {
		span := regexp.MustCompile("(^|[^`])" + fence + "[^`].*?[^`]?" + fence + "([^`]|$)")
		text = span.ReplaceAllString(text, "$1$2")
	}
	return text
}

// bars counts those that end a cell of a table, as GitHub reads it: what a backslash stands
// before, in a code span or not, is none.
func bars(line string) (n int) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '|':
			n++
		}
	}
	return n
}

func TestMarkdownIsHarmless(t *testing.T) {
	r := sample()
	text := written(t, r, func(w *bytes.Buffer, r *Report) error { return Markdown(w, r) })
	for _, line := range strings.Split(text, "\n") {
		if cells := bars(line); strings.HasPrefix(line, "| ") && cells != 5 && cells != 9 {
			t.Errorf("%d bars in the row\n%s", cells, line)
		}
		for _, never := range []string{"<script", "](http", "@everyone", "http://", "\x1b", "\u202e", "<!--x"} {
			if strings.Contains(outsideCode(line), never) {
				t.Errorf("%q outside of code in\n%s", never, line)
			}
		}
		if strings.HasPrefix(line, "::") || strings.HasPrefix(line, "# ") {
			t.Errorf("a name made the line\n%s", line)
		}
	}
	for _, want := range []string{"## residency inventory\n", "15 violations, 1 error, 2 warnings, 1 waived; exit code 3",
		"| waived | `acme` | `cloud:acme-waived` |",
		"| violation | `acme` | `cloud:acme-prod` |"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

func TestSummaryFits(t *testing.T) {
	r := New("inventory", "", time.Time{})
	for i := range 8_000 {
		r.add(Violation, "outside-policy", "acme", fmt.Sprintf("cloud:bucket-%05d", i), 0, strings.Repeat("long ", 20))
	}
	r.End(Outcome{})
	for _, limit := range []int{0, 100, 1000, 65_536, MarkdownLimit - 1, 1 << 30} {
		text := r.Summary(limit)
		whole := strings.Contains(text, "bucket-07999")
		if len(text) > limit || whole != (limit == 1<<30) {
			t.Errorf("limit %d: %d bytes, whole: %v", limit, len(text), whole)
		}
		if cut := strings.Contains(text, "Cut here: "); text != "" && cut == whole {
			t.Errorf("limit %d: %d bytes, whole: %v, and says that it was cut: %v", limit, len(text), whole, cut)
		}
	}
}

func TestHeadlineSaysWhatTheTableHas(t *testing.T) {
	for _, tt := range []struct {
		severities []Severity
		want       string
	}{
		{nil, "No findings; exit code 0"},
		{[]Severity{Note}, "1 note; exit code 0"},
		{[]Severity{Note, Note}, "2 notes; exit code 0"},
		{[]Severity{Warning, Note}, "1 warning; exit code 0"},
	} {
		r := New("verify", "", time.Time{})
		for _, s := range tt.severities {
			r.add(s, "x", "", "", 0, "x")
		}
		r.End(Outcome{})
		if got := r.headline(); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.severities, got, tt.want)
		}
	}
}
