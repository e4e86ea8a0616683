package azure_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// client speaks to the stand-in without a store, to show that it refuses.
type client struct {
	t      *testing.T
	server *azure.Server
}

// do sends a request, with headers as "name: value", and returns its status and the code of its refusal.
func (c client) do(method, path, body string, headers ...string) (int, string, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, c.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.server.Token())
	r.Header.Set("x-ms-version", "2026-06-06")
	r.Header.Set("x-ms-date", time.Now().UTC().Format(http.TimeFormat))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("x-ms-error-code"), string(text)
}

func begin(t *testing.T) client {
	t.Helper()
	s := azure.Start(t, azure.Options{Accounts: []azure.Account{{Name: "plain"}, {Name: "versions", Versioning: true,
		SoftDelete: 7}}})
	s.Container("plain", "c")
	s.Container("versions", "c")
	return client{t, s}
}

const block = "x-ms-blob-type: BlockBlob"

// TestRefusals is about requests that the service does not take.
func TestRefusals(t *testing.T) {
	c := begin(t)
	c.server.Put("plain", "c", "there", "x")
	sum := md5.Sum([]byte("x"))
	right := base64.StdEncoding.EncodeToString(sum[:])
	for name, test := range map[string]struct {
		method, path string
		headers      []string
		status       int
		code         string
	}{
		"unknown header":    {"PUT", "/plain/c/k", []string{block, "x-ms-lease-id: x"}, 400, "UnsupportedHeader"},
		"unknown parameter": {"PUT", "/plain/c/k?timeout=1", []string{block}, 400, "UnsupportedQueryParameter"},
		"unknown operation": {"PUT", "/plain/c/k?comp=page", nil, 400, "UnsupportedHttpVerb"},
		"other version":     {"GET", "/plain/c/there", []string{"x-ms-version: 2019-12-12"}, 400, "InvalidHeaderValue"},
		"old date": {"GET", "/plain/c/there", []string{"x-ms-date: Sun, 29 Nov 2020 00:00:00 GMT"}, 403,
			"AuthenticationFailed"},
		"other token": {"GET", "/plain/c/there", []string{"Authorization: Bearer x"}, 401, "InvalidAuthenticationInfo"},
		"shared key": {"GET", "/plain/c/there", []string{"Authorization: SharedKey plain:AAAA"}, 403,
			"AuthenticationFailed"},
		"no container": {"GET", "/plain/none/k", nil, 404, "ContainerNotFound"},
		"no type":      {"PUT", "/plain/c/k", nil, 400, "InvalidHeaderValue"},
		"wrong MD5":    {"PUT", "/plain/c/k", []string{block, "Content-MD5: " + right}, 400, "Md5Mismatch"},
		"wrong CRC64":  {"PUT", "/plain/c/k", []string{block, "x-ms-content-crc64: AAAAAAAAAAA="}, 400, "Crc64Mismatch"},
		"both sums": {"PUT", "/plain/c/k", []string{block, "Content-MD5: x", "x-ms-content-crc64: x"}, 400,
			"InvalidInput"},
		"metadata name": {"PUT", "/plain/c/k", []string{block, "x-ms-meta-a-b: x"}, 400, "InvalidMetadata"},
		"much metadata": {"PUT", "/plain/c/k", []string{block, "x-ms-meta-a: " + strings.Repeat("x", 8192)}, 400,
			"MetadataTooLarge"},
		"tag":       {"PUT", "/plain/c/k", []string{block, "x-ms-tags: a=%40"}, 400, "InvalidTag"},
		"many tags": {"PUT", "/plain/c/k", []string{block, "x-ms-tags: a&b&c&d&e&f&g&h&i&j&k"}, 400, "InvalidTag"},
		"tier":      {"PUT", "/plain/c/k", []string{block, "x-ms-access-tier: GLACIER"}, 400, "InvalidHeaderValue"},
		"lock": {"PUT", "/plain/c/k", []string{block, "x-ms-legal-hold: true"}, 409,
			"ImmutableStorageNotEnabled"},
		"long name":  {"PUT", "/plain/c/" + strings.Repeat("x", 1025), []string{block}, 400, "InvalidResourceName"},
		"there":      {"PUT", "/plain/c/there", []string{block, "If-None-Match: *"}, 409, "BlobAlreadyExists"},
		"other ETag": {"DELETE", "/plain/c/there", []string{`If-Match: "0x0"`}, 412, "ConditionNotMet"},
		"two versions": {"DELETE", "/plain/c/there?snapshot=2026-11-29T00:00:00.0000000Z&versionid=" +
			"2026-11-29T00:00:00.0000000Z", nil, 400, "InvalidQueryParameterValue"},
		"odd version": {"DELETE", "/plain/c/there?versionid=anything", nil, 400, "InvalidQueryParameterValue"},
		"no version":  {"DELETE", "/plain/c/there?versionid=2026-11-29T00:00:00.0000000Z", nil, 404, "BlobNotFound"},
	} {
		status, code, _ := c.do(test.method, test.path, "body", test.headers...)
		if status != test.status || code != test.code {
			t.Errorf("%s: HTTP %d %s, want %d %s", name, status, code, test.status, test.code)
		}
	}
	if got := c.server.History("plain", "c", "there") + c.server.History("plain", "c", "k"); got != "c" {
		t.Errorf("what was refused was done: %q", got)
	}
}

