package gcsstore_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
)

// answering is a store whose service answers as a test says.
func answering(t *testing.T, f http.HandlerFunc) *gcsstore.Store {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	p, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Project: "project", Endpoint: server.URL,
		Backoff: func(int) time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	return p.Store("")
}

// Of "text": L1MZ4Q== is its CRC32C.
const described = `{"name":"key","generation":"7","metageneration":"1","size":"4","crc32c":"L1MZ4Q=="}`

// TestBytesAreThoseDescribed: an answer that has others than were asked for is none.
func TestBytesAreThoseDescribed(t *testing.T) {
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		good   bool
	}{
		"as they are":        {map[string]string{"X-Goog-Hash": "crc32c=L1MZ4Q==,md5=x"}, "text", true},
		"longer":             {nil, "texts", false},
		"of no length":       {map[string]string{"chunked": "yes"}, "text", false},
		"of another length":  {map[string]string{"X-Goog-Stored-Content-Length": "9"}, "text", false},
		"another generation": {map[string]string{"X-Goog-Generation": "8"}, "text", false},
		"another checksum":   {map[string]string{"X-Goog-Hash": "crc32c=AAAAAA=="}, "text", false},
	} {
		s := answering(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("alt") != "media" {
				_, _ = io.WriteString(w, described)
				return
			}
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			if c.header["chunked"] != "" {
				w.(http.Flusher).Flush()
			}
			_, _ = io.WriteString(w, c.body)
		})
		o, err := s.Open(t.Context(), objectstore.Ref{Bucket: "bucket", Key: "key"}, 0)
		if err == nil {
			_ = o.Body.Close()
		}
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnswersAboutAnother are errors, whatever they say besides.
func TestAnswersAboutAnother(t *testing.T) {
	for name, answer := range map[string]string{
		"another key":        strings.Replace(described, `"key"`, `"other"`, 1),
		"another generation": strings.Replace(described, `"7"`, `"8"`, 1),
		"nothing":            `{}`,
		"no JSON":            `secret`,
	} {
		s := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
		_, err := s.Stat(t.Context(), objectstore.Ref{Bucket: "bucket", Key: "key", VersionID: "7"}, 0)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatArrivedIsChecked: the answer to a write names what has arrived.
func TestWhatArrivedIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   error
	}{
		"as it was sent":   {described, nil},
		"another checksum": {strings.Replace(described, "L1MZ4Q==", "AAAAAA==", 1), objectstore.ErrCorrupt},
		"another size":     {strings.Replace(described, `"4"`, `"5"`, 1), objectstore.ErrCorrupt},
	} {
		s := answering(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, c.answer)
		})
		// The caller knows a sum that the service does not check.
		b := objectstore.Body{Reader: strings.NewReader("text"), Size: 4, Checksum: objectstore.Checksum{
			Algorithm: "SHA256", Value: "x"}}
		w, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "key"}, b)
		if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) || w.VersionID != "7" {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
}

// TestCopiesThatGoNowhere end.
func TestCopiesThatGoNowhere(t *testing.T) {
	for name, step := range map[string]string{
		"no progress":      `{"done":false,"rewriteToken":"x","totalBytesRewritten":"1"}`,
		"no token":         `{"done":false,"totalBytesRewritten":"1"}`,
		"another checksum": `{"done":true,"resource":` + strings.Replace(described, "L1MZ4Q==", "AAAAAA==", 1) + `}`,
		"nothing":          `{"done":true}`,
	} {
		n := 0
		s := answering(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = io.WriteString(w, described)
				return
			}
			n++
			_, _ = io.WriteString(w, step)
		})
		_, err := s.Copy(t.Context(), objectstore.Ref{Bucket: "bucket", Key: "key"},
			objectstore.NewObject{Bucket: "bucket", Key: "key"})
		if err == nil || n > 30 {
			t.Errorf("%s: %v after %d requests", name, err, n)
		}
	}
}

// TestListingsThatGoNowhere end.
func TestListingsThatGoNowhere(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("uploads") {
			_, _ = io.WriteString(w, `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>`+
				`<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker></ListMultipartUploadsResult>`)
			return
		}
		_, _ = fmt.Fprint(w, `{"nextPageToken":"x"}`)
	})
	if _, err := s.Buckets(t.Context()); !errors.Is(err, objectstore.ErrOrder) {
		t.Errorf("buckets: %v", err)
	}
	for _, err := range s.Uploads(t.Context(), "bucket", "") {
		if !errors.Is(err, objectstore.ErrOrder) {
			t.Errorf("uploads: %v", err)
		}
	}
	if _, err := s.Facts(t.Context(), "bucket"); !errors.Is(err, objectstore.ErrOrder) {
		t.Errorf("caches: %v", err)
	}
}

// TestCompletionThatFailsLate: a refusal may come behind the first part of an answer.
func TestCompletionThatFailsLate(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, `<Error><Code>InternalError</Code></Error>`)
			return
		}
		t.Errorf("%s behind a refusal", r.Method)
	})
	_, err := s.CompleteUpload(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "key"},
		"residency-0123456789abcdef.x", nil, objectstore.Checksum{})
	if !errors.Is(err, objectstore.ErrPassing) {
		t.Errorf("got %v", err)
	}
}
