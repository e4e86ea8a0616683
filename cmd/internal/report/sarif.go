package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
)

// MostResults is how many results GitHub takes of one run; it shows 5,000 of them.
const MostResults = 25_000

// The objects of SARIF 2.1.0 that are written (OASIS Standard, with errata 01).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Automation  sarifID           `json:"automationDetails"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifID struct {
		ID string `json:"id"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}

	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
		Help  sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Code          int                 `json:"exitCode"`
		End           string              `json:"endTimeUtc"`
		Notifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		Rule         string             `json:"ruleId"`
		Index        int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// SARIF writes a run of SARIF 2.1.0: a rule for each kind of finding, and each finding beside
// the line of the configuration that has the policy. Beyond [MostResults] it has the worst,
// and says how many it leaves out.
func SARIF(w io.Writer, r *Report) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "residency", Version: r.Tool, Rules: []sarifRule{}}},
		Automation: sarifID{"residency/" + r.Command + "/"}, Results: []sarifResult{}}
	end := sarifInvocation{Successful: r.Outcome.Code == 0, Code: r.Outcome.Code,
		End: r.At.Format("2006-01-02T15:04:05.000Z"), Notifications: []sarifNotification{
			{level(r.Outcome.Code), sarifText{plainText(r.Outcome.said())}}}}
	prints := r.fingerprints()
	for i, f := range r.Findings[:min(len(r.Findings), MostResults)] {
		index := slices.IndexFunc(run.Tool.Driver.Rules, func(x sarifRule) bool { return x.ID == f.Rule })
		if index < 0 {
			index = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: f.Rule,
				Short: sarifText{"residency " + r.Command + ": " + strings.ReplaceAll(f.Rule, "-", " ")},
				Help:  sarifText{"residency help ci says what the severities mean; the message says what was found."}})
		}
		at := f.position()
		result := sarifResult{Rule: f.Rule, Index: index, Level: f.sarifLevel(), Message: sarifText{f.sentence()},
			Fingerprints: map[string]string{"residency/v1": prints[i]}, Locations: []sarifLocation{{
				Physical: sarifPhysical{sarifArtifact{at.File}, sarifRegion{at.Line, at.Column}}}}}
		if f.Waived() {
			result.Suppressions = []sarifSuppression{{"external", "accepted", plainText(fmt.Sprintf("until %s by %s: %s",
				f.Waiver.Until, f.Waiver.Owner, f.Waiver.Reason))}}
		}
		if f.Location != "" {
			result.Locations[0].Logical = []sarifLogical{{plainText(identity(f.Location, f.Region)), "resource"}}
		}
		run.Results = append(run.Results, result)
	}
	if left := len(r.Findings) - len(run.Results); left > 0 {
		end.Notifications = append(end.Notifications, sarifNotification{"warning", sarifText{fmt.Sprintf(
			"%s further findings are not here: services take %s of one run; another form of the report has all of them",
			render.Count(int64(left)), render.Count(MostResults))}})
	}
	run.Invocations = []sarifInvocation{end}
	return render.JSON(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func (f Finding) sarifLevel() string {
	switch f.Severity {
	case Violation, Blocker, Error:
		return "error"
	case Warning:
		return "warning"
	}
	return "note"
}

func level(code int) string {
	if code == 0 {
		return "note"
	}
	return "error"
}

// said is the outcome in a sentence.
func (o Outcome) said() string {
	if o.Next == "" {
		return o.Text
	}
	return o.Text + "; next: " + o.Next
}

// sentence is what a finding says, with its place, in one line.
func (f Finding) sentence() string {
	text := f.Text
	if f.Location != "" {
		text = f.place() + ": " + text
	}
	if f.Count > 0 {
		text += " (" + render.Count(f.Count) + ")"
	}
	if f.Next != "" {
		text += "; next: " + f.Next
	}
	return plainText(text)
}

// position is where a finding is shown. Where no file has the policy, it is where one would.
func (f Finding) position() Position {
	if f.At == nil {
		return Position{File: DefaultFile, Line: 1, Column: 1}
	}
	return *f.At
}

// DefaultFile is what findings are shown beside where no configuration was read from a file.
const DefaultFile = "residency.yaml"
