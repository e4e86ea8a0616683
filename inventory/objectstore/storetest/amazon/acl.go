package amazon

import (
	"encoding/json"
	"net/http"
	"strings"
)

const (
	everybody = "http://acs.amazonaws.com/groups/global/AllUsers"
	instance  = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
)

// ownership is what a bucket's ownership controls say: with BucketOwnerEnforced
// access control lists are off.
func (b *bucket) ownership() string {
	text := b.setting("BucketOwnershipControls")
	for _, v := range []string{"BucketOwnerEnforced", "BucketOwnerPreferred"} {
		if strings.Contains(text, v) {
			return v
		}
	}
	return "ObjectWriter"
}

// blocks tells whether a bucket's public access block has a switch on.
func (b *bucket) blocks(what string) bool {
	return strings.Contains(b.setting("PublicAccessBlock"), "<"+what+">true<")
}

type grant struct{ permission, id, uri string }

func aclDocument(owner string, grants []grant) string {
	var b strings.Builder
	b.WriteString("<AccessControlPolicy " + namespace + "><Owner><ID>" + owner + "</ID></Owner><AccessControlList>")
	for _, g := range grants {
		b.WriteString("<Grant><Grantee " + instance)
		if g.uri != "" {
			b.WriteString(` xsi:type="Group"><URI>` + g.uri + "</URI>")
		} else {
			b.WriteString(` xsi:type="CanonicalUser"><ID>` + g.id + "</ID>")
		}
		b.WriteString("</Grantee><Permission>" + g.permission + "</Permission></Grant>")
	}
	b.WriteString("</AccessControlList></AccessControlPolicy>")
	return b.String()
}

// aclFrom makes the list that a request's headers give a new object or a bucket
// (Amazon S3 User Guide, "Canned ACL").
func aclFrom(h http.Header, b *bucket, who *User) string {
	owner := canonicalID(who.Account)
	if b.ownership() == "BucketOwnerEnforced" || h.Get("X-Amz-Acl") == "bucket-owner-full-control" &&
		b.ownership() == "BucketOwnerPreferred" {
		owner = canonicalID(b.account)
	}
	grants := []grant{{"FULL_CONTROL", owner, ""}}
	switch h.Get("X-Amz-Acl") {
	case "public-read":
		grants = append(grants, grant{"READ", "", everybody})
	case "public-read-write":
		grants = append(grants, grant{"READ", "", everybody}, grant{"WRITE", "", everybody})
	case "authenticated-read":
		grants = append(grants, grant{"READ", "", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"})
	case "bucket-owner-read":
		grants = append(grants, grant{"READ", canonicalID(b.account), ""})
	case "bucket-owner-full-control":
		if owner != canonicalID(b.account) {
			grants = append(grants, grant{"FULL_CONTROL", canonicalID(b.account), ""})
		}
	}
	given := false
	for header, permission := range map[string]string{
		"X-Amz-Grant-Full-Control": "FULL_CONTROL", "X-Amz-Grant-Read": "READ", "X-Amz-Grant-Write": "WRITE",
		"X-Amz-Grant-Read-Acp": "READ_ACP", "X-Amz-Grant-Write-Acp": "WRITE_ACP",
	} {
		for one := range strings.SplitSeq(h.Get(header), ",") {
			kind, value, _ := strings.Cut(strings.TrimSpace(one), "=")
			value = strings.Trim(value, `"`)
			if kind != "id" && kind != "uri" {
				continue
			}
			if !given {
				given, grants = true, nil // what is given is all there is
			}
			if kind == "id" {
				grants = append(grants, grant{permission, value, ""})
			} else {
				grants = append(grants, grant{permission, "", value})
			}
		}
	}
	return aclDocument(owner, grants)
}

// accessControl reads and writes access control lists.
func (c *call) accessControl() *refusal {
	b := c.bucket
	var o *object
	if c.key != "" {
		out := behind{method: http.MethodHead, bucket: c.name, key: c.key, query: map[string][]string{}}
		if id := c.query.Get("versionId"); id != "" {
			out.query.Set("versionId", id)
		}
		head, err := c.server.send(c.r.Context(), b.region, out)
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
		o = b.object(c.key, id)
		b.note(c.key, id, o)
	}
	if strings.HasPrefix(c.operation, "Put") {
		text := string(c.body)
		if text == "" {
			text = aclFrom(c.r.Header, b, c.user)
		}
		if o == nil {
			b.set("BucketAcl", text)
		} else {
			b.mu.Lock()
			o.acl = text
			b.mu.Unlock()
		}
		return c.answer(http.StatusOK, nil)
	}
	text := b.setting("BucketAcl")
	if o != nil {
		text = o.acl
	}
	if text == "" || b.ownership() == "BucketOwnerEnforced" {
		owner := canonicalID(b.account)
		text = aclDocument(owner, []grant{{"FULL_CONTROL", owner, ""}})
	}
	return c.answer(http.StatusOK, []byte(text))
}

// public tells whether a policy lets everybody in (Amazon S3 User Guide, "Blocking
// public access to your Amazon S3 storage", The meaning of "public").
func public(text string) bool {
	var p policy
	if json.Unmarshal([]byte(text), &p) != nil {
		return false
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" || len(s.Condition) > 0 {
			continue
		}
		for _, name := range s.Principal["AWS"] {
			if name == "*" {
				return true
			}
		}
	}
	return false
}

func (c *call) policyStatus() *refusal {
	text := c.bucket.setting("BucketPolicy")
	if text == "" {
		return notFound("NoSuchBucketPolicy", "The bucket policy does not exist").with("BucketName", c.name)
	}
	status := map[bool]string{true: "TRUE", false: "FALSE"}[public(text)]
	return c.answer(http.StatusOK, []byte("<PolicyStatus "+namespace+"><IsPublic>"+status+"</IsPublic></PolicyStatus>"))
}
