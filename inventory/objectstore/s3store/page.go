package s3store

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore"
)

// page is one answer of ListObjectVersions or ListMultipartUploads.
type page struct {
	encoded    bool
	truncated  bool
	nextKey    string
	nextID     string
	versions   []objectstore.Version
	uploads    []objectstore.Upload
	doubtful   []int // versions, or uploads, of which the server may not have told the key
	astray     bool  // nextKey may not be where the page ended, for the same reason
	rootClosed bool
}

// parsePage reads a whole page or fails.
func parsePage(raw []byte) (*page, error) {
	p := &page{versions: make([]objectstore.Version, 0, bytes.Count(raw, []byte("<Key>")))}
	s := &scanner{buf: raw}
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case tokenText:
			continue
		case tokenStart:
			if p.rootClosed || !strings.HasSuffix(string(t.data), "Result") {
				return nil, fmt.Errorf("%w: unexpected <%s>", errXML, t.data)
			}
			if err := s.children(t.data, func(name []byte) error { return p.child(s, name) }); err != nil {
				return nil, err
			}
			p.rootClosed = true
			continue
		case tokenEOF:
			if !p.rootClosed {
				return nil, fmt.Errorf("%w: document ends early", errXML)
			}
			return p, p.decode()
		}
		return nil, fmt.Errorf("%w: unexpected end tag", errXML)
	}
}

func (p *page) child(s *scanner, name []byte) (err error) {
	switch string(name) {
	case "Version", "DeleteMarker", "Contents":
		err = p.version(s, name)
	case "Upload":
		var u objectstore.Upload
		err = s.children(name, func(field []byte) error { return uploadField(s, field, &u) })
		p.uploads = append(p.uploads, u)
	case "EncodingType":
		var text string
		text, err = s.element(name)
		p.encoded = text == "url"
	case "IsTruncated":
		var text string
		if text, err = s.element(name); err == nil {
			p.truncated, err = strconv.ParseBool(text)
		}
	case "NextKeyMarker":
		p.nextKey, err = s.element(name)
	case "NextVersionIdMarker", "NextUploadIdMarker", "NextContinuationToken":
		p.nextID, err = s.element(name)
	default:
		err = s.skip()
	}
	return err
}

func (p *page) version(s *scanner, name []byte) error {
	var before objectstore.Version // whose texts many have in common
	if n := len(p.versions); n > 0 {
		before = p.versions[n-1]
	}
	p.versions = append(p.versions, objectstore.Version{Marker: string(name) == "DeleteMarker",
		Latest: string(name) == "Contents"})
	v := &p.versions[len(p.versions)-1]
	for {
		field, more, err := s.child(name)
		if err != nil || !more {
			return err
		}
		if err := versionField(s, field, v, &before); err != nil {
			return err
		}
	}
}

func versionField(s *scanner, name []byte, v, before *objectstore.Version) (err error) {
	if string(name) == "RestoreStatus" {
		return s.children(name, func(field []byte) error { return restoreField(s, field, v) })
	}
	var text []byte
	switch string(name) {
	case "Key", "VersionId", "ETag", "StorageClass", "IsLatest", "Size", "LastModified":
		if text, err = s.text(name); err != nil {
			return err
		}
	default:
		return s.skip()
	}
	switch string(name) {
	case "Key":
		v.Key = string(text)
	case "VersionId":
		v.VersionID = same(before.VersionID, text)
	case "ETag":
		v.ETag = bare(string(text))
	case "StorageClass":
		v.StorageClass = same(before.StorageClass, text)
	case "IsLatest":
		v.Latest = string(text) == "true"
	case "Size":
		v.Size, err = parseSize(text)
	case "LastModified":
		v.Modified, err = parseTime(text)
	}
	return err
}

// same returns what was read before if it is the same text.
func same(before string, text []byte) string {
	if string(text) == before {
		return before
	}
	return string(text)
}

// parseSize reads a number that is nearly always short and plain.
func parseSize(text []byte) (int64, error) {
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' || n > 1<<58 {
			return strconv.ParseInt(string(text), 10, 64)
		}
		n = 10*n + int64(c-'0')
	}
	if len(text) == 0 {
		return strconv.ParseInt("", 10, 64)
	}
	return n, nil
}

// parseTime reads a time, which is of use for order alone: servers leave it empty, or
// say it without a zone.
func parseTime(text []byte) (t time.Time, err error) {
	if len(text) == 0 || t.UnmarshalText(text) == nil {
		return t, nil
	}
	if t, err = time.Parse(time.RFC3339Nano, string(text)); err != nil {
		if zoneless, err := time.Parse("2006-01-02T15:04:05", string(text)); err == nil {
			return zoneless, nil
		}
	}
	return t, err
}

func restoreField(s *scanner, name []byte, v *objectstore.Version) (err error) {
	if v.Restore == nil {
		v.Restore = &objectstore.Restore{}
	}
	switch string(name) {
	case "IsRestoreInProgress":
		var text string
		text, err = s.element(name)
		v.Restore.Ongoing = text == "true"
	case "RestoreExpiryDate":
		v.Restore.Until, err = timeField(s, name)
	default:
		err = s.skip()
	}
	return err
}

func uploadField(s *scanner, name []byte, u *objectstore.Upload) (err error) {
	switch string(name) {
	case "Key":
		u.Key, err = s.element(name)
	case "UploadId":
		u.UploadID, err = s.element(name)
	case "Initiated":
		u.Initiated, err = timeField(s, name)
	default:
		err = s.skip()
	}
	return err
}

func timeField(s *scanner, name []byte) (time.Time, error) {
	text, err := s.element(name)
	if err != nil {
		return time.Time{}, err
	}
	return parseTime([]byte(text))
}

// decode undoes encoding-type=url where the server says that it applied it.
func (p *page) decode() (err error) {
	for i := range p.versions {
		v := &p.versions[i]
		p.doubt(i, v.Key)
		if v.VersionID == "" {
			v.VersionID = objectstore.NullVersion
		}
		if v.Key, err = p.key(v.Key); err != nil {
			return err
		}
		if v.Key == "" {
			return fmt.Errorf("%w: entry without a key", errXML)
		}
	}
	for i := range p.uploads {
		p.doubt(i, p.uploads[i].Key)
		if p.uploads[i].Key, err = p.key(p.uploads[i].Key); err != nil {
			return err
		}
	}
	p.astray = doubtful(p.nextKey)
	p.nextKey, err = p.key(p.nextKey)
	return err
}

// doubt marks an entry if its key, as it came, may be another's: servers that do
// not escape keys put U+FFFD for what XML cannot hold.
func (p *page) doubt(i int, raw string) {
	if doubtful(raw) {
		p.doubtful = append(p.doubtful, i)
	}
}

func doubtful(key string) bool { return strings.ContainsRune(key, utf8.RuneError) }

func (p *page) key(k string) (string, error) {
	if !p.encoded || !strings.ContainsAny(k, "%+") {
		return k, nil
	}
	u, err := url.QueryUnescape(k)
	if err != nil {
		return "", fmt.Errorf("%w: key is not url-encoded", errXML)
	}
	return u, nil
}
