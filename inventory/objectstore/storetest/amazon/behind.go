package amazon

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// behind is a request to one of the servers behind, which have one account and know
// nothing of identities.
type behind struct {
	method      string
	bucket, key string
	query       url.Values
	header      http.Header
	body        []byte    // or
	stream      io.Reader // of length bytes
	length      int64
}

// answered is what such a server answered, its body read.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// refusal is the server's error, as it is.
func (a answered) refusal() *refusal {
	var said struct{ Code, Message string }
	_ = xml.Unmarshal(a.body, &said) // an answer to HEAD has none
	if said.Code == "" {
		said.Code = strings.ReplaceAll(http.StatusText(a.status), " ", "")
	}
	return refuse(a.status, said.Code, "%s", said.Message)
}

func broken(err error) *refusal {
	return refuse(http.StatusInternalServerError, "InternalError", "the server behind: %v", err)
}

// send is open for answers that are small.
func (s *Server) send(ctx context.Context, region string, b behind) (answered, error) {
	// What arrived is done, and noted, though the client may be gone by now.
	resp, err := s.open(context.WithoutCancel(ctx), region, b)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, body}, err
}

// open sends a request to a region's server. The caller closes the answer's body.
func (s *Server) open(ctx context.Context, region string, b behind) (*http.Response, error) {
	base, err := url.Parse(s.box.Endpoints[region])
	if err != nil {
		return nil, err
	}
	u := &url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/", RawQuery: strings.ReplaceAll(b.query.Encode(),
		"+", "%20")}
	if b.bucket != "" {
		u.Path = "/" + b.bucket
	}
	if b.key != "" {
		u.Path += "/" + b.key
		u.RawPath = "/" + b.bucket + "/" + escapePath(b.key)
	}
	r, err := http.NewRequestWithContext(ctx, b.method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.URL = u
	for name, values := range b.header {
		r.Header[name] = values
	}
	hash := emptySHA256
	switch {
	case b.stream != nil:
		r.Body, r.ContentLength = io.NopCloser(b.stream), b.length
		if b.length == 0 {
			r.Body = http.NoBody
		}
		if hash = r.Header.Get("X-Amz-Content-Sha256"); hash == "" {
			hash = "UNSIGNED-PAYLOAD"
		}
	case len(b.body) > 0:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b.body)), int64(len(b.body))
		sum := sha256.Sum256(b.body)
		hash = hex.EncodeToString(sum[:])
		if !guarded(r.Header) {
			sum := md5.Sum(b.body)
			r.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
		}
	}
	r.Header.Set("X-Amz-Content-Sha256", hash)
	r.Header.Set("User-Agent", "amazon")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	as := aws.Credentials{AccessKeyID: s.box.AccessKey, SecretAccessKey: s.box.SecretKey}
	if err := signer.SignHTTP(ctx, as, r, hash, "s3", region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return s.transport.RoundTrip(r)
}

func escapePath(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(p), "+", "%20")
	}
	return strings.Join(parts, "/")
}
