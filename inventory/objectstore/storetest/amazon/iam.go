package amazon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// policy is an identity's or a bucket's (IAM User Guide, "IAM JSON policy elements
// reference").
type policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement statements
}

type statement struct {
	Sid          string
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       list
	NotAction    list
	Resource     list
	NotResource  list
	Condition    map[string]map[string]list
}

// list is a text or a list of texts.
type list []string

func (l *list) UnmarshalJSON(text []byte) error {
	var one any
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	values, many := one.([]any)
	if !many {
		values = []any{one}
	}
	*l = nil
	for _, v := range values {
		if _, object := v.(map[string]any); object || v == nil {
			return errors.New("want a text or a list of texts")
		}
		*l = append(*l, fmt.Sprint(v))
	}
	return nil
}

type statements []statement

func (s *statements) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		var many []statement
		err := strict(text, &many)
		*s = many
		return err
	}
	var one statement
	err := strict(text, &one)
	*s = statements{one}
	return err
}

// principals are whom a bucket policy's statement is about: everybody ("*"), or by
// kind.
type principals map[string]list

func (p *principals) UnmarshalJSON(text []byte) error {
	var everybody string
	if json.Unmarshal(text, &everybody) == nil {
		*p = principals{"AWS": {everybody}}
		return nil
	}
	var byKind map[string]list
	err := json.Unmarshal(text, &byKind)
	*p = byKind
	return err
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// parsePolicy refuses what Amazon would not accept, and names of actions that no
// service has, which Amazon accepts in an identity's policy and which do nothing.
func parsePolicy(text string) (policy, error) {
	var p policy
	if err := strict([]byte(text), &p); err != nil {
		return p, fmt.Errorf("policy: %w", err)
	}
	if len(p.Statement) == 0 {
		return p, errors.New("policy: no statement")
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return p, fmt.Errorf("policy: effect %q", s.Effect)
		}
		if (len(s.Action) == 0) == (len(s.NotAction) == 0) || len(s.Resource) > 0 && len(s.NotResource) > 0 {
			return p, errors.New("policy: want one of Action and NotAction, and of Resource and NotResource")
		}
		for _, action := range slices.Concat(s.Action, s.NotAction) {
			if !knownAction(action) {
				return p, fmt.Errorf("policy: no service has the action %q", action)
			}
		}
		for operator, keys := range s.Condition {
			if _, err := parseOperator(operator); err != nil {
				return p, err
			}
			for key := range keys {
				if !knownKey(key) {
					return p, fmt.Errorf("policy: condition key %q is not known here", key)
				}
			}
		}
	}
	return p, nil
}

// request is what a policy is asked about.
type request struct {
	action   string
	resource string
	who      *User
	arn      string            // of who asks
	keys     map[string]string // condition keys in lower case
}

// verdict of a policy.
type verdict int

const (
	silent verdict = iota
	allows
	denies
)

// about evaluates a policy. An explicit Deny wins.
func (p policy) about(r request) verdict {
	v := silent
	for _, s := range p.Statement {
		if !s.applies(r) {
			continue
		}
		if s.Effect == "Deny" {
			return denies
		}
		v = allows
	}
	return v
}

func (s statement) applies(r request) bool {
	switch {
	case len(s.Action) > 0 && !matchesAction(s.Action, r.action),
		len(s.NotAction) > 0 && matchesAction(s.NotAction, r.action),
		len(s.Resource) > 0 && !matchesAny(s.Resource, r.resource),
		len(s.NotResource) > 0 && matchesAny(s.NotResource, r.resource),
		s.Principal != nil && !s.Principal.has(r),
		s.NotPrincipal != nil && s.NotPrincipal.has(r):
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if !holds(operator, key, values, r.keys) {
				return false
			}
		}
	}
	return true
}

func (p principals) has(r request) bool {
	for _, name := range p["AWS"] {
		if name == "*" || name == r.arn || name == r.who.Account ||
			name == "arn:"+r.who.Partition+":iam::"+r.who.Account+":root" {
			return true
		}
	}
	return false
}

func matchesAction(patterns []string, action string) bool {
	for _, p := range patterns {
		if matches(strings.ToLower(p), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

func matchesAny(patterns []string, text string) bool {
	for _, p := range patterns {
		if matches(p, text) {
			return true
		}
	}
	return false
}

// matches tells whether a pattern with * and ? is a text's.
func matches(pattern, text string) bool {
	star, back := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			back++
			p, t = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
