package s3store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptyPayload    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	signedAt        = "20060102T150405Z"
)

// signer signs requests (AWS Signature Version 4) with a key that is derived
// once per day, region and secret. It is safe for concurrent use.
type signer struct {
	mu     sync.Mutex
	of     signingKey
	secret []byte
}

type signingKey struct{ secret, day, region, service string }

func (s *signer) key(of signingKey) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of != of {
		k := mac([]byte("AWS4"+of.secret), of.day)
		for _, part := range []string{of.region, of.service, "aws4_request"} {
			k = mac(k, part)
		}
		s.of, s.secret = of, k
	}
	return s.secret
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // a hash's Write never fails
	return h.Sum(make([]byte, 0, sha256.Size))
}

// unsignedHeader tells of headers that are left out of the signature: what stands between
// may change them, and the service does not act on them.
func unsignedHeader(name string) bool {
	return name == "User-Agent" || name == "Expect" || name == "Accept-Encoding"
}

// sign adds a request's date, token and signature. Its URL is escaped, its
// query sorted, and its header names are in canonical form.
func (s *signer) sign(r *http.Request, payload string, c aws.Credentials, region, service string, at time.Time) {
	date := at.UTC().Format(signedAt)
	day := date[:8]
	delete(r.Header, "Authorization") // of an attempt before
	r.Header["X-Amz-Date"] = []string{date}
	r.Header["X-Amz-Content-Sha256"] = []string{payload}
	if c.SessionToken != "" {
		r.Header["X-Amz-Security-Token"] = []string{c.SessionToken}
	}
	type pair struct{ lower, name string }
	var space [24]pair
	names := append(space[:0], pair{"host", ""})
	for name := range r.Header {
		if !unsignedHeader(name) {
			names = append(names, pair{strings.ToLower(name), name})
		}
	}
	slices.SortFunc(names, func(a, b pair) int { return strings.Compare(a.lower, b.lower) })
	b := make([]byte, 0, 1024)
	b = append(append(b, r.Method...), '\n')
	b = append(append(b, r.URL.EscapedPath()...), '\n')
	b = append(append(b, r.URL.RawQuery...), '\n')
	signed := make([]byte, 0, 256)
	for i, n := range names {
		b = append(append(b, n.lower...), ':')
		if n.name == "" {
			b = append(b, r.URL.Host...)
		} else {
			b = appendValues(b, r.Header[n.name])
		}
		b = append(b, '\n')
		if i > 0 {
			signed = append(signed, ';')
		}
		signed = append(signed, n.lower...)
	}
	b = append(append(append(b, '\n'), signed...), '\n')
	b = append(b, payload...)
	sum := sha256.Sum256(b)
	scope := day + "/" + region + "/" + service + "/aws4_request"
	b = append(b[:0], "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"...)
	b = hex.AppendEncode(b, sum[:])
	h := hmac.New(sha256.New, s.key(signingKey{c.SecretAccessKey, day, region, service}))
	_, _ = h.Write(b) // a hash's Write never fails
	b = append(b[:0], "AWS4-HMAC-SHA256 Credential="+c.AccessKeyID+"/"+scope+", SignedHeaders="...)
	b = append(append(b, signed...), ", Signature="...)
	b = hex.AppendEncode(b, h.Sum(nil))
	r.Header["Authorization"] = []string{string(b)}
}

// appendValues writes a header's values as a signature has them: trimmed, and
// one space where there are more.
func appendValues(b []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		v = strings.Trim(v, " ")
		for at := 0; at < len(v); at++ {
			if v[at] == ' ' && v[at-1] == ' ' {
				continue
			}
			b = append(b, v[at])
		}
	}
	return b
}

// escapePath escapes a key for a URL's path and its signature: all but
// unreserved characters and slashes.
func escapePath(key string) string {
	const digits = "0123456789ABCDEF"
	escaped := 0
	for i := range len(key) {
		if !plainInPath(key[i]) {
			escaped++
		}
	}
	if escaped == 0 {
		return key
	}
	b := make([]byte, 0, len(key)+2*escaped)
	for i := range len(key) {
		if c := key[i]; plainInPath(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

func plainInPath(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' || c == '/'
}

// escapeQuery escapes a value of a query, in which a slash is one more
// character to escape.
func escapeQuery(value string) string { return strings.ReplaceAll(escapePath(value), "/", "%2F") }