// TestCopies is about blobs that the service makes of others ("Put Blob From URL").
func TestCopies(t *testing.T) {
	c := begin(t)
	id := c.server.Put("versions", "c", "from", "one")
	c.server.Put("versions", "c", "from", "another")
	sum := md5.Sum([]byte("one"))
	right := "x-ms-source-content-md5: " + base64.StdEncoding.EncodeToString(sum[:])
	at := "x-ms-copy-source: " + c.server.URL + "/versions/c/from?versionid=" + id
	bearer := "x-ms-copy-source-authorization: Bearer " + c.server.Token()
	for name, test := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"no type":        {[]string{at, bearer}, 400, "InvalidHeaderValue"},
		"a shared key":   {[]string{block, at, "x-ms-copy-source-authorization: SharedKey a:b"}, 400, "InvalidHeaderValue"},
		"another token":  {[]string{block, at, "x-ms-copy-source-authorization: Bearer x"}, 401, "CannotVerifyCopySource"},
		"a legal hold":   {[]string{block, at, bearer, "x-ms-legal-hold: true"}, 400, "UnsupportedHeader"},
		"asynchronously": {[]string{at, "x-ms-requires-sync: false"}, 400, "UnsupportedHeader"},
		"a long source":  {[]string{block, at + strings.Repeat("x", 2048), bearer}, 400, "InvalidHeaderValue"},
		"no version":     {[]string{block, at[:len(at)-1] + "X", bearer}, 400, "CannotVerifyCopySource"},
		"no source": {[]string{block, "x-ms-copy-source: " + c.server.URL + "/versions/c/none", bearer}, 404,
			"CannotVerifyCopySource"},
		"another ETag": {[]string{block, at, bearer, `x-ms-source-if-match: "0x0"`}, 412, "SourceConditionNotMet"},
		"another MD5": {[]string{block, at, bearer, "x-ms-source-content-md5: AAAAAAAAAAAAAAAAAAAAAA=="}, 400,
			"Md5Mismatch"},
		"properties": {[]string{block, at, bearer, "x-ms-copy-source-blob-properties: no"}, 400, "InvalidHeaderValue"},
		"tags":       {[]string{block, at, bearer, "x-ms-copy-source-tag-option: COPY"}, 400, "InvalidHeaderValue"},
	} {
		if status, code, _ := c.do("PUT", "/plain/c/k", "", test.headers...); status != test.status || code != test.code {
			t.Errorf("%s: HTTP %d %s, want %d %s", name, status, code, test.status, test.code)
		}
	}
	if status, code, _ := c.do("PUT", "/plain/c/k", "body", block, at, bearer); status != 400 {
		t.Errorf("a body: HTTP %d %s", status, code)
	}
	c.server.Close("versions", true)
	if status, code, _ := c.do("PUT", "/plain/c/k", "", block, at, bearer); status != 403 || code != "CannotVerifyCopySource" {
		t.Errorf("behind a firewall: HTTP %d %s", status, code)
	}
	c.server.Close("versions", false)
	c.server.Permit([]string{"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"})
	if status, code, _ := c.do("PUT", "/plain/c/k", "", block, at, bearer); status != 403 || code != "CannotVerifyCopySource" {
		t.Errorf("who may not read the source: HTTP %d %s", status, code)
	}
	c.server.Permit(nil)
	if got := c.server.History("plain", "c", "k"); got != "" {
		t.Errorf("what was refused was done: %q", got)
	}
	if status, code, _ := c.do("PUT", "/plain/c/k", "", block, at, bearer, right, "If-None-Match: *"); status != 201 {
		t.Errorf("a copy: HTTP %d %s", status, code)
	}
	if status, code, _ := c.do("PUT", "/plain/c/k", "", block, at, bearer, "If-None-Match: *"); status != 409 {
		t.Errorf("a copy over what is there: HTTP %d %s", status, code)
	}
	if _, _, text := c.do("GET", "/plain/c/k", ""); text != "one" {
		t.Errorf("the copy is of %q", text)
	}
}

