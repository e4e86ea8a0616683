package copier_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
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

// receiving compares by one algorithm, and tells the MD5 alone of what it has received.
type receiving struct {
	*memstore.Store
	known []string // the MD5s that writes came with
	reads int
	wrong bool // tells another
}

func (r *receiving) Capabilities() objectstore.Capabilities {
	c := r.Store.Capabilities()
	c.Sum, c.TellsMD5 = "CRC64NVME", len(r.known) > 0
	return c
}

func (r *receiving) Put(
	ctx context.Context, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Written, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return objectstore.Written{}, err
	}
	r.known = append(r.known, body.MD5)
	sum := md5.Sum(data)
	if r.wrong {
		sum[0]++
	}
	body.Reader, body.MD5 = strings.NewReader(string(data)), ""
	w, err := r.Store.Put(ctx, o, body)
	w.Checksum = objectstore.Checksum{}
	w.Sum = objectstore.Checksum{Algorithm: objectstore.MD5, Value: hex.EncodeToString(sum[:])}
	return w, err
}

func (r *receiving) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	r.reads++
	return r.Store.Open(ctx, ref, part)
}

// The MD5 of what a destination has received proves a copy by that of what was sent, so that neither end
// is read again; another one is a mismatch.
func TestReceivedMD5(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now,
			Traits: memstore.Traits{NoDefaultChecksum: true, OpaqueETags: true}}).Region("a")
		destination := &receiving{wrong: wrong,
			Store: memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region("b")}
		for _, s := range []*memstore.Store{source, destination.Store} {
			if err := s.CreateBucket(t.Context(), "bucket", false); err != nil {
				t.Fatal(err)
			}
		}
		c := copier.New(source, "bucket", destination, "bucket", copier.Options{Versioning: objectstore.Unversioned,
			Attempts: 1, Opaque: true})
		for i := range 2 {
			key := fmt.Sprintf("k%d", i)
			w, err := source.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: key},
				objectstore.Body{Reader: strings.NewReader(key), Size: 2})
			if err != nil {
				t.Fatal(err)
			}
			r := only(t, c, manifest.Entry{Key: manifest.Key(key), VersionID: w.VersionID, Size: 2, ETag: w.ETag})
			switch {
			case wrong && r.Verdict != receipt.Mismatch:
				t.Errorf("other bytes arrived: %s by %s", r.Verdict, r.Method)
			case !wrong && (r.Verdict != receipt.Verified || r.Method != receipt.SentChecksum):
				t.Errorf("%s by %s (%s)", r.Verdict, r.Method, r.Reason)
			}
		}
		if destination.reads > 0 {
			t.Errorf("the destination was read %d times", destination.reads)
		}
		if sum := md5.Sum([]byte("k1")); destination.known[0] != "" || destination.known[1] != hex.EncodeToString(sum[:]) {
			t.Errorf("sent under the MD5s %q: the second is to have one", destination.known)
		}
	}
}
