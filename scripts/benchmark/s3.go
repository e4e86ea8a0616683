//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// endpoint is one S3 server, reached with as little as can be: it is the floor
// that tools are measured against, and makes the data.
type endpoint struct {
	url    string
	client *http.Client
	signer
}

func newEndpoint(address, region string, c credentials, connections int) *endpoint {
	return &endpoint{
		url: address, signer: signer{credentials: c, region: region},
		client: &http.Client{Transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
			IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 10 * time.Minute,
		}},
	}
}

// do sends a request whose path needs no escaping and returns an answer of
// status 2xx, whose body the caller closes.
func (e *endpoint) do(
	ctx context.Context, method, path string, q url.Values, body io.Reader, size int64, header ...string,
) (*http.Response, error) {
	address := e.url + path
	if len(q) > 0 {
		address += "?" + query(q)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.ContentLength = size
		if size == 0 {
			r.Body = http.NoBody
		}
	}
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	e.sign(r)
	resp, err := e.client.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return resp, nil
}

// done sends a request of whose answer only the header matters.
func (e *endpoint) done(
	ctx context.Context, method, path string, q url.Values, body []byte, header ...string,
) (http.Header, error) {
	resp, err := e.do(ctx, method, path, q, bytes.NewReader(body), int64(len(body)), header...)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.Header, err
}

// withXML sends a document, with the MD5 that some requests demand.
func (e *endpoint) withXML(ctx context.Context, method, path string, q url.Values, doc string, into any) error {
	sum := md5.Sum([]byte(doc))
	resp, err := e.do(ctx, method, path, q, bytes.NewReader([]byte(doc)), int64(len(doc)), "Content-Md5",
		base64.StdEncoding.EncodeToString(sum[:]))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return xml.NewDecoder(resp.Body).Decode(into)
}

func (e *endpoint) createBucket(ctx context.Context, bucket string, versioned bool) error {
	doc := ""
	if e.region != "us-east-1" {
		doc = "<CreateBucketConfiguration><LocationConstraint>" + e.region +
			"</LocationConstraint></CreateBucketConfiguration>"
	}
	if err := e.withXML(ctx, http.MethodPut, "/"+bucket, nil, doc, nil); err != nil {
		return err
	}
	if !versioned {
		return nil
	}
	return e.withXML(ctx, http.MethodPut, "/"+bucket, url.Values{"versioning": {""}},
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", nil)
}

// put sends an object, in parts if part is above 0.
func (e *endpoint) put(ctx context.Context, bucket, key string, body []byte, size, part int64) error {
	path := "/" + bucket + "/" + key
	if part <= 0 || size <= part {
		_, err := e.done(ctx, http.MethodPut, path, nil, body[:size])
		return err
	}
	var begun struct{ UploadId string }
	if err := e.withXML(ctx, http.MethodPost, path, url.Values{"uploads": {""}}, "", &begun); err != nil {
		return err
	}
	var doc bytes.Buffer
	doc.WriteString("<CompleteMultipartUpload>")
	for n, at := 1, int64(0); at < size; n, at = n+1, at+part {
		h, err := e.done(ctx, http.MethodPut, path, url.Values{"partNumber": {strconv.Itoa(n)}, "uploadId": {begun.UploadId}},
			body[:min(part, size-at)])
		if err != nil {
			return err
		}
		fmt.Fprintf(&doc, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n, h.Get("Etag"))
	}
	doc.WriteString("</CompleteMultipartUpload>")
	return e.withXML(ctx, http.MethodPost, path, url.Values{"uploadId": {begun.UploadId}}, doc.String(), nil)
}

// listing is what a listing of versions says; of an unversioned bucket each
// object is a version.
type listing struct {
	IsTruncated         bool
	NextKeyMarker       string
	NextVersionIdMarker string
	Version             []entry
	DeleteMarker        []entry
}

type entry struct {
	Key       string
	VersionId string
	Size      int64
}

// each calls f with every page of a bucket's versions and delete markers.
func (e *endpoint) get(ctx context.Context, bucket, key string) ([]byte, error) {
	resp, err := e.do(ctx, http.MethodGet, "/"+bucket+"/"+key, nil, nil, 0)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (e *endpoint) each(ctx context.Context, bucket string, f func(versions, markers []entry) error) error {
	q := url.Values{"versions": {""}, "max-keys": {"1000"}}
	var last entry
	for {
		resp, err := e.do(ctx, http.MethodGet, "/"+bucket, q, nil, 0)
		if err != nil {
			return err
		}
		var page listing
		err = xml.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil {
			return err
		}
		// Some servers begin a page with the entry that ended the one before.
		if len(page.Version) > 0 && page.Version[0] == last {
			page.Version = page.Version[1:]
		}
		if n := len(page.Version); n > 0 {
			last = page.Version[n-1]
		}
		if err := f(page.Version, page.DeleteMarker); err != nil {
			return err
		}
		if !page.IsTruncated {
			return nil
		}
		q.Set("key-marker", page.NextKeyMarker)
		q.Set("version-id-marker", page.NextVersionIdMarker)
	}
}

// holds counts a bucket's versions and their bytes, and its delete markers.
func (e *endpoint) holds(ctx context.Context, bucket string) (versions, size, markers int64, err error) {
	err = e.each(ctx, bucket, func(v, m []entry) error {
		versions, markers = versions+int64(len(v)), markers+int64(len(m))
		for _, x := range v {
			size += x.Size
		}
		return nil
	})
	return versions, size, markers, err
}

// remove deletes a bucket and all that is in it. A bucket that is not there is
// no error.
func (e *endpoint) remove(ctx context.Context, bucket string) error {
	if _, err := e.done(ctx, http.MethodHead, "/"+bucket, nil, nil); err != nil {
		return ctx.Err()
	}
	for {
		var doc bytes.Buffer
		count := 0
		enough := fmt.Errorf("a page is enough")
		err := e.each(ctx, bucket, func(v, m []entry) error {
			doc.WriteString("<Delete><Quiet>true</Quiet>")
			for _, x := range append(v, m...) {
				count++
				fmt.Fprintf(&doc, "<Object><Key>%s</Key><VersionId>%s</VersionId></Object>", x.Key, x.VersionId)
			}
			doc.WriteString("</Delete>")
			return enough // what follows moves up when this page is gone
		})
		if err != nil && err != enough {
			return err
		}
		if count == 0 {
			break
		}
		if err := e.withXML(ctx, http.MethodPost, "/"+bucket, url.Values{"delete": {""}}, doc.String(), nil); err != nil {
			return err
		}
	}
	_, err := e.done(ctx, http.MethodDelete, "/"+bucket, nil, nil)
	return err
}
