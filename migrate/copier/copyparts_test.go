package copier_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/receipt"
)

// sized counts what is asked about single parts, and may tell all sizes at once.
type sized struct {
	*memstore.Store
	sizes []int64
	asked int
}

func (s *sized) Stat(ctx context.Context, ref objectstore.Ref, part int) (objectstore.Info, error) {
	if part > 1 {
		s.asked++
	}
	return s.Store.Stat(ctx, ref, part)
}

func (s *sized) PartSizes(context.Context, objectstore.Ref) ([]int64, objectstore.Checksum, error) {
	if s.sizes == nil {
		return nil, objectstore.Checksum{}, objectstore.ErrNotOffered
	}
	return s.sizes, objectstore.Checksum{}, nil
}

// Within a service nobody asks about each part: sizes are told at once, or follow from
// the first one's, and only where the copy's ETag contradicts are parts asked about.
func TestPartsWithoutAskingEach(t *testing.T) {
	for _, tt := range []struct {
		name  string
		texts []string
		told  bool
		asked int
	}{
		{"told, uneven", []string{"aaaa", "bbbbbb", "cc", "d"}, true, 0},
		{"even", []string{"aaaa", "bbbb", "cccc", "d"}, false, 0},
		{"seemingly even", []string{"aaaa", "bbb", "ccccc", "d"}, false, 2},
		{"uneven", []string{"aaaa", "bbbbbbbbb", "cc", "d"}, false, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &sized{Store: memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region(region)}
			for _, bucket := range []string{"bucket", to} {
				if err := s.CreateBucket(t.Context(), bucket, false); err != nil {
					t.Fatal(err)
				}
			}
			e, _ := inParts(t, s.Store, "", tt.texts...)
			if tt.told {
				for _, text := range tt.texts {
					s.sizes = append(s.sizes, int64(len(text)))
				}
			}
			c := copier.New(s, "bucket", s, to, copier.Options{Versioning: objectstore.Unversioned, Attempts: 1,
				Spare: nowhere{}, TagsTold: true})
			r := only(t, c, e)
			if r.Verdict != receipt.Verified || r.DestinationETag != e.ETag || s.asked != tt.asked {
				t.Errorf("%s (%s), ETag %s of %s, %d parts asked about, want %d", r.Verdict, r.Reason, r.DestinationETag, e.ETag,
					s.asked, tt.asked)
			}
			o, err := s.Open(t.Context(), objectstore.Ref{Bucket: to, Key: string(e.Key)}, 0)
			if err != nil || o.Size != int64(len(strings.Join(tt.texts, ""))) {
				t.Errorf("copy of %d bytes, %v", o.Size, err)
			}
		})
	}
}
