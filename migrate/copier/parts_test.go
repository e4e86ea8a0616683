package copier_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

const piece = 5 << 20 // the least that memstore takes as a part

// watched notes what parts are sent under, and may spoil its first answer.
type watched struct {
	*memstore.Store
	mu     sync.Mutex
	bodies map[int]objectstore.Body
	spoil  bool
}

func (w *watched) UploadPart(
	ctx context.Context, bucket, key, id string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	p, err := w.Store.UploadPart(ctx, bucket, key, id, number, body)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bodies == nil {
		w.bodies = map[int]objectstore.Body{}
	}
	w.bodies[number] = body
	if w.spoil {
		w.spoil, p.Checksum.Value = false, "AAAAAAAAAAA="
	}
	return p, err
}

// inParts puts an object of so many parts into a source and returns its entry and
// the SHA-256 of its bytes.
func inParts(t *testing.T, source *memstore.Store, algorithm string, texts ...string) (manifest.Entry, string) {
	t.Helper()
	o := objectstore.NewObject{Bucket: "bucket", Key: "k", Algorithm: algorithm}
	id, err := source.CreateUpload(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	whole := sha256.New()
	var parts []objectstore.Part
	var size int64
	for n, text := range texts {
		_, _ = whole.Write([]byte(text))
		p, err := source.UploadPart(t.Context(), "bucket", "k", id, n+1, objectstore.Body{Reader: strings.NewReader(text),
			Size: int64(len(text))})
		if err != nil {
			t.Fatal(err)
		}
		parts, size = append(parts, p), size+int64(len(text))
	}
	w, err := source.CompleteUpload(t.Context(), o, id, parts, objectstore.Checksum{})
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Entry{Key: "k", VersionID: w.VersionID, Size: size, ETag: w.ETag}, hex.EncodeToString(whole.Sum(nil))
}

// An object in parts is hashed as a whole, whatever its parts. Parts go under a
// hash that is signed until the destination has answered with a checksum of its
// own; an answer with another one is a failure.
func TestParts(t *testing.T) {
	for _, tt := range []struct {
		name      string
		algorithm string // of the source
		traits    memstore.Traits
		spoil     bool
		signed    string // parts
		method    receipt.Method
		verdict   receipt.Verdict
	}{
		{name: "checksums", algorithm: "CRC64NVME", signed: "1", method: receipt.Checksum, verdict: receipt.Verified},
		{name: "no checksum at the destination", algorithm: "CRC64NVME", traits: memstore.Traits{NoChecksums: true},
			signed: "1 2 3 4", method: receipt.ETagMD5, verdict: receipt.Verified},
		{name: "no checksum at the source", signed: "1 2 3 4", method: receipt.ETagMD5, verdict: receipt.Verified},
		{name: "another checksum", algorithm: "CRC64NVME", spoil: true, verdict: receipt.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now,
				Traits: memstore.Traits{NoDefaultChecksum: true}}).Region("a")
			destination := &watched{Store: memstore.New(memstore.Options{Endpoint: "two", Now: time.Now,
				Traits: tt.traits}).Region("b"), spoil: tt.spoil}
			for _, s := range []*memstore.Store{source, destination.Store} {
				if err := s.CreateBucket(t.Context(), "bucket", false); err != nil {
					t.Fatal(err)
				}
			}
			e, sum := inParts(t, source, tt.algorithm, strings.Repeat("a", piece), strings.Repeat("bc", piece),
				strings.Repeat("d", piece), "end")
			c := copier.New(source, "bucket", destination, "bucket", copier.Options{Versioning: objectstore.Unversioned,
				Enforced: true, Attempts: 1, Spare: nowhere{}})
			r := only(t, c, e)
			if r.Verdict != tt.verdict || r.Method != tt.method {
				t.Fatalf("%s by %s (%s)", r.Verdict, r.Method, r.Reason)
			}
			if tt.spoil {
				return
			}
			if r.SHA256 != sum {
				t.Errorf("SHA-256 is %q, want %s", r.SHA256, sum)
			}
			var signed []string
			for n := 1; n <= 4; n++ {
				b, ok := destination.bodies[n]
				if !ok || (b.Checksum.Algorithm != tt.algorithm) {
					t.Errorf("part %d went under %+v", n, b.Checksum)
				}
				if b.SHA256 != "" {
					signed = append(signed, string(rune('0'+n)))
				}
			}
			if got := strings.Join(signed, " "); got != tt.signed {
				t.Errorf("signed were parts %q, want %q", got, tt.signed)
			}
		})
	}
}

