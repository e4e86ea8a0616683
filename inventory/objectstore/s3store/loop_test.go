package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// roundabout answers a listing without end. Each answer is right in itself, and
// its marker is one that was not asked for in this request.
type roundabout struct {
	t     *testing.T
	at    string // the parameter that carries the marker
	page  func(marker string) string
	asked int
}

func (d *roundabout) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Has("versioning") {
		fmt.Fprint(w, `<VersioningConfiguration/>`)
		return
	}
	if d.asked++; d.asked > 50 {
		d.t.Error("asked for more than 50 pages")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	fmt.Fprint(w, d.page(q.Get(d.at)))
}

// other is the one of two markers that was not asked for.
func other(marker, a, b string) string {
	if marker == a {
		return b
	}
	return a
}

func TestListingsThatGoRoundEnd(t *testing.T) {
	versions := func(ctx context.Context, s *s3store.Store, after string) (err error) {
		for _, seen := range s.Versions(ctx, "b", "", after) {
			err = seen
		}
		return err
	}
	uploads := func(ctx context.Context, s *s3store.Store) (err error) {
		for _, seen := range s.Uploads(ctx, "b", "") {
			err = seen
		}
		return err
	}
	for _, tt := range []struct {
		name string
		at   string
		page func(marker string) string
		list func(context.Context, *s3store.Store) error
	}{
		{"uploads by key", "key-marker", func(m string) string {
			return fmt.Sprintf(`<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>%s</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker></ListMultipartUploadsResult>`, other(m, "a", "b"))
		}, uploads},
		{"uploads of one key", "upload-id-marker", func(m string) string {
			n := other(m, "u1", "u2")
			return fmt.Sprintf(`<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>%s</NextUploadIdMarker><Upload><Key>a</Key><UploadId>%s</UploadId></Upload></ListMultipartUploadsResult>`, n, n)
		}, uploads},
		{"buckets", "continuation-token", func(m string) string {
			return fmt.Sprintf(`<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name></Bucket></Buckets><ContinuationToken>%s</ContinuationToken></ListAllMyBucketsResult>`, other(m, "t1", "t2"))
		}, func(ctx context.Context, s *s3store.Store) error { _, err := s.Buckets(ctx); return err }},
		{"versions by key", "key-marker", func(m string) string {
			return fmt.Sprintf(`<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>%s</NextKeyMarker></ListVersionsResult>`, other(m, "a", "b"))
		}, func(ctx context.Context, s *s3store.Store) error { return versions(ctx, s, "0") }},
		{"versions of one key", "version-id-marker", func(m string) string {
			n := other(m, "v1", "v2")
			return fmt.Sprintf(`<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>%s</NextVersionIdMarker><Version><Key>a</Key><VersionId>%s</VersionId><LastModified>2026-01-02T03:04:05Z</LastModified><Size>1</Size></Version></ListVersionsResult>`, n, n)
		}, func(ctx context.Context, s *s3store.Store) error { return versions(ctx, s, "0") }},
		{"objects", "start-after", func(m string) string {
			return fmt.Sprintf(`<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>%s</Key><LastModified>2026-01-02T03:04:05Z</LastModified><Size>1</Size></Contents></ListBucketResult>`, other(m, "a", "b"))
		}, func(ctx context.Context, s *s3store.Store) error { return versions(ctx, s, "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &roundabout{t: t, at: tt.at, page: tt.page}
			s := newStore(t, s3store.Options{Listers: 1}, d.ServeHTTP)
			if err := tt.list(t.Context(), s); !errors.Is(err, objectstore.ErrOrder) {
				t.Errorf("the listing ended with %v, want one that says the order is broken", err)
			}
		})
	}
}
