package google_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// asked is a request, and what it is answered with: the status, and a piece of the body.
type asked struct {
	method, path, body string
	header             map[string]string
	status             int
	has                string
}

func ask(t *testing.T, server *google.Server, a asked) {
	t.Helper()
	status, body, _ := send(t, server, a)
	if status != a.status || !strings.Contains(body, a.has) {
		t.Errorf("%s %s: %d %s; want %d and %s", a.method, a.path, status, body, a.status, a.has)
	}
}

func send(t *testing.T, server *google.Server, a asked) (status int, body string, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), a.method, server.URL+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "identity")
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

func start(t *testing.T, o google.Options) *google.Server {
	t.Helper()
	server := google.Start(t, o)
	server.MakeBucket(google.Bucket{Name: "versioned", Location: "EU", Versioning: true})
	server.MakeBucket(google.Bucket{Name: "plain", Location: "EU"})
	return server
}

const (
	bucket = "/storage/v1/b/plain"
	upload = "/upload/storage/v1/b/plain/o?uploadType=multipart"
)

func related(metadata, data string) (string, map[string]string) {
	return "--x\r\nContent-Type: application/json\r\n\r\n" + metadata + "\r\n--x\r\nContent-Type: text/plain\r\n\r\n" +
		data + "\r\n--x--\r\n", map[string]string{"Content-Type": "multipart/related; boundary=x"}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	server := start(t, google.Options{})
	server.PutObject("plain", google.Object{Name: "a"})
	body, kind := related(`{"name":"b","color":"red"}`, "x")
	for _, a := range []asked{
		{method: "GET", path: bucket + "/o?shape=round", status: 400, has: "shape"},
		{method: "GET", path: bucket + "/o?prefix=a&prefix=b", status: 400},
		{method: "GET", path: bucket + "/o", header: map[string]string{"X-Color": "red"}, status: 400, has: "X-Color"},
		{method: "GET", path: bucket + "?fields=color", status: 400, has: "color"},
		{method: "GET", path: bucket + "/o?fields=items(color)", status: 400, has: "color"},
		{method: "GET", path: bucket + "/o?fields=items(name", status: 400},
		{method: "PATCH", path: bucket, body: `{"color":"red"}`, status: 400, has: "color"},
		{method: "PATCH", path: bucket + "/o/a", body: `{"color":"red"}`, status: 400, has: "color"},
		{method: "POST", path: upload, body: body, header: kind, status: 400, has: "color"},
		{method: "POST", path: "/upload/storage/v1/b/plain/o?uploadType=media", status: 400},
		{method: "GET", path: "/storage/v1/colors", status: 404},
		{method: "PUT", path: "/plain/a", status: 404},
		{method: "GET", path: bucket + "/o?pageToken=%21", status: 400},
		{method: "GET", path: bucket + "/o?maxResults=0", status: 400},
		{method: "GET", path: bucket + "/o?versions=true&softDeleted=true", status: 400},
	} {
		ask(t, server, a)
	}
}

// TestConditions is "Request preconditions": each method compares them, deletions and copies
// too.
func TestConditions(t *testing.T) {
	server := start(t, google.Options{})
	server.PutObject("plain", google.Object{Name: "a"})
	body, kind := related(`{"name":"a"}`, "x")
	for _, a := range []asked{
		{method: "GET", path: bucket + "/o/a?ifGenerationMatch=1", status: 412},
		{method: "GET", path: bucket + "/o/a?ifMetagenerationMatch=2", status: 412},
		{method: "GET", path: bucket + "/o/a?ifMetagenerationNotMatch=1", status: 304},
		{method: "GET", path: bucket + "/o/a?ifGenerationMatch=x", status: 400},
		{method: "PATCH", path: bucket + "/o/a?ifMetagenerationMatch=2", body: `{}`, status: 412},
		{method: "DELETE", path: bucket + "/o/a?ifGenerationMatch=1", status: 412},
		{method: "DELETE", path: bucket + "/o/a?ifMetagenerationMatch=2", status: 412},
		{method: "DELETE", path: bucket + "/o/a?generation=1", status: 404},
		{method: "POST", path: upload + "&ifGenerationMatch=0", body: body, header: kind, status: 412},
		{method: "POST", path: upload + "&ifGenerationMatch=1", body: body, header: kind, status: 412},
		{method: "POST", path: bucket + "/o/a/rewriteTo/b/plain/o/a?ifGenerationMatch=0", status: 412},
		{method: "POST", path: bucket + "/o/a/rewriteTo/b/plain/o/b?ifSourceMetagenerationMatch=2", status: 412},
		{method: "PATCH", path: bucket + "?ifMetagenerationMatch=2", body: `{}`, status: 412},
		{method: "GET", path: bucket + "/o/a?ifMetagenerationMatch=1", status: 200},
		{method: "DELETE", path: bucket + "/o/a?ifMetagenerationMatch=1", status: 204},
		{method: "POST", path: upload + "&ifGenerationMatch=0", body: body, header: kind, status: 200},
	} {
		ask(t, server, a)
	}
}