// nowhere is no place for further parts.
type nowhere struct{}

func (nowhere) Take() bool    { return false }
func (nowhere) Crowded() bool { return false }
func (nowhere) Give()         {}

// counted notes what is opened.
type counted struct {
	*memstore.Store
	mu    sync.Mutex
	parts []int
	body  func(io.Reader) io.Reader
}

func (c *counted) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts = append(c.parts, part)
	o, err := c.Store.Open(ctx, ref, part)
	if err == nil && c.body != nil {
		o.Body = io.NopCloser(c.body(o.Body))
	}
	return o, err
}

// slowly advances a clock with each byte.
type slowly struct {
	io.Reader
	clock *atomic.Int64
	byte  time.Duration
}

func (s slowly) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.clock.Add(int64(n) * int64(s.byte))
	return n, err
}

// Parts of one size are read in one go if that is fast; others one by one, also
// where it takes the copy's ETag to see that they are others. Either way the
// copy has the source's parts, and each byte counts once.
func TestPartsReadAtOnce(t *testing.T) {
	one, more := strings.Repeat("ab", piece/2), strings.Repeat("c", piece+1)
	for _, tt := range []struct {
		name   string
		texts  []string
		byte   time.Duration // that one takes
		opened int           // times
	}{
		{"one size", []string{one, one, one, "end"}, 1, 1},
		{"slowly", []string{one, one, one, "end"}, time.Microsecond, 4},
		{"the last as large", []string{one, one}, 1, 1},
		{"one part", []string{"all"}, time.Microsecond, 1},
		{"more than the first one's size suggests", []string{one, more, more}, 1, 3},
		{"fewer, which the size does not show", []string{more, one, more}, 1, 4},
		{"the same, slowly", []string{more, one, more}, time.Microsecond, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var clock, arrived atomic.Int64
			source := &counted{Store: memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region("a"),
				body: func(r io.Reader) io.Reader { return slowly{r, &clock, tt.byte} }}
			destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region("b")
			for _, s := range []*memstore.Store{source.Store, destination} {
				if err := s.CreateBucket(t.Context(), "bucket", false); err != nil {
					t.Fatal(err)
				}
			}
			e, sum := inParts(t, source.Store, "", tt.texts...)
			c := copier.New(source, "bucket", destination, "bucket", copier.Options{
				Versioning: objectstore.Unversioned, Attempts: 1, Now: func() time.Time { return time.Unix(0, clock.Load()) },
				Copied: func(n int64) { arrived.Add(n) },
			})
			r := only(t, c, e)
			if r.Verdict != receipt.Verified || r.DestinationETag != e.ETag || r.SHA256 != sum ||
				len(source.parts) != tt.opened {
				t.Errorf("%s (%s), ETag %s of %s, SHA-256 %s of %s, opened parts %v", r.Verdict, r.Reason, r.DestinationETag,
					e.ETag, r.SHA256, sum, source.parts)
			}
			if arrived.Load() != e.Size {
				t.Errorf("%d bytes are said to have arrived, want %d", arrived.Load(), e.Size)
			}
		})
	}
}

// only copies one entry and returns its receipt.
func only(t *testing.T, c *copier.Copier, e manifest.Entry) (only receipt.Receipt) {
	t.Helper()
	err := c.History(t.Context(), []manifest.Entry{e}, nil, nil, func(r receipt.Receipt) error {
		only = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return only
}
