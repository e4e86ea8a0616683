package google

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// upload is one that is under way.
type upload struct {
	id, key            string
	kind, class, kmsID string
	begun              time.Time
	parts              map[int][]byte
}

const (
	mostParts = 10_000 // XML API, "Upload an object part", partNumber
	leastPart = 5 << 20
)

func documentXML(v any) *answer {
	body, err := xml.Marshal(v)
	if err != nil {
		panic(err) // of types that are all ours
	}
	return &answer{body: body, header: http.Header{"Content-Type": {"application/xml; charset=UTF-8"}}}
}

func (c *call) createUpload() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	u := &upload{id: "upload" + number(c.next()), key: c.key, kind: c.r.Header.Get("Content-Type"),
		begun: c.options.Now(),
		class: c.r.Header.Get("X-Goog-Storage-Class"), kmsID: c.r.Header.Get("X-Goog-Encryption-Kms-Key-Name"),
		parts: make(map[int][]byte)}
	if err := c.may(b, &Object{Name: u.key, Class: u.class, KMSKey: u.kmsID}); err != nil {
		return nil, err
	}
	b.uploads = append(b.uploads, u)
	type result struct {
		XMLName     xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket, Key string
		UploadID    string `xml:"UploadId"`
	}
	return documentXML(result{Bucket: c.bucket, Key: c.key, UploadID: u.id}), nil
}

// upload is the one that a request names.
func (c *call) upload() (*Bucket, *upload, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range b.uploads {
		if u.id == c.query.Get("uploadId") && u.key == c.key {
			return b, u, nil
		}
	}
	return nil, nil, refuse(http.StatusNotFound, "NoSuchUpload", "The requested upload was not found.")
}

// uploadPart checks the sums that come with a part, and answers with them (XML API,
// "Upload an object part", x-goog-hash).
func (c *call) uploadPart() (*answer, error) {
	_, u, err := c.upload()
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(c.query.Get("partNumber"))
	if err != nil || n < 1 || n > mostParts {
		return nil, refuse(http.StatusBadRequest, "InvalidArgument", "Invalid part number")
	}
	o := Object{Data: c.body}
	if want := c.r.Header.Get("X-Goog-Hash"); want != "" && want != "crc32c="+o.crc() {
		return nil, refuse(http.StatusBadRequest, "BadDigest", "The CRC32C you specified did not match what we computed.")
	}
	if want := c.r.Header.Get("Content-Md5"); want != "" && want != o.md5() {
		return nil, refuse(http.StatusBadRequest, "BadDigest", "The MD5 you specified did not match what we computed.")
	}
	u.parts[n] = c.body
	return &answer{length: true, header: http.Header{"Etag": {partTag(c.body)},
		"X-Goog-Hash": {"crc32c=" + o.crc(), "md5=" + o.md5()}}}, nil
}

