package amazon

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// list answers listings, with what the servers behind do not know of each version.
func (c *call) list() *refusal {
	out := c.forward()
	out.body, out.stream = nil, nil
	resp, err := c.server.open(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c.unreadable(resp)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return broken(err)
	}
	tree, err := parseTree(text)
	if err != nil {
		return broken(err)
	}
	owner := canonicalID(c.bucket.account)
	for _, n := range tree.children {
		switch n.name {
		case "Contents", "Version":
			c.describe(tree, n)
		case "Upload", "DeleteMarker":
		case "Owner", "Initiator":
			n.children = []*node{{name: "ID", text: owner}}
			continue
		default:
			continue
		}
		for _, who := range []string{"Owner", "Initiator"} {
			if o := n.child(who); o != nil {
				o.children = []*node{{name: "ID", text: owner}}
			}
		}
	}
	return c.answer(http.StatusOK, tree.document())
}

// describe corrects what a listing says of one version.
func (c *call) describe(tree, n *node) {
	key := n.value("Key")
	if tree.value("EncodingType") == "url" {
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
	}
	o := c.bucket.object(key, n.value("VersionId"))
	if n.name == "Contents" { // the current version, whose ID is not told
		o = c.bucket.newest(key, n.value("ETag"))
	}
	if o.etag != "" {
		n.set("ETag", `"`+o.etag+`"`)
	}
	if o.class != "" {
		n.set("StorageClass", o.class)
	}
}

// newest returns the version of a key that has an ETag as kept.
func (b *bucket) newest(key, kept string) *object {
	b.mu.Lock()
	defer b.mu.Unlock()
	for v, o := range b.objects {
		if v.key == key && `"`+o.kept+`"` == kept {
			return o
		}
	}
	return &object{}
}

// attributes answers GetObjectAttributes. Parts are told only of objects with a
// composite checksum.
func (c *call) attributes() *refusal {
	s := c.server
	out := behind{method: http.MethodHead, bucket: c.name, key: c.key, query: url.Values{},
		header: http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}}}
	if id := c.query.Get("versionId"); id != "" {
		out.query.Set("versionId", id)
	}
	head, err := s.send(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err)
	}
	if head.status == http.StatusNotFound {
		return c.unknown(notFound("NoSuchKey", "The specified key does not exist."))
	}
	if head.status != http.StatusOK {
		return head.refusal()
	}
	id := head.header.Get("X-Amz-Version-Id")
	o := c.bucket.object(c.key, id)
	if refused := c.opens(o); refused != nil && o.sse == "SSE-C" {
		return refused
	}
	tree := &node{name: "GetObjectAttributesResponse"}
	asked := make(map[string]bool)
	for _, list := range c.r.Header.Values("X-Amz-Object-Attributes") {
		for _, name := range split(list) {
			asked[name] = true
		}
	}
	if len(asked) == 0 {
		return invalidArgument("x-amz-object-attributes", "",
			"The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	etag := head.header.Get("Etag")
	if o.etag != "" {
		etag = o.etag
	}
	if asked["ETag"] {
		tree.set("ETag", unquoted(etag))
	}
	if asked["Checksum"] {
		tree.children = append(tree.children, checksumNode(head.header))
	}
	if asked["ObjectParts"] && len(o.parts) > 0 {
		parts, refused := c.objectParts(o, head.header.Get(checksumPrefix+"Type") == "COMPOSITE")
		if refused != nil {
			return refused
		}
		tree.children = append(tree.children, parts)
	}
	if asked["StorageClass"] {
		class := o.class
		if class == "" {
			class = "STANDARD"
		}
		tree.set("StorageClass", class)
	}
	if asked["ObjectSize"] {
		tree.set("ObjectSize", head.header.Get("Content-Length"))
	}
	pass(c.w.Header(), head.header, "Last-Modified", "X-Amz-Version-Id")
	return c.answer(http.StatusOK, tree.document())
}

func unquoted(etag string) string {
	if plain, err := strconv.Unquote(etag); err == nil {
		return plain
	}
	return etag
}

func checksumNode(h http.Header) *node {
	n := &node{name: "Checksum"}
	for _, a := range algorithms() {
		if v := h.Get(checksumPrefix + a); v != "" {
			n.set(checksumElement(a), v)
			n.set("ChecksumType", h.Get(checksumPrefix+"Type"))
		}
	}
	return n
}

// objectParts is a page of an object's parts.
func (c *call) objectParts(o *object, composite bool) (*node, *refusal) {
	most, marker := 1000, 0
	for _, v := range []struct {
		name string
		into *int
	}{{"X-Amz-Max-Parts", &most}, {"X-Amz-Part-Number-Marker", &marker}} {
		if text := c.r.Header.Get(v.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return nil, invalidArgument(v.name, text, "not a number of parts")
			}
			*v.into = n
		}
	}
	most = min(most, 1000)
	n := &node{name: "ObjectParts"}
	n.set("PartsCount", strconv.Itoa(len(o.parts)))
	if !composite {
		c.server.applied("parts-without-checksum")
		return n, nil
	}
	n.set("PartNumberMarker", strconv.Itoa(marker))
	n.set("MaxParts", strconv.Itoa(most))
	last, shown, more := 0, 0, false
	for _, p := range o.parts {
		if p.number <= marker {
			continue
		}
		if more = shown == most; more {
			break
		}
		one := &node{name: "Part"}
		one.set("PartNumber", strconv.Itoa(p.number))
		one.set("Size", strconv.FormatInt(p.size, 10))
		one.set(checksumElement(p.algorithm), p.sums)
		n.children = append(n.children, one)
		last, shown = p.number, shown+1
	}
	n.set("IsTruncated", strconv.FormatBool(more))
	if more {
		n.set("NextPartNumberMarker", strconv.Itoa(last))
	}
	return n, nil
}

// annotations answers that an object has none: nothing here makes any.
func (c *call) annotations() *refusal {
	return c.answer(http.StatusOK, []byte(`<ListObjectAnnotationsOutput `+namespace+
		`><AnnotationCount>0</AnnotationCount></ListObjectAnnotationsOutput>`))
}
