package copier_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
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

// altered is a source whose bytes change on their way.
type altered struct{ *memstore.Store }

func (a altered) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	o, err := a.Store.Open(ctx, ref, part)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(o.Body)
	if err != nil {
		return nil, err
	}
	data[len(data)/2] ^= 1
	o.Body = io.NopCloser(bytes.NewReader(data))
	return o, nil
}

// copyFirst copies what bucket a has, whose bytes may be altered on their way, to bucket b.
func copyFirst(t *testing.T, source, destination *memstore.Store, buffered int64, alters bool) (got receipt.Receipt) {
	t.Helper()
	var entry manifest.Entry
	for v, err := range source.Versions(t.Context(), "a", "", "") {
		if err != nil {
			t.Fatal(err)
		}
		entry = manifest.FromVersion(v)
	}
	var from copier.Source = source
	if alters {
		from = altered{source}
	}
	c := copier.New(from, "a", destination, "b", copier.Options{Versioning: objectstore.Unversioned,
		Buffered: buffered, Attempts: 1})
	if err := c.History(t.Context(), []manifest.Entry{entry}, nil, nil, func(r receipt.Receipt) error {
		got = r
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// A destination that compares one algorithm alone proves what it was sent, and what the source
// says of its bytes is held against them here: nobody else would.
func TestOneAlgorithm(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	text := strings.Repeat("0123456789abcdef", 1<<10)
	sha := sha256.Sum256([]byte(text))
	crc := binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
	sums := map[string]objectstore.Checksum{"": {},
		"SHA256": {Algorithm: "SHA256", Value: base64.StdEncoding.EncodeToString(sha[:])},
		"CRC32C": {Algorithm: "CRC32C", Value: base64.StdEncoding.EncodeToString(crc)}}
	for _, sum := range []string{"CRC32C", "CRC64NVME"} {
		for said := range sums {
			for _, buffered := range []int64{1 << 20, 1} {
				for _, alters := range []bool{false, true} {
					service := func(name string, traits memstore.Traits) *memstore.Store {
						return memstore.New(memstore.Options{Endpoint: name, Traits: traits,
							Now: func() time.Time { return now }}).Region("x")
					}
					source := service("one", memstore.Traits{NoDefaultChecksum: true})
					destination := service("two", memstore.Traits{Sum: sum, OpaqueETags: true})
					ctx := t.Context()
					if err := errors.Join(source.CreateBucket(ctx, "a", false), destination.CreateBucket(ctx, "b", false)); err != nil {
						t.Fatal(err)
					}
					o := objectstore.NewObject{Bucket: "a", Key: "k", Algorithm: said}
					if _, err := source.Put(ctx, o, objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text)),
						Checksum: sums[said]}); err != nil {
						t.Fatal(err)
					}
					got := copyFirst(t, source, destination, buffered, alters)
					if ok := got.Verdict == receipt.Verified; ok == alters {
						t.Errorf("%s, the source says %q, buffered %d, altered %t: %s by %s (%s)", sum, said, buffered,
							alters, got.Verdict, got.Method, got.Reason)
					}
					if !alters && got.Method != receipt.SentChecksum && got.Method != receipt.Checksum {
						t.Errorf("%s, the source says %q: proven by %s", sum, said, got.Method)
					}
				}
			}
		}
	}
}

// So is what the source says of an object's parts.
func TestOneAlgorithmOfParts(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	service := func(name string, traits memstore.Traits) *memstore.Store {
		return memstore.New(memstore.Options{Endpoint: name, Traits: traits, Now: func() time.Time { return now }}).Region("x")
	}
	for _, tt := range []struct {
		name      string
		algorithm string
		traits    memstore.Traits
	}{
		{"MD5 of the parts' MD5s", "", memstore.Traits{NoChecksums: true}},
		{"SHA-256 of the parts'", "SHA256", memstore.Traits{OpaqueETags: true}},
	} {
		for _, buffered := range []int64{64 << 20, 1} {
			for _, alters := range []bool{false, true} {
				ctx := t.Context()
				source, destination := service("one", tt.traits), service("two", memstore.Traits{Sum: "CRC32C", OpaqueETags: true})
				if err := errors.Join(source.CreateBucket(ctx, "a", false), destination.CreateBucket(ctx, "b", false)); err != nil {
					t.Fatal(err)
				}
				o := objectstore.NewObject{Bucket: "a", Key: "k", Algorithm: tt.algorithm, Composite: tt.algorithm != ""}
				id, err := source.CreateUpload(ctx, o)
				if err != nil {
					t.Fatal(err)
				}
				var parts []objectstore.Part
				for n, text := range []string{strings.Repeat("a", 5<<20), strings.Repeat("b", 6<<20), "end"} {
					body := objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}
					if tt.algorithm != "" {
						sum := sha256.Sum256([]byte(text))
						body.Checksum = objectstore.Checksum{Algorithm: tt.algorithm, Value: base64.StdEncoding.EncodeToString(sum[:])}
					}
					part, err := source.UploadPart(ctx, "a", "k", id, n+1, body)
					if err != nil {
						t.Fatal(err)
					}
					parts = append(parts, part)
				}
				if _, err := source.CompleteUpload(ctx, o, id, parts, objectstore.Checksum{}); err != nil {
					t.Fatal(err)
				}
				got := copyFirst(t, source, destination, buffered, alters)
				if ok := got.Verdict == receipt.Verified; ok == alters {
					t.Errorf("%s, buffered %d, altered %t: %s by %s (%s)", tt.name, buffered, alters, got.Verdict, got.Method,
						got.Reason)
				}
			}
		}
	}
}
