package amazon

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// version names one version of an object.
type version struct{ key, id string }

const null = "null"

// object is what the servers behind do not keep of a version.
type object struct {
	class     string // empty: STANDARD
	sse       string // AES256, aws:kms, aws:kms:dsse or SSE-C
	kmsKey    string
	bucketKey bool
	customer  string // the MD5 of the customer's key
	etag      string // as shown, where that is not how it is kept
	kept      string // how it is kept
	acl       string
	parts     []part
	restored  bool
	tier      string // of archive access, in INTELLIGENT_TIERING
	restoring bool   // out of it
	event     http.Header
}

// part is one of an object that was uploaded in parts.
type part struct {
	number          int
	size            int64
	etag            string
	algorithm, sums string // the checksum that it was uploaded with
}

// note keeps what a new version is.
func (b *bucket) note(key, id string, o *object) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[version{key, cmp.Or(id, null)}] = o
}

func (b *bucket) object(key, id string) *object {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.objects[version{key, cmp.Or(id, null)}]; o != nil {
		return o
	}
	return &object{sse: "AES256"}
}

// kept turns the ETags that a client names into those that the servers behind know.
func (b *bucket) kept(key, condition string) string {
	tag := strings.Trim(condition, `"`)
	b.mu.Lock()
	defer b.mu.Unlock()
	for v, o := range b.objects {
		switch {
		case v.key != key || o.etag == "":
		case o.etag == tag:
			return `"` + o.kept + `"`
		case o.kept == tag:
			return `"not-as-shown"`
		}
	}
	return condition
}

// shows makes a version's ETag one that is no MD5, as it is under SSE-KMS and SSE-C
// (Amazon S3 API Reference, "Object", ETag).
func (c *call) shows(o *object, etag, id string) string {
	o.kept = strings.Trim(etag, `"`)
	if o.sse == "AES256" {
		return etag
	}
	c.server.applied("etag-no-md5")
	sum := md5.Sum([]byte(o.kept + " of " + id + o.kmsKey + o.customer))
	o.etag = hex.EncodeToString(sum[:])
	if _, parts, ok := strings.Cut(o.kept, "-"); ok {
		o.etag += "-" + parts
	}
	return `"` + o.etag + `"`
}

// encryptedBy reads how a new object is to be encrypted: as its request says, else as
// the bucket's default.
func (c *call) encryptedBy() *object {
	h := c.r.Header
	o := &object{class: h.Get("X-Amz-Storage-Class"), event: heldBy(h)}
	if o.class == "STANDARD" {
		o.class = ""
	}
	switch {
	case h.Get(customerHeader+"Algorithm") != "":
		o.sse, o.customer = "SSE-C", h.Get(customerHeader+"Key-Md5")
	case h.Get(sseHeader) != "":
		o.sse, o.kmsKey = h.Get(sseHeader), h.Get(sseHeader+"-Aws-Kms-Key-Id")
		o.bucketKey = strings.EqualFold(h.Get(sseHeader+"-Bucket-Key-Enabled"), "true")
	default:
		e := c.bucket.encryption()
		o.sse, o.kmsKey, o.bucketKey = e.algorithm, e.key, e.bucketKey
	}
	if o.sse == "aws:kms" && (o.kmsKey == "" || o.kmsKey == "alias/aws/s3") {
		o.kmsKey = c.server.managedKey(c.bucket.region, c.bucket.account)
	}
	return o
}

const (
	sseHeader      = "X-Amz-Server-Side-Encryption"
	customerHeader = "X-Amz-Server-Side-Encryption-Customer-"
	copyCustomer   = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
)

// tell writes how a version is encrypted.
func (o *object) tell(h http.Header) {
	switch o.sse {
	case "SSE-C":
		h.Set(customerHeader+"Algorithm", "AES256")
		h.Set(customerHeader+"Key-Md5", o.customer)
	case "aws:kms", "aws:kms:dsse":
		h.Set(sseHeader, o.sse)
		h.Set(sseHeader+"-Aws-Kms-Key-Id", o.kmsKey)
		if o.bucketKey {
			h.Set(sseHeader+"-Bucket-Key-Enabled", "true")
		}
	default:
		h.Set(sseHeader, "AES256")
	}
}

