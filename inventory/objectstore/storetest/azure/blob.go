package azure

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// crc is CRC-64/NVME, of which the service writes the bytes in the other order.
func crc(data []byte) string {
	sum := crc64.Checksum(data, crc64.MakeTable(0x9a6c9329ac4bc9b5))
	return base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint64(nil, sum))
}

func md5Of(data []byte) string {
	sum := md5.Sum(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// arrived compares a body with what its request says of it ("Put Blob", Content-MD5 and x-ms-content-crc64: of the
// two one at most). The answer tells the CRC64 unless the MD5 was sent.
func arrived(x *exchange) (map[string]string, *answer) {
	md5, sum := x.head("Content-MD5"), x.head("X-Ms-Content-Crc64")
	switch {
	case md5 != "" && sum != "":
		return nil, badInput()
	case md5 != "" && md5 != md5Of(x.body):
		return nil, refuse(http.StatusBadRequest, "Md5Mismatch")
	case sum != "" && sum != crc(x.body):
		return nil, refuse(http.StatusBadRequest, "Crc64Mismatch")
	case md5 != "":
		return map[string]string{"Content-MD5": md5}, nil
	}
	return map[string]string{"x-ms-content-crc64": crc(x.body)}, nil
}

// blobName applies what "Naming and referencing containers, blobs, and metadata" has of blobs' names.
func blobName(key string) bool {
	return len(utf16.Encode([]rune(key))) <= 1024 && strings.Count(key, "/") < 254
}

// guard compares the conditions of a write ("Specifying conditional headers for Blob service operations").
func guard(x *exchange, there *version) *answer {
	match, none := x.head("If-Match"), x.head("If-None-Match")
	switch {
	case none != "" && none != "*":
		return badHeader()
	case none == "*" && there != nil:
		return refuse(http.StatusConflict, "BlobAlreadyExists")
	case match == "":
		return nil
	case there == nil || match != "*" && match != `"`+there.etag+`"`:
		return unmet()
	}
	return nil
}

// tagText is what tags are made of ("Set Blob Tags", Remarks).
var tagText = regexp.MustCompile(`^[a-zA-Z0-9 +\-./:=_]*$`)

func tags(x *exchange) ([][2]string, *answer) {
	text := x.head("X-Ms-Tags")
	if text == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(text)
	if err != nil {
		return nil, badHeader()
	}
	var out [][2]string
	for _, key := range slices.Sorted(maps.Keys(query)) {
		values := query[key]
		if len(values) != 1 || len(key) < 1 || len(key) > 128 || len(values[0]) > 256 || !tagText.MatchString(key) ||
			!tagText.MatchString(values[0]) {
			return nil, refuse(http.StatusBadRequest, "InvalidTag")
		}
		out = append(out, [2]string{key, values[0]})
	}
	if len(out) > 10 {
		return nil, refuse(http.StatusBadRequest, "InvalidTag")
	}
	return out, nil
}

// newVersion reads the attributes that a request gives a blob.
func (s *Server) newVersion(x *exchange) (*version, *answer) {
	if !blobName(x.key) {
		return nil, refuse(http.StatusBadRequest, "InvalidResourceName")
	}
	at := s.tick()
	v := &version{etag: s.etag(), kind: "BlockBlob", made: at, modified: at, header: make(map[string]string)}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition",
		"Cache-Control"} {
		if value := x.head("x-ms-blob-" + name); value != "" {
			v.header[name] = value
		}
	}
	if v.header["Content-Type"] == "" {
		v.header["Content-Type"] = "application/octet-stream"
	}
	var refused *answer
	if v.metadata, refused = metadata(x); refused != nil {
		return nil, refused
	}
	if v.tags, refused = tags(x); refused != nil {
		return nil, refused
	}
	switch v.tier = x.head("X-Ms-Access-Tier"); v.tier {
	case "", "Hot", "Cool", "Cold", "Archive":
	default:
		return nil, badHeader()
	}
	return v, s.lock(x, v)
}

// lock reads what a request protects a version by, which a container without version-level immutability refuses
// ("Configure immutability policies for blob versions").
func (s *Server) lock(x *exchange, v *version) *answer {
	mode, until, hold := x.head("X-Ms-Immutability-Policy-Mode"), x.head("X-Ms-Immutability-Policy-Until-Date"),
		x.head("X-Ms-Legal-Hold")
	if mode+until+hold == "" {
		return nil
	}
	if !x.container.locking {
		return refuse(http.StatusConflict, "ImmutableStorageNotEnabled") // the code is assumed
	}
	if (mode == "") != (until == "") || mode != "" && mode != "Locked" && mode != "Unlocked" {
		return badHeader()
	}
	if until != "" {
		at, err := http.ParseTime(until)
		if err != nil || !at.After(s.o.Now()) {
			return badHeader()
		}
		v.mode, v.until = mode, at
	}
	v.hold = hold == "true"
	return nil
}

// commit makes a version current.
func (s *Server) commit(x *exchange, v *version, said map[string]string) *answer {
	b := x.container.blobs[x.key]
	if b == nil {
		b = new(blob)
	}
	if refused := guard(x, b.current); refused != nil {
		return refused
	}
	if b.current != nil && b.current.tier == "Archive" { // reported: github.com/rclone/rclone, issue 3982
		return archived()
	}
	if b.current != nil && !x.account.Versioning && b.current.locked(s.o.Now()) {
		return immutable()
	}
	s.replace(x.account, b, v)
	x.container.blobs[x.key] = b
	a := &answer{status: http.StatusCreated, header: map[string]string{"ETag": `"` + v.etag + `"`,
		"Last-Modified": v.modified.Format(http.TimeFormat), "x-ms-request-server-encrypted": "true"}}
	maps.Copy(a.header, said)
	if v.id != "" {
		a.header["x-ms-version-id"] = v.id
	}
	return a
}

func (s *Server) putBlob(x *exchange) *answer {
	if x.head("X-Ms-Blob-Type") != "BlockBlob" {
		return badHeader()
	}
	said, refused := arrived(x)
	if refused != nil {
		return refused
	}
	v, refused := s.newVersion(x)
	if refused != nil {
		return refused
	}
	// The service keeps the MD5 of one put by itself ("Put Blob", Remarks).
	v.data, v.header["Content-MD5"] = x.body, md5Of(x.body)
	if want := x.head("X-Ms-Blob-Content-Md5"); want != "" && want != v.header["Content-MD5"] {
		return refuse(http.StatusBadRequest, "Md5Mismatch")
	}
	return s.commit(x, v, said)
}

func (s *Server) putBlock(x *exchange) *answer {
	id := x.query.Get("blockid")
	raw, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(raw) < 1 || len(raw) > 64 || !blobName(x.key) {
		return badQuery()
	}
	said, refused := arrived(x)
	if refused != nil {
		return refused
	}
	b := x.container.blobs[x.key]
	if b == nil {
		b = new(blob)
	}
	for _, p := range b.blocks { // "Put Block": the IDs of a blob are equally long
		if len(p.id) != len(id) {
			return refuse(http.StatusBadRequest, "InvalidBlobOrBlock")
		}
	}
	b.blocks = append(slices.DeleteFunc(b.blocks, func(p part) bool { return p.id == id }), part{id, x.body})
	b.touched = s.tick()
	x.container.blobs[x.key] = b
	said["x-ms-request-server-encrypted"] = "true"
	return &answer{status: http.StatusCreated, header: said}
}

// putBlockList makes a blob of blocks. Whatever it says of their MD5 is kept and never compared ("Put Block
// List", x-ms-blob-content-md5).
func (s *Server) putBlockList(x *exchange) *answer {
	said, refused := arrived(x)
	if refused != nil {
		return refused
	}
	v, refused := s.newVersion(x)
	if refused != nil {
		return refused
	}
	var list struct {
		XMLName xml.Name `xml:"BlockList"`
		IDs     []struct {
			XMLName xml.Name
			ID      string `xml:",chardata"`
		} `xml:",any"`
	}
	if xml.Unmarshal(x.body, &list) != nil {
		return refuse(http.StatusBadRequest, "InvalidXmlDocument")
	}
	b := x.container.blobs[x.key]
	if b == nil {
		b = new(blob)
	}
	var data bytes.Buffer
	for _, one := range list.IDs {
		i := slices.IndexFunc(b.blocks, func(p part) bool { return p.id == one.ID })
		if i < 0 || one.XMLName.Local != "Uncommitted" && one.XMLName.Local != "Latest" {
			return refuse(http.StatusBadRequest, "InvalidBlockList")
		}
		_, _ = data.Write(b.blocks[i].data)
		v.parts = append(v.parts, int64(len(b.blocks[i].data)))
	}
	v.data = data.Bytes()
	if sum := x.head("X-Ms-Blob-Content-Md5"); sum != "" {
		v.header["Content-MD5"] = sum
	}
	return s.commit(x, v, said)
}

func (s *Server) getBlockList(x *exchange) *answer {
	b := x.container.blobs[x.key]
	if b == nil || b.current == nil && len(b.blocks) == 0 {
		return notFound()
	}
	type listed struct {
		Name string
		Size int
	}
	out := struct {
		XMLName     xml.Name `xml:"BlockList"`
		Uncommitted []listed `xml:"UncommittedBlocks>Block"`
	}{}
	if x.query.Get("blocklisttype") != "uncommitted" {
		return badQuery() // the others are not needed
	}
	for _, p := range b.blocks {
		out.Uncommitted = append(out.Uncommitted, listed{p.id, len(p.data)})
	}
	return document(out)
}

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
	case v.locked(s.o.Now()): // "Immutable storage for blob data"
		return immutable()
	}
	if v == b.current {
		b.retire(x.account, false)
	} else {
		is := func(o *version) bool { return o == v }
		b.previous, b.snapshots = slices.DeleteFunc(b.previous, is), slices.DeleteFunc(b.snapshots, is)
		if x.account.SoftDelete > 0 {
			b.deleted = append(b.deleted, v)
		}
	}
	if b.empty() {
		delete(x.container.blobs, x.key)
	}
	return &answer{status: http.StatusAccepted, header: map[string]string{
		"x-ms-delete-type-permanent": fmt.Sprint(x.account.SoftDelete == 0)}}
}