// TestWhatMayNotBe are the service's own limits, each with its page beside the rule.
func TestWhatMayNotBe(t *testing.T) {
	server := start(t, google.Options{})
	server.PutObject("plain", google.Object{Name: "held", TemporaryHold: true})
	server.MakeBucket(google.Bucket{Name: "kept", Retention: time.Hour})
	server.PutObject("kept", google.Object{Name: "a"})
	post := func(metadata string, status int, has string) asked {
		body, kind := related(metadata, "text")
		return asked{method: "POST", path: upload, body: body, header: kind, status: status, has: has}
	}
	for _, a := range []asked{
		post(`{"name":"a","crc32c":"AAAAAA=="}`, 400, "doesn't match calculated CRC32C"),
		post(`{"name":"a","md5Hash":"AAAAAAAAAAAAAAAAAAAAAA=="}`, 400, "doesn't match calculated MD5"),
		post(`{"name":"a\nb"}`, 400, "name"),
		post(`{"name":".."}`, 400, "name"),
		post(`{"name":"`+strings.Repeat("x", 1025)+`"}`, 400, "name"),
		post(`{"name":".well-known/acme-challenge/x"}`, 400, "name"),
		post(`{"name":"a","storageClass":"GLACIER"}`, 400, "class"),
		post(`{"name":"a","metadata":{"a":"`+strings.Repeat("x", 9000)+`"}}`, 400, "large"),
		post(`{"name":"a","retention":{"mode":"Locked","retainUntilTime":"2099-01-01T00:00:00Z"}}`, 400, "retention"),
		post(`{"name":"held"}`, 403, "hold"), // written over
		{method: "DELETE", path: bucket + "/o/held", status: 403, has: "objectUnderActiveHold"},
		{method: "DELETE", path: "/storage/v1/b/kept/o/a", status: 403, has: "retentionPolicyNotMet"},
		{method: "DELETE", path: bucket, status: 409},
		{method: "PATCH", path: bucket, body: `{"softDeletePolicy":{"retentionDurationSeconds":"5"}}`, status: 400},
		{method: "PATCH", path: bucket, body: `{"location":"US"}`, status: 400},
		{method: "POST", path: "/storage/v1/b?project=p", body: `{"name":"Upper"}`, status: 400},
		{method: "POST", path: "/storage/v1/b?project=p", body: `{"name":"plain"}`, status: 409, has: "conflict"},
		{method: "POST", path: "/storage/v1/b", body: `{"name":"good"}`, status: 400, has: "project"},
		{method: "POST", path: "/storage/v1/b?project=p", body: `{"name":"unsaid"}`, status: 200, has: `"location":"US"`},
		{method: "POST", path: bucket + "/o/held/rewriteTo/b/plain/o/b", body: `{"metadata":{}}`, status: 400,
			has: "Required"},
	} {
		ask(t, server, a)
	}
}

// TestUploadsByParts are those of the XML API.
func TestUploadsByParts(t *testing.T) {
	server := start(t, google.Options{})
	_, body, _ := send(t, server, asked{method: "POST", path: "/plain/a%20b?uploads"})
	_, id, _ := strings.Cut(body, "<UploadId>")
	id, _, _ = strings.Cut(id, "</UploadId>")
	part := func(n string) asked {
		return asked{method: "PUT", path: "/plain/a%20b?partNumber=" + n + "&uploadId=" + id, body: "text"}
	}
	_, _, header := send(t, server, part("1"))
	tag := strings.Trim(header.Get("Etag"), `"`)
	send(t, server, part("2"))
	list := func(parts ...string) string {
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(`<Part><PartNumber>` + p + `</PartNumber><ETag>"` + tag + `"</ETag></Part>`)
		}
		return "<CompleteMultipartUpload>" + b.String() + "</CompleteMultipartUpload>"
	}
	finish := "/plain/a%20b?uploadId=" + id
	wrong := part("3")
	wrong.header, wrong.status, wrong.has = map[string]string{"X-Goog-Hash": "crc32c=AAAAAA=="}, 400, "BadDigest"
	far := part("10001")
	far.status = 400
	for _, a := range []asked{
		wrong, far,
		{method: "POST", path: finish, body: list("1"), status: 400, has: "NotImplemented",
			header: map[string]string{"X-Goog-If-Generation-Match": "0"}},
		{method: "POST", path: finish, body: list("1", "2"), status: 400, has: "EntityTooSmall"},
		{method: "POST", path: finish, body: list("2", "1"), status: 400, has: "EntityTooSmall"},
		{method: "POST", path: finish, body: list("4"), status: 400, has: "InvalidPart"},
		{method: "POST", path: finish, body: "", status: 400, has: "Malformed"},
		{method: "GET", path: "/plain/a%20b?uploadId=none", status: 404, has: "NoSuchUpload"},
		{method: "GET", path: "/plain?uploads&encoding-type=url", status: 200, has: "<Key>a+b</Key>"},
		{method: "POST", path: finish, body: list("1"), status: 200},
		{method: "POST", path: finish, body: list("1"), status: 404, has: "NoSuchUpload"},
		{method: "GET", path: "/nowhere?uploads", status: 404, has: "NoSuchBucket"},
	} {
		ask(t, server, a)
	}
	_, body, _ = send(t, server, asked{method: "GET", path: bucket + "/o/a%20b"})
	var o map[string]any
	if err := json.Unmarshal([]byte(body), &o); err != nil || o["crc32c"] == nil || o["md5Hash"] != nil {
		t.Errorf("an object made of parts: %s, %v", body, err)
	}
}

