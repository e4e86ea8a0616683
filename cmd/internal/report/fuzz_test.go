package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// Whatever somebody calls a bucket, a customer or a region, each form stays what it is.
func FuzzNames(f *testing.F) {
	for _, name := range hostile() {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		r := New("inventory", "residency 1", time.Unix(1_800_000_000, 0))
		r.Places = append(r.Places, Place{Location: "cloud:" + name, Customer: name, Provider: "cloud", Region: name,
			Bucket: name, Sets: []string{}, Standing: "outside"})
		r.Findings = append(r.Findings, Finding{Rule: "outside-policy", Severity: Violation, Customer: name,
			Location: "cloud:" + name, Text: text, Next: text, At: &Position{File: name, Line: 1, Column: 1}})
		r.End(Outcome{Code: 3, Text: text})
		for form, write := range map[string]func(io.Writer, *Report) error{"json": JSON, "csv": CSV, "junit": JUnit,
			"sarif": SARIF, "gitlab": GitLab, "ocsf": OCSF} {
			var b bytes.Buffer
			if err := write(&b, r); err != nil {
				t.Fatalf("%s: %v", form, err)
			}
			switch form {
			case "csv":
				rows, err := csv.NewReader(&b).ReadAll()
				if err != nil || len(rows) != 3 {
					t.Errorf("%d rows, %v", len(rows), err)
				}
			case "junit":
				for d := xml.NewDecoder(&b); ; {
					if _, err := d.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatalf("junit: %v", err)
					}
				}
			case "ocsf":
				for line := range strings.Lines(b.String()) {
					if !json.Valid([]byte(line)) {
						t.Errorf("the line %q", line)
					}
				}
			default:
				if !json.Valid(b.Bytes()) {
					t.Errorf("%s: %q", form, b.String())
				}
			}
		}
		if lines := r.Annotations(); len(lines) != 1 || strings.ContainsAny(lines[0], "\r\n") {
			t.Errorf("annotations %q", lines)
		}
		plain := New("inventory", "residency 1", r.At)
		plain.Places = append(plain.Places, Place{})
		plain.Findings = append(plain.Findings, Finding{Severity: Violation})
		plain.End(Outcome{Code: 3, Text: "x"})
		// Facts of a text may be left out; no name makes a line, or a cell, of its own.
		summary := r.Summary(MarkdownLimit)
		if rows := strings.Count(summary, "\n| "); rows != strings.Count(plain.Summary(MarkdownLimit), "\n| ") {
			t.Errorf("%d rows in %q", rows, summary)
		}
		for line := range strings.Lines(summary) {
			if n := bars(line); strings.HasPrefix(line, "| ") && n != 5 && n != 9 {
				t.Errorf("%d bars in %q", n, line)
			}
		}
	})
}