// carried are the headers that go on to the servers behind.
func carried(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		switch {
		case slices.Contains(strings.Fields(`Content-Type Cache-Control Content-Disposition Content-Encoding
			Content-Language Content-Md5 Expires If-Match If-None-Match If-Modified-Since If-Unmodified-Since Range
			X-Amz-Tagging X-Amz-Website-Redirect-Location X-Amz-Sdk-Checksum-Algorithm X-Amz-Trailer
			X-Amz-Decoded-Content-Length X-Amz-Content-Sha256 X-Amz-Bypass-Governance-Retention X-Amz-Mp-Object-Size
			X-Amz-Object-Attributes X-Amz-Max-Parts X-Amz-Part-Number-Marker X-Amz-Optional-Object-Attributes`), name),
			strings.HasPrefix(name, checksumPrefix), strings.HasPrefix(name, "X-Amz-Meta-"),
			strings.HasPrefix(name, "X-Amz-Object-Lock-") && !strings.HasPrefix(name, eventHold):
			out[name] = values
		}
	}
	return out
}

// forward sends the request on as it is.
func (c *call) forward() behind {
	out := behind{method: c.r.Method, bucket: c.name, key: c.key, query: url.Values{}, header: carried(c.r.Header)}
	for name, values := range c.query {
		if name != "x-id" {
			out.query[name] = values
		}
	}
	if v := out.header.Get("If-Match"); v != "" && v != "*" {
		out.header.Set("If-Match", c.bucket.kept(c.key, v))
	}
	if v := out.header.Get("If-None-Match"); v != "" && v != "*" {
		out.header.Set("If-None-Match", c.bucket.kept(c.key, v))
	}
	if c.read {
		out.body = c.body
		out.header.Del("X-Amz-Decoded-Content-Length") // the framing is off
		out.header.Del("X-Amz-Trailer")
		out.header.Del("X-Amz-Content-Sha256")
	} else {
		out.stream, out.length = c.r.Body, c.r.ContentLength
	}
	return out
}