// TestDeletionsAreKept is "Soft delete", with what is listed then.
func TestDeletionsAreKept(t *testing.T) {
	server := start(t, google.Options{})
	server.PutObject("versioned", google.Object{Name: "a"})
	generation := server.PutObject("versioned", google.Object{Name: "a"})
	const list = "/storage/v1/b/versioned/o?fields=items(name,timeDeleted,hardDeleteTime)"
	ask(t, server, asked{method: "DELETE", path: "/storage/v1/b/versioned/o/a", status: 204})
	for _, a := range []asked{
		{method: "GET", path: list, status: 200, has: `{}`},
		{method: "GET", path: list + "&versions=true", status: 200, has: "timeDeleted"},
		{method: "GET", path: list + "&softDeleted=true", status: 200, has: `{}`},
	} {
		ask(t, server, a)
	}
	query := "?generation=" + jsonNumber(t, generation)
	ask(t, server, asked{method: "DELETE", path: "/storage/v1/b/versioned/o/a" + query, status: 204})
	ask(t, server, asked{method: "GET", path: "/storage/v1/b/versioned/o/a" + query, status: 404})
	ask(t, server, asked{method: "GET", path: "/storage/v1/b/versioned/o/a" + query + "&softDeleted=true", status: 200,
		has: "hardDeleteTime"})
	ask(t, server, asked{method: "GET", path: list + "&softDeleted=true", status: 200, has: "hardDeleteTime"})
}

func jsonNumber(t *testing.T, n int64) string {
	t.Helper()
	data, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func FuzzFields(f *testing.F) {
	for _, s := range []string{"a,b", "items(name,size),nextPageToken", "items/name", "a(", ")", "a((b))", "a/b/c,d"} {
		f.Add(s)
	}
	server := google.New(google.Options{})
	server.MakeBucket(google.Bucket{Name: "plain"})
	f.Fuzz(func(t *testing.T, fields string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+bucket, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		q := r.URL.Query()
		q.Set("fields", fields)
		r.URL.RawQuery = q.Encode()
		w := &recorder{header: make(http.Header)}
		server.ServeHTTP(w, r)
		if w.status != http.StatusOK && w.status != http.StatusBadRequest {
			t.Errorf("%q: %d", fields, w.status)
		}
	})
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }
func (r *recorder) WriteHeader(status int)      { r.status = status }

// TestOffsets: a listing begins with the one and ends before the other, and a token goes with
// nothing else than it was made for.
func TestOffsets(t *testing.T) {
	server := start(t, google.Options{PageSize: 1})
	for _, name := range []string{"a", "b", "b", "c"} {
		server.PutObject("versioned", google.Object{Name: name})
	}
	names := func(query string) (all string, token string) {
		status, body, _ := send(t, server, asked{method: "GET", path: "/storage/v1/b/versioned/o?" + query})
		var page struct {
			NextPageToken string
			Items         []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
			t.Fatalf("%s: %d, %s, %v", query, status, body, err)
		}
		for _, item := range page.Items {
			all += item.Name
		}
		return all, page.NextPageToken
	}
	for query, want := range map[string]string{"startOffset=b": "bbc", "startOffset=a%01": "bbc", "endOffset=b": "a",
		"startOffset=b&endOffset=c": "bb", "startOffset=d": "", "startOffset=a&prefix=b": "bb"} {
		query += "&versions=true"
		got, token := names(query)
		for token != "" {
			var more string
			more, token = names(query + "&pageToken=" + token)
			got += more
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	_, token := names("startOffset=a")
	for _, query := range []string{"startOffset=b&endOffset=b", "startOffset=c&endOffset=b", "startOffset=a%00",
		"startOffset=%ff", "pageToken=" + token, "startOffset=b&pageToken=" + token,
		"startOffset=a&versions=true&pageToken=" + token} {
		ask(t, server, asked{method: "GET", path: "/storage/v1/b/versioned/o?" + query, status: 400, has: "invalid"})
	}
}
