package azure

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// maxSource is how long the URL of a source may be in bytes ("Put Blob From URL", x-ms-copy-source).
const maxSource = 2 << 10

// copying are the headers of "Put Blob From URL" that are served here. It has none for immutability.
func copying() []string {
	return []string{"X-Ms-Copy-Source", "X-Ms-Copy-Source-Authorization", "X-Ms-Source-If-Match",
		"X-Ms-Source-Content-Md5", "X-Ms-Copy-Source-Blob-Properties", "X-Ms-Copy-Source-Tag-Option", "X-Ms-Blob-Type",
		"X-Ms-Blob-Content-Type", "X-Ms-Blob-Content-Encoding", "X-Ms-Blob-Content-Language",
		"X-Ms-Blob-Content-Disposition", "X-Ms-Blob-Cache-Control", "X-Ms-Meta-*", "X-Ms-Tags", "X-Ms-Access-Tier",
		"If-Match", "If-None-Match"}
}

// unreadable is the answer where the source refuses the service: with its status ("Blob Storage error codes",
// CannotVerifyCopySource: the status tells more).
func unreadable(status int) *answer { return refuse(status, "CannotVerifyCopySource") }

// copyBlob makes a blob of what the service reads by itself ("Put Blob From URL"). The MD5 that the request tells of
// the source is held against what has arrived, and the answer has the one that was computed.
func (s *Server) copyBlob(x *exchange) *answer {
	properties, tags := x.head("X-Ms-Copy-Source-Blob-Properties"), x.head("X-Ms-Copy-Source-Tag-Option")
	switch {
	case x.head("X-Ms-Blob-Type") != "BlockBlob", len(x.body) > 0, len(x.head("X-Ms-Copy-Source")) > maxSource,
		properties != "" && properties != "true" && properties != "false",
		tags != "" && tags != "REPLACE": // COPY is not needed
		return badHeader()
	}
	from, refused := s.source(x)
	if refused != nil {
		return refused
	}
	sum := md5Of(from.data)
	want := x.head("X-Ms-Source-Content-Md5")
	if want != "" && want != sum {
		return refuse(http.StatusBadRequest, "Md5Mismatch")
	}
	v, refused := s.newVersion(x)
	if refused != nil {
		return refused
	}
	if properties != "false" { // the default is to copy them; that those of the request count more is assumed
		for name, value := range from.header {
			if x.head("x-ms-blob-"+name) == "" {
				v.header[name] = value
			}
		}
	}
	v.data, v.header["Content-MD5"] = from.data, sum
	said := map[string]string{"x-ms-content-crc64": crc(from.data)}
	if want != "" {
		said = map[string]string{"Content-MD5": sum}
	}
	return s.commit(x, v, said)
}

// source is the version that a copy names, for whoever may read it there with the token that the request brings
// ("Put Blob From URL", x-ms-copy-source-authorization: Bearer alone).
func (s *Server) source(x *exchange) (*version, *answer) {
	scheme, token, _ := strings.Cut(x.head("X-Ms-Copy-Source-Authorization"), " ")
	at, err := url.Parse(x.head("X-Ms-Copy-Source"))
	if err != nil || scheme != "Bearer" {
		return nil, badHeader()
	}
	name, path, _ := strings.Cut(strings.TrimPrefix(at.EscapedPath(), "/"), "/")
	in, path, _ := strings.Cut(path, "/")
	key, err := url.PathUnescape(path)
	account := s.accounts[name]
	switch {
	case err != nil:
		return nil, badHeader()
	case at.Host != x.r.Host, account == nil:
		return nil, unreadable(http.StatusNotFound)
	case token != s.o.Token:
		return nil, unreadable(http.StatusUnauthorized)
	case account.Closed && account != x.account, !s.allowed([]string{services + "containers/blobs/read"}):
		return nil, unreadable(http.StatusForbidden)
	case account.containers[in] == nil:
		return nil, unreadable(http.StatusNotFound)
	}
	for name := range maps.Keys(at.Query()) {
		if name != "versionid" && name != "snapshot" {
			return nil, badHeader()
		}
	}
	_, v, refused := one(&exchange{query: at.Query(), container: account.containers[in], key: key})
	switch match := x.head("X-Ms-Source-If-Match"); {
	case refused != nil:
		return nil, unreadable(refused.status)
	case match != "" && match != `"`+v.etag+`"`:
		return nil, refuse(http.StatusPreconditionFailed, "SourceConditionNotMet")
	case v.keySHA != "", v.tier == "Archive", v.kind != "BlockBlob": // the status is assumed
		return nil, unreadable(http.StatusConflict)
	}
	return v, nil
}
