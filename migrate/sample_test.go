package migrate_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// Annotations are named where the source has them; a server that does not know
// them is asked once, and answers with the object.
func TestAnnotations(t *testing.T) {
	f := newFixture(t, true)
	f.fill(8, 100)
	var asked atomic.Int64
	count := func(storetest.Request) storetest.Fault { return storetest.Fault{} }
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		for name := range r.Query {
			if strings.HasPrefix(name, "annotation") {
				asked.Add(1)
				return count(r)
			}
		}
		return storetest.Fault{}
	})
	if p := f.plan("auto"); slices.Contains(rules(p.Warnings), "annotations") || asked.Load() != 1 {
		t.Errorf("asked %d times, want once; warnings %v", asked.Load(), rules(p.Warnings))
	}
	asked.Store(0)
	count = func(r storetest.Request) storetest.Fault {
		n := 0
		if r.Key == "plain/00003" {
			n = 2
		}
		return storetest.Fault{Answer: fmt.Sprintf(
			"<ListObjectAnnotationsOutput><AnnotationCount>%d</AnnotationCount></ListObjectAnnotationsOutput>", n)}
	}
	p := f.plan("auto")
	i := slices.Index(rules(p.Warnings), "annotations")
	if i < 0 || p.Warnings[i].Count != 1 || string(p.Warnings[i].Keys[0]) != "plain/00003" {
		t.Errorf("warnings %+v, want annotations of the fourth version", p.Warnings)
	}
	if asked.Load() != 4 {
		t.Errorf("asked about %d of 8 versions, want the 1st, 2nd, 4th and 8th", asked.Load())
	}
}
