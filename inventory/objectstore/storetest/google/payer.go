package google

import (
	"net/http"
	"strings"
)

func (c *call) isXML() bool { return strings.HasPrefix(c.op, "storage.multipartUploads.") }

// payer is the project that a request names to pay for it (JSON API, "Query parameters",
// userProject; XML API, "x-goog-user-project").
func (c *call) payer() string {
	if c.isXML() {
		return c.r.Header.Get("X-Goog-User-Project")
	}
	return c.query.Get("userProject")
}

// paid refuses what nobody is named to pay for (Cloud Storage documentation, "Requester Pays",
// use and access requirements; the text as in github.com/opentargets/issues, issue 2338).
func (c *call) paid() error {
	for _, name := range []string{c.bucket, c.to.bucket} {
		if b := c.buckets[name]; b == nil || !b.RequesterPays || c.payer() != "" {
			continue
		}
		reason := "required"
		if c.isXML() {
			reason = "UserProjectMissing"
		}
		return refuse(http.StatusBadRequest, reason, "Bucket is a requester pays bucket but no user project provided.")
	}
	return nil
}
