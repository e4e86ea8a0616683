//go:build !race

package migrate_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/residency/residency/inventory/objectstore/s3store"
)

// canned is an S3 endpoint with one bucket of so many small objects that exist
// only in its listings, which are written beforehand.
type canned struct {
	*httptest.Server
	requests atomic.Int64
	pages    [][]byte
	first    []string // key of each page
	lasts    []string
}

func cannedKey(i int) string { return fmt.Sprintf("plain/%08d", i) }

// newCanned has n objects with one version each.
func newCanned(t testing.TB, bucket string, n int) *canned {
	t.Helper()
	c := &canned{}
	for start := 0; start < n; start += 1000 {
		end := min(start+1000, n)
		var page bytes.Buffer
		fmt.Fprintf(&page, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
			`<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><Prefix></Prefix><KeyMarker></KeyMarker><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>`, bucket, end < n)
		if end < n {
			fmt.Fprintf(&page, `<NextKeyMarker>%s</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>`,
				strings.ReplaceAll(cannedKey(end-1), "/", "%2F"))
		}
		for i := start; i < end; i++ {
			fmt.Fprintf(&page,
				`<Version><Key>%s</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><LastModified>2026-01-02T03:04:%02d.000Z</LastModified><ETag>&quot;%032x&quot;</ETag><Size>4096</Size><Owner><ID>0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef</ID><DisplayName>acme</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Version>`,
				strings.ReplaceAll(cannedKey(i), "/", "%2F"), i%60, uint64(i)*0x9e3779b97f4a7c15)
		}
		page.WriteString(`</ListVersionsResult>`)
		c.pages = append(c.pages, page.Bytes())
		c.first = append(c.first, cannedKey(start))
		c.lasts = append(c.lasts, cannedKey(end-1))
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/"+bucket && r.URL.Path != "/"+bucket+"/" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`<Error><Code>NoSuchBucket</Code></Error>`))
			return
		}
		switch {
		case q.Has("versions"):
			c.requests.Add(1)
			at := sort.SearchStrings(c.lasts, q.Get("key-marker"))
			if q.Get("key-marker") != "" && at < len(c.lasts) && c.lasts[at] == q.Get("key-marker") {
				at++
			}
			if at < len(c.pages) {
				_, _ = w.Write(c.pages[at])
				return
			}
			_, _ = w.Write([]byte(`<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>`))
		case q.Has("uploads"):
			_,
				_ = w.Write([]byte(`<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>`))
		default: // bucket settings
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = w.Write([]byte(`<Error><Code>NotImplemented</Code></Error>`))
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// open returns a provider whose every region is this endpoint.
func (c *canned) open(t testing.TB) *s3store.Provider {
	t.Helper()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"} {
		switch t := t.(type) {
		case *testing.T:
			t.Setenv(name, value)
		case *testing.B:
			t.Setenv(name, value)
		}
	}
	p, err := s3store.Open(t.Context(),
		s3store.Options{Name: "cloud", Endpoints: map[string]string{us: c.URL, eu: c.URL}, Listers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
