package azurestore

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"
)

// maxPage bounds one page of a listing, in bytes. 5,000 blobs with names of 1,024 characters,
// each escaped, and their properties stay below.
const maxPage = 64 << 20

// errXML replaces the decoder's error, which may quote a key.
var errXML = errors.New("the answer is not the XML that it should be")

// name is that of a blob or of a container. Characters that XML does not have come escaped
// ("List Blobs", Blob name encoding).
type name struct {
	Encoded bool   `xml:"Encoded,attr"`
	Text    string `xml:",chardata"`
}

func (n name) value() (string, error) {
	if !n.Encoded {
		return n.Text, nil
	}
	text, err := url.PathUnescape(n.Text)
	if err != nil {
		return "", errXML
	}
	return text, nil
}

type blobPage struct {
	XMLName xml.Name   `xml:"EnumerationResults"`
	Blobs   []blobItem `xml:"Blobs>Blob"`
	Next    string     `xml:"NextMarker"`
}

type blobItem struct {
	Name       name   `xml:"Name"`
	Snapshot   string `xml:"Snapshot"`
	VersionID  string `xml:"VersionId"`
	Current    bool   `xml:"IsCurrentVersion"`
	Deleted    bool   `xml:"Deleted"`
	Properties struct {
		ETag          string `xml:"Etag"`
		Modified      string `xml:"Last-Modified"`
		Size          *int64 `xml:"Content-Length"`
		Type          string `xml:"BlobType"`
		Tier          string `xml:"AccessTier"`
		Inferred      bool   `xml:"AccessTierInferred"`
		ArchiveStatus string `xml:"ArchiveStatus"`
		Remaining     *int   `xml:"RemainingRetentionDays"`
		ContentMD5    string `xml:"Content-MD5"`
	} `xml:"Properties"`
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

func parseBlobs(data []byte) (*blobPage, error) {
	p, err := parse[blobPage](data)
	if err != nil {
		return nil, err
	}
	for i := range p.Blobs {
		b := &p.Blobs[i]
		text, err := b.Name.value()
		if err != nil {
			return nil, err
		}
		b.Name = name{Text: text}
		b.Properties.ETag = strings.Trim(b.Properties.ETag, `"`)
		if text == "" || b.Properties.Size != nil && *b.Properties.Size < 0 {
			return nil, errXML
		}
	}
	return p, nil
}

func parseContainers(data []byte) (*containerPage, error) { return parse[containerPage](data) }

func parseBlocks(data []byte) (*blockList, error) { return parse[blockList](data) }

func parseTags(data []byte) (*tagSet, error) { return parse[tagSet](data) }
