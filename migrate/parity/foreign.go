package parity

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

var (
	accountNumber = regexp.MustCompile(`^[0-9]{12}$`)
	organization  = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	network       = regexp.MustCompile(`^vpce?-[0-9a-f]{8,17}$`)
)

// Foreign lists what a bucket's policy names that another partition than its own does
// not have, sorted: ARNs of others, accounts and organizations. There such a principal
// makes the policy invalid, and such a condition is never met (AWS General Reference,
// "Amazon Resource Names"; AWS Organizations User Guide, "Organization ID").
func Foreign(policy []byte, partition string) []string {
	return named(policy, func(s string) bool {
		return strings.HasPrefix(s, "arn:") && !strings.HasPrefix(s, "arn:"+partition+":") ||
			accountNumber.MatchString(s) || organization.MatchString(s)
	})
}

// Networks lists the networks and their endpoints that a policy names, sorted. Each is
// of one region (Amazon VPC User Guide, "How Amazon VPC works").
func Networks(policy []byte) []string { return named(policy, network.MatchString) }

// named lists the strings of a JSON value that are such, sorted, each once.
func named(value []byte, such func(string) bool) []string {
	var tree any
	if json.Unmarshal(value, &tree) != nil {
		return nil
	}
	var found []string
	walk(tree, func(s string) string {
		if such(s) {
			found = append(found, s)
		}
		return s
	})
	slices.Sort(found)
	return slices.Compact(found)
}
