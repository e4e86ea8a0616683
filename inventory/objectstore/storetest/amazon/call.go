package amazon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// call is one request and what is known of it.
type call struct {
	server    *Server
	w         http.ResponseWriter
	r         *http.Request
	id        string
	host      host
	user      *User
	operation string // as storetest.Operation names it
	name, key string // of the bucket and the object
	query     url.Values
	bucket    *bucket // nil: none is addressed
	body      []byte  // of requests whose body is a document
	read      bool    // the body
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.next++
	c := &call{server: s, w: w, r: r, id: fmt.Sprintf("%016X", s.next), query: r.URL.Query()}
	s.mu.Unlock()
	w.Header().Set("X-Amz-Request-Id", c.id)
	w.Header().Set("X-Amz-Id-2", "host-"+c.id)
	w.Header().Set("Server", "AmazonS3")
	h, err := parseHost(r.Host)
	if err != nil {
		c.refused(refuse(http.StatusBadRequest, "InvalidHost", "no service answers at %s", r.Host))
		return
	}
	c.host = h
	switch h.service {
	case "sts":
		c.sts()
		return
	case "kms":
		c.kms()
		return
	}
	c.address()
	if refused := c.handle(); refused != nil {
		c.refused(refused)
	}
}

// address finds which bucket and object are meant, and which operation.
func (c *call) address() {
	path := c.r.URL.Path
	if c.host.bucket != "" {
		c.name, c.key = c.host.bucket, strings.TrimPrefix(path, "/")
	} else {
		c.name, c.key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	}
	plain := &http.Request{Method: c.r.Method, Header: c.r.Header, URL: &url.URL{Path: c.path(),
		RawQuery: c.r.URL.RawQuery}}
	c.operation = storetest.Operation(plain)
}

// path is the request's, with the bucket in it.
func (c *call) path() string {
	switch {
	case c.name == "":
		return "/"
	case c.key == "":
		return "/" + c.name
	}
	return "/" + c.name + "/" + c.key
}

// handle holds a request to the rules, in the order in which Amazon refuses, and
// then does what it asks.
func (c *call) handle() *refusal {
	s := c.server
	user, refused := s.authenticate(c.r, c.host, emptySHA256)
	if refused != nil {
		return refused
	}
	c.user = user
	if fault, ok := s.decide(c); ok {
		return c.fail(fault)
	}
	return c.carryOut()
}

// carryOut is handle for a request that no fault befalls.
func (c *call) carryOut() *refusal {
	s := c.server
	if refused := checkShape(c); refused != nil {
		s.applied("unknown")
		return refused
	}
	if c.name != "" && c.operation != "CreateBucket" {
		if c.bucket = s.bucket(c.at(c.name)); c.bucket == nil {
			return notFound("NoSuchBucket", "The specified bucket does not exist").with("BucketName", c.name)
		}
	}
	if refused := c.document(); refused != nil {
		return refused
	}
	for _, rule := range rulesBefore() {
		if refused := rule.check(c); refused != nil {
			s.applied(rule.id)
			return refused
		}
	}
	if refused := c.authorize(); refused != nil {
		s.applied("permissions")
		return refused
	}
	for _, rule := range rulesAfter() {
		if refused := rule.check(c); refused != nil {
			s.applied(rule.id)
			return refused
		}
	}
	return c.perform()
}

// maxDocument is the largest document that a request may have: 1,000 keys, or a
// list of 10,000 parts.
const maxDocument = 8 << 20

// document reads the body where it is a document, and checks that it is what its
// hashes say.
func (c *call) document() *refusal {
	switch c.operation {
	case "PutObject", "UploadPart", "PutObjectAnnotation":
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(c.payload(), maxDocument+1))
	if err != nil || len(body) > maxDocument {
		return refuse(http.StatusBadRequest, "IncompleteBody", "the document could not be read, or is too long")
	}
	c.body, c.read = body, true
	if said := c.r.Header.Get("X-Amz-Content-Sha256"); len(said) == 2*sha256.Size {
		if sum := sha256.Sum256(body); said != hex.EncodeToString(sum[:]) {
			return refuse(http.StatusBadRequest, "XAmzContentSHA256Mismatch",
				"The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
	}
	if c.operation == "CompleteMultipartUpload" {
		return nil // its checksums are of the object
	}
	return checkSums(c.r.Header, body)
}

// unread tells whether a body may still be on its way.
func (c *call) unread() bool { return !c.read && c.r.ContentLength != 0 }

// answer sends a document, or nothing.
func (c *call) answer(status int, document []byte) *refusal {
	if len(document) > 0 {
		c.w.Header().Set("Content-Type", "application/xml")
	}
	if status != http.StatusNoContent {
		c.w.Header().Set("Content-Length", fmt.Sprint(len(document)))
	}
	c.w.WriteHeader(status)
	_, _ = io.Copy(c.w, bytes.NewReader(document)) // a client that is gone has no need of it
	return nil
}

// partition is that of the host that is asked.
func (c *call) partition() string {
	p, _ := partitionOf(c.host.region)
	return p.id
}

// at is where a bucket of this name is, for who asks this host.
func (c *call) at(bucket string) place { return place{c.partition(), bucket} }

// arn is the Amazon Resource Name of a bucket, or of an object in it.
func (p place) arn(key string) string {
	a := "arn:" + p.partition + ":s3:::" + p.name
	if key != "" {
		a += "/" + key
	}
	return a
}
