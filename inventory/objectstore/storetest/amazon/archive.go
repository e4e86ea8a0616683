package amazon

import (
	"encoding/xml"
	"net/http"
	"net/url"
)

// restore makes an archived version readable: out of a storage class by a copy that is
// there at once and stays for days; out of an archive access tier of INTELLIGENT_TIERING,
// for good, when EndRestores says so.
func (c *call) restore() *refusal {
	out := behind{method: http.MethodHead, bucket: c.name, key: c.key, query: url.Values{}}
	if id := c.query.Get("versionId"); id != "" {
		out.query.Set("versionId", id)
	}
	head, err := c.server.send(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err)
	}
	if head.status == http.StatusNotFound {
		return c.unknown(notFound("NoSuchKey", "The specified key does not exist."))
	}
	var request struct{ Days *int }
	if err := xml.Unmarshal(c.body, &request); err != nil {
		return malformedXML()
	}
	o := c.bucket.object(c.key, head.header.Get("X-Amz-Version-Id"))
	c.bucket.mu.Lock()
	defer c.bucket.mu.Unlock()
	switch archived := o.class == "GLACIER" || o.class == "DEEP_ARCHIVE"; {
	case o.class == "INTELLIGENT_TIERING" && request.Days != nil:
		c.server.applied("restore-days")
		return invalidArgument("Days", "", "INTELLIGENT_TIERING objects are not subject to restore expiry. "+
			"Do not specify Days when restoring this object")
	case archived && request.Days == nil:
		c.server.applied("restore-days")
		return malformedXML()
	case !archived && o.tier == "":
		return refuse(http.StatusForbidden, "InvalidObjectState",
			"Restore is not allowed for the object's current storage class")
	case o.restoring:
		return refuse(http.StatusConflict, "RestoreAlreadyInProgress", "Object restore is already in progress")
	case o.tier != "":
		o.restoring = true
		return c.answer(http.StatusAccepted, nil)
	case o.restored:
		return c.answer(http.StatusOK, nil)
	}
	o.restored = true
	return c.answer(http.StatusAccepted, nil)
}

// SetArchiveTier puts the versions of a key in INTELLIGENT_TIERING into an archive access
// tier, ARCHIVE_ACCESS or DEEP_ARCHIVE_ACCESS, as months without access do.
func (s *Server) SetArchiveTier(bucket, key, tier string) {
	b := s.must(bucket)
	b.mu.Lock()
	defer b.mu.Unlock()
	for v, o := range b.objects {
		if v.key == key && o.class == "INTELLIGENT_TIERING" {
			o.tier = tier
		}
	}
}

// EndRestores brings back what is on its way out of archive access tiers.
func (s *Server) EndRestores(bucket string) {
	b := s.must(bucket)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.objects {
		if o.restoring {
			o.tier, o.restoring = "", false
		}
	}
}
