package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestAnnotations(t *testing.T) {
	at := &Position{File: "ci/my%20file,1.yaml", Line: 9, Column: 3}
	for _, tt := range []struct {
		name     string
		findings []Finding
		want     []string
	}{
		{"none", nil, nil},
		{"a note", []Finding{{Rule: "x", Severity: Note, Text: "y"}}, nil},
		{"one", []Finding{{Rule: "outside-policy", Severity: Violation, Location: "cloud:a", Text: "in us-east-1"}},
			[]string{"::error title=residency%3A outside-policy::cloud:a: in us-east-1"}},
		{"beside a line", []Finding{{Rule: "x", Severity: Warning, Text: "y", At: at}},
			[]string{"::warning title=residency%3A x,file=ci/my file%2C1.yaml,line=9,col=3::y"}},
		{"elsewhere", []Finding{{Rule: "x", Severity: Warning, Text: "y", At: &Position{File: "file:///a", Line: 1}}},
			[]string{"::warning title=residency%3A x::y"}},
		{"two of a kind", []Finding{{Rule: "x", Severity: Error, Location: "cloud:a", Text: "y"},
			{Rule: "x", Severity: Error, Location: "cloud:b", Text: "z"}},
			[]string{"::error title=residency%3A x::cloud:a: y; and 1 more: cloud:b"}},
		{"hostile", []Finding{{Rule: "x", Severity: Error, Location: "cloud:a\n::error::b\r%0A", Text: "100%"}},
			[]string{`::error title=residency%3A x::cloud:a\n::error::b\r%250A: 100%25`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New("inventory", "", time.Time{})
			r.Findings = tt.findings
			if got := r.Annotations(); strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestAnnotationsAreFewAndHarmless(t *testing.T) {
	r := sample()
	for i := range 100 {
		r.add(Violation, "outside-policy", "x", fmt.Sprintf("cloud:%d", i), 0, "y")
	}
	r.End(Outcome{Code: 3})
	for kinds := range 15 {
		r.add(Warning, fmt.Sprintf("kind-%d", kinds), "", "", 0, "y")
		lines := r.Annotations()
		if want := min(kinds+5, mostAnnotations); len(lines) != want {
			t.Errorf("%d annotations of %d kinds, want %d", len(lines), kinds+5, want)
		}
		whole := regexp.MustCompile(`^::(error|warning) title=[^,:]+::[^\n\r]+$`)
		for _, line := range lines {
			if !whole.MatchString(line) || strings.Contains(line, "waived") {
				t.Errorf("the line %q", line)
			}
		}
		if last := lines[len(lines)-1]; strings.Contains(last, "further kinds") != (kinds+5 > mostAnnotations) {
			t.Errorf("%d kinds: the last line is %q", kinds+5, last)
		}
	}
}
