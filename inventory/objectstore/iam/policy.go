package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Policy is one policy document.
type Policy struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// Statement allows actions on resources. Sid is of letters and digits.
type Statement struct {
	Sid       string    `json:"Sid"`
	Effect    string    `json:"Effect"`
	Action    []string  `json:"Action"`
	Resource  []string  `json:"Resource"`
	Condition Condition `json:"Condition,omitempty"`
}

// Condition is what must hold: by operator, then by key, one of the values.
type Condition map[string]map[string][]string

// Allow makes a statement, its lists sorted and without what another of the same
// list covers.
func Allow(sid string, actions, resources []string) Statement {
	return Statement{Sid: sid, Effect: "Allow", Action: least(actions), Resource: least(resources)}
}

// NewPolicy makes a document of the language's present version.
func NewPolicy(statements []Statement) Policy {
	return Policy{Version: "2012-10-17", Statement: statements}
}

// least sorts, and leaves out what is there twice or is covered by a pattern.
func least(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		return slices.ContainsFunc(list, func(other string) bool { return other != s && Matches(other, s) })
	})
}

// Matches tells whether a pattern with "*" and "?" covers a text (IAM User Guide,
// "IAM JSON policy elements: Resource").
func Matches(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// MaxSize is how many characters, white space aside, a managed policy may have
// (IAM User Guide, "IAM and AWS STS quotas").
const MaxSize = 6144

// Size counts a document's characters as that quota does.
func (p Policy) Size() int {
	text, err := json.Marshal(p)
	if err != nil {
		return 0 // of strings alone; it cannot be
	}
	n := 0
	for _, r := range string(text) {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// Split makes of a document as few as the quota allows, in its order. A statement
// about too many resources is cut into several.
func (p Policy) Split(limit int) []Policy {
	var parts []Policy
	var part []Statement
	for _, whole := range p.Statement {
		for _, s := range whole.cut(limit) {
			if len(part) > 0 && NewPolicy(append(slices.Clone(part), s)).Size() > limit {
				parts, part = append(parts, NewPolicy(part)), nil
			}
			part = append(part, s)
		}
	}
	if len(part) > 0 {
		parts = append(parts, NewPolicy(part))
	}
	return parts
}

// cut halves a statement's resources until it is a document of its own.
func (s Statement) cut(limit int) []Statement {
	if len(s.Resource) < 2 || NewPolicy([]Statement{s}).Size() <= limit {
		return []Statement{s}
	}
	half := len(s.Resource) / 2
	first, second := s, s
	first.Resource, second.Resource = s.Resource[:half], s.Resource[half:]
	first.Sid, second.Sid = s.Sid+"1", s.Sid+"2"
	return append(first.cut(limit), second.cut(limit)...)
}

// JSON writes a document as IAM takes it.
func (p Policy) JSON() ([]byte, error) { return indented(p) }

// Terraform writes a document as a data source of that name, as terraform fmt
// has it.
func (p Policy) Terraform(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data \"aws_iam_policy_document\" %s {\n", quote(name))
	for i, s := range p.Statement {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "  statement {\n    sid    = %s\n    effect = %s\n", quote(s.Sid), quote(s.Effect))
		list(&b, "actions", s.Action)
		list(&b, "resources", s.Resource)
		for _, operator := range sorted(s.Condition) {
			for _, key := range sorted(s.Condition[operator]) {
				fmt.Fprintf(&b, "\n    condition {\n      test     = %s\n      variable = %s\n      values   = [",
					quote(operator), quote(key))
				for j, v := range s.Condition[operator][key] {
					if j > 0 {
						b.WriteString(", ")
					}
					b.WriteString(quote(v))
				}
				b.WriteString("]\n    }\n")
			}
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func list(b *strings.Builder, name string, values []string) {
	fmt.Fprintf(b, "\n    %s = [\n", name)
	for _, v := range values {
		fmt.Fprintf(b, "      %s,\n", quote(v))
	}
	b.WriteString("    ]\n")
}

// quote writes a text of HCL, in which "${" and "%{" would begin a template.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
		case (r == '$' || r == '%') && strings.HasPrefix(text[i+1:], "{"):
			b.WriteRune(r)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
