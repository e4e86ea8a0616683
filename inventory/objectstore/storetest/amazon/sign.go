package amazon

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// credential is what a request says of who signed it, and for what.
type credential struct {
	accessKey, day, region, service string
	signed                          []string // names of headers, in lower case
	signature                       string
}

// parseCredential reads an Authorization header (Amazon S3 API Reference,
// "Authenticating Requests: Using the Authorization Header").
func parseCredential(header string) (credential, *refusal) {
	malformed := func() (credential, *refusal) {
		return credential{}, refuse(http.StatusBadRequest, "AuthorizationHeaderMalformed",
			"The authorization header is malformed")
	}
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		if header == "" {
			return credential{}, denied("Access Denied")
		}
		return malformed()
	}
	var c credential
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return malformed()
			}
			c.accessKey, c.day, c.region, c.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			c.signed = strings.Split(value, ";")
		case "Signature":
			c.signature = value
		}
	}
	if c.accessKey == "" || c.signature == "" || len(c.signed) == 0 {
		return malformed()
	}
	return c, nil
}

// skew is how far a signature's time may be from the service's clock.
const skew = 15 * time.Minute

// authenticate checks a request's signature: its scope, its time, who made it, and
// that it is of this request. The payload is the SHA-256 of a body that is signed
// without saying so.
func (s *Server) authenticate(r *http.Request, h host, payload string) (*User, *refusal) {
	c, refused := parseCredential(r.Header.Get("Authorization"))
	if refused != nil {
		return nil, refused
	}
	p, _ := partitionOf(h.region)
	user := s.user(c.accessKey, p.id)
	if user == nil {
		return nil, refuse(http.StatusForbidden, "InvalidAccessKeyId",
			"The AWS Access Key Id you provided does not exist in our records.").with("AWSAccessKeyId", c.accessKey)
	}
	if c.region != h.region || c.service != h.service {
		s.applied("signature-scope")
		if h.service != "s3" {
			return nil, refuse(http.StatusForbidden, "SignatureDoesNotMatch",
				"Credential should be scoped to a valid region.")
		}
		return nil, refuse(http.StatusBadRequest, "AuthorizationHeaderMalformed",
			"The authorization header is malformed; the region '%s' is wrong; expecting '%s'", c.region, h.region).
			with("Region", h.region)
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != c.day {
		return nil, denied("AWS authentication requires a valid Date or x-amz-date header")
	}
	if at.Sub(s.now()).Abs() > skew {
		s.applied("clock")
		return nil, refuse(http.StatusForbidden, "RequestTimeTooSkewed",
			"The difference between the request time and the current time is too large.")
	}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(c.signed, lower) {
			s.applied("signed-headers")
			return nil, denied("There were headers present in the request which were not "+
				"signed").with("HeadersNotSigned", lower)
		}
	}
	if subtle.ConstantTimeCompare([]byte(c.signature), []byte(signature(r, c, user.SecretKey, payload))) != 1 {
		return nil, refuse(http.StatusForbidden, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided.")
	}
	return user, nil
}

// signature is what a request's signature has to be (AWS Signature Version 4).
func signature(r *http.Request, c credential, secret, payload string) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if said := r.Header.Get("X-Amz-Content-Sha256"); said != "" {
		payload = said
	}
	lines := []string{r.Method, path, canonicalQuery(r.URL.RawQuery)}
	for _, name := range c.signed {
		lines = append(lines, name+":"+signedValue(r, name))
	}
	lines = append(lines, "", strings.Join(c.signed, ";"), payload)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	scope := strings.Join([]string{c.day, c.region, c.service, "aws4_request"}, "/")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), scope,
		hex.EncodeToString(sum[:])}, "\n")
	key := mac([]byte("AWS4"+secret), c.day)
	for _, part := range []string{c.region, c.service, "aws4_request", text} {
		key = mac(key, part)
	}
	return hex.EncodeToString(key)
}

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // a hash's Write never fails
	return h.Sum(nil)
}

func signedValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.FieldsFunc(v, func(c rune) bool { return c == ' ' }), " ")
	}
	return strings.Join(values, ",")
}

func canonicalQuery(raw string) string {
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, reescape(name)+"="+reescape(value))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func reescape(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return strings.ReplaceAll(url.QueryEscape(plain), "+", "%20")
}
