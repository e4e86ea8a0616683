package amazon

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// createUpload begins an upload.
func (c *call) createUpload() *refusal {
	o := c.encryptedBy()
	if refused := c.usesKey(c.bucket, o, "GenerateDataKey", "Decrypt"); refused != nil {
		return refused
	}
	out := c.forward()
	c.retain(out.header)
	resp, err := c.server.send(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	var begun struct {
		UploadID string `xml:"UploadId"`
	}
	if err := xml.Unmarshal(resp.body, &begun); err != nil {
		return broken(err)
	}
	o.acl = aclFrom(c.r.Header, c.bucket, c.user)
	c.bucket.mu.Lock()
	c.bucket.uploads[begun.UploadID] = &upload{object: o, parts: map[int]part{},
		algorithm: c.r.Header.Get("X-Amz-Checksum-Algorithm")}
	c.bucket.mu.Unlock()
	o.tell(c.w.Header())
	pass(c.w.Header(), resp.header, "X-Amz-Checksum-Algorithm", "X-Amz-Checksum-Type")
	return c.answer(http.StatusOK, resp.body)
}

// upload is one that is begun.
type upload struct {
	object    *object
	parts     map[int]part
	algorithm string
}

func (c *call) upload() (*upload, *refusal) {
	c.bucket.mu.Lock()
	defer c.bucket.mu.Unlock()
	if u := c.bucket.uploads[c.query.Get("uploadId")]; u != nil {
		return u, nil
	}
	return nil, notFound("NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or "+
		"the upload may have been aborted or completed.")
}

// uploadPart stores a part.
func (c *call) uploadPart() *refusal {
	u, refused := c.upload()
	if refused != nil {
		return refused
	}
	resp, err := c.server.send(c.r.Context(), c.bucket.region, c.forward())
	if err != nil {
		return incompleteBody(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	c.read = true
	c.remember(u, resp.header, c.size())
	h := c.w.Header()
	pass(h, resp.header, "Etag")
	checksums(h, resp.header)
	u.object.tell(h)
	return c.answer(http.StatusOK, nil)
}

// size is that of the content that a request brings.
func (c *call) size() int64 {
	var n int64
	if _, err := fmt.Sscan(c.r.Header.Get("X-Amz-Decoded-Content-Length"), &n); err == nil {
		return n
	}
	return c.r.ContentLength
}

// remember keeps what a part is.
func (c *call) remember(u *upload, h http.Header, size int64) {
	p := part{size: size, etag: strings.Trim(h.Get("Etag"), `"`)}
	_, _ = fmt.Sscan(c.query.Get("partNumber"), &p.number) // the server behind has checked it
	for _, a := range algorithms() {
		if v := h.Get(checksumPrefix + a); v != "" {
			p.algorithm, p.sums = a, v
		}
	}
	c.bucket.mu.Lock()
	defer c.bucket.mu.Unlock()
	u.parts[p.number] = p
}

// copyPart copies a part of an object.
func (c *call) copyPart() *refusal {
	s := c.server
	u, refused := c.upload()
	if refused != nil {
		return refused
	}
	from, refused := c.source(c.r.Header.Get("X-Amz-Copy-Source-Range"))
	if refused != nil {
		return refused
	}
	defer from.body.Close()
	if from.size > s.options.MaxCopy {
		s.applied("copy-size")
		return invalidRequest("The specified copy source is larger than the maximum allowable size for a copy "+
			"source: %d", s.options.MaxCopy)
	}
	algorithm := "Crc64nvme"
	if u.algorithm != "" {
		algorithm = strings.ToUpper(u.algorithm[:1]) + strings.ToLower(u.algorithm[1:])
	}
	file, size, sums, err := s.spool(from.body, algorithm)
	if err != nil {
		return broken(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	header := http.Header{}
	if u.algorithm != "" {
		for name, value := range sums {
			header.Set(name, value)
		}
	}
	query := url.Values{"partNumber": c.query["partNumber"], "uploadId": c.query["uploadId"]}
	resp, err := s.send(c.r.Context(), c.bucket.region, behind{
		method: http.MethodPut, bucket: c.name, key: c.key, query: query, header: header, stream: file, length: size,
	})
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	c.remember(u, resp.header, size)
	if from.versioned {
		c.w.Header().Set("X-Amz-Copy-Source-Version-Id", from.id)
	}
	u.object.tell(c.w.Header())
	if u.algorithm == "" {
		sums = nil
	}
	return c.answer(http.StatusOK, c.result("CopyPartResult", resp.header.Get("Etag"), sums))
}

// completeUpload makes an object of parts.
func (c *call) completeUpload() *refusal {
	u, refused := c.upload()
	if refused != nil {
		return refused
	}
	if err := c.wrote(); err != nil {
		return broken(err)
	}
	resp, err := c.server.send(c.r.Context(), c.bucket.region, c.forward())
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusOK {
		refused := resp.refusal()
		if refused.code == "EntityTooSmall" {
			c.server.applied("part-size")
		}
		return refused
	}
	var asked struct {
		Part []struct{ PartNumber int }
	}
	tree, err := parseTree(resp.body)
	if err != nil || xml.Unmarshal(c.body, &asked) != nil {
		return broken(fmt.Errorf("complete: %w", err))
	}
	o, id := u.object, resp.header.Get("X-Amz-Version-Id")
	c.bucket.mu.Lock()
	for _, p := range asked.Part {
		o.parts = append(o.parts, u.parts[p.PartNumber])
	}
	delete(c.bucket.uploads, c.query.Get("uploadId"))
	c.bucket.mu.Unlock()
	if e := tree.child("ETag"); e != nil {
		e.text = c.shows(o, e.text, id)
	}
	if l := tree.child("Location"); l != nil {
		l.text = "https://" + c.r.Host + c.r.URL.EscapedPath()
	}
	c.bucket.note(c.key, id, o)
	pass(c.w.Header(), resp.header, "X-Amz-Version-Id")
	o.tell(c.w.Header())
	return c.answer(http.StatusOK, tree.document())
}

// abortUpload gives an upload up.
func (c *call) abortUpload() *refusal {
	if _, refused := c.upload(); refused != nil {
		return refused
	}
	resp, err := c.server.send(c.r.Context(), c.bucket.region, c.forward())
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusNoContent {
		return resp.refusal()
	}
	c.bucket.mu.Lock()
	delete(c.bucket.uploads, c.query.Get("uploadId"))
	c.bucket.mu.Unlock()
	return c.answer(http.StatusNoContent, nil)
}
