package amazon

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// copied is the source of a copy, opened.
type copied struct {
	bucket    *bucket
	key, id   string
	object    *object
	header    http.Header // as the server behind tells it
	body      io.ReadCloser
	size      int64
	versioned bool // the answer names the version
}

// source opens the source of a copy, under the conditions of the request.
func (c *call) source(span string) (*copied, *refusal) {
	s, h := c.server, c.r.Header
	name, key, id, ok := c.copySource()
	if !ok {
		return nil, invalidArgument("x-amz-copy-source", h.Get("X-Amz-Copy-Source"),
			"Copy Source must mention the source bucket and key")
	}
	b := s.bucket(c.at(name))
	if b == nil {
		return nil, notFound("NoSuchBucket", "The specified bucket does not exist").with("BucketName", name)
	}
	if s.private(c.host) && b.region != c.host.region {
		s.applied("vpc-endpoint")
		return nil, denied("VPC endpoints do not support cross-region requests")
	}
	if expected := h.Get("X-Amz-Source-Expected-Bucket-Owner"); expected != "" && expected != b.account {
		s.applied("source-owner")
		return nil, denied("Access Denied")
	}
	out := behind{method: http.MethodGet, bucket: name, key: key, query: url.Values{},
		header: http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}}}
	if id != "" {
		out.query.Set("versionId", id)
	}
	for _, condition := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if v := h.Get("X-Amz-Copy-Source-" + condition); v != "" {
			out.header.Set(condition, b.kept(key, v))
		}
	}
	if span != "" {
		out.header.Set("Range", span)
	}
	resp, err := s.open(c.r.Context(), b.region, out)
	if err != nil {
		return nil, broken(err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusNotModified {
			return nil, preconditionFailed("x-amz-copy-source-If-None-Match")
		}
		body, _ := io.ReadAll(resp.Body) // the status says enough
		refused := answered{resp.StatusCode, resp.Header, body}.refusal()
		if resp.StatusCode == http.StatusNotFound && !c.sees(need{"s3:ListBucket", c.at(name).arn("")}) {
			s.applied("404-is-403")
			return nil, denied("Access Denied")
		}
		if resp.StatusCode == http.StatusMethodNotAllowed {
			return nil, invalidRequest("The source of a copy request may not specifically refer to a delete " +
				"marker by version id.")
		}
		return nil, refused
	}
	from := &copied{bucket: b, key: key, header: resp.Header, body: resp.Body, size: resp.ContentLength,
		versioned: resp.Header.Get("X-Amz-Version-Id") != ""}
	from.id = resp.Header.Get("X-Amz-Version-Id")
	from.object = b.object(key, from.id)
	refused := c.opensSource(from.object)
	if refused == nil {
		refused = c.usesKey(b, from.object, "Decrypt")
	}
	if refused != nil {
		_ = resp.Body.Close()
		return nil, refused
	}
	return from, nil
}

// opensSource is opens for the source of a copy.
func (c *call) opensSource(o *object) *refusal {
	said := c.r.Header.Get(copyCustomer + "Key-Md5")
	switch {
	case o.sse == "SSE-C" && said == "":
		return invalidRequest("The object was stored using a form of Server Side Encryption. The correct " +
			"parameters must be provided to retrieve the object.")
	case o.sse == "SSE-C" && said != o.customer:
		return denied("Access Denied")
	}
	return c.atHand(o)
}

// system are the headers of an object that a copy carries; a website's redirect is
// not among them (Amazon S3 API Reference, "CopyObject",
// x-amz-website-redirect-location).
func system() []string {
	return []string{"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language",
		"Expires"}
}

