package inventory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// NearRule is the rule of findings of buckets that may be a customer's whose tag is
// written otherwise.
const NearRule = "near-customer"

// MissingRule is that of findings of locations that the configuration names and nobody has.
const MissingRule = "bucket-missing"

// nearRemedy is what decides whose they are.
const nearRemedy = "correct the tag, or list the bucket under its customer's data in the configuration"

// tagged is a bucket's tag that is the customers' tag, or nearly.
type tagged struct {
	bucket     bucket
	key, value string
}

// sameTag tells whether two texts differ at most in case and in spaces around them.
func sameTag(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// noteTags keeps what a bucket's tags say, or nearly say, of whose it is.
func (s *scan) noteTags(b bucket, tags []objectstore.Tag) {
	if s.TagKey == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range tags {
		if !sameTag(t.Key, s.TagKey) || strings.TrimSpace(t.Value) == "" {
			continue
		}
		s.tags = append(s.tags, tagged{b, t.Key, t.Value})
		if t.Key == s.TagKey {
			s.names = append(s.names, t.Value)
		}
	}
}

// near finds buckets whose tags are nearly a customer's: written otherwise, they name
// another customer, or nobody, without a word. What the configuration names is decided.
func (s *scan) near() {
	named := func(name string) bool {
		return slices.ContainsFunc(s.Claims, func(c Claim) bool { return c.Customer == name })
	}
	for _, t := range s.tags {
		if s.Customer != "" && !sameTag(t.value, s.Customer) || s.claims(t.bucket) {
			continue
		}
		why := ""
		switch other := s.almost(t.value); {
		case t.key != s.TagKey:
			why = fmt.Sprintf("its tag %q, which is %q, is not the tag %q, and names nobody", t.key, t.value, s.TagKey)
		case named(t.value), t.value == s.Customer:
		case other != "":
			why = fmt.Sprintf("its tag %s names %q, who is another customer than %q", t.key, t.value, other)
		case t.value != strings.TrimSpace(t.value):
			why = fmt.Sprintf("its tag %s names %q, with spaces around the name", t.key, t.value)
		}
		if why == "" {
			continue
		}
		s.unclear = true
		s.add(Finding{Rule: NearRule, Severity: Error, Customer: strings.TrimSpace(t.value),
			Location: t.bucket.provider.Name + ":" + t.bucket.name, Region: t.bucket.region,
			Text: why + "; " + nearRemedy})
	}
}

// almost finds another customer of nearly the same name: the one looked for, or any.
func (s *scan) almost(name string) string {
	for _, n := range append([]string{s.Customer}, s.inventory.Names...) {
		if n != name && sameTag(n, name) {
			return n
		}
	}
	return ""
}

// claims tells whether the configuration says whose a whole bucket is.
func (s *scan) claims(b bucket) bool {
	return slices.ContainsFunc(s.Claims, func(c Claim) bool {
		return c.Location == objectstore.Location{Provider: b.provider.Name, Bucket: b.name}
	})
}
