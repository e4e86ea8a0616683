// Package bucketpolicy writes and reads what concerns us in the policies of S3's buckets.
package bucketpolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// blockSid begins the names of statements that deny writes while data moves.
const blockSid = "ResidencyFence"

// WriteBlocks are statements of policies. It implements objectstore.WriteBlocks.
type WriteBlocks struct {
	Partition string // of names of resources
}

var _ objectstore.WriteBlocks = WriteBlocks{}

// Setting implements objectstore.WriteBlocks.
func (WriteBlocks) Setting() objectstore.Setting { return objectstore.Policy }

// statement is the write block in the words of a policy. Deletions by version ID stay
// allowed: the erase step needs them.
func (w WriteBlocks) statement(b objectstore.WriteBlock) map[string]any {
	actions := []any{
		"s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObjectTagging", "s3:PutObjectVersionTagging",
		"s3:DeleteObjectVersionTagging", "s3:PutObjectAcl",
	}
	if b.Deletes {
		actions = append(actions, "s3:DeleteObject")
	}
	if !b.Narrow {
		actions = append(actions, "s3:PutObjectVersionAcl", "s3:ReplicateObject", "s3:ReplicateDelete")
	}
	resources := make([]any, len(b.Prefixes))
	for i, prefix := range b.Prefixes {
		resources[i] = "arn:" + w.Partition + ":s3:::" + b.Bucket + "/" + prefix + "*"
	}
	return map[string]any{"Sid": blockSid + b.Name, "Effect": "Deny", "Principal": "*", "Action": actions,
		"Resource": resources}
}

// With implements objectstore.WriteBlocks.
func (w WriteBlocks) With(policy []byte, b objectstore.WriteBlock) ([]byte, error) {
	tree := map[string]any{"Version": "2012-10-17"}
	var statements []any
	if policy != nil {
		var err error
		if tree, statements, err = Parse(policy); err != nil {
			return nil, err
		}
		statements = without(statements, func(sid string) bool { return sid == blockSid+b.Name })
	}
	tree["Statement"] = append(statements, w.statement(b))
	return json.Marshal(tree)
}

// In implements objectstore.WriteBlocks.
func (WriteBlocks) In(policy []byte, name string) (bool, error) {
	if !strings.Contains(string(policy), blockSid+name) {
		return false, nil
	}
	_, statements, err := Parse(policy)
	return slices.ContainsFunc(statements, func(s any) bool {
		m, _ := s.(map[string]any)
		return m["Sid"] == blockSid+name && m["Effect"] == "Deny"
	}), err
}

// Without implements objectstore.WriteBlocks.
func (WriteBlocks) Without(policy []byte, name string) ([]byte, error) {
	return strip(policy, func(sid string) bool { return sid == blockSid+name })
}

// WithoutWriteBlocks returns a policy without any fence, nil if nothing else is in it.
// One that has none is returned as it is.
func WithoutWriteBlocks(policy []byte) ([]byte, error) {
	return strip(policy, func(sid string) bool { return strings.HasPrefix(sid, blockSid) })
}

func strip(policy []byte, drop func(sid string) bool) ([]byte, error) {
	if !strings.Contains(string(policy), blockSid) {
		return policy, nil
	}
	tree, statements, err := Parse(policy)
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

// Parse returns a policy, and the statements in it.
func Parse(policy []byte) (tree map[string]any, statements []any, err error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(policy))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, nil, fmt.Errorf("decode policy: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("decode policy: more than one value")
	}
	tree, ok := v.(map[string]any)
	if !ok {
		return nil, nil, errors.New("decode policy: not an object")
	}
	switch s := tree["Statement"].(type) {
	case []any:
		statements = s
	case map[string]any: // a single statement may stand without a list
		statements = []any{s}
	default:
		return nil, nil, errors.New("decode policy: no statements")
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
