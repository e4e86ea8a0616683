package iam

import (
	"net/http"
	"net/url"
	"strings"
)

// Cases returns what a request has, by its query and header. Whether what it is
// about is under SSE-KMS does not show, but that it asks for it does.
func Cases(query url.Values, header http.Header) []Case {
	cases := []Case{Current}
	if query.Has("versionId") {
		cases[0] = Version
	}
	if from := header.Get("X-Amz-Copy-Source"); from != "" {
		byID := strings.Contains(from, "?versionId=")
		cases = append(cases, pick(byID, FromVersion, FromCurrent))
		if header.Get("X-Amz-Tagging-Directive") == "COPY" {
			cases = append(cases, pick(byID, CopiesTagsV, CopiesTags), Tags)
		}
	}
	for _, c := range []struct {
		name string
		is   Case
	}{
		{"X-Amz-Tagging", Tags}, {"X-Amz-Object-Lock-Mode", Retention}, {"X-Amz-Object-Lock-Event-Hold", Retention},
		{"X-Amz-Object-Lock-Legal-Hold", Hold},
		{"X-Amz-Bucket-Object-Lock-Enabled", WithLock},
	} {
		if header.Get(c.name) != "" {
			cases = append(cases, c.is)
		}
	}
	// Of a version that is named, S3 knows no such condition.
	if etag := header.Get("If-Match"); etag != "" && etag != "*" && cases[0] == Current {
		cases = append(cases, Unchanged)
	}
	if strings.HasPrefix(header.Get("X-Amz-Server-Side-Encryption"), "aws:kms") {
		cases = append(cases, UnderKMS)
	}
	for name := range header {
		if name == "X-Amz-Acl" || strings.HasPrefix(name, "X-Amz-Grant-") {
			return append(cases, Grants)
		}
	}
	return cases
}

func pick(first bool, a, b Case) Case {
	if first {
		return a
	}
	return b
}
