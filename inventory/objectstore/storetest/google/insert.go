package google

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// objectBody is what is known of an object that is sent (JSON API, "Objects: insert",
// request body).
type objectBody struct {
	Name               string            `json:"name"`
	ContentType        string            `json:"contentType"`
	CacheControl       string            `json:"cacheControl"`
	ContentDisposition string            `json:"contentDisposition"`
	ContentEncoding    string            `json:"contentEncoding"`
	ContentLanguage    string            `json:"contentLanguage"`
	CustomTime         *time.Time        `json:"customTime"`
	Metadata           map[string]string `json:"metadata"`
	Contexts           *struct {
		Custom map[string]struct {
			Value   string     `json:"value"`
			Created *time.Time `json:"createTime"`
			Updated *time.Time `json:"updateTime"`
		} `json:"custom"`
	} `json:"contexts"`
	Class          string `json:"storageClass"`
	MD5            string `json:"md5Hash"`
	CRC            string `json:"crc32c"`
	TemporaryHold  bool   `json:"temporaryHold"`
	EventBasedHold bool   `json:"eventBasedHold"`
	Retention      *struct {
		Mode  string    `json:"mode"`
		Until time.Time `json:"retainUntilTime"`
	} `json:"retention"`
}

// object is what such a body describes, if it may be in a bucket.
func (c *call) object(b *Bucket, in objectBody, key string) (*Object, error) {
	o := &Object{Name: in.Name, ContentType: in.ContentType, CacheControl: in.CacheControl,
		ContentDisposition: in.ContentDisposition, ContentEncoding: in.ContentEncoding,
		ContentLanguage: in.ContentLanguage, Metadata: in.Metadata, Class: in.Class, TemporaryHold: in.TemporaryHold,
		EventBasedHold: in.EventBasedHold, KMSKey: key}
	if in.CustomTime != nil {
		o.CustomTime = *in.CustomTime
	}
	if in.Contexts != nil {
		o.Contexts = make(map[string]string)
		for k, v := range in.Contexts.Custom {
			o.Contexts[k] = v.Value
		}
	}
	if in.Retention != nil {
		o.Mode, o.RetainUntil = in.Retention.Mode, in.Retention.Until
	}
	return o, c.may(b, o)
}

// may refuses what no object of a bucket can be.
func (c *call) may(b *Bucket, o *Object) error {
	size := 0
	for k, v := range o.Metadata {
		size += len(k) + len(v)
	}
	switch {
	case !validName(o.Name):
		return invalid("Invalid object name")
	case o.Class != "" && !slices.Contains(classes(), o.Class):
		return invalid("Invalid storage class")
	case size > 8<<10: // Cloud Storage documentation, "Quotas & limits", custom metadata
		return invalid("Metadata is too large")
	case o.KMSKey != "" && !slices.Contains(c.options.KMSKeys, o.KMSKey):
		return refuse(http.StatusForbidden, "forbidden", "Permission denied on Cloud KMS key.")
	// Cloud Storage documentation, "Object Retention Lock".
	case o.Mode != "" && !b.ObjectRetention:
		return invalid("Object retention is not enabled on the bucket.")
	case o.Mode != "" && o.Mode != "Locked" && o.Mode != "Unlocked":
		return invalid("Invalid retention mode")
	case o.Mode != "" && !o.RetainUntil.After(c.options.Now()):
		return invalid("Object retention must be in the future.")
	}
	return nil
}

// validName is Cloud Storage documentation, "About Cloud Storage objects", naming
// considerations.
func validName(name string) bool {
	return name != "" && len(name) <= 1024 && utf8.ValidString(name) && !strings.ContainsAny(name, "\r\n") &&
		name != "." && name != ".." && !strings.HasPrefix(name, ".well-known/acme-challenge/")
}

// free refuses to write where the conditions do not hold, or what is there may not go.
func (c *call) free(b *Bucket, key string) error {
	old := b.live(key)
	if err := c.holds("", old); err != nil {
		return err
	}
	if old != nil && !b.Versioning {
		return c.locked(old)
	}
	return nil
}

// insertObject takes uploads of the kind multipart (JSON API, "Uploads and downloads").
func (c *call) insertObject() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	if c.query.Get("uploadType") != "multipart" {
		return nil, unknown("uploads of this type")
	}
	metadata, kind, data, err := c.related()
	if err != nil {
		return nil, err
	}
	var in objectBody
	if err := decode(metadata, &in); err != nil {
		return nil, err
	}
	if in.ContentType == "" {
		in.ContentType = kind
	}
	o, err := c.object(b, in, c.query.Get("kmsKeyName"))
	if err != nil {
		return nil, err
	}
	o.Data = data
	// Cloud Storage documentation, "Data validation and change detection".
	if in.CRC != "" && in.CRC != o.crc() {
		return nil, invalid(`Provided CRC32C "` + in.CRC + `" doesn't match calculated CRC32C "` + o.crc() + `".`)
	}
	if in.MD5 != "" && in.MD5 != o.md5() {
		return nil, invalid(`Provided MD5 hash "` + in.MD5 + `" doesn't match calculated MD5 hash "` + o.md5() + `".`)
	}
	if err := c.free(b, o.Name); err != nil {
		return nil, err
	}
	c.key = o.Name
	c.add(b, o)
	return c.selected(b.document(o), objectNames)
}

// related reads a body of two parts: the metadata, and the bytes with their type.
func (c *call) related() (metadata []byte, kind string, data []byte, err error) {
	media, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/related" {
		return nil, "", nil, invalid("The upload is not multipart/related")
	}
	r := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	read := func() ([]byte, string) {
		part, next := r.NextPart()
		if err = errors.Join(err, next); err != nil {
			return nil, ""
		}
		text, all := io.ReadAll(part)
		err = errors.Join(err, all)
		return text, part.Header.Get("Content-Type")
	}
	metadata, of := read()
	data, kind = read()
	if err == nil {
		if _, end := r.NextPart(); !errors.Is(end, io.EOF) {
			err = errors.New("a third part")
		}
	}
	if err != nil || !strings.HasPrefix(of, "application/json") {
		return nil, "", nil, invalid("The upload does not have two parts")
	}
	return metadata, kind, data, nil
}