// putObject stores an object.
func (c *call) putObject() *refusal {
	o := c.encryptedBy()
	if refused := c.usesKey(c.bucket, o, "GenerateDataKey"); refused != nil {
		return refused
	}
	if err := c.wrote(); err != nil {
		return broken(err)
	}
	out := c.forward()
	c.retain(out.header)
	resp, err := c.server.send(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return incompleteBody(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	c.read = true
	o.acl = aclFrom(c.r.Header, c.bucket, c.user)
	h := c.w.Header()
	id := resp.header.Get("X-Amz-Version-Id")
	pass(h, resp.header, "X-Amz-Version-Id")
	checksums(h, resp.header)
	h.Set("Etag", c.shows(o, resp.header.Get("Etag"), id))
	o.tell(h)
	c.bucket.note(c.key, id, o)
	return c.answer(http.StatusOK, nil)
}

// incompleteBody is the error of a body that ended early.
func incompleteBody(err error) *refusal {
	return refuse(http.StatusBadRequest, "IncompleteBody",
		"You did not provide the number of bytes specified by the Content-Length HTTP header: %v", err)
}

func pass(to, from http.Header, names ...string) {
	for _, name := range names {
		if v := from.Values(name); len(v) > 0 {
			to[http.CanonicalHeaderKey(name)] = v
		}
	}
}

func checksums(to, from http.Header) {
	for name, values := range from {
		if strings.HasPrefix(name, checksumPrefix) {
			to[name] = values
		}
	}
}

// readObject answers GET and HEAD.
func (c *call) readObject() *refusal {
	out := c.forward()
	out.body, out.stream = nil, nil
	resp, err := c.server.open(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return c.unreadable(resp)
	}
	id := resp.Header.Get("X-Amz-Version-Id")
	o := c.bucket.object(c.key, id)
	if refused := c.opens(o); refused != nil {
		return refused
	}
	telling := strings.EqualFold(c.r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") && c.r.Header.Get("Range") == ""
	if c.r.Method == http.MethodGet || telling {
		if refused := c.usesKey(c.bucket, o, "Decrypt"); refused != nil {
			return refused
		}
	}
	h := c.w.Header()
	for name, values := range resp.Header {
		switch {
		case name == "Server", name == "Connection", name == "X-Amz-Storage-Class", name == "X-Amz-Tagging-Count",
			strings.HasPrefix(name, "X-Amz-Request-"), name == "X-Amz-Id-2", name == "Date",
			strings.HasPrefix(name, "X-Amz-Object-Lock-"), strings.HasPrefix(name, checksumPrefix):
		default:
			h[name] = values
		}
	}
	if o.etag != "" {
		h.Set("Etag", `"`+o.etag+`"`)
	}
	if o.class != "" {
		h.Set("X-Amz-Storage-Class", o.class)
		if o.restored {
			h.Set("X-Amz-Restore", `ongoing-request="false", expiry-date="Fri, 31 Dec 2100 00:00:00 GMT"`)
		}
	}
	if o.tier != "" {
		h.Set("X-Amz-Archive-Status", o.tier)
	}
	if o.restoring {
		h.Set("X-Amz-Restore", `ongoing-request="true"`)
	}
	o.tell(h)
	if telling {
		c.server.applied("default-checksum")
		checksums(h, resp.Header)
	}
	c.secrets(o, h, resp.Header)
	c.w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(c.w, resp.Body) // a client that is gone has no need of it
	return nil
}

// secrets passes on what only those may see who may read it itself (Amazon S3 API
// Reference, "HeadObject", x-amz-tagging-count and x-amz-object-lock-…).
func (c *call) secrets(o *object, to, from http.Header) {
	kind := "Object"
	if c.query.Get("versionId") != "" {
		kind = "ObjectVersion"
	}
	here := c.at(c.name).arn(c.key)
	if o.event != nil && c.sees(need{"s3:GetObjectRetention", here}) {
		c.server.applied("event-hold")
		maps.Copy(to, o.event)
	}
	if n := from.Get("X-Amz-Tagging-Count"); n != "" && n != "0" {
		if c.sees(need{"s3:Get" + kind + "Tagging", here}) {
			to.Set("X-Amz-Tagging-Count", n)
		} else {
			c.server.applied("tagging-count")
		}
	}
	if from.Get("X-Amz-Object-Lock-Mode") != "" && c.sees(need{"s3:GetObjectRetention", here}) {
		pass(to, from, "X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Retain-Until-Date")
	}
	if from.Get("X-Amz-Object-Lock-Legal-Hold") != "" && c.sees(need{"s3:GetObjectLegalHold", here}) {
		pass(to, from, "X-Amz-Object-Lock-Legal-Hold")
	}
}

// unreadable turns what is not there into what may not be known, for those who may
// not list (Amazon S3 API Reference, "GetObject", "HeadObject").
func (c *call) unreadable(resp *http.Response) *refusal {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return broken(err)
	}
	refused := answered{resp.StatusCode, resp.Header, body}.refusal()
	refused.header = http.Header{}
	pass(refused.header, resp.Header, "X-Amz-Delete-Marker", "X-Amz-Version-Id", "Last-Modified", "Etag")
	if resp.Header.Get("X-Amz-Delete-Marker") == "true" {
		c.server.applied("delete-marker")
	}
	if resp.StatusCode != http.StatusNotFound {
		return refused
	}
	return c.unknown(refused)
}

// unknown is a 404, or a 403 for who may not list the bucket.
func (c *call) unknown(refused *refusal) *refusal {
	if !c.sees(need{"s3:ListBucket", c.at(c.name).arn("")}) {
		c.server.applied("404-is-403")
		return denied("Access Denied")
	}
	return refused
}

// opens checks that the caller has what opens a version: the customer's key, or a
// restored copy.
func (c *call) opens(o *object) *refusal {
	h := c.r.Header
	switch {
	case o.sse == "SSE-C" && h.Get(customerHeader+"Algorithm") == "":
		return refuse(http.StatusBadRequest, "InvalidRequest",
			"The object was stored using a form of Server Side Encryption. "+
				"The correct parameters must be provided to retrieve the object.")
	case o.sse == "SSE-C" && h.Get(customerHeader+"Key-Md5") != o.customer:
		return denied("Access Denied")
	case o.sse != "SSE-C" && h.Get(customerHeader+"Algorithm") != "":
		return invalidRequest("The encryption parameters are not applicable to this object.")
	}
	if c.r.Method == http.MethodGet {
		return c.atHand(o)
	}
	return nil
}

// atHand refuses what has to be restored first.
func (c *call) atHand(o *object) *refusal {
	if (o.class == "GLACIER" || o.class == "DEEP_ARCHIVE") && !o.restored || o.tier != "" {
		c.server.applied("archived")
		return refuse(http.StatusForbidden, "InvalidObjectState",
			"The operation is not valid for the object's storage class").with("StorageClass", o.class)
	}
	return nil
}
