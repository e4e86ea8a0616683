package migrate_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// What is charged for after it is erased is named, by class.
func TestEarlyDeletion(t *testing.T) {
	a := versionedOnAmazon(t)
	for key, class := range map[string]types.StorageClass{"a": types.StorageClassStandardIa, "b": types.StorageClassGlacierIr, "c": types.StorageClassStandardIa, "d": ""} {
		a.put(key, "text", func(in *s3.PutObjectInput) { in.StorageClass = class })
	}
	p := a.plan()
	var said []string
	for _, w := range p.Warnings {
		if w.Rule == "early-deletion" {
			said = append(said, w.Text)
		}
	}
	if len(said) != 2 || !strings.HasPrefix(said[0], "versions of 4 bytes are in GLACIER_IR, which Amazon charges for at least 90 days") ||
		!strings.HasPrefix(said[1], "versions of 8 bytes are in STANDARD_IA, which Amazon charges for at least 30 days") {
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