func partTag(data []byte) string {
	sum := md5.Sum(data)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

type listedPart struct {
	XMLName xml.Name `xml:"Part"`
	Number  int      `xml:"PartNumber"`
	ETag    string
	Size    int
}

func (c *call) listParts() (*answer, error) {
	_, u, err := c.upload()
	if err != nil {
		return nil, err
	}
	type result struct {
		XMLName     xml.Name `xml:"ListPartsResult"`
		Bucket, Key string
		UploadID    string `xml:"UploadId"`
		Next        int    `xml:"NextPartNumberMarker"`
		Truncated   bool   `xml:"IsTruncated"`
		Parts       []listedPart
	}
	out := result{Bucket: c.bucket, Key: c.key, UploadID: u.id}
	after, _ := strconv.Atoi(c.query.Get("part-number-marker")) // 0: from the first
	for n := after + 1; n <= mostParts; n++ {
		data, ok := u.parts[n]
		if !ok {
			continue
		}
		if len(out.Parts) == c.options.PageSize {
			out.Truncated = true
			break
		}
		out.Parts = append(out.Parts, listedPart{Number: n, ETag: partTag(data), Size: len(data)})
		out.Next = n
	}
	return documentXML(out), nil
}

// completeUpload puts the parts together, whatever is there under that name: uploads by
// parts take no conditions (Cloud Storage documentation, "Request preconditions").
func (c *call) completeUpload() (*answer, error) {
	for name := range c.r.Header {
		if slices.Contains(strings.Fields(ifHeaders), name) {
			return nil, refuse(http.StatusBadRequest, "NotImplemented", "Preconditions cannot be used here.")
		}
	}
	b, u, err := c.upload()
	if err != nil {
		return nil, err
	}
	var in struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Parts   []struct {
			Number int `xml:"PartNumber"`
			ETag   string
		} `xml:"Part"`
	}
	if xml.Unmarshal(c.body, &in) != nil || len(in.Parts) == 0 {
		return nil, refuse(http.StatusBadRequest, "MalformedCompleteMultipartUploadRequest", "The XML is not well-formed.")
	}
	var data bytes.Buffer
	for i, p := range in.Parts {
		part, ok := u.parts[p.Number]
		switch {
		case !ok || p.ETag != partTag(part):
			return nil, refuse(http.StatusBadRequest, "InvalidPart", "A part was not found.")
		case i > 0 && p.Number <= in.Parts[i-1].Number:
			return nil, refuse(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order.")
		case i < len(in.Parts)-1 && len(part) < leastPart:
			return nil, refuse(http.StatusBadRequest, "EntityTooSmall", "A part is smaller than 5 MiB.")
		}
		data.Write(part)
	}
	o := &Object{Name: c.key, Data: data.Bytes(), ContentType: u.kind, Class: u.class, KMSKey: u.kmsID, composed: true}
	if err := c.free(b, c.key); err != nil {
		return nil, err
	}
	c.add(b, o)
	c.drop(b, u)
	type result struct {
		XMLName     xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket, Key string
		ETag        string
	}
	return documentXML(result{Bucket: c.bucket, Key: c.key, ETag: `"` + etag(o) + `"`}), nil
}

func (c *call) drop(b *Bucket, u *upload) {
	b.uploads = slices.DeleteFunc(b.uploads, func(x *upload) bool { return x == u })
}

func (c *call) abortUpload() (*answer, error) {
	b, u, err := c.upload()
	if err != nil {
		return nil, err
	}
	c.drop(b, u)
	return &answer{status: http.StatusNoContent, length: true}, nil
}

type listedUpload struct {
	XMLName   xml.Name `xml:"Upload"`
	Key       string
	UploadID  string `xml:"UploadId"`
	Initiated string
}

// listUploads lists in the order of names; of one name, of IDs.
func (c *call) listUploads() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	type result struct {
		XMLName    xml.Name `xml:"ListMultipartUploadsResult"`
		Bucket     string
		Encoding   string `xml:"EncodingType,omitempty"`
		NextKey    string `xml:"NextKeyMarker"`
		NextUpload string `xml:"NextUploadIdMarker"`
		Truncated  bool   `xml:"IsTruncated"`
		Uploads    []listedUpload
	}
	out := result{Bucket: c.bucket, Encoding: c.query.Get("encoding-type")}
	encode := func(key string) string { return key }
	if out.Encoding == "url" {
		encode = url.QueryEscape
	}
	all := slices.Clone(b.uploads)
	slices.SortFunc(all, func(x, y *upload) int { return strings.Compare(x.key+"\x00"+x.id, y.key+"\x00"+y.id) })
	after, id := c.query.Get("key-marker"), c.query.Get("upload-id-marker")
	for _, u := range all {
		if !strings.HasPrefix(u.key, c.query.Get("prefix")) || u.key < after || u.key == after && (id == "" || u.id <= id) {
			continue
		}
		if len(out.Uploads) == c.options.PageSize {
			out.Truncated = true
			break
		}
		out.Uploads = append(out.Uploads, listedUpload{Key: encode(u.key), UploadID: u.id, Initiated: stamp(u.begun)})
		out.NextKey, out.NextUpload = encode(u.key), u.id
	}
	return documentXML(out), nil
}

// BeginUpload begins an upload as some other program does.
func (s *Server) BeginUpload(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucket]
	b.uploads = append(b.uploads, &upload{id: "theirs" + number(s.next()), key: key, begun: s.options.Now(),
		parts: make(map[int][]byte)})
}
