//go:build linux

package main

import (
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
)

// relay makes one server an endpoint of two regions, as Amazon's is of many:
// it keeps which bucket was created in which, says so, and signs what it
// forwards for the server's own. Only within one endpoint can a service copy by
// itself.
type relay struct {
	*signer // for the server

	mu      sync.Mutex
	regions map[string]string // of buckets that are not in the server's own
}

func newRelay(c credentials) *relay {
	return &relay{signer: &signer{credentials: c, region: sourceRegion}, regions: map[string]string{}}
}

// bucketOf returns the bucket that a request is about and whether it is about
// nothing else.
func bucketOf(r *http.Request) (bucket string, alone bool) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, key == ""
}

func (y *relay) forward(r *httputil.ProxyRequest) {
	out := r.Out
	bucket, alone := bucketOf(r.In)
	if scope := strings.Split(out.Header.Get("Authorization"), "/"); alone && out.Method == http.MethodPut &&
		!hasSubresource(out) && len(scope) > 2 {
		y.mu.Lock()
		y.regions[bucket] = scope[2]
		y.mu.Unlock()
		// The server knows of no region but its own.
		out.Body, out.ContentLength = http.NoBody, 0
		out.Header.Del("Content-Md5")
		out.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	}
	for _, name := range []string{"Authorization", "X-Amz-Security-Token", "Accept-Encoding", "User-Agent", "Expect",
		"Content-Length", "Amz-Sdk-Request", "Amz-Sdk-Invocation-Id"} {
		out.Header.Del(name)
	}
	out.Host = ""
	out.URL.RawQuery = query(out.URL.Query())
	y.sign(out)
}

func hasSubresource(r *http.Request) bool {
	q := r.URL.Query()
	q.Del("x-id")
	return len(q) > 0
}

func (y *relay) answer(r *http.Response) {
	if r.Header.Get("X-Amz-Bucket-Region") == "" {
		return
	}
	bucket, _ := bucketOf(r.Request)
	y.mu.Lock()
	defer y.mu.Unlock()
	if region := y.regions[bucket]; region != "" {
		r.Header.Set("X-Amz-Bucket-Region", region)
	}
}
