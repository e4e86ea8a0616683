package azurestore_test

import (
	"maps"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

// TestForeignNames reads containers and blobs of others, whose metadata looks like what is encoded here, and
// writes the same.
func TestForeignNames(t *testing.T) {
	server, s := start(t, nil)
	const name = "residency_x_1"
	bucket := plain + records
	server.Metadata(plain, "records", "", map[string]string{name: "theirs"})
	tags, err := s.BucketTags(t.Context(), bucket)
	if want := (objectstore.Tag{Key: name, Value: "theirs"}); err != nil || len(tags) != 1 || tags[0] != want {
		t.Errorf("tags %v, %v", tags, err)
	}
	server.Put(plain, "records", "k", "text")
	server.Metadata(plain, "records", "k", map[string]string{name: "theirs"})
	info, err := s.Stat(t.Context(), objectstore.Ref{Bucket: bucket, Key: "k"}, 0)
	if err != nil || info.Metadata[name] != "theirs" {
		t.Fatalf("metadata %q, %v", info.Metadata, err)
	}
	o := objectstore.NewObject{Bucket: bucket, Key: "copy", Attributes: objectstore.Attributes{Metadata: info.Metadata}}
	if _, err := s.Put(t.Context(), o, body("text")); err != nil {
		t.Fatal(err)
	}
	copied, err := s.Stat(t.Context(), objectstore.Ref{Bucket: bucket, Key: "copy"}, 0)
	if err != nil || !maps.Equal(copied.Metadata, info.Metadata) {
		t.Errorf("metadata %q, %v", copied.Metadata, err)
	}
}
