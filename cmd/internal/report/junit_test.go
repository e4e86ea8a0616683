package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// element is what an XML Schema says of one.
type element struct {
	children, attributes, required []string
}

// elements reads the top-level elements of an XML Schema that is as simple as JUnit's: all
// references and attributes within one are its own.
func elements(t *testing.T, name string) map[string]*element {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*element{}
	var now *element
	depth := 0
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			a := map[string]string{}
			for _, at := range x.Attr {
				a[at.Name.Local] = at.Value
			}
			switch depth++; {
			case depth == 2:
				if now = nil; x.Name.Local == "element" {
					now = &element{}
					all[a["name"]] = now
				}
			case now == nil:
			case x.Name.Local == "element":
				now.children = append(now.children, a["ref"])
			case x.Name.Local == "attribute":
				now.attributes = append(now.attributes, a["name"])
				if a["use"] == "required" {
					now.required = append(now.required, a["name"])
				}
			}
		case xml.EndElement:
			depth--
		}
	}
}

// held holds a document against the elements, and returns how often each comes.
func held(t *testing.T, known map[string]*element, text string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	var open []string
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return counts
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		switch x := token.(type) {
		case xml.StartElement:
			name := x.Name.Local
			counts[name]++
			e := known[name]
			if e == nil {
				t.Fatalf("the schema has no element %s", name)
			}
			if len(open) > 0 && !slices.Contains(known[open[len(open)-1]].children, name) {
				t.Errorf("%s within %s", name, open[len(open)-1])
			}
			var has []string
			for _, a := range x.Attr {
				has = append(has, a.Name.Local)
				if !slices.Contains(e.attributes, a.Name.Local) {
					t.Errorf("%s has an attribute %s", name, a.Name.Local)
				}
			}
			for _, r := range e.required {
				if !slices.Contains(has, r) {
					t.Errorf("%s lacks the attribute %s", name, r)
				}
			}
			open = append(open, name)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}

func TestJUnitIsAsItsSchemaSays(t *testing.T) {
	known := elements(t, "testdata/junit-10.xsd")
	r := sample()
	text := written(t, r, func(w *bytes.Buffer, r *Report) error { return JUnit(w, r) })
	counts := held(t, known, text)
	// Places, and the finding about none of them.
	want := len(r.Places) + 1
	if counts["testcase"] != want || counts["failure"] != len(hostile())+2 || counts["error"] != 1 ||
		counts["skipped"] != 1 {
		t.Errorf("%d cases, want %d; %d failures, %d errors", counts["testcase"], want, counts["failure"], counts["error"])
	}
	for _, want := range []string{
		`<testsuites name="residency" tests="19" failures="15" errors="1">`,
		`<testsuite name="cloud:us-east-1" tests="3" failures="2" errors="0" skipped="1"`,
		`<testcase classname="residency.inventory.cloud:us-east-1" name="cloud:acme-prod (acme)">`,
		`<failure type="outside-policy" message="in us-east-1 (US); the policy allows EU">`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "<script") || strings.Contains(text, "\x1b") {
		t.Errorf("a name is not escaped:\n%s", text)
	}
}

// A report without cases fails jobs that look for some.
func TestJUnitHasACaseWhateverWasFound(t *testing.T) {
	for code, want := range map[int]int{0: 0, 4: 1} {
		r := New("migrate", "", time.Time{})
		r.End(Outcome{Code: code, Text: "approval missing"})
		counts := held(t, elements(t, "testdata/junit-10.xsd"),
			written(t, r, func(w *bytes.Buffer, r *Report) error { return JUnit(w, r) }))
		if counts["testcase"] != 1 || counts["error"] != want {
			t.Errorf("exit code %d: %d cases, %d errors", code, counts["testcase"], counts["error"])
		}
	}
}
