package report

import (
	"io"

	"github.com/residency/residency/cmd/internal/render"
)

// issue is one of GitLab's code quality reports (GitLab, "Code Quality report format").
type issue struct {
	Description string  `json:"description"`
	Check       string  `json:"check_name"`
	Fingerprint string  `json:"fingerprint"`
	Severity    string  `json:"severity"`
	Location    issueAt `json:"location"`
}

type issueAt struct {
	Path  string     `json:"path"`
	Lines issueLines `json:"lines"`
}

type issueLines struct {
	Begin int `json:"begin"`
}

// GitLab writes a code quality report, each finding beside the line of the configuration that
// has the policy.
func GitLab(w io.Writer, r *Report) error {
	issues := []issue{}
	prints := r.fingerprints()
	for i, f := range r.Findings {
		at := f.position()
		issues = append(issues, issue{Description: f.sentence(), Check: f.Rule, Fingerprint: prints[i],
			Severity: f.gitlabSeverity(), Location: issueAt{at.File, issueLines{at.Line}}})
	}
	return render.JSON(w, issues)
}

func (f Finding) gitlabSeverity() string {
	if f.Waived() {
		return "info"
	}
	switch f.Severity {
	case Violation, Blocker:
		return "critical"
	case Error:
		return "major"
	case Warning:
		return "minor"
	}
	return "info"
}
