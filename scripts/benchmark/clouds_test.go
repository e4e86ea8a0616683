//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain lets the tests' own program be the floor, as the benchmark's is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		if err := floor(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// ask sends a request and returns its status and body.
func ask(t *testing.T, method, url string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// The manager shows one account, that it keeps no versions and which containers it has, to whoever has its token.
func TestManager(t *testing.T) {
	address, stop, err := startManager(&manager{account: "acct", location: azureUS,
		containers: func(context.Context) ([]string, error) { return []string{"one", "two"}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }()
	_, text := ask(t, http.MethodGet, address+identityPath+"?resource=x")
	var token struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &token); err != nil || token.Token == "" {
		t.Fatalf("%v of %s", err, text)
	}
	const storage = "/subscriptions/" + subscription + "/providers/Microsoft.Storage/"
	const account = "/subscriptions/" + subscription + "/resourceGroups/bench/providers/Microsoft.Storage/" +
		"storageAccounts/acct"
	for _, tt := range []struct {
		path   string
		status int
		has    string
	}{
		{storage + "storageAccounts", 200, `"location":"eastus"`},
		{storage + "deletedAccounts", 200, `"value":[]`},
		{account, 200, account},
		{account + "/blobServices/default", 200, `"isVersioningEnabled":false`},
		{account + "/blobServices/default/containers", 200, `"name":"two"`},
		{account + "/blobServices/default/containers/one", 200, `"hasLegalHold":false`},
		{account + "/managementPolicies/default", 404, "ResourceNotFound"},
		{"/subscriptions/other", 404, "ResourceNotFound"},
	} {
		status, text := ask(t, http.MethodGet, address+tt.path, "Authorization", "Bearer "+token.Token)
		if status != tt.status || !strings.Contains(text, tt.has) {
			t.Errorf("%s: %d, %s", tt.path, status, text)
		}
		if status, _ := ask(t, http.MethodGet, address+tt.path); status != http.StatusForbidden {
			t.Errorf("%s without a token: %d", tt.path, status)
		}
	}
}

// Unfinished uploads are kept, listed and given up; all else goes to the server behind.
func TestUploads(t *testing.T) {
	address, stop, err := startUploads(echo(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }()
	if status, text := ask(t, http.MethodPost, address+"/b/k?uploads"); status != 200 ||
		!strings.Contains(text, "<UploadId>upload-1</UploadId>") {
		t.Errorf("begun: %d, %s", status, text)
	}
	for prefix, want := range map[string]bool{"": true, "k": true, "x": false} {
		_, text := ask(t, http.MethodGet, address+"/b?uploads&prefix="+prefix)
		if strings.Contains(text, "<Key>k</Key>") != want {
			t.Errorf("listed under %q: %s", prefix, text)
		}
	}
	for _, want := range []int{204, 404} {
		if status, _ := ask(t, http.MethodDelete, address+"/b/k?uploadId=upload-1"); status != want {
			t.Errorf("given up: %d, want %d", status, want)
		}
	}
	post(t, http.DefaultClient, address+"/upload/storage/v1/b/b/o?uploadType=multipart", "passed on")
}

func TestBeginning(t *testing.T) {
	if got := beginning("one\ntwo"); got != "one\ntwo" {
		t.Errorf("%q", got)
	}
	got := beginning(strings.Repeat("line\n", 1000) + strings.Repeat("x", 10000))
	if !strings.HasSuffix(got, "…") || strings.Count(got, "line") > 20 {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	if got := beginning(strings.Repeat("x", 10000)); len(got) > 3000 {
		t.Errorf("%d bytes", len(got))
	}
}

// Each workload between clouds is run at its smallest, by what of the programs is there: residency and the
// sandbox after make build, rclone and the emulators after scripts/bench.
func TestClouds(t *testing.T) {
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{options: options{rounds: 1, timeout: time.Minute, bin: bin, tools: filepath.Join(bin, "bench")},
		dir: t.TempDir()}
	if r.program("residency") == "" {
		t.Skip("residency is not built")
	}
	if r.servers, err = startServers(t.Context(), "versitygw", bin, r.tools, r.dir); err != nil {
		if _, missing := os.Stat(filepath.Join(bin, "sandbox")); missing != nil {
			t.Skip("the sandbox is not built")
		}
		t.Fatal(err)
	}
	defer func() {
		if err := r.servers.stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, w := range between() {
		t.Run(w.name, func(t *testing.T) {
			for _, s := range []service{w.source, w.destination} {
				program := map[service]string{azurite: "azurite-blob", fakeGCS: "fake-gcs-server"}[s]
				if program != "" && r.program(program) == "" {
					t.Skip(program + " is not there")
				}
			}
			w.objects = 3
			rows, err := r.workload(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				strict := w.destination == strictAz || w.destination == strictGo // which refuse what others' programs send
				switch {
				case len(row.runs) == 1 && row.requests > 0:
				case strings.HasPrefix(row.tool, "rclone") && (strict || r.program("rclone") == ""):
				default:
					t.Errorf("%s: %d runs, %.1f requests, %s %s", row.tool, len(row.runs), row.requests, row.skipped, row.kinds)
				}
			}
		})
	}
}

// A store of its own tells what a tool has left at an end.
func TestStores(t *testing.T) {
	var seen []string
	server := recorded(t, func(r *http.Request) (int, string) {
		seen = append(seen, fmt.Sprintf("%s %s?%s", r.Method, r.URL.Path, r.URL.RawQuery))
		switch {
		case r.Method == http.MethodGet && r.URL.Query().Get("marker") == "" && r.URL.Query().Get("comp") == "list":
			return 200, "<E><Blobs><Blob><Properties><Content-Length>3</Content-Length></Properties></Blob></Blobs>" +
				"<NextMarker>m</NextMarker></E>"
		case r.Method == http.MethodGet && r.URL.Query().Get("comp") == "list":
			return 200, "<E><Blobs><Blob><Properties><Content-Length>4</Content-Length></Properties></Blob></Blobs></E>"
		case r.Method == http.MethodGet && r.URL.Query().Has("versions") && !r.URL.Query().Has("pageToken"):
			return 200, `{"items":[{"name":"a/b","generation":"1","size":"5"}],"nextPageToken":"p"}`
		case r.Method == http.MethodGet && r.URL.Query().Has("versions"):
			return 200, `{"items":[{"name":"c","generation":"2","size":"6"}]}`
		case strings.Contains(r.URL.Path, "gone"):
			return 404, ""
		}
		return 200, "{}"
	})
	for _, tt := range []struct {
		store store
		size  int64
	}{{newBlobs(server, "acct", []byte("key")), 7}, {newObjects(server, googleEU), 11}} {
		n, size, _, err := tt.store.holds(t.Context(), "bucket")
		if err != nil || n != 2 || size != tt.size {
			t.Errorf("%T holds %d of %d bytes, %v", tt.store, n, size, err)
		}
		for _, bucket := range []string{"bucket", "gone"} {
			if err := tt.store.remove(t.Context(), bucket); err != nil {
				t.Errorf("%T: %v", tt.store, err)
			}
		}
	}
	if all := strings.Join(seen, "\n"); !strings.Contains(all, "DELETE /acct/bucket?restype=container") ||
		!strings.Contains(all, "DELETE /storage/v1/b/bucket/o/a/b?generation=1") {
		t.Error(all)
	}
}

// recorded serves answers one at a time.
func recorded(t *testing.T, answer func(*http.Request) (int, string)) string {
	t.Helper()
	var turn sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		defer turn.Unlock()
		status, text := answer(r)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
