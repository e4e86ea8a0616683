//go:build linux

package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// uploads stands in front of fake-gcs-server and knows of unfinished uploads that get no part (XML API,
// "Initiate a multipart upload", "List multipart uploads", "Abort a multipart upload"). That server has
// none, and residency writes nowhere that it cannot leave one as a mark. All else goes through it, for
// every tool.
type uploads struct {
	next http.Handler

	mu   sync.Mutex
	last int
	all  []unfinished
}

type unfinished struct{ bucket, key, id string }

// startUploads serves one on loopback.
func startUploads(upstream string) (address string, stop func() error, err error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 512, WriteBufferSize: 64 * kib,
		ReadBufferSize: 64 * kib}
	proxy := &httputil.ReverseProxy{Transport: transport, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host
			if r.Out.Body != nil && r.Out.Body != http.NoBody {
				r.Out.Body = whole(r.Out)
			}
		}}
	s := &http.Server{Handler: &uploads{next: proxy}, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // until stop
	return "http://" + l.Addr().String(), func() error {
		transport.CloseIdleConnections()
		return s.Close()
	}, nil
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case strings.HasPrefix(r.URL.Path, "/storage/") || strings.HasPrefix(r.URL.Path, "/upload/"):
	case r.Method == http.MethodPost && q.Has("uploads"):
		u.create(w, bucket, key)
		return
	case r.Method == http.MethodGet && key == "" && q.Has("uploads"):
		u.list(w, bucket, q.Get("prefix"))
		return
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		u.abort(w, unfinished{bucket, key, q.Get("uploadId")})
		return
	}
	u.next.ServeHTTP(w, r)
}

func (u *uploads) create(w http.ResponseWriter, bucket, key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last++
	one := unfinished{bucket, key, fmt.Sprintf("upload-%d", u.last)}
	u.all = append(u.all, one)
	document(w, struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{Bucket: bucket, Key: key, UploadID: one.id})
}

func (u *uploads) list(w http.ResponseWriter, bucket, prefix string) {
	type upload struct {
		Key       string
		UploadID  string `xml:"UploadId"`
		Initiated time.Time
	}
	var found []upload
	u.mu.Lock()
	for _, one := range u.all {
		if one.bucket == bucket && strings.HasPrefix(one.key, prefix) {
			found = append(found, upload{url.QueryEscape(one.key), one.id, time.Now().UTC()})
		}
	}
	u.mu.Unlock()
	slices.SortFunc(found, func(a, b upload) int { return cmp.Compare(a.Key, b.Key) })
	document(w, struct {
		XMLName      xml.Name `xml:"ListMultipartUploadsResult"`
		EncodingType string
		IsTruncated  bool
		Upload       []upload
	}{EncodingType: "url", Upload: found})
}

func (u *uploads) abort(w http.ResponseWriter, one unfinished) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := slices.Index(u.all, one)
	if i < 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	u.all = slices.Delete(u.all, i, i+1)
	w.WriteHeader(http.StatusNoContent)
}

func document(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(v) // who stops reading has asked in vain
}