// copyObject copies an object, from any region to this one.
func (c *call) copyObject() *refusal {
	s, h := c.server, c.r.Header
	from, refused := c.source("")
	if refused != nil {
		return refused
	}
	defer from.body.Close()
	if from.size > s.options.MaxCopy {
		s.applied("copy-size")
		return invalidRequest("The specified copy source is larger than the maximum allowable size for a copy "+
			"source: %d", s.options.MaxCopy)
	}
	o := c.encryptedBy()
	if refused := c.sameCopy(from, o); refused != nil {
		return refused
	}
	if refused := c.usesKey(c.bucket, o, "GenerateDataKey"); refused != nil {
		return refused
	}
	header := http.Header{}
	if strings.EqualFold(h.Get("X-Amz-Metadata-Directive"), "REPLACE") {
		header = carried(h)
		header.Del("X-Amz-Tagging")
		header.Del("X-Amz-Content-Sha256")
	} else {
		pass(header, from.header, system()...)
		for name, values := range from.header {
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				header[name] = values
			}
		}
		pass(header, h, "X-Amz-Website-Redirect-Location", "X-Amz-Object-Lock-Mode",
			"X-Amz-Object-Lock-Retain-Until-Date",
			"X-Amz-Object-Lock-Legal-Hold")
		if from.header.Get("X-Amz-Website-Redirect-Location") != "" {
			s.applied("redirect-not-copied")
		}
	}
	if refused := c.copiedTags(from, header); refused != nil {
		return refused
	}
	c.retain(header)
	pass(header, h, "If-Match", "If-None-Match")
	if v := header.Get("If-Match"); v != "" && v != "*" {
		header.Set("If-Match", c.bucket.kept(c.key, v))
	}
	file, size, sums, err := s.spool(from.body, algorithmOf(h, from.header))
	if err != nil {
		return broken(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	for name, value := range sums {
		header.Set(name, value)
	}
	if err := c.wrote(); err != nil {
		return broken(err)
	}
	resp, err := s.send(c.r.Context(), c.bucket.region, behind{method: http.MethodPut, bucket: c.name, key: c.key,
		header: header, stream: file, length: size})
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	id := resp.header.Get("X-Amz-Version-Id")
	etag := c.shows(o, resp.header.Get("Etag"), id)
	o.acl = aclFrom(h, c.bucket, c.user)
	c.bucket.note(c.key, id, o)
	pass(c.w.Header(), resp.header, "X-Amz-Version-Id")
	if from.versioned {
		c.w.Header().Set("X-Amz-Copy-Source-Version-Id", from.id)
	}
	o.tell(c.w.Header())
	return c.answer(http.StatusOK, c.result("CopyObjectResult", etag, sums))
}

// result is the document of a copy: checksums are there, not in the header (Amazon S3
// API Reference, "CopyObject", Response Elements).
func (c *call) result(root, etag string, sums map[string]string) []byte {
	c.server.applied("copy-result")
	var b strings.Builder
	fmt.Fprintf(&b, xml.Header+`<%s %s><ETag>%s</ETag><LastModified>%s</LastModified>`, root, namespace,
		strings.ReplaceAll(etag, `"`, "&quot;"), stamp(c.server.now()))
	for name, value := range sums {
		element := checksumElement(strings.TrimPrefix(name, checksumPrefix))
		fmt.Fprintf(&b, "<%s>%s</%s>", element, value, element)
	}
	if root == "CopyObjectResult" {
		b.WriteString("<ChecksumType>FULL_OBJECT</ChecksumType>")
	}
	b.WriteString("</" + root + ">")
	return []byte(b.String())
}

// sameCopy refuses a copy of an object to itself that changes nothing.
func (c *call) sameCopy(from *copied, o *object) *refusal {
	h := c.r.Header
	if from.bucket != c.bucket || from.key != c.key || strings.EqualFold(h.Get("X-Amz-Metadata-Directive"), "REPLACE") {
		return nil
	}
	_, _, asked, _ := c.copySource()
	if asked != "" || h.Get("X-Amz-Storage-Class") != "" || h.Get(sseHeader) != "" || o.sse == "SSE-C" ||
		h.Get("X-Amz-Website-Redirect-Location") != "" {
		return nil
	}
	return invalidRequest("This copy request is illegal because it is trying to copy an object to itself " +
		"without changing the object's " +
		"metadata, storage class, website redirect location or encryption attributes.")
}

// copiedTags carries the source's tags, which takes permissions on both objects if
// there are any (Amazon S3 User Guide, "Categorizing your objects using tags").
func (c *call) copiedTags(from *copied, header http.Header) *refusal {
	s, h := c.server, c.r.Header
	if strings.EqualFold(h.Get("X-Amz-Tagging-Directive"), "REPLACE") {
		pass(header, h, "X-Amz-Tagging")
		return nil
	}
	n, _ := strconv.Atoi(from.header.Get("X-Amz-Tagging-Count")) // absent where there are none
	if n == 0 {
		return nil
	}
	kind, query := "Object", url.Values{"tagging": {""}}
	if _, _, id, _ := c.copySource(); id != "" {
		kind = "ObjectVersion"
		query.Set("versionId", id)
	}
	for _, n := range []need{
		{"s3:Get" + kind + "Tagging", from.bucket.place().arn(from.key)}, {"s3:PutObjectTagging", c.at(c.name).arn(c.key)},
	} {
		if refused := c.permit(n); refused != nil {
			s.applied("copied-tags")
			return refused
		}
	}
	resp, err := s.send(c.r.Context(), from.bucket.region, behind{method: http.MethodGet, bucket: from.bucket.name,
		key: from.key, query: query})
	if err != nil {
		return broken(err)
	}
	var set tagSet
	if err := xml.Unmarshal(resp.body, &set); err != nil {
		return broken(err)
	}
	values := url.Values{}
	for _, t := range set.Tags {
		values.Set(t.Key, t.Value)
	}
	header.Set("X-Amz-Tagging", values.Encode())
	return nil
}

// algorithmOf is the checksum of a copy: that which is asked for, else the source's,
// else CRC-64/NVME (Amazon S3 User Guide, "Checking object integrity for data at
// rest").
func algorithmOf(asked, from http.Header) string {
	if v := asked.Get("X-Amz-Checksum-Algorithm"); v != "" {
		return strings.ToUpper(v[:1]) + strings.ToLower(v[1:])
	}
	for _, a := range algorithms() {
		if from.Get(checksumPrefix+a) != "" {
			return a
		}
	}
	return "Crc64nvme"
}

// spool keeps a body in a file that is gone when it is closed, and sums it.
func (s *Server) spool(body io.Reader, algorithm string) (*os.File, int64, map[string]string, error) {
	file, err := os.CreateTemp(s.dir, "copy-*")
	if err != nil {
		return nil, 0, nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, 0, nil, err
	}
	sum := newSum(algorithm)
	n, err := io.Copy(io.MultiWriter(file, sum), body)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return file, n, map[string]string{checksumPrefix + algorithm: encoded(sum)}, err
}
