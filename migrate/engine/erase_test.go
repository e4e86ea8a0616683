package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// A null delete marker has no ETag that could guard its deletion: an object
// that took its place meanwhile must be seen before.
func TestEraserLooksBeneathNullMarkers(t *testing.T) {
	service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now})
	store := service.Region("us-east-1")
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(nil, store.CreateBucket(t.Context(), "bucket", false))
	must(nil, store.SetVersioning(t.Context(), "bucket", objectstore.Suspended))
	var planned []manifest.Entry
	for _, key := range []string{"left alone", "replaced"} {
		must(store.PutMarker(t.Context(), "bucket", key))
		planned = append(planned, manifest.Entry{Key: manifest.Key(key), VersionID: objectstore.NullVersion, Marker: true})
	}
	must(store.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "replaced"}, objectstore.Body{Reader: strings.NewReader("new"), Size: 3}))
	eraser := engine.Eraser{Source: store, Bucket: "bucket", Versioning: objectstore.Suspended, Conditional: true, Now: time.Now, Progress: &engine.Progress{}}
	erasures, err := eraser.Segment(t.Context(), planned)
	must(nil, err)
	if erasures[0].Outcome != receipt.Erased || erasures[1].Outcome != receipt.Changed {
		t.Errorf("outcomes %s and %s, want erased and changed", erasures[0].Outcome, erasures[1].Outcome)
	}
	if len(service.History("bucket", "left alone")) != 0 || len(service.History("bucket", "replaced")) != 1 {
		t.Errorf("%d and %d entries left, want the new object only", len(service.History("bucket", "left alone")), len(service.History("bucket", "replaced")))
	}
}
