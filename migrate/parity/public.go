package parity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore/bucketpolicy"
)

// Public tells whether a policy, which may be nil, has a statement that lets in
// whoever comes. What conditions make of it is not judged: Amazon's own judgement of
// them is its business (Amazon S3 User Guide, "Blocking public access to your Amazon S3
// storage", The meaning of "public").
func Public(policy []byte) (bool, error) {
	if policy == nil {
		return false, nil
	}
	_, statements, err := bucketpolicy.Parse(policy)
	return slices.ContainsFunc(statements, func(s any) bool {
		m, _ := s.(map[string]any)
		_, others := m["NotPrincipal"]
		return m["Effect"] == "Allow" && (others || everybody(m["Principal"]))
	}), err
}

// Block is a bucket's public access block.
type Block struct {
	BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets bool
}

// ParseBlock reads the setting; without one nothing is blocked.
func ParseBlock(value []byte) (b Block, err error) {
	if value == nil {
		return b, nil
	}
	if err := json.Unmarshal(value, &b); err != nil {
		return b, fmt.Errorf("decode public access block: %w", err)
	}
	return b, nil
}

// Value is the setting.
func (b Block) Value() ([]byte, error) { return json.Marshal(b) }

// Taking lets a bucket take lists and policies that open it, and heed none.
func Taking() Block { return Block{IgnorePublicAcls: true, RestrictPublicBuckets: true} }

// CustomerKeys is what an encryption setting, which may be nil, says of SSE-C (Amazon S3
// API Reference, "ServerSideEncryptionRule", BlockedEncryptionTypes): whether it is
// refused, and whether anything is said of it at all.
func CustomerKeys(value []byte) (refused, told bool, err error) {
	if value == nil {
		return false, false, nil
	}
	var e encryption
	if err := json.Unmarshal(value, &e); err != nil {
		return false, false, fmt.Errorf("decode encryption: %w", err)
	}
	for _, r := range e.Rules {
		if b := r.BlockedEncryptionTypes; b != nil && len(b.EncryptionType) > 0 {
			told = true
			refused = refused || slices.Contains(b.EncryptionType, "SSE-C")
		}
	}
	return refused, told, nil
}

// PermitCustomerKeys returns an encryption setting, which may be nil, that permits
// SSE-C (Amazon S3 User Guide, "Blocking or unblocking SSE-C for a general purpose
// bucket").
func PermitCustomerKeys(value []byte) ([]byte, error) {
	if value == nil {
		value = []byte(`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}`)
	}
	tree, err := decode(value)
	if err != nil {
		return nil, err
	}
	m, _ := tree.(map[string]any)
	rules, _ := m["Rules"].([]any)
	for _, r := range rules {
		if rule, ok := r.(map[string]any); ok {
			rule["BlockedEncryptionTypes"] = map[string]any{"EncryptionType": []any{"NONE"}}
		}
	}
	return json.Marshal(tree)
}

// SystemTag tells whether a tag's key is one that the service itself sets, and nobody
// else can (AWS Billing User Guide, "User-defined tag restrictions").
func SystemTag(key string) bool {
	return len(key) >= len(systemTags) && strings.EqualFold(key[:len(systemTags)], systemTags)
}

const systemTags = "aws:"