// TestBlocks is about blocks: one length of IDs, and an MD5 of the whole that nobody compares.
func TestBlocks(t *testing.T) {
	c := begin(t)
	put := func(id, text string) (int, string) {
		status, code, _ := c.do("PUT", "/plain/c/k?comp=block&blockid="+base64.URLEncoding.EncodeToString([]byte(id)), text)
		return status, code
	}
	if status, code := put("one", "a"); status != 201 {
		t.Fatal(status, code)
	}
	if status, code := put("three", "b"); status != 400 || code != "InvalidBlobOrBlock" {
		t.Errorf("an ID of another length: %d %s", status, code)
	}
	if status, code, _ := c.do("GET", "/plain/c/k", ""); status != 404 || code != "BlobNotFound" {
		t.Errorf("blocks alone can be read: %d %s", status, code)
	}
	list := func(id string) string {
		return "<BlockList><Uncommitted>" + base64.StdEncoding.EncodeToString([]byte(id)) + "</Uncommitted></BlockList>"
	}
	if status, code, _ := c.do("PUT", "/plain/c/k?comp=blocklist", list("two")); code != "InvalidBlockList" {
		t.Errorf("a block that there is not: %d %s", status, code)
	}
	const wrong = "AAAAAAAAAAAAAAAAAAAAAA=="
	status, code, _ := c.do("PUT", "/plain/c/k?comp=blocklist", list("one"), "x-ms-blob-content-md5: "+wrong)
	if status != 201 {
		t.Errorf("an MD5 that nobody compares: %d %s", status, code)
	}
	if _, _, text := c.do("GET", "/plain/c?restype=container&comp=list", ""); !strings.Contains(text, wrong) {
		t.Errorf("the MD5 is not told as it was said: %s", text)
	}
}

// TestEmptyPages has listings take turns: each has an empty page in front of each full one, and no marker twice.
func TestEmptyPages(t *testing.T) {
	c := client{t, azure.Start(t, azure.Options{Accounts: []azure.Account{{Name: "plain"}}, EmptyPages: true,
		PageSize: 2})}
	c.server.Container("plain", "c")
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		c.server.Put("plain", "c", name, "x")
	}
	type listing struct{ path, shape string }
	const path = "/plain/c?restype=container&comp=list"
	all := []*listing{{path: path}, {path: path + "&include=versions"}, {path: path}}
	markers := make(map[*listing]map[string]bool)
	for turn := range 30 {
		l := all[turn%len(all)]
		if l.path == "" {
			continue
		}
		_, _, text := c.do("GET", l.path, "")
		l.shape += strconv.Itoa(strings.Count(text, "<Blob>"))
		_, marker, more := strings.Cut(text, "<NextMarker>")
		if marker, _, _ = strings.Cut(marker, "<"); !more || marker == "" {
			l.path = ""
			continue
		}
		if markers[l] == nil {
			markers[l] = make(map[string]bool)
		}
		if markers[l][marker] {
			t.Fatalf("a listing has one marker twice: %s", l.shape)
		}
		markers[l][marker] = true
		l.path, _, _ = strings.Cut(l.path, "&marker=")
		l.path += "&marker=" + marker
	}
	for _, l := range all {
		if l.path != "" || l.shape != "020201" {
			t.Errorf("pages of %s entries, ended: %t", l.shape, l.path == "")
		}
	}
}

// TestDeletions keeps what the service keeps.
func TestDeletions(t *testing.T) {
	c := begin(t)
	id := c.server.Put("versions", "c", "k", "one")
	if status, code, _ := c.do("DELETE", "/versions/c/k?versionid="+id, ""); status != 403 ||
		code != "OperationNotAllowedOnRootBlob" {
		t.Errorf("what is current, by its ID: %d %s", status, code)
	}
	c.server.Snapshot("versions", "c", "k")
	if status, code, _ := c.do("DELETE", "/versions/c/k", ""); status != 409 || code != "SnapshotsPresent" {
		t.Errorf("beneath a snapshot: %d %s", status, code)
	}
	c.server.Put("versions", "c", "other", "one")
	for _, want := range []string{"p", "d"} {
		query := ""
		if want == "d" {
			query = "?versionid=" + version(t, c, "other")
		}
		if status, code, _ := c.do("DELETE", "/versions/c/other"+query, ""); status != 202 {
			t.Fatal(status, code)
		}
		if got := c.server.History("versions", "c", "other"); got != want {
			t.Errorf("history %q, want %q", got, want)
		}
	}
	_, _, text := c.do("GET", "/versions/c?restype=container&comp=list&include=deleted&prefix=other", "")
	if !strings.Contains(text, "<Deleted>true</Deleted>") {
		t.Errorf("soft deletion leaves nothing: %s", text)
	}
}

// version finds the only version of a key.
func version(t *testing.T, c client, key string) string {
	t.Helper()
	_, _, text := c.do("GET", "/versions/c?restype=container&comp=list&include=versions&prefix="+key, "")
	_, text, _ = strings.Cut(text, "<VersionId>")
	id, _, ok := strings.Cut(text, "<")
	if !ok {
		t.Fatalf("no version: %s", text)
	}
	return id
}
