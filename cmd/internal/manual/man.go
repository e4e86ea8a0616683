package manual

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	toTopic = regexp.MustCompile(`\[[^\]]+\]\(([a-z-]+)\.md\)`)
	deeper  = regexp.MustCompile(`(?m)^##`)
)

// Man is a page of section 7 of the manual, as Markdown whose head says so.
func (t Topic) Man() string {
	_, body, _ := strings.Cut(visible(t.Markdown), "\n")
	body = toTopic.ReplaceAllString(body, "**residency-$1**(7)")
	body = deeper.ReplaceAllString(link.ReplaceAllString(body, "$1"), "#")
	head := fmt.Sprintf("%% %q \"7\" \"\" \"residency\" \"residency manual\"\n\n# NAME\n\nresidency-%s - %s\n\n# "+
		"DESCRIPTION\n",
		strings.ToUpper("residency-"+t.Name), t.Name, strings.ToLower(t.Title[:1])+t.Title[1:])
	return head + body
}

// Preformatted puts the indented lines of a help text between fences, so that a
// manual page keeps them as they are.
func Preformatted(help string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(help) {
		indented := strings.HasPrefix(line, "  ")
		switch {
		case indented && !code:
			b.WriteString("\n```\n")
		case !indented && code:
			b.WriteString("```\n\n")
		}
		code = indented
		b.WriteString(line)
	}
	if code {
		b.WriteString("\n```\n")
	}
	return b.String()
}
