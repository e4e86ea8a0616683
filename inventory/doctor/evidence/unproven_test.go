package evidence

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

var update = flag.Bool("update", false, "write the documentation's list")

// setUp are claims that only make what others are asked of.
var setUp = []string{"bucket", "bucket-versions", "bucket-later", "bucket-locked", "bucket-away"}

// What documentation calls unproven is asked, or it says why not; and what is asked is
// called unproven there.
func TestUnproven(t *testing.T) {
	var asked, listed []string
	for _, claim := range (&Collector{Far: &Region{}}).Plan() {
		asked = append(asked, claim.ID)
	}
	for _, u := range notYetProven() {
		if len(u.Claims) == 0 && u.Why == "" {
			t.Errorf("%s is neither asked nor said why not", u.What)
		}
		for _, id := range u.Claims {
			if !slices.Contains(asked, id) {
				t.Errorf("%s: nothing is asked under %q", u.What, id)
			}
		}
		listed = append(listed, u.Claims...)
	}
	for _, id := range asked {
		if !slices.Contains(listed, id) && !slices.Contains(setUp, id) {
			t.Errorf("%q is asked, and not listed as unproven", id)
		}
	}
	storetest.Generated(t, "../../../cmd/internal/manual/topics/compatibility.md", "unproven", unprovenList(), *update)
}

// unproven is something that was never seen on Amazon S3 itself, and what of it a
// report has.
type unproven struct {
	What   string
	Claims []string // by ID
	Why    string   // no more of it is asked; empty: all is
}

// notYetProven lists all that was never seen there.
func notYetProven() []unproven {
	return []unproven{
		{What: "conditional deletes", Claims: []string{"delete-if-other", "delete-if-same", "delete-if-absent",
			"delete-if-version", "delete-if-null", "delete-several-if-other"}},
		{What: "conditional writes", Claims: []string{"put-if-absent", "put-if-same", "put-if-absent-twice"}},
		{What: "ETags under KMS, which are never taken as evidence", Claims: []string{"put-kms"},
			Why: "a customer's own key is not ours to use"},
		{What: "SSE-C, whose ETags are never taken as evidence", Claims: []string{"new-bucket-refuses-sse-c"},
			Why: "a bucket would have to permit it first"},
		{What: "checksums of copies", Claims: []string{"copy-sum", "copy-away", "put-wrong-sum"}},
		{What: "website redirects, which a copy leaves behind", Claims: []string{"copy-redirect"}},
		{What: "the count of tags in answers", Claims: []string{"tagging-count"},
			Why: "that it is hidden from who may not read them takes a second user"},
		{What: "the interleaving of versions and markers within one second", Claims: []string{"order-in-a-second"}},
		{What: "versioning that was just turned on", Claims: []string{"null-after-switch"}},
		{What: "object lock's demand for checksums", Claims: []string{"put-locked-bare", "locked-summed"},
			Why: "what is under a retention could not be removed again"},
		{What: "what new buckets are like",
			Claims: []string{"new-bucket-blocks", "new-bucket-owner", "new-bucket-encrypts",
				"new-bucket-refuses-sse-c"}},
		{What: "`--fence`", Claims: []string{"policy-denies"}},
		{What: "STS as the source of the account", Claims: []string{"caller"}},
		{What: "where a bucket is, in lists and in refusals", Claims: []string{"list-buckets", "other-region"}},
		{What: "throttling", Why: "it takes thousands of requests a second, which others of the account would feel"},
		{What: "archived storage classes, and restores",
			Why: "Amazon charges for 90 days or more, and a restore takes hours"},
		{What: "replication rules", Why: "they take a role of IAM"},
		{What: "access control lists", Claims: []string{"new-bucket-owner"},
			Why: "new buckets have none, and an account can forbid them"},
		{What: "multi-region access points", Why: "they are refused as unknown places"},
		{What: "annotations", Why: "they are listed here, and never written"},
		{What: "VPC endpoints", Why: "they show in a network that has one alone"},
	}
}

// unprovenList is what documentation says of it.
func unprovenList() string {
	var b strings.Builder
	for _, u := range notYetProven() {
		var ids []string
		for _, id := range u.Claims {
			ids = append(ids, "`"+id+"`")
		}
		asked := strings.Join(ids, ", ")
		if asked == "" {
			asked = "not asked"
		}
		if u.Why != "" {
			asked += "; " + u.Why
		}
		fmt.Fprintf(&b, "- **%s**: %s\n", u.What, asked)
	}
	return b.String()
}
