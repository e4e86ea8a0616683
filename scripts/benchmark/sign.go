//go:build linux

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// credentials are of the test servers alone.
type credentials struct{ id, secret string }

// signer signs requests to one region (AWS Signature Version 4). What is
// signed of the body is x-amz-content-sha256 as it stands.
type signer struct {
	credentials
	region string

	mu  sync.Mutex
	day string
	key []byte
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // a hash's Write never fails
	return h.Sum(nil)
}

func (s *signer) keyOf(day string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.day != day {
		k := mac([]byte("AWS4"+s.secret), day)
		for _, part := range []string{s.region, "s3", "aws4_request"} {
			k = mac(k, part)
		}
		s.day, s.key = day, k
	}
	return s.key
}

// sign expects a URL whose RawQuery is sorted and escaped.
func (s *signer) sign(r *http.Request) {
	at := time.Now().UTC().Format("20060102T150405Z")
	day := at[:8]
	r.Header.Set("X-Amz-Date", at)
	names := make([]string, 0, len(r.Header)+1)
	names = append(names, "host")
	for n := range r.Header {
		names = append(names, strings.ToLower(n))
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString(r.Method + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery + "\n")
	for _, n := range names {
		v := r.URL.Host
		if n != "host" {
			v = r.Header.Get(n)
		}
		b.WriteString(n + ":" + strings.TrimSpace(v) + "\n")
	}
	signed := strings.Join(names, ";")
	b.WriteString("\n" + signed + "\n" + r.Header.Get("X-Amz-Content-Sha256"))
	sum := sha256.Sum256([]byte(b.String()))
	scope := day + "/" + s.region + "/s3/aws4_request"
	signature := mac(s.keyOf(day), "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hex.EncodeToString(sum[:]))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+s.id+"/"+scope+", SignedHeaders="+signed+", Signature="+
		hex.EncodeToString(signature))
}

// query encodes pairs as a signature wants them: sorted, spaces as %20.
func query(v url.Values) string { return strings.ReplaceAll(v.Encode(), "+", "%20") }
