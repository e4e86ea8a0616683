package amazon

import (
	"fmt"
	"slices"
	"strings"
)

// rule is one of Amazon's, and where it is written or was recorded.
type rule struct {
	id     string
	demand string
	source string
	check  func(c *call) *refusal // nil: applied where the request is carried out
	after  bool                   // checked once the caller is known to be permitted
}

func rules() []rule {
	return slices.Concat(requestRules(), bucketRules(), objectRules(), deleteRules())
}

func rulesBefore() []rule { return checked(false) }
func rulesAfter() []rule  { return checked(true) }

func checked(after bool) []rule {
	return slices.DeleteFunc(rules(), func(r rule) bool { return r.check == nil || r.after != after })
}

// rulesText is RULES.md.
func rulesText() string {
	var b strings.Builder
	b.WriteString("# Amazon's rules\n\nWhat the server of this package holds requests to, and where each rule " +
		"is from. " +
		"Each is asked in a test.\nMade from the table in the code by `go test -update`.\n\n" +
		"| rule | what Amazon demands or does | source |\n| --- | --- | --- |\n")
	for _, r := range rules() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.id, r.demand, r.source)
	}
	return b.String()
}
