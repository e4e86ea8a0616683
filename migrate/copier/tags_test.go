package copier_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// A source that was said to tell of tags, and does not, is found out before more
// than a thousand versions were taken to have none; one that is not said to is asked.
func TestTagsHidden(t *testing.T) {
	const tagged = 1010
	for _, told := range []bool{true, false} {
		source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now,
			Traits: memstore.Traits{HidesTags: true}}).Region(region)
		destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region(region)
		for store, bucket := range map[*memstore.Store]string{source: from, destination: to} {
			if err := store.CreateBucket(t.Context(), bucket, false); err != nil {
				t.Fatal(err)
			}
		}
		c := copier.New(source, from, destination, to, copier.Options{Versioning: objectstore.Unversioned, TagsTold: told})
		var verified int
		var stopped error
		for i := range tagged {
			key := fmt.Sprintf("%05d", i)
			o := objectstore.NewObject{Bucket: from, Key: key}
			o.Tags = []objectstore.Tag{{Key: "a", Value: "b"}}
			if _, err := source.Put(t.Context(), o, objectstore.Body{Reader: strings.NewReader("body"), Size: 4}); err != nil {
				t.Fatal(err)
			}
			for h, err := range objectstore.Histories(source.Versions(t.Context(), from, key, "")) {
				if err != nil {
					t.Fatal(err)
				}
				receipts, err := collected(t.Context(), c, []manifest.Entry{manifest.FromVersion(h[0])})
				if err == nil && receipts[0].Verdict == receipt.Verified {
					verified++
				}
				stopped = err
			}
			if stopped != nil {
				break
			}
		}
		switch {
		case told && (verified >= 1000 || !errors.Is(stopped, copier.ErrTagsHidden)):
			t.Errorf("%d verified, then %v; want fewer than 1000, then %v", verified, stopped, copier.ErrTagsHidden)
		case !told && (verified > 0 || !errors.Is(stopped, objectstore.ErrAllRefused)):
			t.Errorf("%d verified, then %v; want none, then %v", verified, stopped, objectstore.ErrAllRefused)
		}
	}
}
