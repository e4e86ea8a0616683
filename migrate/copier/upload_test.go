package copier_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// remembered are uploads as a state keeps them from one run to the next.
type remembered struct {
	mu sync.Mutex
	of map[manifest.Key]copier.Unfinished
}

func newRemembered() *remembered {
	return &remembered{of: make(map[manifest.Key]copier.Unfinished)}
}

func (r *remembered) Unfinished(e manifest.Entry) (copier.Unfinished, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, ok := r.of[e.Key]
	return u, ok
}

func (r *remembered) Begun(_ context.Context, e manifest.Entry, u copier.Unfinished) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[e.Key] = u
	return nil
}

func (r *remembered) Ended(e manifest.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, e.Key)
}

// Parts that a service has copied by itself are taken up after each of three
// kills, the first at 25 of 50, and the object is exact.
func TestCopiedPartsAreTakenUp(t *testing.T) {
	for kind, start := range map[string]func(t *testing.T) *storetest.Sandbox{
		"versitygw": func(t *testing.T) *storetest.Sandbox {
			return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
		},
		"minio": func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIO(t, region) },
	} {
		t.Run(kind, func(t *testing.T) { testCopiedParts(t, start(t)) })
	}
}

func testCopiedParts(t *testing.T, box *storetest.Sandbox) {
	const parts, workers = 50, 4 // at most: one and the spare places
	client, ctx := box.Client(region), t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, bucket := range []string{from, to} {
		must(client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}))
		must(client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	}
	up, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(from),
		Key: aws.String("large"), ContentType: aws.String("text/plain")})
	must(nil, err)
	random, data := rand.NewChaCha8([32]byte{2}), make([]byte, 5<<20)
	var done []types.CompletedPart
	for i := range parts {
		_, _ = random.Read(data) // never fails
		number := aws.Int32(int32(i + 1))
		out, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(from), Key: aws.String("large"),
			UploadId: up.UploadId, PartNumber: number, Body: bytes.NewReader(data)})
		must(nil, err)
		done = append(done, types.CompletedPart{PartNumber: number, ETag: out.ETag})
	}
	must(client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(from),
		Key: aws.String("large"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}))
	before, err := storetest.Snapshot(ctx, client, from, "")
	must(nil, err)

	proxy := box.Proxy(t, region)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	provider, err := s3store.Open(ctx, s3store.Options{Name: "cloud", Profile: "sandbox",
		Endpoints: map[string]string{region: proxy.URL()}})
	must(nil, err)
	store := provider.Region(region)
	var entries []manifest.Entry
	for v, err := range store.Versions(ctx, from, "", "") {
		must(nil, err)
		entries = append(entries, manifest.FromVersion(v))
	}
	uploads := newRemembered()
	run := func(kill int64) ([]receipt.Receipt, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var sent atomic.Int64
		var dead atomic.Bool
		proxy.SetFault(func(r storetest.Request) storetest.Fault {
			if r.Operation == "UploadPartCopy" && sent.Add(1) == kill+1 {
				dead.Store(true)
				cancel()
			}
			return storetest.Fault{Reset: dead.Load()}
		})
		return collected(ctx, copier.New(store, from, store, to, copier.Options{Versioning: objectstore.Enabled,
			Uploads: uploads}), entries)
	}
	kills := []int64{25, 8, 8}
	for _, at := range kills {
		if _, err := run(at); err == nil {
			t.Fatalf("it ended before %d parts were copied", at)
		}
	}
	receipts, err := run(1 << 40)
	must(nil, err)
	if r := receipts[0]; r.Verdict != receipt.Verified {
		t.Errorf("%s by %s: %s", r.Verdict, r.Method, r.Reason)
	}
	after, err := storetest.Snapshot(ctx, client, to, "")
	must(nil, err)
	if d := storetest.Diff(before, storetest.WithoutAdded(before, after)); d != "" {
		t.Errorf("the copy differs:\n%s", d)
	}
	counts := proxy.Counts()
	t.Logf("%d parts, %d kills: %d parts copied; %v", parts, len(kills), counts["UploadPartCopy"], counts)
	if n, most := counts["UploadPartCopy"], parts+workers*len(kills); n > most || counts["CreateMultipartUpload"] != 1 {
		t.Errorf("%d parts copied in %d uploads, want %d at most in one", n, counts["CreateMultipartUpload"], most)
	}
}

// tallied counts what is sent to a destination.
type tallied struct {
	*memstore.Store
	mu     sync.Mutex
	parts  []int
	fail   int // the part that does not arrive; 0: none
	aborts []string
}

var errBroken = &objectstore.Error{Op: "UploadPart", Code: "InternalError", Status: 500}

func (s *tallied) sends(number int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number == s.fail {
		return errBroken
	}
	s.parts = append(s.parts, number)
	return nil
}

func (s *tallied) UploadPart(
	ctx context.Context, bucket, key, id string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	if err := s.sends(number); err != nil {
		return objectstore.Part{}, err
	}
	return s.Store.UploadPart(ctx, bucket, key, id, number, body)
}

func (s *tallied) CopyPart(
	ctx context.Context, source objectstore.Ref, first, last int64, bucket, key, id string, number int,
) (objectstore.Part, error) {
	if err := s.sends(number); err != nil {
		return objectstore.Part{}, err
	}
	return s.Store.CopyPart(ctx, source, first, last, bucket, key, id, number)
}

func (s *tallied) AbortUpload(ctx context.Context, bucket, key, id string) error {
	s.aborts = append(s.aborts, id)
	return s.Store.AbortUpload(ctx, bucket, key, id)
}

