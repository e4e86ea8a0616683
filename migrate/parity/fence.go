package parity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// fenceSid begins the names of statements that deny writes while data moves.
const fenceSid = "ResidencyFence"

// Fence describes what is to be denied in a bucket's policy.
type Fence struct {
	Name      string   // letters and digits; tells one plan's fence from another's
	Resources []string // ARNs of keys, with wildcards
	Deletes   bool     // deny deletions that set a delete marker, too
	// Narrow leaves out what some services do not know, who then refuse the policy:
	// lists of versions, and replication.
	Narrow bool
}

// statement is the fence in the words of a policy. Deletions by version ID stay
// allowed: the erase step needs them.
func (f Fence) statement() map[string]any {
	actions := []any{
		"s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObjectTagging", "s3:PutObjectVersionTagging",
		"s3:DeleteObjectVersionTagging", "s3:PutObjectAcl",
	}
	if f.Deletes {
		actions = append(actions, "s3:DeleteObject")
	}
	if !f.Narrow {
		actions = append(actions, "s3:PutObjectVersionAcl", "s3:ReplicateObject", "s3:ReplicateDelete")
	}
	resources := make([]any, len(f.Resources))
	for i, r := range f.Resources {
		resources[i] = r
	}
	return map[string]any{"Sid": fenceSid + f.Name, "Effect": "Deny", "Principal": "*", "Action": actions, "Resource": resources}
}

// With adds the fence to a policy, which may be nil; one of the same name is
// replaced.
func (f Fence) With(policy []byte) ([]byte, error) {
	tree := map[string]any{"Version": "2012-10-17"}
	var statements []any
	if policy != nil {
		var err error
		if tree, statements, err = parsePolicy(policy); err != nil {
			return nil, err
		}
		statements = without(statements, func(sid string) bool { return sid == fenceSid+f.Name })
	}
	tree["Statement"] = append(statements, f.statement())
	return json.Marshal(tree)
}

// In tells whether a policy, which may be nil, has the fence of this name.
func (f Fence) In(policy []byte) (bool, error) {
	if !strings.Contains(string(policy), fenceSid+f.Name) {
		return false, nil
	}
	_, statements, err := parsePolicy(policy)
	return slices.ContainsFunc(statements, func(s any) bool {
		m, _ := s.(map[string]any)
		return m["Sid"] == fenceSid+f.Name && m["Effect"] == "Deny"
	}), err
}

// Without takes the fence of this name out of a policy, and leaves those of
// other plans: nil if nothing else is in it. One that does not have it is returned
// as it is.
func (f Fence) Without(policy []byte) ([]byte, error) {
	return strip(policy, func(sid string) bool { return sid == fenceSid+f.Name })
}

// Unfenced returns a policy without any fence, nil if nothing else is in it.
// One that has none is returned as it is.
func Unfenced(policy []byte) ([]byte, error) {
	return strip(policy, func(sid string) bool { return strings.HasPrefix(sid, fenceSid) })
}

func strip(policy []byte, drop func(sid string) bool) ([]byte, error) {
	if !strings.Contains(string(policy), fenceSid) {
		return policy, nil
	}
	tree, statements, err := parsePolicy(policy)
	if err != nil {
		return nil, err
	}
	rest := without(statements, drop)
	switch len(rest) {
	case len(statements):
		return policy, nil
	case 0:
		return nil, nil
	}
	tree["Statement"] = rest
	return json.Marshal(tree)
}

func parsePolicy(policy []byte) (tree map[string]any, statements []any, err error) {
	v, err := decode(policy)
	if err != nil {
		return nil, nil, err
	}
	tree, ok := v.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("decode policy: not an object")
	}
	switch s := tree["Statement"].(type) {
	case []any:
		statements = s
	case map[string]any: // a single statement may stand without a list
		statements = []any{s}
	default:
		return nil, nil, fmt.Errorf("decode policy: no statements")
	}
	return tree, statements, nil
}

func without(statements []any, drop func(sid string) bool) []any {
	rest := make([]any, 0, len(statements)+1)
	for _, s := range statements {
		m, _ := s.(map[string]any)
		if sid, _ := m["Sid"].(string); !drop(sid) {
			rest = append(rest, s)
		}
	}
	return rest
}
