package gcsstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// query are a request's parameters. Those without a value are left out, but for those that
// stand in bare.
type query map[string]string

// request is one that is to be sent.
type request struct {
	op     string // Google's name of the method, by which its permissions go
	where  string // the bucket or endpoint, as errors name it
	bucket string // empty: it is about none
	method string
	path   string // escaped
	query  query
	bare   string // a parameter without a value, of the XML API
	header http.Header
	body   io.Reader // nil: none
	size   int64     // of the body in bytes

	payer  string // the project that pays for it; empty: the bucket's own
	repeat bool   // it may be sent again
	object bool   // the answer is an object's bytes, and left to the caller
	slow   bool   // the answer may take minutes
}

// request makes one without a body. A GET may be repeated.
func (s *Store) request(op, bucket, method, path string, q query) *request {
	return &request{op: op, bucket: bucket, where: s.where(bucket), method: method, path: path, query: q,
		header: make(http.Header), repeat: method == http.MethodGet}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	data   []byte        // of all but objects
	body   io.ReadCloser // of an object
	length int64         // of the body in bytes as announced; -1: not told
	at     time.Time     // the service's clock; zero: not told
}

var errJSON = errors.New("the answer is not what it should be")

// read sends a request and decodes the JSON that is answered.
func (s *Store) read(ctx context.Context, r *request, into any) (*answer, error) {
	a, err := s.transport.send(ctx, r)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(a.data, into); err != nil {
		return a, s.broken(r, errJSON) // the decoder's text may hold a key
	}
	return a, nil
}

// withJSON gives a request a JSON body.
func (r *request) withJSON(body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.op, r.where, err)
	}
	r.header.Set("Content-Type", "application/json; charset=utf-8")
	r.body, r.size = strings.NewReader(string(data)), int64(len(data))
	return nil
}

// url is the request's, on a base.
func (r *request) url(base string) string {
	var b strings.Builder
	b.WriteString(base)
	b.WriteString(r.path)
	sep := byte('?')
	if r.bare != "" {
		b.WriteByte(sep)
		b.WriteString(r.bare)
		sep = '&'
	}
	for _, name := range sortedKeys(r.query) {
		if r.query[name] == "" {
			continue
		}
		b.WriteByte(sep)
		b.WriteString(escape(name))
		b.WriteByte('=')
		b.WriteString(escape(r.query[name]))
		sep = '&'
	}
	return b.String()
}

// escape escapes all but unreserved characters, slashes too: an object's name is one
// segment of the JSON API's paths (Cloud Storage documentation, "Request endpoints",
// encoding URL path parts).
func escape(text string) string { return escaped(text, false) }

// escapePath leaves slashes as they are, as the XML API's paths have them.
func escapePath(text string) string { return escaped(text, true) }

func escaped(text string, slashes bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		if c := text[i]; plain(c) || slashes && c == '/' {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' ||
		c == '~'
}

// bucketPath and objectPath are the JSON API's.
func bucketPath(bucket string) string { return "/storage/v1/b/" + escape(bucket) }

func objectPath(bucket, key string) string { return bucketPath(bucket) + "/o/" + escape(key) }

// decimal is a number as a parameter.
func decimal(n int64) string { return strconv.FormatInt(n, 10) }
