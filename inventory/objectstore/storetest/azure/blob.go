package azure

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"hash/crc64"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
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
	x.container.hold(x.key, b)
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
