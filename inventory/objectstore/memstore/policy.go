package memstore

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/bucketpolicy"
)

// WriteBlocks implements objectstore.WriteBlocker, as Amazon S3 does.
func (s *Store) WriteBlocks() objectstore.WriteBlocks {
	return bucketpolicy.WriteBlocks{Partition: "aws"}
}

// permits refuses what the bucket's policy denies to everybody. Of a policy the
// service knows no more than such statements, with lists of actions and of
// resources of which each ends in a wildcard; all else is its owner's right.
func (s *Service) permits(op, name string, b *container, action, key string) error {
	policy := b.settings[objectstore.Policy]
	if len(policy) == 0 || s.Traits.IgnoresPolicy {
		return nil
	}
	var tree struct{ Statement []json.RawMessage }
	if err := json.Unmarshal(policy, &tree); err != nil {
		return nil
	}
	for _, raw := range tree.Statement {
		var st struct {
			Effect, Principal string
			Action, Resource  []string
		}
		if json.Unmarshal(raw, &st) != nil || st.Effect != "Deny" || st.Principal != "*" ||
			!slices.Contains(st.Action, action) {
			continue
		}
		if slices.ContainsFunc(st.Resource, func(r string) bool {
			resource, wild := strings.CutSuffix(r[strings.LastIndex(r, ":")+1:], "*")
			return wild && strings.HasPrefix(name+"/"+key, resource)
		}) {
			return s.fail(op, name, "AccessDenied", http.StatusForbidden, objectstore.ErrDenied)
		}
	}
	return nil
}
