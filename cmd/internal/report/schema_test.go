package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema compiles one of testdata.
func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	url := "file:///" + name
	if err := c.AddResource(url, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid holds JSON text against a schema.
func valid(s *jsonschema.Schema, text string) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// located is the sample with the lines that the command line finds.
func located() *Report {
	r := sample()
	for i := range r.Findings {
		r.Findings[i].At = &Position{File: "ci/residency.yaml", Line: 9, Column: 3}
	}
	return r
}

func TestSARIFIsAsItsSchemaSays(t *testing.T) {
	s := schema(t, "sarif-schema-2.1.0.json")
	many := New("plan", "residency 1", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for i := range MostResults + 3 {
		many.add(Warning, "acl", "acme", fmt.Sprintf("cloud:%d", i), 1, "x")
	}
	many.End(Outcome{})
	empty := New("verify", "residency 1", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	empty.End(Outcome{})
	for name, r := range map[string]*Report{"sample": sample(), "located": located(), "many": many, "empty": empty} {
		t.Run(name, func(t *testing.T) {
			text := written(t, r, func(w *bytes.Buffer, r *Report) error { return SARIF(w, r) })
			if name != "many" { // of which each result is like the last
				if err := valid(s, text); err != nil {
					t.Errorf("%v\n%.2000s", err, text)
				}
			}
			var log sarifLog
			if err := json.Unmarshal([]byte(text), &log); err != nil {
				t.Fatal(err)
			}
			run := log.Runs[0]
			if want := min(len(r.Findings), MostResults); len(run.Results) != want {
				t.Errorf("%d results, want %d", len(run.Results), want)
			}
			for _, x := range run.Results {
				if run.Tool.Driver.Rules[x.Index].ID != x.Rule {
					t.Errorf("result of %s points to the rule %s", x.Rule, run.Tool.Driver.Rules[x.Index].ID)
				}
				if strings.ContainsAny(x.Message.Text, "\n\x1b") {
					t.Errorf("the message %q", x.Message.Text)
				}
			}
			left := strings.Contains(text, `"3 further findings are not here: services take 25,000 of one run`)
			if left != (name == "many") {
				t.Errorf("says that findings are left out: %v", left)
			}
		})
	}
}

func TestSARIFPointsAtThePolicy(t *testing.T) {
	text := written(t, located(), func(w *bytes.Buffer, r *Report) error { return SARIF(w, r) })
	var log sarifLog
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	at := log.Runs[0].Results[0].Locations[0].Physical
	if at.Artifact.URI != "ci/residency.yaml" || at.Region.Line != 9 || at.Region.Column != 3 {
		t.Errorf("the first result is at %+v", at)
	}
}

func TestGitLabIsAsItIsDocumented(t *testing.T) {
	s := schema(t, "gitlab-code-quality.json")
	empty := New("plan", "", time.Time{})
	for name, r := range map[string]*Report{"sample": sample(), "located": located(), "empty": empty} {
		text := written(t, r, func(w *bytes.Buffer, r *Report) error { return GitLab(w, r) })
		if err := valid(s, text); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

// ocsfSample has an event of each class, and of each kind of place and finding.
func ocsfSample() *Report {
	r := sample()
	r.Findings[0].Next = "move it"
	r.Plan = "acme-eu-west-1-0123456789ab"
	for left := range int64(2) {
		r.Deletions = append(r.Deletions, Deletion{Location: "cloud:acme-prod/x/", Customer: "acme", Provider: "cloud",
			Region: "us-east-1", Country: "US", Bucket: "acme-prod", Prefix: "x/", Entries: 12, Left: left, At: r.At})
	}
	return r
}

func TestOCSFIsAsItsClassesSay(t *testing.T) {
	s := schema(t, "ocsf-classes.json")
	text := written(t, ocsfSample(), func(w *bytes.Buffer, r *Report) error { return OCSF(w, r) })
	classes := map[int]int{}
	for line := range strings.Lines(text) {
		if err := valid(s, line); err != nil {
			t.Errorf("%v\n%s", err, line)
		}
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		classes[e.Class]++
		if e.Type != e.Class*100+e.Activity {
			t.Errorf("type_uid %d of class %d and activity %d", e.Type, e.Class, e.Activity)
		}
	}
	// A region that nobody could look at has no bucket.
	want := map[int]int{classInventory: len(sample().Places) - 1, classFinding: sample().Failing() + 1, classDatastore: 2}
	for class, n := range want {
		if classes[class] != n {
			t.Errorf("%d events of class %d, want %d", classes[class], class, n)
		}
	}
}

// What is held against the schemas would be found if it were wrong.
func TestSchemasRefuse(t *testing.T) {
	for _, test := range []struct{ schema, text string }{
		{"sarif-schema-2.1.0.json", `{"version": "2.1.0"}`},
		{"sarif-schema-2.1.0.json", `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}},
			"results": [{"message": {"text": "x"}, "level": "violation"}]}]}`},
		{"gitlab-code-quality.json", `[{"description": "x", "check_name": "y", "fingerprint": "z", "severity": "high",
			"location": {"path": "a", "lines": {"begin": 1}}}]`},
		{"ocsf-classes.json", `{"class_uid": 2003, "category_uid": 2, "activity_id": 1, "type_uid": 200301,
			"severity_id": 4, "time": 1764331200000, "metadata": {"version": "1.7.0", "product": {"vendor_name": "x"}}}`},
		{"ocsf-classes.json", `{"class_uid": 5023, "category_uid": 2, "activity_id": 2, "type_uid": 502302,
			"severity_id": 1, "time": 1764331200000, "cloud": {"provider": "x"},
			"metadata": {"version": "1.7.0", "product": {"vendor_name": "x"}}}`},
	} {
		if err := valid(schema(t, test.schema), test.text); err == nil {
			t.Errorf("%s takes %s", test.schema, test.text)
		}
	}
}
