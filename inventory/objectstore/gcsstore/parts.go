package gcsstore

import (
	"context"
	"encoding/xml"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// uploadsPage is a page of unfinished uploads (XML API, "List multipart uploads").
type uploadsPage struct {
	XMLName    xml.Name `xml:"ListMultipartUploadsResult"`
	Encoding   string   `xml:"EncodingType"`
	Truncated  bool     `xml:"IsTruncated"`
	NextKey    string   `xml:"NextKeyMarker"`
	NextUpload string   `xml:"NextUploadIdMarker"`
	Uploads    []struct {
		Key       string
		UploadID  string `xml:"UploadId"`
		Initiated time.Time
	} `xml:"Upload"`
}

// parseUploads reads a page, whose keys are escaped, because XML does not hold all.
func parseUploads(data []byte) (*uploadsPage, error) {
	var p uploadsPage
	if xml.Unmarshal(data, &p) != nil {
		return nil, errXML
	}
	plain := func(key *string) error {
		text, err := url.QueryUnescape(*key)
		if err != nil || strings.ToLower(p.Encoding) != "url" && p.Encoding != "" {
			return errXML
		}
		if p.Encoding != "" {
			*key = text
		}
		return nil
	}
	if err := plain(&p.NextKey); err != nil {
		return nil, err
	}
	for i := range p.Uploads {
		if p.Uploads[i].Key == "" || p.Uploads[i].UploadID == "" {
			return nil, errXML
		}
		if err := plain(&p.Uploads[i].Key); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

var errMarker = fmt.Errorf("%w: a page does not lead on", objectstore.ErrOrder)

// Uploads implements objectstore.Lister: uploads by parts, and of the key that is the prefix
// itself also those whose parts were put together and went no further. Resumable uploads,
// which the JSON API has besides, are not listed by the service, and end after a week (Cloud
// Storage documentation, "Resumable uploads").
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		r := s.request("storage.multipartUploads.list", bucket, "GET", "/"+escape(bucket),
			query{"prefix": prefix, "encoding-type": "url", "max-uploads": decimal(int64(s.pageSize))})
		r.bare = "uploads"
		for {
			p, err := s.uploadsPage(ctx, r)
			if s.unknown(err) {
				s.transport.unlisted.Store(true)
				return
			}
			if err != nil {
				yield(objectstore.Upload{}, err)
				return
			}
			for _, u := range p.Uploads {
				key, id := unstaged(u.Key, u.UploadID)
				if !strings.HasPrefix(key, prefix) {
					continue // the prefix ends within what is beside the key
				}
				if !yield(objectstore.Upload{Key: key, UploadID: id, Initiated: u.Initiated}, nil) {
					return
				}
			}
			if !p.Truncated {
				s.stranded(ctx, bucket, prefix, yield)
				return
			}
			r.query["key-marker"], r.query["upload-id-marker"] = p.NextKey, p.NextUpload
		}
	}
}

// strandedID stands for the ID of an upload that the service no longer knows. To give it up
// is to delete what its parts were put together in.
const strandedID = "stranded"

// stranded yields what the parts of a key's uploads were put together in. It stays where a
// completion ended halfway; of all keys it would take a listing of the whole bucket.
func (s *Store) stranded(ctx context.Context, bucket, key string, yield func(objectstore.Upload, error) bool) {
	if key == "" {
		return
	}
	for o, err := range s.pages(bucket, key+stageMark, listFields, query{"versions": "true"}).items(ctx) {
		if err != nil {
			yield(objectstore.Upload{}, err)
			return
		}
		of, id := unstaged(o.Name, strandedID)
		if of != key || !o.TimeDeleted.IsZero() {
			continue
		}
		if !yield(objectstore.Upload{Key: key, UploadID: id, Initiated: o.TimeCreated}, nil) {
			return
		}
	}
}

// ListsUploads implements objectstore.UploadLister: a server that is not Google's own may have no
// such operation.
func (s *Store) ListsUploads() bool { return !s.transport.unlisted.Load() }

// uploadsPage asks for a page, behind which the next one has to be.
func (s *Store) uploadsPage(ctx context.Context, r *request) (*uploadsPage, error) {
	a, err := s.transport.send(ctx, r)
	if err != nil {
		return nil, err
	}
	p, err := parseUploads(a.data)
	if err == nil && p.Truncated && (p.NextKey < r.query["key-marker"] || p.NextKey == r.query["key-marker"] &&
		p.NextUpload <= r.query["upload-id-marker"]) {
		err = errMarker
	}
	if err != nil {
		return nil, s.broken(r, err)
	}
	return p, nil
}

// partsPage is a page of an upload's parts (XML API, "List object parts").
type partsPage struct {
	XMLName   xml.Name `xml:"ListPartsResult"`
	Truncated bool     `xml:"IsTruncated"`
	Next      int      `xml:"NextPartNumberMarker"`
	Parts     []struct {
		Number int    `xml:"PartNumber"`
		ETag   string `xml:"ETag"`
		Size   int64
	} `xml:"Part"`
}

// parseParts reads a page, behind a part's number: numbers ascend.
func parseParts(data []byte, after int) ([]objectstore.Part, bool, error) {
	var p partsPage
	if xml.Unmarshal(data, &p) != nil {
		return nil, false, errXML
	}
	var parts []objectstore.Part
	last := after
	for _, x := range p.Parts {
		if x.Number <= last || x.Number > mostParts || x.Size < 0 {
			return nil, false, errMarker
		}
		last = x.Number
		parts = append(parts, objectstore.Part{Number: x.Number, Size: x.Size, ETag: unquoted(x.ETag)})
	}
	if p.Truncated && (p.Next != last || last == after) {
		return nil, false, errMarker
	}
	return parts, p.Truncated, nil
}

// Parts implements objectstore.PartLister. No checksums are told of parts.
func (s *Store) Parts(ctx context.Context, bucket, key, uploadID string) ([]objectstore.Part, error) {
	r, _, err := s.upload("storage.multipartUploads.listParts", "GET", bucket, key, uploadID)
	if err != nil {
		return nil, err
	}
	r.query["max-parts"] = decimal(int64(s.pageSize))
	var all []objectstore.Part
	for last := 0; ; {
		a, err := s.transport.send(ctx, r)
		if err != nil {
			return nil, err
		}
		parts, more, err := parseParts(a.data, last)
		if err != nil {
			return nil, s.broken(r, err)
		}
		if all = append(all, parts...); !more {
			return all, nil
		}
		last = all[len(all)-1].Number
		r.query["part-number-marker"] = decimal(int64(last))
	}
}
