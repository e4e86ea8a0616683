package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
)

// MarkdownLimit is the most that GitHub takes as the summary of a step, in bytes.
const MarkdownLimit = 1 << 20

// Markdown writes what fits under [MarkdownLimit]: GitHub's flavour, findings before places.
func Markdown(w io.Writer, r *Report) error {
	_, err := io.WriteString(w, r.Summary(MarkdownLimit-1))
	return err
}

// Summary is the Markdown form in at most so many bytes. Where it was cut it says so.
func (r *Report) Summary(limit int) string {
	const reserve = 400 // for the words that end it
	m := &markdown{limit: limit - reserve}
	m.put("## residency " + r.Command + "\n\n**" + r.headline() + "**\n\n")
	for _, f := range r.facts() {
		m.put("- " + f[0] + ": " + f[1] + "\n")
	}
	m.put("\n")
	if len(r.Findings) > 0 {
		m.put("| severity | customer | location | finding |\n|---|---|---|---|\n")
		for _, f := range r.Findings {
			text := f.Text
			if f.Count > 0 {
				text += " (" + render.Count(f.Count) + ")"
			}
			if f.Next != "" {
				text += "; next: " + f.Next
			}
			m.row(f.word(), cell(f.Customer), cell(f.place()), prose(text)+" "+cell(f.Rule))
		}
		m.put("\n")
	}
	if len(r.Places) > 0 {
		m.put("<details><summary>Places (" + render.Count(int64(len(r.Places))) + ")</summary>\n\n" +
			"| customer | location | region | country | operator | entries | size | standing |\n" +
			"|---|---|---|---|---|---:|---:|---|\n")
		for _, p := range r.Places {
			standing := prose(p.Standing)
			if p.Unseen != "" {
				standing += ", not looked at whole"
			}
			m.row(cell(p.Customer), cell(p.Location), cell(p.Region), cell(p.Country),
				cell(strings.TrimSpace(p.Operator+" "+p.OperatorCountry)), render.Count(p.Entries), render.Bytes(p.Bytes),
				standing)
		}
		m.put("\n</details>\n\n")
	}
	if m.left > 0 {
		_, _ = fmt.Fprintf(m, "\n\nCut here: %s more lines do not fit. Another form of the report has all of them.\n",
			render.Count(int64(m.left)))
	}
	if m.Len() > limit {
		return "" // not even the first line fits
	}
	return m.String()
}

// markdown is a text that ends where it would become too long.
type markdown struct {
	strings.Builder
	limit int
	left  int // lines that did not fit
}

func (m *markdown) put(text string) {
	if m.left > 0 || m.Len()+len(text) > m.limit {
		m.left++
		return
	}
	m.WriteString(text)
}

func (m *markdown) row(cells ...string) { m.put("| " + strings.Join(cells, " | ") + " |\n") }

// headline says what matters most.
func (r *Report) headline() string {
	var parts []string
	for _, s := range severities() {
		if n := r.count(s); n > 0 && (s != Note || len(parts) == 0) {
			noun := string(s)
			if n > 1 {
				noun += "s"
			}
			parts = append(parts, render.Count(int64(n))+" "+noun)
		}
	}
	if n := r.waived(); n > 0 {
		parts = append(parts, render.Count(int64(n))+" waived")
	}
	if len(parts) == 0 {
		parts = []string{"No findings"}
	}
	return fmt.Sprintf("%s; exit code %d", strings.Join(parts, ", "), r.Outcome.Code)
}

// facts are names with what stands beside them.
func (r *Report) facts() (facts [][2]string) {
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, [2]string{name, text})
		}
	}
	add("ended", prose(r.Outcome.Text))
	add("next", prose(r.Outcome.Next))
	add("customer", codeOr(r.Customer))
	add("policy", codeOr(r.Policy))
	add("plan", codeOr(r.Plan))
	add("digest", codeOr(r.Digest))
	if r.Complete != nil && !*r.Complete {
		add("coverage", "not everything could be looked at")
	}
	if c := r.Configuration; c != nil {
		add("configuration", code(c.Path)+", sha256 "+code(c.SHA256))
	}
	add("at", r.At.Format("2006-01-02 15:04:05 UTC"))
	return facts
}

func codeOr(s string) string {
	if s == "" {
		return ""
	}
	return code(s)
}

// cell is a code span in a table. A bar would end the cell even there, and a backslash before
// it is none in a code span if there is another, so that a text with bars is prose.
func cell(s string) string {
	if strings.Contains(s, "|") {
		return prose(s)
	}
	return code(s)
}

// code is a text from outside as a code span, in which nothing means anything: not a link,
// not a mention, not HTML.
func code(s string) string {
	if s == "" {
		return " "
	}
	s = render.Text(s)
	run, longest := 0, 0
	for _, c := range s {
		if c == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") {
		s = " " + s + " " // of which Markdown takes one away at either end
	}
	return fence + s + fence
}

// prose is a sentence as text: what could mean something to Markdown or HTML is escaped, and
// nobody is mentioned.
func prose(s string) string {
	var b strings.Builder
	for _, c := range render.Text(s) {
		switch {
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '&':
			b.WriteString("&amp;")
		case c == '@', c == '#':
			b.WriteRune(c)
			b.WriteString("<!-- -->")
		case strings.ContainsRune("\\`*_{}[]()|~!$^", c):
			b.WriteRune('\\')
			b.WriteRune(c)
		case c == ':' || c == '.':
			// With these an address would become a link by itself.
			b.WriteRune('\\')
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
