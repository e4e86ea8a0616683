//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// blobVersion is that of the service's interface ("Versioning for Azure Storage").
const blobVersion = "2026-06-06"

// blobs is one storage account, reached with as little as can be.
type blobs struct {
	url, account string
	key          []byte
	client       *http.Client
}

func newBlobs(address, account string, key []byte) *blobs {
	return &blobs{url: address + "/" + account, account: account, key: key, client: newClient(connections)}
}

// do sends a request whose path needs no escaping. An answer that is not 2xx is an error.
func (b *blobs) do(
	ctx context.Context, method, path string, q url.Values, body []byte, header ...string,
) (status int, answer []byte, err error) {
	address := b.url + path
	if len(q) > 0 {
		address += "?" + query(q)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("X-Ms-Version", blobVersion)
	r.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	mac := hmac.New(sha256.New, b.key)
	_, _ = mac.Write([]byte(b.toSign(r))) // a hash's Write never fails
	r.Header.Set("Authorization", "SharedKey "+b.account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return answered(b.client, r)
}

// toSign is what a Shared Key signs ("Authorize with Shared Key").
func (b *blobs) toSign(r *http.Request) string {
	length := ""
	if r.ContentLength > 0 {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	var own []string
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			own = append(own, lower+":"+r.Header.Get(name)+"\n")
		}
	}
	slices.Sort(own)
	text := r.Method + "\n\n\n" + length + strings.Repeat("\n", 9) + strings.Join(own, "") + "/" + b.account + r.URL.Path
	q := r.URL.Query()
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text += "\n" + name + ":" + q.Get(name)
	}
	return text
}

func (b *blobs) createBucket(ctx context.Context, bucket string, _ bool) error {
	_, _, err := b.do(ctx, http.MethodPut, "/"+bucket, url.Values{"restype": {"container"}}, nil)
	return err
}

// put sends a blob in one piece, as large ones of the workloads may be.
func (b *blobs) put(ctx context.Context, bucket, key string, body []byte, size, _ int64) error {
	_, _, err := b.do(ctx, http.MethodPut, "/"+bucket+"/"+key, nil, body[:size], "X-Ms-Blob-Type", "BlockBlob")
	return err
}

func (b *blobs) get(ctx context.Context, bucket, key string) ([]byte, error) {
	_, data, err := b.do(ctx, http.MethodGet, "/"+bucket+"/"+key, nil, nil)
	return data, err
}

func (b *blobs) holds(ctx context.Context, bucket string) (n, size, _ int64, err error) {
	q := url.Values{"restype": {"container"}, "comp": {"list"}}
	for {
		_, data, err := b.do(ctx, http.MethodGet, "/"+bucket, q, nil)
		if err != nil {
			return n, size, 0, err
		}
		var page struct {
			Sizes []int64 `xml:"Blobs>Blob>Properties>Content-Length"`
			Next  string  `xml:"NextMarker"`
		}
		if err := xml.Unmarshal(data, &page); err != nil {
			return n, size, 0, err
		}
		for _, s := range page.Sizes {
			n, size = n+1, size+s
		}
		if page.Next == "" {
			return n, size, 0, nil
		}
		q.Set("marker", page.Next)
	}
}

func (b *blobs) remove(ctx context.Context, bucket string) error {
	status, _, err := b.do(ctx, http.MethodDelete, "/"+bucket, url.Values{"restype": {"container"}}, nil)
	if status == http.StatusNotFound {
		return nil
	}
	return err
}

// containers lists the first page of them, of which a benchmark has few.
func (b *blobs) containers(ctx context.Context) ([]string, error) {
	_, data, err := b.do(ctx, http.MethodGet, "/", url.Values{"comp": {"list"}}, nil)
	if err != nil {
		return nil, err
	}
	var page struct {
		Names []string `xml:"Containers>Container>Name"`
	}
	err = xml.Unmarshal(data, &page)
	return page.Names, err
}

// newClient keeps so many connections.
func newClient(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableCompression: true, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
		IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 10 * time.Minute,
	}}
}

// answered sends a request and reads its answer, which is an error unless it is 2xx.
func answered(client *http.Client, r *http.Request) (status int, answer []byte, err error) {
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return resp.StatusCode, nil, err
	}
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode, answer, fmt.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, resp.Status,
			answer[:min(len(answer), 4096)])
	}
	return resp.StatusCode, answer, nil
}
