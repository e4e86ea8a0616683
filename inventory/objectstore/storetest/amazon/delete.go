package amazon

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"
)

// deleteObject deletes an object or a version. A condition is one on the current
// version (Amazon S3 User Guide, "How to perform conditional deletes").
func (c *call) deleteObject() *refusal {
	id := c.query.Get("versionId")
	refused, header := c.deleteOne(c.key, id, c.r.Header.Get("If-Match"))
	if refused != nil {
		return refused
	}
	pass(c.w.Header(), header, "X-Amz-Version-Id", "X-Amz-Delete-Marker")
	return c.answer(http.StatusNoContent, nil)
}

func (c *call) deleteOne(key, id, condition string) (*refusal, http.Header) {
	out := behind{method: http.MethodDelete, bucket: c.name, key: key, query: url.Values{}, header: http.Header{}}
	pass(out.header, c.r.Header, "X-Amz-Bypass-Governance-Retention")
	if condition != "" {
		head, err := c.server.send(c.r.Context(), c.bucket.region, behind{method: http.MethodHead, bucket: c.name,
			key: key})
		if err != nil {
			return broken(err), nil
		}
		if head.status == http.StatusNotFound {
			c.server.applied("delete-if-match-absent")
			return notFound("NoSuchKey", "The specified key does not exist.").with("Key", key), nil
		}
		if kept := c.bucket.kept(key, condition); kept != "*" {
			if strings.Trim(kept, `"`) != strings.Trim(head.header.Get("Etag"), `"`) {
				c.server.applied("delete-if-match")
				return preconditionFailed("If-Match"), nil
			}
			out.header.Set("If-Match", kept)
		}
	}
	if id != "" {
		if c.bucket.object(key, id).event != nil {
			c.server.applied("event-hold")
			return denied("Access Denied because object protected by object lock."), nil
		}
		out.query.Set("versionId", id)
	} else if err := c.wrote(); err != nil {
		return broken(err), nil
	}
	resp, err := c.server.send(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err), nil
	}
	if resp.status != http.StatusNoContent {
		if resp.status == http.StatusNotFound && condition == "" {
			return nil, http.Header{} // what is not there is deleted
		}
		refused := resp.refusal()
		if strings.Contains(refused.message, "object lock") {
			c.server.applied("lock-denies")
		}
		return refused, nil
	}
	return nil, resp.header
}

// deletion is a request to delete many.
type deletion struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool
	Object  []struct {
		Key              string
		VersionID        string `xml:"VersionId"`
		ETag             string
		LastModifiedTime string
		Size             string
	}
}

const maxDeletions = 1000

// deleteObjects deletes many, each by its own permission.
func (c *call) deleteObjects() *refusal {
	var d deletion
	if xml.Unmarshal(c.body, &d) != nil || len(d.Object) == 0 || len(d.Object) > maxDeletions {
		c.server.applied("delete-objects-document")
		return malformedXML()
	}
	refusals, headers := make([]*refusal, len(d.Object)), make([]http.Header, len(d.Object))
	places := make(map[string][]int) // of each key, which the servers behind lose track of if asked twice at once
	for i, o := range d.Object {
		places[o.Key] = append(places[o.Key], i)
	}
	var group errgroup.Group
	group.SetLimit(8)
	for _, of := range places {
		group.Go(func() error {
			for _, i := range of {
				refusals[i], headers[i] = c.deleteEach(d.Object[i].Key, d.Object[i].VersionID, d.Object[i].ETag)
			}
			return nil
		})
	}
	_ = group.Wait() // returns nothing
	var b strings.Builder
	b.WriteString(xml.Header + "<DeleteResult " + namespace + ">")
	text := func(name, value string) {
		if value == "" {
			return
		}
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(&b, []byte(value)) // a strings.Builder takes everything
		b.WriteString("</" + name + ">")
	}
	for i, o := range d.Object {
		if r := refusals[i]; r != nil {
			b.WriteString("<Error>")
			text("Key", o.Key)
			text("VersionId", o.VersionID)
			text("Code", r.code)
			text("Message", r.message)
			b.WriteString("</Error>")
			continue
		}
		if d.Quiet {
			continue
		}
		b.WriteString("<Deleted>")
		text("Key", o.Key)
		text("VersionId", o.VersionID)
		if headers[i].Get("X-Amz-Delete-Marker") == "true" {
			text("DeleteMarker", "true")
			text("DeleteMarkerVersionId", headers[i].Get("X-Amz-Version-Id"))
		}
		b.WriteString("</Deleted>")
	}
	b.WriteString("</DeleteResult>")
	return c.answer(http.StatusOK, []byte(b.String()))
}

func (c *call) deleteEach(key, id, etag string) (*refusal, http.Header) {
	here := c.at(c.name).arn(key)
	action := "s3:DeleteObject"
	if id != "" {
		action = "s3:DeleteObjectVersion"
	}
	needs := []need{{action, here}}
	if etag != "" && etag != "*" {
		needs = append(needs, need{"s3:GetObject", here})
	}
	if strings.EqualFold(c.r.Header.Get("X-Amz-Bypass-Governance-Retention"), "true") {
		needs = append(needs, need{"s3:BypassGovernanceRetention", here})
	}
	for _, n := range needs {
		if refused := c.permit(n); refused != nil {
			return refused, nil
		}
	}
	if id != "" && etag != "" {
		c.server.applied("delete-if-match-version")
		return notImplemented("ETag"), nil
	}
	return c.deleteOne(key, id, etag)
}
