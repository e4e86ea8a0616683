package parity

import (
	"strings"

	"github.com/residency/residency/inventory/objectstore/bucketpolicy"
)

// Denial is a statement of a bucket's policy that denies an action.
type Denial struct {
	Sid string // may be empty
	// Sure tells that it denies everybody, whatever the circumstances. Else whom it
	// binds, or when, is not judged here.
	Sure bool
}

// Denials finds the statements of a policy, which may be nil, that deny an action
// on keys of a bucket that begin with prefix, all of them or some. It reads what
// stands there and evaluates nothing: no condition, no principal but everybody.
func Denials(policy []byte, bucket, prefix, action string) ([]Denial, error) {
	if policy == nil {
		return nil, nil
	}
	_, statements, err := bucketpolicy.Parse(policy)
	if err != nil {
		return nil, err
	}
	var found []Denial
	for _, s := range statements {
		m, ok := s.(map[string]any)
		if !ok || m["Effect"] != "Deny" || !acts(m, action) {
			continue
		}
		touches, told := reaches(m, bucket+"/"+prefix)
		if !touches {
			continue
		}
		_, conditional := m["Condition"]
		sid, _ := m["Sid"].(string)
		found = append(found, Denial{Sid: sid, Sure: told && !conditional && everybody(m["Principal"])})
	}
	return found, nil
}

// acts tells whether a statement is about an action.
func acts(statement map[string]any, action string) bool {
	if not, ok := statement["NotAction"]; ok {
		for _, pattern := range texts(not) {
			if matches(strings.ToLower(pattern), strings.ToLower(action)) {
				return false
			}
		}
		return true
	}
	for _, pattern := range texts(statement["Action"]) {
		if matches(strings.ToLower(pattern), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// reaches tells whether a statement is about any key that begins with at, which
// is a bucket and a prefix. It does not tell of statements that name what they
// are not about.
func reaches(statement map[string]any, at string) (touches, told bool) {
	if _, ok := statement["NotResource"]; ok {
		return true, false
	}
	for _, pattern := range texts(statement["Resource"]) {
		if _, rest, ok := strings.Cut(pattern, ":s3:::"); ok && strings.HasPrefix(pattern, "arn:") {
			pattern = rest
		}
		head := pattern
		if i := strings.IndexAny(pattern, "*?"); i >= 0 {
			head = pattern[:i]
			if strings.HasPrefix(at, head) {
				return true, true
			}
		}
		if strings.HasPrefix(head, at) {
			return true, true
		}
	}
	return false, true
}

func everybody(principal any) bool {
	if m, ok := principal.(map[string]any); ok {
		principal = m["AWS"]
	}
	for _, who := range texts(principal) {
		if who == "*" {
			return true
		}
	}
	return false
}

// texts are the strings of a value that is one or a list of them.
func texts(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		var all []string
		for _, e := range x {
			all = append(all, texts(e)...)
		}
		return all
	}
	return nil
}

// matches holds a text against a pattern in which * stands for any characters and
// ? for one. Only the last * seen is ever tried anew, so that no pattern takes long.
func matches(pattern, text string) bool {
	star, tried := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, tried = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			tried++
			p, t = star+1, tried
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
