package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
)

// The elements of JUnit's form, as the XML Schema of the Jenkins plugin xUnit has them.
type (
	suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Suites   []*suite `xml:"testsuite"`
	}
	suite struct {
		Name      string     `xml:"name,attr"`
		Tests     int        `xml:"tests,attr"`
		Failures  int        `xml:"failures,attr"`
		Errors    int        `xml:"errors,attr"`
		Skipped   int        `xml:"skipped,attr"`
		Timestamp string     `xml:"timestamp,attr"`
		Cases     []testcase `xml:"testcase"`
	}
	testcase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Failure *verdict `xml:"failure"`
		Error   *verdict `xml:"error"`
		Skipped *verdict `xml:"skipped"`
		Out     string   `xml:"system-out,omitempty"`
	}
	verdict struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a suite for each region with a case for each place, and one of the command's
// own, so that there is a case whatever was found. A violation or a blocker is a failure;
// what was not done or not looked at is an error; what is waived is skipped.
func JUnit(w io.Writer, r *Report) error {
	own := &suite{Name: "residency " + r.Command}
	all := []*suite{own}
	about, rest := r.about()
	for i, p := range r.Places {
		name := plainText(p.Provider + ":" + p.Region)
		if p.Region == "" {
			name = own.Name
		}
		j := slices.IndexFunc(all, func(s *suite) bool { return s.Name == name })
		if j < 0 {
			j, all = len(all), append(all, &suite{Name: name})
		}
		title := p.Location
		if p.Customer != "" {
			title += " (" + p.Customer + ")"
		}
		found := about[i]
		if said := func(f Finding) bool { return f.Fails() }; p.Unseen != "" && !slices.ContainsFunc(found, said) {
			found = append(slices.Clone(found), Finding{Rule: "not-looked-at", Severity: Error, Text: p.Unseen})
		}
		all[j].add(r, title, found)
	}
	for len(rest) > 0 {
		rule := rest[0].Rule
		of := func(f Finding) bool { return f.Rule == rule }
		var some []Finding
		for _, f := range rest {
			if of(f) {
				some = append(some, f)
			}
		}
		own.add(r, rule, some)
		rest = slices.DeleteFunc(rest, of)
	}
	if len(own.Cases) == 0 {
		own.add(r, r.Command, nil)
	}
	top := suites{Name: "residency", Suites: all}
	for _, s := range all {
		s.Timestamp = r.At.Format("2006-01-02T15:04:05")
		top.Tests, top.Failures, top.Errors = top.Tests+s.Tests, top.Failures+s.Failures, top.Errors+s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(top); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add makes a case of what was found.
func (s *suite) add(r *Report, name string, found []Finding) {
	c := testcase{Class: "residency." + r.Command, Name: plainText(name)}
	if s.Name != "residency "+r.Command {
		c.Class += "." + s.Name
	}
	bad, said := []Finding{}, []string{}
	for _, f := range found {
		switch {
		case f.Fails():
			bad = append(bad, f)
		case f.Waived() && c.Skipped == nil:
			c.Skipped = &verdict{Type: f.Rule, Message: plainText(f.Text), Text: line(f)}
		default:
			said = append(said, line(f))
		}
	}
	s.Tests++
	if len(bad) > 0 {
		texts := make([]string, len(bad))
		for i, f := range bad {
			texts[i] = line(f)
		}
		v := &verdict{Type: bad[0].Rule, Message: plainText(bad[0].Text), Text: strings.Join(texts, "\n")}
		if bad[0].Severity == Error {
			c.Error = v
			s.Errors++
		} else {
			c.Failure = v
			s.Failures++
		}
	}
	if c.Skipped != nil && len(bad) > 0 {
		said, c.Skipped = append(said, c.Skipped.Text), nil // a case has one verdict
	}
	if c.Skipped != nil {
		s.Skipped++
	}
	c.Out = strings.Join(said, "\n")
	s.Cases = append(s.Cases, c)
}

// line is a finding as text, in one line.
func line(f Finding) string {
	return fmt.Sprintf("%s: %s [%s]", f.word(), f.sentence(), f.Rule)
}

// plainText is a text whose characters all print.
func plainText(s string) string { return render.Text(s) }
