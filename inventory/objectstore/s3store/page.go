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
	"github.com/residency/residency/inventory/objectstore/flatxml"
)

// page is one answer of ListObjectVersions or ListMultipartUploads.
type page struct {
	encoded   bool
	truncated bool
	nextKey   string
	nextID    string
	versions  []objectstore.Version
	uploads   []objectstore.Upload
	doubtful  []int // versions, or uploads, of which the server may not have told the key
	astray    bool  // nextKey may not be where the page ended, for the same reason
}

// parsePage reads a whole page or fails.
func parsePage(raw []byte) (*page, error) {
	p := &page{versions: make([]objectstore.Version, 0, bytes.Count(raw, []byte("<Key>")))}
	s := flatxml.New(raw)
	root, err := s.Root()
	if err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(root, []byte("Result")) {
		return nil, fmt.Errorf("%w: unexpected <%s>", flatxml.ErrSyntax, root)
	}
	if err := s.Children(root, func(name []byte) error { return p.child(s, name) }); err != nil {
		return nil, err
	}
	if err := s.End(); err != nil {
		return nil, err
	}
	return p, p.decode()
}

func (p *page) child(s *flatxml.Scanner, name []byte) (err error) {
	switch string(name) {
	case "Version", "DeleteMarker", "Contents":
		err = p.version(s, name)
	case "Upload":
		var u objectstore.Upload
		err = s.Children(name, func(field []byte) error { return uploadField(s, field, &u) })
		p.uploads = append(p.uploads, u)
	case "EncodingType":
		var text string
		text, err = s.Element(name)
		p.encoded = text == "url"
	case "IsTruncated":
		var text string
		if text, err = s.Element(name); err == nil {
			p.truncated, err = strconv.ParseBool(text)
		}
	case "NextKeyMarker":
		p.nextKey, err = s.Element(name)
	case "NextVersionIdMarker", "NextUploadIdMarker", "NextContinuationToken":
		p.nextID, err = s.Element(name)
	default:
		err = s.Skip()
	}
	return err
}

func (p *page) version(s *flatxml.Scanner, name []byte) error {
	var before objectstore.Version // whose texts many have in common
	if n := len(p.versions); n > 0 {
		before = p.versions[n-1]
	}
	p.versions = append(p.versions, objectstore.Version{Marker: string(name) == "DeleteMarker",
		Latest: string(name) == "Contents"})
	v := &p.versions[len(p.versions)-1]
	for {
		field, more, err := s.Child(name)
		if err != nil || !more {
			return err
		}
		if err := versionField(s, field, v, &before); err != nil {
			return err
		}
	}
}

func versionField(s *flatxml.Scanner, name []byte, v, before *objectstore.Version) (err error) {
	if string(name) == "RestoreStatus" {
		return s.Children(name, func(field []byte) error { return restoreField(s, field, v) })
	}
	var text []byte
	switch string(name) {
	case "Key", "VersionId", "ETag", "StorageClass", "IsLatest", "Size", "LastModified":
		if text, err = s.Text(name); err != nil {
			return err
		}
	default:
		return s.Skip()
	}
	switch string(name) {
	case "Key":
		v.Key = string(text)
	case "VersionId":
		v.VersionID = flatxml.Same(before.VersionID, text)
	case "ETag":
		v.ETag = bare(string(text))
	case "StorageClass":
		v.StorageClass = flatxml.Same(before.StorageClass, text)
	case "IsLatest":
		v.Latest = string(text) == "true"
	case "Size":
		v.Size, err = parseSize(text)
	case "LastModified":
		v.Modified, err = parseTime(text)
	}
	return err
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

func restoreField(s *flatxml.Scanner, name []byte, v *objectstore.Version) (err error) {
	if v.Restore == nil {
		v.Restore = &objectstore.Restore{}
	}
	switch string(name) {
	case "IsRestoreInProgress":
		var text string
		text, err = s.Element(name)
		v.Restore.Ongoing = text == "true"
	case "RestoreExpiryDate":
		v.Restore.Until, err = timeField(s, name)
	default:
		err = s.Skip()
	}
	return err
}

func uploadField(s *flatxml.Scanner, name []byte, u *objectstore.Upload) (err error) {
	switch string(name) {
	case "Key":
		u.Key, err = s.Element(name)
	case "UploadId":
		u.UploadID, err = s.Element(name)
	case "Initiated":
		u.Initiated, err = timeField(s, name)
	default:
		err = s.Skip()
	}
	return err
}

func timeField(s *flatxml.Scanner, name []byte) (time.Time, error) {
	text, err := s.Element(name)
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
			return fmt.Errorf("%w: entry without a key", flatxml.ErrSyntax)
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
		return "", fmt.Errorf("%w: key is not url-encoded", flatxml.ErrSyntax)
	}
	return u, nil
}
