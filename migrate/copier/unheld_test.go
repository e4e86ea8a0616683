package copier_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// collected copies one key's entries and returns their receipts.
func collected(
	ctx context.Context, c *copier.Copier, entries []manifest.Entry,
) (receipts []receipt.Receipt, err error) {
	err = c.History(ctx, entries, nil, nil, func(r receipt.Receipt) error {
		receipts = append(receipts, r)
		return nil
	})
	return receipts, err
}

// flipping changes a byte of the first body that it gives.
type flipping struct {
	*memstore.Store
	done bool
}

func (f *flipping) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	o, err := f.Store.Open(ctx, ref, part)
	if err != nil || f.done {
		return o, err
	}
	f.done = true
	data, err := io.ReadAll(o.Body)
	data[0] ^= 1
	o.Body = io.NopCloser(bytes.NewReader(data))
	return o, err
}

// Where the destination compares nothing of what the source says of its bytes,
// their hash on the way proves the second half of it alone.
func TestBytesThatChangeOnTheirWayHere(t *testing.T) {
	source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region("a")
	service := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now, Traits: memstore.Traits{OpaqueETags: true,
		NoChecksums: true}})
	destination := service.Region("b")
	for _, s := range []*memstore.Store{source, destination} {
		if err := s.CreateBucket(t.Context(), "bucket", false); err != nil {
			t.Fatal(err)
		}
	}
	w, err := source.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "k"},
		objectstore.Body{Reader: strings.NewReader("bytes"), Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	entry := manifest.Entry{Key: "k", VersionID: w.VersionID, Size: 5, ETag: w.ETag}
	c := copier.New(&flipping{Store: source}, "bucket", destination, "bucket",
		copier.Options{Versioning: objectstore.Unversioned, Enforced: true, Attempts: 1})
	receipts, err := collected(t.Context(), c, []manifest.Entry{entry})
	if err != nil {
		t.Fatal(err)
	}
	if receipts[0].Verdict != receipt.Mismatch {
		t.Errorf("verdict %s (%s), want a mismatch", receipts[0].Verdict, receipts[0].Reason)
	}
}
