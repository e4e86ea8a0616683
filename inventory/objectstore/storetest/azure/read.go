package azure

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// one is the version that a request names.
func one(x *exchange) (*blob, *version, *answer) {
	id, snapshot := x.query.Get("versionid"), x.query.Get("snapshot")
	if id != "" && snapshot != "" {
		return nil, nil, badQuery()
	}
	for _, text := range []string{id, snapshot} {
		if _, err := time.Parse("2006-01-02T15:04:05.0000000Z", text); text != "" && err != nil {
			return nil, nil, badQuery()
		}
	}
	b := x.container.blobs[x.key]
	if b == nil {
		return nil, nil, notFound()
	}
	v := b.current
	switch {
	case snapshot != "":
		v = byID(b.snapshots, func(v *version) bool { return v.snapshot == snapshot })
	case id != "":
		v = b.find(id)
	}
	if v == nil {
		return nil, nil, notFound()
	}
	return b, v, nil
}

func (s *Server) getBlob(x *exchange) *answer {
	b, v, refused := one(x)
	if refused != nil {
		return refused
	}
	if match := x.head("If-Match"); match != "" && match != `"`+v.etag+`"` {
		return unmet()
	}
	if v.keySHA != "" { // "Provide an encryption key on a request to Blob Storage"
		return refuse(http.StatusConflict, "BlobUsesCustomerSpecifiedEncryption")
	}
	if v.tier == "Archive" && x.r.Method == http.MethodGet {
		return archived()
	}
	h := map[string]string{"ETag": `"` + v.etag + `"`, "Last-Modified": v.modified.Format(http.TimeFormat),
		"x-ms-blob-type": v.kind, "x-ms-server-encrypted": "true", "Accept-Ranges": "bytes"}
	maps.Copy(h, v.header)
	for name, value := range v.metadata {
		h["x-ms-meta-"+name] = value
	}
	if len(v.tags) > 0 {
		h["x-ms-tag-count"] = strconv.Itoa(len(v.tags))
	}
	if v.id != "" && v.snapshot == "" {
		h["x-ms-version-id"] = v.id
		if v == b.current {
			h["x-ms-is-current-version"] = "true"
		}
	}
	if v.mode != "" {
		h["x-ms-immutability-policy-mode"], h["x-ms-immutability-policy-until-date"] = strings.ToLower(v.mode),
			v.until.UTC().Format(http.TimeFormat)
	}
	if v.hold {
		h["x-ms-legal-hold"] = "true"
	}
	h["x-ms-access-tier"] = v.tier
	if v.tier == "" {
		h["x-ms-access-tier"], h["x-ms-access-tier-inferred"] = "Hot", "true"
	}
	if v.pending != "" {
		h["x-ms-archive-status"] = v.pending
	}
	return &answer{status: http.StatusOK, header: h, body: v.data, length: len(v.data)}
}

func (s *Server) getTags(x *exchange) *answer {
	_, v, refused := one(x)
	if refused != nil {
		return refused
	}
	type tag struct{ Key, Value string }
	out := struct {
		XMLName xml.Name `xml:"Tags"`
		Tags    []tag    `xml:"TagSet>Tag"`
	}{}
	for _, t := range v.tags {
		out.Tags = append(out.Tags, tag{t[0], t[1]})
	}
	return document(out)
}

// deleteBlob deletes what is named. What is current is no longer when it has no version ID named, and that by its ID
// is refused: HTTP 403 (reported: github.com/Azure/azure-sdk-for-java, pull request 48716).
func (s *Server) deleteBlob(x *exchange) *answer {
	b, v, refused := one(x)
	if refused != nil {
		return refused
	}
	named := x.query.Get("versionid") != ""
	if x.head("X-Ms-Delete-Snapshots") != "" {
		return badHeader() // snapshots are deleted by themselves here
	}
	if match := x.head("If-Match"); match != "" && match != `"`+v.etag+`"` {
		return unmet()
	}
	switch {
	case named && v == b.current:
		return refuse(http.StatusForbidden, "OperationNotAllowedOnRootBlob")
	case v == b.current && len(b.snapshots) > 0: // "Delete Blob", x-ms-delete-snapshots
		return refuse(http.StatusConflict, "SnapshotsPresent")
	case v == b.current && x.account.Versioning: // it stays, so that locks do not matter
	case v.locked(s.o.Now()), x.account.LegalHold: // "Immutable storage for blob data"
		return immutable()
	}
	if v == b.current {
		b.retire(x.account, s.tick(), false)
	} else {
		is := func(o *version) bool { return o == v }
		b.previous, b.snapshots = slices.DeleteFunc(b.previous, is), slices.DeleteFunc(b.snapshots, is)
		b.keep(x.account, v, s.tick())
	}
	if b.empty() {
		x.container.drop(x.key)
	}
	return &answer{status: http.StatusAccepted, header: map[string]string{
		"x-ms-delete-type-permanent": fmt.Sprint(x.account.SoftDelete == 0)}}
}
