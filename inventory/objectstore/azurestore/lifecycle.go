package azurestore

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// armRule is one rule of a lifecycle policy ("Lifecycle management policy structure").
type armRule struct {
	Name       string `json:"name"`
	Enabled    *bool  `json:"enabled"` // one that is not told is enabled
	Definition struct {
		// Actions are by what they are on: baseBlob, snapshot or version; there by their names,
		// such as delete and tierToCool.
		Actions map[string]map[string]json.RawMessage `json:"actions"`
		Filters struct {
			Prefixes []string `json:"prefixMatch"`
		} `json:"filters"`
	} `json:"definition"`
}

// ofLifecycle tells of rules by which the service deletes what is in the container, or moves it to
// other tiers ("Management Policies - Get"). An account has one policy, or none.
func (f *facts) ofLifecycle(ctx context.Context) error {
	rules, err := f.account.lifecycle.get(ctx, f.send.now, func() ([]armRule, time.Duration, error) {
		var v struct {
			Properties struct {
				Policy struct {
					Rules []armRule `json:"rules"`
				} `json:"policy"`
			} `json:"properties"`
		}
		c := f.call(getLifecycle, http.MethodGet, f.account.id+"/managementPolicies/default", f.bucket, readLifecycle)
		if err := f.get(ctx, c, &v); err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return nil, 0, err
		}
		return v.Properties.Policy.Rules, memoTime, nil
	})
	for i := range rules {
		rule := &rules[i]
		if rule.Enabled != nil && !*rule.Enabled || !rule.touches(f.container) {
			continue
		}
		if deleted := rule.deletes(); len(deleted) > 0 {
			f.add("lifecycle", "a lifecycle rule of the account deletes %s by itself", strings.Join(deleted, ", ")).Expires =
				true
			continue
		}
		f.add("lifecycle", "a lifecycle rule of the account moves blobs between access tiers by itself")
	}
	return err
}

// touches tells whether a rule may be about blobs of a container. Prefixes begin with the container's
// name, which is whole where a slash follows ("Lifecycle management policy structure", Prefix match
// filter); a rule without any is about all.
func (r *armRule) touches(container string) bool {
	name := container + "/"
	for _, p := range r.Definition.Filters.Prefixes {
		if strings.HasPrefix(p, name) || strings.HasPrefix(name, p) {
			return true
		}
	}
	return len(r.Definition.Filters.Prefixes) == 0
}

// deletes says what a rule deletes. Actions that nobody here knows are taken for deletions.
func (r *armRule) deletes() []string {
	var deleted []string
	for _, on := range []struct{ name, text string }{{"baseBlob", "blobs"}, {"version", "previous versions"},
		{"snapshot", "snapshots"}} {
		if deletes(r.Definition.Actions[on.name]) {
			deleted = append(deleted, on.text)
		}
	}
	for name, actions := range r.Definition.Actions {
		if name != "baseBlob" && name != "version" && name != "snapshot" && deletes(actions) {
			return append(deleted, "what is not known here")
		}
	}
	return deleted
}

func deletes(actions map[string]json.RawMessage) bool {
	for name, how := range actions {
		known := strings.HasPrefix(name, "tierTo") || strings.HasPrefix(name, "enableAutoTierTo")
		if !known && string(how) != "null" {
			return true
		}
	}
	return false
}