// What lies at the destination is taken up only if it is known to be ours, for
// this very object, and made of its bytes; the copy is exact whatever lay there.
func TestUploadsThatDoNotFit(t *testing.T) {
	texts := []string{strings.Repeat("a", piece), strings.Repeat("b", piece), strings.Repeat("c", piece), "end"}
	put := func(t *testing.T, s *tallied, id string, number int, text string) {
		t.Helper()
		if _, err := s.Store.UploadPart(t.Context(), "there", "k", id, number,
			objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(t *testing.T, s *tallied) string {
		t.Helper()
		id, err := s.CreateUpload(t.Context(), objectstore.NewObject{Bucket: "there", Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for _, tt := range []struct {
		name           string
		between        func(t *testing.T, s *tallied, u *remembered, id string)
		sent           []int // streamed
		copied         []int // within the service
		aborts, copies int   // uploads aborted
	}{
		{"as it was left", func(*testing.T, *tallied, *remembered, string) {}, []int{4}, []int{4}, 0, 0},
		{"with other bytes in a part", func(t *testing.T, s *tallied, _ *remembered, id string) {
			put(t, s, id, 2, strings.Repeat("x", piece))
		}, []int{2, 4}, []int{4, 1, 2, 3, 4}, 0, 1},
		{"with a part of another size", func(t *testing.T, s *tallied, _ *remembered, id string) {
			put(t, s, id, 2, strings.Repeat("b", piece+1))
		}, []int{2, 4}, []int{2, 4}, 0, 0},
		{"with a part too many", func(t *testing.T, s *tallied, _ *remembered, id string) {
			put(t, s, id, 5, "more")
		}, []int{4}, []int{4}, 0, 0},
		{"not known to be ours", func(_ *testing.T, _ *tallied, u *remembered, _ string) { clear(u.of) }, []int{1, 2, 3, 4},
			[]int{1, 2, 3, 4}, 1, 1},
		{"for something else", func(_ *testing.T, _ *tallied, u *remembered, id string) {
			u.of["k"] = copier.Unfinished{ID: id, Shape: "another"}
		}, []int{1, 2, 3, 4}, []int{1, 2, 3, 4}, 1, 1},
		{"somebody else's under our name", func(t *testing.T, s *tallied, u *remembered, _ string) {
			other := begin(t, s)
			put(t, s, other, 1, strings.Repeat("x", piece))
			u.of["k"] = copier.Unfinished{ID: other, Shape: u.of["k"].Shape}
		}, []int{1, 2, 3, 4}, []int{2, 3, 4, 1, 2, 3, 4}, 1, 2},
		{"gone", func(t *testing.T, s *tallied, _ *remembered, id string) {
			if err := s.Store.AbortUpload(t.Context(), "there", "k", id); err != nil {
				t.Fatal(err)
			}
		}, []int{1, 2, 3, 4}, []int{1, 2, 3, 4}, 0, 0},
		{"beside another", func(t *testing.T, s *tallied, _ *remembered, _ string) { begin(t, s) }, []int{4}, []int{4}, 1, 1},
	} {
		for _, within := range []bool{false, true} {
			name, want, aborts := tt.name+", streamed", tt.sent, tt.aborts
			if within {
				name, want, aborts = tt.name+", within the service", tt.copied, tt.copies
			}
			t.Run(name, func(t *testing.T) {
				service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now})
				source := service.Region("a")
				destination := &tallied{Store: source, fail: 4}
				if !within {
					destination.Store = memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region("b")
				}
				for _, err := range []error{source.CreateBucket(t.Context(), "bucket", false), destination.CreateBucket(t.Context(),
					"there", false)} {
					if err != nil {
						t.Fatal(err)
					}
				}
				e, _ := inParts(t, source, "CRC64NVME", texts...)
				uploads := newRemembered()
				run := func() receipt.Receipt {
					c := copier.New(source, "bucket", destination, "there", copier.Options{
						Versioning: objectstore.Unversioned, Spare: nowhere{}, Uploads: uploads, Attempts: 2,
						Sleep: func(context.Context, time.Duration) error { return nil },
					})
					return only(t, c, e)
				}
				if r := run(); r.Verdict != receipt.Failed {
					t.Fatalf("%s, and part 4 has not arrived", r.Verdict)
				}
				if want := []int{1, 2, 3}; !slices.Equal(destination.parts, want) || len(destination.aborts) > 0 {
					t.Fatalf("at first parts %v were sent and %q aborted; want %v, in two attempts, and none", destination.parts,
						destination.aborts, want)
				}
				tt.between(t, destination, uploads, uploads.of["k"].ID)
				destination.parts, destination.fail = nil, 0
				r := run()
				if r.Verdict != receipt.Verified {
					t.Fatalf("%s by %s: %s", r.Verdict, r.Method, r.Reason)
				}
				o, err := destination.Open(t.Context(), objectstore.Ref{Bucket: "there", Key: "k"}, 0)
				if err != nil {
					t.Fatal(err)
				}
				var got bytes.Buffer
				if _, err := got.ReadFrom(o.Body); err != nil || got.String() != strings.Join(texts, "") {
					t.Errorf("another text is there: %v", err)
				}
				if !slices.Equal(destination.parts, want) {
					t.Errorf("parts %v were sent, want %v", destination.parts, want)
				}
				if len(destination.aborts) != aborts {
					t.Errorf("%d uploads were aborted, want %d", len(destination.aborts), aborts)
				}
				for u := range destination.Uploads(t.Context(), "there", "") {
					t.Errorf("upload %s is left", u.UploadID)
				}
			})
		}
	}
}
