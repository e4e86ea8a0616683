package google

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// unmet is what a condition that does not hold is answered with (Cloud Storage
// documentation, "Request preconditions").
func unmet() error {
	return refuse(http.StatusPreconditionFailed, "conditionNotMet",
		"At least one of the pre-conditions you specified did not hold.")
}

// holds compares conditions with an object; nil is none. Of a read a condition that asks
// for a change is answered with 304.
func (c *call) holds(of string, o *Object) error {
	var generation, metageneration int64
	if o != nil {
		generation, metageneration = o.generation, o.metageneration
	}
	for _, x := range []struct {
		name string
		is   int64
	}{{"GenerationMatch", generation}, {"MetagenerationMatch", metageneration}, {"GenerationNotMatch", generation},
		{"MetagenerationNotMatch", metageneration}} {
		text := c.query.Get("if" + of + x.name)
		if text == "" {
			continue
		}
		want, err := strconv.ParseInt(text, 10, 64)
		switch differs := strings.HasSuffix(x.name, "NotMatch"); {
		case err != nil || want < 0:
			return invalid("Invalid value for if" + of + x.name)
		case differs && want == x.is && c.r.Method == http.MethodGet:
			return refuse(http.StatusNotModified, "notModified", "Not Modified")
		case differs == (want == x.is):
			return unmet()
		}
	}
	return nil
}

// one finds the object that the path and the parameter generation name.
func (c *call) one(bucket, key, generation string) (*Bucket, *Object, error) {
	b, err := c.existing(bucket)
	if err != nil {
		return nil, nil, err
	}
	gone := refuse(http.StatusNotFound, "notFound", "No such object: "+bucket+"/"+key)
	if generation == "" {
		if o := b.live(key); o != nil {
			return b, o, nil
		}
		return b, nil, gone
	}
	n, err := strconv.ParseInt(generation, 10, 64)
	if err != nil || n <= 0 {
		return nil, nil, invalid("Invalid value for generation")
	}
	if c.query.Get("softDeleted") == "true" {
		for _, o := range b.deleted {
			if o.Name == key && o.generation == n {
				return b, o, nil
			}
		}
		return b, nil, gone
	}
	if o := b.at(key, n); o != nil {
		return b, o, nil
	}
	return b, nil, gone
}

// met is one under the request's conditions. That there is no live version can be one.
func (c *call) met() (*Bucket, *Object, error) {
	b, o, err := c.one(c.bucket, c.key, c.query.Get("generation"))
	if err != nil {
		return nil, nil, err
	}
	return b, o, c.holds("", o)
}

func (c *call) getObject() (*answer, error) {
	b, o, err := c.met()
	if err != nil {
		return nil, err
	}
	switch c.query.Get("alt") {
	case "", "json":
		return c.selected(b.document(o), objectNames)
	case "media":
		return c.media(o)
	}
	return nil, invalid("Invalid value for alt")
}

// media is an object's bytes. What is stored as gzip is decompressed for whoever does not
// say that he takes gzip: then no length is told, and no hash (Cloud Storage
// documentation, "Transcoding of gzip-compressed files").
func (c *call) media(o *Object) (*answer, error) {
	if o.CustomerKey {
		return nil, refuse(http.StatusBadRequest, "resourceIsEncryptedWithCustomerEncryptionKey",
			"The target object is encrypted by a customer-supplied encryption key.")
	}
	stored := o.ContentEncoding
	if stored == "" {
		stored = "identity"
	}
	h := http.Header{
		"X-Goog-Generation": {number(o.generation)}, "X-Goog-Metageneration": {number(o.metageneration)},
		"X-Goog-Stored-Content-Encoding": {stored}, "X-Goog-Storage-Class": {o.Class}, "Etag": {etag(o)},
		"X-Goog-Stored-Content-Length": {number(int64(len(o.Data)))},
	}
	for name, value := range map[string]string{
		"Content-Type": o.ContentType, "Cache-Control": o.CacheControl, "Content-Disposition": o.ContentDisposition,
		"Content-Language": o.ContentLanguage, "Content-Encoding": o.ContentEncoding,
	} {
		if value != "" {
			h[name] = []string{value}
		}
	}
	if o.ContentEncoding == "gzip" && !strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") &&
		!strings.Contains(o.CacheControl, "no-transform") {
		return decompressed(o, h)
	}
	hash := "crc32c=" + o.crc()
	if !o.composed {
		hash += ",md5=" + o.md5()
	}
	h["X-Goog-Hash"] = []string{hash}
	h["Content-Length"] = []string{strconv.Itoa(len(o.Data))}
	return &answer{header: h, body: o.Data, length: true}, nil
}

func decompressed(o *Object, h http.Header) (*answer, error) {
	plain, err := gzip.NewReader(bytes.NewReader(o.Data))
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "backendError", "cannot decompress")
	}
	text, err := io.ReadAll(io.LimitReader(plain, mostBody))
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "backendError", "cannot decompress")
	}
	delete(h, "Content-Encoding")
	h["Warning"] = []string{`214 UploadServer gunzipped`}
	return &answer{header: h, body: text}, nil
}

// deleteObject: without a generation the live version becomes noncurrent where there are
// versions; with one, that generation goes for good (JSON API, "Objects: delete").
func (c *call) deleteObject() (*answer, error) {
	b, o, err := c.met()
	if err != nil {
		return nil, err
	}
	if b.Versioning && !c.query.Has("generation") {
		o.noncurrent = c.options.Now()
		return &answer{status: http.StatusNoContent, length: true}, nil
	}
	if err := c.locked(o); err != nil {
		return nil, err
	}
	c.remove(b, o)
	return &answer{status: http.StatusNoContent, length: true}, nil
}

// change is what is known of an object that is patched (JSON API, "Objects: patch").
type change struct {
	ContentType    *string            `json:"contentType"`
	CacheControl   *string            `json:"cacheControl"`
	Metadata       map[string]*string `json:"metadata"`
	TemporaryHold  *bool              `json:"temporaryHold"`
	EventBasedHold *bool              `json:"eventBasedHold"`
}

// patchObject changes metadata, which makes another metageneration (Cloud Storage
// documentation, "Object Versioning", metageneration numbers).
func (c *call) patchObject() (*answer, error) {
	b, o, err := c.met()
	if err != nil {
		return nil, err
	}
	var in change
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	if in.ContentType != nil {
		o.ContentType = *in.ContentType
	}
	if in.CacheControl != nil {
		o.CacheControl = *in.CacheControl
	}
	if in.TemporaryHold != nil {
		o.TemporaryHold = *in.TemporaryHold
	}
	if in.EventBasedHold != nil {
		o.EventBasedHold = *in.EventBasedHold
	}
	for k, v := range in.Metadata {
		if v == nil {
			delete(o.Metadata, k)
			continue
		}
		if o.Metadata == nil {
			o.Metadata = make(map[string]string)
		}
		o.Metadata[k] = *v
	}
	o.metageneration++
	o.updated = c.options.Now()
	return c.selected(b.document(o), objectNames)
}
