package azurestore

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/minio/crc64nvme"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	putBlock     = "Put Block"
	putBlockList = "Put Block List"
	getBlockList = "Get Block List"

	// uploadBytes make an upload's ID, in hex; partDigits follow in the IDs of its blocks,
	// which must all be equally long ("Put Block", blockid).
	uploadBytes = 8
	partDigits  = 6
	uploadChars = 2 * uploadBytes

	// maxBlocks bounds a list of blocks: of 100,000 that there can be, each with an ID of at
	// most 64 bytes.
	maxBlocks = 32 << 20
)

// blockID names a part of an upload.
func blockID(uploadID string, number int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s%0*d", uploadID, partDigits, number))
}

// blockOf reads what blockID has written; false of others' IDs.
func blockOf(id string) (uploadID string, number int, ok bool) {
	text, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(text) != uploadChars+partDigits {
		return "", 0, false
	}
	uploadID = string(text[:uploadChars])
	n, err := strconv.ParseUint(string(text[uploadChars:]), 10, 31)
	if _, bad := hex.DecodeString(uploadID); err != nil || bad != nil || n == 0 {
		return "", 0, false
	}
	return uploadID, int(n), true
}

// CreateUpload implements objectstore.Writer. The service knows nothing of it: the ID begins those
// of the blocks. What the object cannot have is refused here already.
func (s *Store) CreateUpload(ctx context.Context, o objectstore.NewObject) (string, error) {
	if _, _, err := s.bucket(ctx, putBlock, o.Bucket); err != nil {
		return "", err
	}
	if err := s.attributes(make(http.Header), &o); err != nil {
		return "", s.refused(putBlock, o.Bucket, err)
	}
	var id [uploadBytes]byte
	if _, err := io.ReadFull(s.provider.random, id[:]); err != nil {
		return "", &objectstore.Error{Op: putBlock, Bucket: s.where(o.Bucket), Err: err}
	}
	return hex.EncodeToString(id[:]), nil
}

// UploadPart implements objectstore.Writer with a block, of which the service compares the CRC64.
func (s *Store) UploadPart(
	ctx context.Context, bucket, key, uploadID string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	if number < 1 || number > 50_000 || len(uploadID) != uploadChars {
		return objectstore.Part{}, s.refused(putBlock, bucket, rejected("no such upload, or part"))
	}
	a, container, err := s.bucket(ctx, putBlock, bucket)
	if err != nil {
		return objectstore.Part{}, err
	}
	query := url.Values{"comp": {"block"}, "blockid": {blockID(uploadID, number)}}
	c := s.dataCall(putBlock, http.MethodPut, a, container, key, query, writeBlobs)
	_, sum, err := s.sendBody(ctx, c, body)
	if err != nil {
		return objectstore.Part{}, err
	}
	return objectstore.Part{Number: number, Size: body.Size, Checksum: sum}, nil
}

// uncommitted lists the blocks of a key that are in no blob.
func (s *Store) uncommitted(ctx context.Context, bucket, key string) ([]block, error) {
	a, container, err := s.bucket(ctx, getBlockList, bucket)
	if err != nil {
		return nil, err
	}
	query := url.Values{"comp": {"blocklist"}, "blocklisttype": {"uncommitted"}}
	c := s.dataCall(getBlockList, http.MethodGet, a, container, key, query, readBlobs)
	data, _, err := s.send.document(ctx, c, maxBlocks)
	if err != nil {
		return nil, err
	}
	blocks, err := parseBlocks(data)
	if err != nil {
		return nil, c.broken(err)
	}
	return blocks.Uncommitted, nil
}

// Parts implements objectstore.PartLister. The service does not tell the blocks' CRC64 again. An
// upload of which nothing has arrived is not known.
func (s *Store) Parts(ctx context.Context, bucket, key, uploadID string) ([]objectstore.Part, error) {
	blocks, err := s.uncommitted(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	var parts []objectstore.Part
	for _, b := range blocks {
		if id, n, ok := blockOf(b.Name); ok && id == uploadID {
			parts = append(parts, objectstore.Part{Number: n, Size: b.Size})
		}
	}
	if len(parts) == 0 {
		return nil, &objectstore.Error{Op: getBlockList, Bucket: s.where(bucket), Kind: objectstore.ErrNotFound}
	}
	slices.SortFunc(parts, func(x, y objectstore.Part) int { return x.Number - y.Number })
	return parts, nil
}

type newBlockList struct {
	XMLName xml.Name `xml:"BlockList"`
	Blocks  []string `xml:"Uncommitted"`
}

// CompleteUpload implements objectstore.Writer. The CRC64 of the whole is put together of those that
// the service has told of the parts, where it has told all. One that is asked for and differs
// is ErrCorrupt, before anything is sent.
func (s *Store) CompleteUpload(
	ctx context.Context, o objectstore.NewObject, uploadID string, parts []objectstore.Part, full objectstore.Checksum,
) (objectstore.Written, error) {
	a, container, err := s.bucket(ctx, putBlockList, o.Bucket)
	if err != nil {
		return objectstore.Written{}, err
	}
	c := s.dataCall(putBlockList, http.MethodPut, a, container, o.Key, url.Values{"comp": {"blocklist"}},
		toWrite(&o)...)
	if err := s.attributes(c.header, &o); err != nil {
		return objectstore.Written{}, s.refused(putBlockList, o.Bucket, err)
	}
	whole, known := combined(parts)
	if want, ok := parseChecksum(full); ok && known && want != whole {
		return objectstore.Written{}, &objectstore.Error{Op: putBlockList, Bucket: s.where(o.Bucket),
			Kind: objectstore.ErrCorrupt, Err: errors.New("the parts are of other bytes")}
	}
	var list newBlockList
	for _, p := range parts {
		list.Blocks = append(list.Blocks, blockID(uploadID, p.Number))
	}
	data, err := xml.Marshal(list)
	if err != nil {
		return objectstore.Written{}, c.broken(err)
	}
	c.body, c.size = bytes.NewReader(data), int64(len(data))
	c.header.Set("Content-Type", "application/xml")
	c.header.Set(crc64Header, azureCRC(crc64nvme.Checksum(data)))
	h, err := s.send.done(ctx, c)
	if err != nil {
		return objectstore.Written{}, err
	}
	w := s.written(h)
	if known {
		w.Checksum = checksum(whole)
	}
	return w, nil
}

// combined is the CRC64 of all parts in their order; false if one is not told.
func combined(parts []objectstore.Part) (whole uint64, known bool) {
	for _, p := range parts {
		sum, ok := parseChecksum(p.Checksum)
		if !ok {
			return 0, false
		}
		whole = combineCRC(whole, sum, p.Size)
	}
	return whole, len(parts) > 0
}

// AbortUpload implements objectstore.Writer. The service has no such request: it collects blocks that
// are in no blob seven days after the last has come ("Put Block", Remarks), and until then
// Uploads shows them. So nothing is sent.
func (s *Store) AbortUpload(ctx context.Context, bucket, _, _ string) error {
	_, _, err := s.bucket(ctx, putBlock, bucket)
	return err
}
