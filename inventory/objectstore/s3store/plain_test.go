package s3store_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// shelf is a bucket of keys whose listings are told apart.
type shelf struct {
	mu         sync.Mutex
	keys       []string
	versioning string // what GetBucketVersioning answers; "denied": nothing
	page       int    // keys of one
	hollow     bool   // pages of objects are empty and say that there is more
	before     func(s *shelf, request string)
	asked      []string
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	request, after := "objects", q.Get("start-after")
	switch {
	case q.Has("versioning"):
		request = "versioning"
	case q.Has("versions"):
		request, after = "versions", q.Get("key-marker")
	}
	s.asked = append(s.asked, request)
	if s.before != nil {
		s.before(s, request)
	}
	if request == "versioning" {
		if s.versioning == "denied" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `<Error><Code>AccessDenied</Code></Error>`)
			return
		}
		_, _ = fmt.Fprintf(w, `<VersioningConfiguration>%s</VersioningConfiguration>`, s.versioning)
		return
	}
	from, found := slices.BinarySearch(s.keys, after)
	if found {
		from++
	}
	until := min(from+s.page, len(s.keys))
	if s.hollow && request == "objects" {
		until = from
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<ListResult><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>`, until < len(s.keys))
	if request == "versions" && until < len(s.keys) {
		fmt.Fprintf(&b, `<NextKeyMarker>%s</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>`,
			s.keys[until-1])
	}
	for _, key := range s.keys[from:until] {
		fields := fmt.Sprintf(`<Key>%s</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass>`, key)
		if request == "versions" {
			fmt.Fprintf(&b, `<Version>%s<VersionId>null</VersionId><IsLatest>true</IsLatest></Version>`, fields)
		} else {
			fmt.Fprintf(&b, `<Contents>%s</Contents>`, fields)
		}
	}
	_, _ = fmt.Fprint(w, b.String()+`</ListResult>`)
}

// list returns what a listing yields, and its error.
func list(t *testing.T, s *s3store.Store, after string) (all []objectstore.Version, err error) {
	t.Helper()
	for v, err := range s.Versions(t.Context(), "b", "", after) {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

func TestListingOfPlainBuckets(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e"}
	enabled := `<Status>Enabled</Status>`
	for _, tt := range []struct {
		name  string
		shelf *shelf
		after string
		asked []string
		err   error
	}{
		{name: "never versioned", shelf: &shelf{page: 2}, asked: []string{"versioning", "objects", "objects", "objects",
			"versioning"}},
		{name: "versioned", shelf: &shelf{page: 2, versioning: enabled},
			asked: []string{"versioning", "versions", "versions",
				"versions"}},
		{name: "suspended", shelf: &shelf{page: 5, versioning: `<Status>Suspended</Status>`},
			asked: []string{"versioning",
				"versions"}},
		{name: "does not say", shelf: &shelf{page: 5, versioning: "denied"}, asked: []string{"versioning", "versions"}},
		{name: "from the middle", shelf: &shelf{page: 5}, after: "b", asked: []string{"versions"}},
		{name: "versioning comes meanwhile", shelf: &shelf{page: 5, before: func(s *shelf, request string) {
			if request == "objects" {
				s.versioning = enabled
			}
		}}, asked: []string{"versioning", "objects", "versioning"}, err: objectstore.ErrOrder},
		{name: "hollow", shelf: &shelf{page: 2, hollow: true}, asked: []string{"versioning", "objects"},
			err: objectstore.ErrOrder},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.shelf.keys = keys
			s := newStore(t, s3store.Options{Listers: 1}, tt.shelf.ServeHTTP)
			got, err := list(t, s, tt.after)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if !slices.Equal(tt.shelf.asked, tt.asked) {
				t.Errorf("requests %v, want %v", tt.shelf.asked, tt.asked)
			}
			if tt.err != nil {
				return
			}
			want := keys[slices.IndexFunc(keys, func(k string) bool { return k > tt.after }):]
			for i, v := range got {
				if i >= len(want) || v.Key != want[i] || v.VersionID != objectstore.NullVersion || !v.Latest ||
					v.ETag != "e" ||
					v.Size != 7 || v.StorageClass != "STANDARD" {
					t.Errorf("entry %d is %+v", i, v)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d entries, want %d", len(got), len(want))
			}
		})
	}
}

// A bucket that was given versioning, or may have been, is listed by versions
// from then on.
func TestListingAfterVersioning(t *testing.T) {
	x := shelf{keys: []string{"a", "b"}, page: 5}
	s := newStore(t, s3store.Options{}, x.ServeHTTP)
	if _, err := list(t, s, ""); err != nil {
		t.Fatal(err)
	}
	x.asked, x.versioning = nil, `<Status>Enabled</Status>`
	if err := s.SetVersioning(t.Context(), "b", objectstore.Enabled); err != nil {
		t.Fatal(err)
	}
	if _, err := list(t, s, ""); err != nil {
		t.Fatal(err)
	}
	if want := []string{"versioning", "versions"}; !slices.Equal(x.asked, want) {
		t.Errorf("requests %v, want %v (the first sets it)", x.asked, want)
	}
}
