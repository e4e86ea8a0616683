package google

import (
	"maps"
	"net/http"
)

// copying is a copy that takes several requests.
type copying struct {
	from, to   target
	generation int64
	done       int64 // bytes
}

// rewrite copies one version (JSON API, "Objects: rewrite"). Within one location and storage
// class that is done at once; else so many bytes go with each request, the next of which
// names the token of the one before.
func (c *call) rewrite() (*answer, error) {
	_, from, err := c.one(c.bucket, c.key, c.query.Get("sourceGeneration"))
	if err != nil {
		return nil, err
	}
	if err := c.holds("Source", from); err != nil {
		return nil, err
	}
	if from.CustomerKey {
		return nil, refuse(http.StatusBadRequest, "resourceIsEncryptedWithCustomerEncryptionKey",
			"The target object is encrypted by a customer-supplied encryption key.")
	}
	b, err := c.existing(c.to.bucket)
	if err != nil {
		return nil, err
	}
	o, err := c.copied(b, from)
	if err != nil {
		return nil, err
	}
	if err := c.free(b, c.to.key); err != nil {
		return nil, err
	}
	size := int64(len(from.Data))
	class := o.Class
	if class == "" {
		class = b.class
	}
	if c.buckets[c.bucket].Location != b.Location || class != from.Class {
		token, done, err := c.advance(from, size)
		if err != nil {
			return nil, err
		}
		if done < size {
			return c.selected(map[string]any{"kind": "storage#rewriteResponse", "done": false, "rewriteToken": token,
				"totalBytesRewritten": number(done), "objectSize": number(size)}, rewriteNames)
		}
	}
	c.add(b, o)
	return c.selected(map[string]any{"kind": "storage#rewriteResponse", "done": true,
		"totalBytesRewritten": number(size),
		"objectSize":          number(size), "resource": b.document(o)}, rewriteNames)
}

const rewriteNames = "kind done rewriteToken totalBytesRewritten objectSize resource"

// copied is the object that is to be made: with the source's metadata where the request
// has none, and else with what that has and nothing more. Then it has to name a content
// type (package cloud.google.com/go/storage, "Copier").
func (c *call) copied(b *Bucket, from *Object) (*Object, error) {
	key := c.query.Get("destinationKmsKeyName")
	if len(c.body) == 0 {
		o := *from
		o.Name, o.Class, o.KMSKey, o.Metadata = c.to.key, "", key, maps.Clone(from.Metadata)
		// A hold and a retention are the source's own (Cloud Storage documentation, "Object
		// holds" and "Object Retention Lock").
		o.TemporaryHold, o.EventBasedHold, o.Mode = false, false, ""
		return &o, c.may(b, &o)
	}
	var in objectBody
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	switch {
	case in.ContentType == "":
		return nil, refuse(http.StatusBadRequest, "required", "Required")
	case in.Name != "" && in.Name != c.to.key || in.CRC != "" || in.MD5 != "":
		return nil, invalid("The name and the sums of a copy are not to be chosen.")
	}
	in.Name = c.to.key
	o, err := c.object(b, in, key)
	if err != nil {
		return nil, err
	}
	o.Data, o.composed = from.Data, from.composed
	return o, nil
}

// advance does one request's share of a copy.
func (c *call) advance(from *Object, size int64) (token string, done int64, err error) {
	is := copying{from: target{c.bucket, c.key}, to: c.to, generation: from.generation}
	token = c.query.Get("rewriteToken")
	if token != "" {
		was, ok := c.copies[token]
		if !ok || was.from != is.from || was.to != is.to || was.generation != is.generation {
			return "", 0, invalid("Invalid rewrite token")
		}
		is.done = was.done
		delete(c.copies, token)
	}
	is.done = min(is.done+c.options.RewriteStep, size)
	token = "copy-" + number(c.next())
	if is.done < size {
		c.copies[token] = &is
	}
	return token, is.done, nil
}
