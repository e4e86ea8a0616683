package migrate_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate/plan"
)

// What is charged for after it is erased is named, by class.
func TestEarlyDeletion(t *testing.T) {
	a := versionedOnAmazon(t)
	for key, class := range map[string]types.StorageClass{"a": types.StorageClassStandardIa,
		"b": types.StorageClassGlacierIr, "c": types.StorageClassStandardIa, "d": ""} {
		a.put(key, "text", func(in *s3.PutObjectInput) { in.StorageClass = class })
	}
	p := a.plan()
	var said []string
	for _, w := range p.Warnings {
		if w.Rule == "early-deletion" {
			said = append(said, w.Text)
		}
	}
	if len(said) != 2 || !strings.HasPrefix(said[0],
		"versions with 4 bytes are in GLACIER_IR, which Amazon charges for at least 90 days") ||
		!strings.HasPrefix(said[1], "versions with 8 bytes are in STANDARD_IA, which Amazon charges for at least 30 days") {
		t.Errorf("said %q", said)
	}
	if again := a.plan(); again.Digest != p.Digest {
		t.Error("planned again, it is another plan")
	}
}

// A version in an archive access tier blocks; annotations that may not be asked about
// are named.
func TestSampledObstacles(t *testing.T) {
	f := newFixture(t, true)
	f.fill(2, 100)
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		for name := range r.Query {
			if strings.HasPrefix(name, "annotation") {
				return storetest.Fault{Status: http.StatusForbidden}
			}
		}
		if r.Operation == "HeadObject" && r.Key == "plain/00001" {
			return storetest.Fault{SetResponseHeader: map[string]string{"X-Amz-Archive-Status": "DEEP_ARCHIVE_ACCESS"}}
		}
		return storetest.Fault{}
	})
	p := f.plan("auto")
	if len(p.Blockers) != 1 || blocked(p, "archive-access-tier") == "" || warned(p, "annotations-not-read") == "" {
		t.Errorf("blockers %+v, warnings %v", p.Blockers, rules(p.Warnings))
	}
}

// Of what would lose annotations, and is not asked whether it has some, that is said.
func TestAnnotationsNotAsked(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		a := versionedOnAmazon(t)
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			a.put(key, "text", nil)
		}
		if streamed {
			a.streamed()
		}
		p := a.plan()
		i := slices.IndexFunc(p.Warnings, func(w plan.Issue) bool { return w.Rule == "annotations-not-asked" })
		if streamed != (i >= 0) || streamed && p.Warnings[i].Count != 2 {
			t.Errorf("streamed %t: warnings %+v, want it of two versions that are streamed", streamed, p.Warnings)
		}
		if said := strings.Join(p.NotCompared(), "; "); strings.Contains(said, "S3 annotations") != streamed {
			t.Errorf("streamed %t: not compared %s", streamed, said)
		}
	}
}
