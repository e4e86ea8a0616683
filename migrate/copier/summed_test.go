package copier_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// demanding takes no body without a checksum, as Amazon does where there is object lock.
type demanding struct {
	*memstore.Store
	bodies atomic.Int32
}

func (d *demanding) demand(body objectstore.Body) error {
	if d.bodies.Add(1); body.MD5 == "" && body.Checksum.Algorithm == "" {
		return errors.New("a body without a checksum")
	}
	return nil
}

func (d *demanding) Put(
	ctx context.Context, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Written, error) {
	if err := d.demand(body); err != nil {
		return objectstore.Written{}, err
	}
	return d.Store.Put(ctx, o, body)
}

func (d *demanding) UploadPart(
	ctx context.Context, bucket, key, id string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	if err := d.demand(body); err != nil {
		return objectstore.Part{}, err
	}
	return d.Store.UploadPart(ctx, bucket, key, id, number, body)
}

// Where each body needs a checksum it has one, also if the source has none and the
// object is too large to be held: then it is read twice.
func TestSummed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		budget int64 // bytes
		texts  []string
		bodies int
	}{
		{"in one piece, held", 64 << 20, []string{"small"}, 1},
		{"in one piece, too large to be held", 20 << 20, []string{strings.Repeat("x", 18<<20)}, 1},
		{"in one piece, and hardly any memory", 8 << 10, []string{strings.Repeat("x", 10716)}, 1},
		{"in parts, held", 64 << 20, []string{strings.Repeat("a", piece), "end"}, 2},
		{"in parts, too large to be held", 1 << 20, []string{strings.Repeat("a", 2<<20), strings.Repeat("b", 2<<20)}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now,
				Traits: memstore.Traits{NoDefaultChecksum: true, OpaqueETags: true}}).Region("a")
			destination := &demanding{Store: memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region("b")}
			for _, s := range []*memstore.Store{source, destination.Store} {
				if err := s.CreateBucket(t.Context(), "bucket", false); err != nil {
					t.Fatal(err)
				}
			}
			var e manifest.Entry
			if len(tt.texts) > 1 {
				e, _ = inParts(t, source, "", tt.texts...)
			} else {
				w, err := source.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "k"},
					objectstore.Body{Reader: strings.NewReader(tt.texts[0]), Size: int64(len(tt.texts[0]))})
				if err != nil {
					t.Fatal(err)
				}
				e = manifest.Entry{Key: "k", VersionID: w.VersionID, Size: int64(len(tt.texts[0])), ETag: w.ETag}
			}
			c := copier.New(source, "bucket", destination, "bucket", copier.Options{Versioning: objectstore.Unversioned,
				Attempts: 1, Opaque: true, Summed: true, Buffered: 16 << 20, Budget: copier.NewBudget(tt.budget)})
			r := only(t, c, e)
			if r.Verdict != receipt.Verified {
				t.Fatalf("%s by %s (%s)", r.Verdict, r.Method, r.Reason)
			}
			if n := int(destination.bodies.Load()); n != tt.bodies {
				t.Errorf("%d bodies, want %d", n, tt.bodies)
			}
		})
	}
}
