//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// objects is a server of Google Cloud Storage's JSON interface that asks for no credentials.
type objects struct {
	url, region string
	client      *http.Client
}

func newObjects(address, region string) *objects {
	return &objects{url: address, region: region, client: newClient(connections)}
}

func (o *objects) do(
	ctx context.Context, method, path string, q url.Values, kind string, body []byte,
) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, o.url+path+"?"+query(q), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return answered(o.client, r)
}

func (o *objects) createBucket(ctx context.Context, bucket string, _ bool) error {
	body, err := json.Marshal(map[string]any{"name": bucket, "location": o.region,
		"softDeletePolicy": map[string]string{"retentionDurationSeconds": "0"}})
	if err != nil {
		return err
	}
	_, _, err = o.do(ctx, http.MethodPost, "/storage/v1/b", url.Values{"project": {project}}, "application/json", body)
	return err
}

// put sends metadata and bytes in one request (JSON API, "Uploads and downloads", multipart upload).
func (o *objects) put(ctx context.Context, bucket, key string, body []byte, size, _ int64) error {
	name, err := json.Marshal(map[string]string{"name": key})
	if err != nil {
		return err
	}
	const boundary = "-bench-boundary-which-no-data-has-"
	var b bytes.Buffer
	b.WriteString("--" + boundary + "\r\nContent-Type: application/json\r\n\r\n")
	b.Write(name)
	b.WriteString("\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\n\r\n")
	b.Write(body[:size])
	b.WriteString("\r\n--" + boundary + "--\r\n")
	_, _, err = o.do(ctx, http.MethodPost, "/upload/storage/v1/b/"+bucket+"/o", url.Values{"uploadType": {"multipart"}},
		"multipart/related; boundary="+boundary, b.Bytes())
	return err
}

func (o *objects) get(ctx context.Context, bucket, key string) ([]byte, error) {
	_, data, err := o.do(ctx, http.MethodGet, "/storage/v1/b/"+bucket+"/o/"+url.PathEscape(key),
		url.Values{"alt": {"media"}}, "", nil)
	return data, err
}

// listed is an object as a listing shows it.
type listed struct {
	Name, Generation string
	Size             int64 `json:",string"`
}

func (o *objects) each(ctx context.Context, bucket string, f func([]listed) error) error {
	q := url.Values{"versions": {"true"}, "maxResults": {"1000"}}
	for {
		_, data, err := o.do(ctx, http.MethodGet, "/storage/v1/b/"+bucket+"/o", q, "", nil)
		if err != nil {
			return err
		}
		var page struct {
			Items         []listed
			NextPageToken string
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return err
		}
		if err := f(page.Items); err != nil {
			return err
		}
		if page.NextPageToken == "" {
			return nil
		}
		q.Set("pageToken", page.NextPageToken)
	}
}

func (o *objects) holds(ctx context.Context, bucket string) (n, size, _ int64, err error) {
	err = o.each(ctx, bucket, func(page []listed) error {
		for _, l := range page {
			n, size = n+1, size+l.Size
		}
		return nil
	})
	return n, size, 0, err
}

func (o *objects) remove(ctx context.Context, bucket string) error {
	if status, _, err := o.do(ctx, http.MethodGet, "/storage/v1/b/"+bucket, nil, "", nil); err != nil {
		if status == http.StatusNotFound {
			return nil
		}
		return err
	}
	var all []listed
	if err := o.each(ctx, bucket, func(page []listed) error { all = append(all, page...); return nil }); err != nil {
		return err
	}
	if err := parallel(ctx, len(all), connections, func(i int) error {
		_, _, err := o.do(ctx, http.MethodDelete, "/storage/v1/b/"+bucket+"/o/"+url.PathEscape(all[i].Name),
			url.Values{"generation": {all[i].Generation}}, "", nil)
		return err
	}); err != nil {
		return err
	}
	_, _, err := o.do(ctx, http.MethodDelete, "/storage/v1/b/"+bucket, nil, "", nil)
	return err
}
