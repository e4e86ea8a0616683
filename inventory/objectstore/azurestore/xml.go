package azurestore

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore/flatxml"
)

// maxPage bounds one page of a listing, in bytes. 5,000 blobs with names of 1,024 characters,
// each escaped, and their properties stay below.
const maxPage = 64 << 20

// errXML replaces the decoder's error, which may quote a key.
var errXML = errors.New("the answer is not the XML that it should be")

// blobPage is a page of a listing of blobs.
type blobPage struct {
	blobs []blobItem
	next  string // where the next page begins; empty: there is none
}

// blobItem is a blob, a version or a snapshot of one.
type blobItem struct {
	name, snapshot, versionID        string
	current, deleted                 bool
	etag, modified, kind, contentMD5 string
	size                             int64 // 0 where none is told
	tier, archiveStatus              string
	inferred                         bool // the tier, from the account's
	remaining                        int  // days that what is deleted is still kept; -1: none are told
}

type containerPage struct {
	XMLName    xml.Name `xml:"EnumerationResults"`
	Containers []struct {
		Name    string `xml:"Name"`
		Deleted bool   `xml:"Deleted"`
	} `xml:"Containers>Container"`
	Next string `xml:"NextMarker"`
}

type blockList struct {
	XMLName     xml.Name `xml:"BlockList"`
	Committed   []block  `xml:"CommittedBlocks>Block"`
	Uncommitted []block  `xml:"UncommittedBlocks>Block"`
}

type block struct {
	Name string `xml:"Name"` // base64
	Size int64  `xml:"Size"`
}

type tagSet struct {
	XMLName xml.Name `xml:"Tags"`
	Tags    []struct {
		Key   string `xml:"Key"`
		Value string `xml:"Value"`
	} `xml:"TagSet>Tag"`
}

// parse reads a document, which has one root and nothing behind it.
func parse[T any](data []byte) (*T, error) {
	v := new(T)
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	if err := d.Decode(v); err != nil {
		return nil, errXML
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errXML
	}
	return v, nil
}

// parseBlobs reads a page of a listing of blobs, of which there are many, and no more than were asked for.
func parseBlobs(data []byte, most int) (*blobPage, error) {
	if !utf8.Valid(data) {
		return nil, errXML
	}
	p := &blobPage{blobs: make([]blobItem, 0, min(most, bytes.Count(data, []byte("<Blob>"))))}
	s := flatxml.New(data)
	root, err := s.Root()
	if err != nil || string(root) != "EnumerationResults" {
		return nil, errXML
	}
	err = s.Children(root, func(child []byte) (err error) {
		switch string(child) {
		case "Blobs":
			return s.Children(child, func(item []byte) error {
				if string(item) != "Blob" {
					return s.Skip()
				}
				if len(p.blobs) == most {
					return errXML
				}
				var before blobItem // whose texts many have in common
				if n := len(p.blobs); n > 0 {
					before = p.blobs[n-1]
				}
				b, err := parseBlob(s, item, &before)
				p.blobs = append(p.blobs, b)
				return err
			})
		case "NextMarker":
			p.next, err = s.Element(child)
			return err
		}
		return s.Skip()
	})
	if err != nil || s.End() != nil {
		return nil, errXML
	}
	return p, nil
}

func parseBlob(s *flatxml.Scanner, item []byte, before *blobItem) (b blobItem, err error) {
	b.remaining = -1
	err = s.Children(item, func(field []byte) (err error) {
		if string(field) == "Properties" {
			return s.Children(field, func(property []byte) error { return b.property(s, property, before) })
		}
		encoded := s.Attribute("Encoded")
		switch string(field) {
		case "Name":
			if b.name, err = s.Element(field); err == nil {
				err = b.decode(encoded)
			}
			if b.name == before.name {
				b.name = before.name // kept once
			}
		case "Snapshot":
			b.snapshot, err = s.Element(field)
		case "VersionId":
			b.versionID, err = s.Element(field)
		case "IsCurrentVersion":
			b.current, err = truth(s, field)
		case "Deleted":
			b.deleted, err = truth(s, field)
		default:
			err = s.Skip()
		}
		return err
	})
	if err == nil && b.name == "" {
		err = errXML
	}
	return b, err
}

// decode undoes what names have where XML does not have their characters ("List Blobs", Blob name
// encoding).
func (b *blobItem) decode(encoded string) (err error) {
	if encoded == "" {
		return nil
	}
	escaped, err := strconv.ParseBool(encoded)
	if escaped && err == nil {
		b.name, err = url.PathUnescape(b.name)
	}
	return err
}

func (b *blobItem) property(s *flatxml.Scanner, name []byte, before *blobItem) (err error) {
	var text []byte
	switch string(name) {
	case "Etag", "Last-Modified", "Content-Length", "BlobType", "AccessTier", "ArchiveStatus", "RemainingRetentionDays",
		"Content-MD5":
		if text, err = s.Text(name); err != nil {
			return err
		}
	case "AccessTierInferred":
		b.inferred, err = truth(s, name)
		return err
	default:
		return s.Skip()
	}
	switch string(name) {
	case "Etag":
		b.etag = string(bytes.Trim(text, `"`))
	case "Last-Modified":
		b.modified = flatxml.Same(before.modified, text)
	case "Content-Length":
		if text = bytes.TrimSpace(text); len(text) > 0 {
			if b.size, err = strconv.ParseInt(string(text), 10, 64); b.size < 0 {
				err = errXML
			}
		}
	case "BlobType":
		b.kind = flatxml.Same(before.kind, text)
	case "AccessTier":
		b.tier = flatxml.Same(before.tier, text)
	case "ArchiveStatus":
		b.archiveStatus = flatxml.Same(before.archiveStatus, text)
	case "RemainingRetentionDays":
		if text = bytes.TrimSpace(text); len(text) > 0 {
			b.remaining, err = strconv.Atoi(string(text))
		}
	case "Content-MD5":
		b.contentMD5 = string(text)
	}
	return err
}

// truth reads an element that is true or false; one without text is false.
func truth(s *flatxml.Scanner, name []byte) (bool, error) {
	text, err := s.Text(name)
	if text = bytes.TrimSpace(text); err != nil || len(text) == 0 {
		return false, err
	}
	return strconv.ParseBool(string(text))
}

func parseContainers(data []byte) (*containerPage, error) { return parse[containerPage](data) }

func parseBlocks(data []byte) (*blockList, error) { return parse[blockList](data) }

func parseTags(data []byte) (*tagSet, error) { return parse[tagSet](data) }
