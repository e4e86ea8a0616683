package gcsstore

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// Uploads by parts take no conditions: a request that has some is answered with
// NotImplemented (Cloud Storage documentation, "Request preconditions", on XML API
// multipart uploads), and the object that is made replaces any other. So that nothing is
// written over, parts are put together under a name of their own, beside the key, from
// where a copy within the bucket takes the object to its key under the condition that was
// asked for; then the other is deleted.
//
// stageMark stands between the key and what tells uploads of one key apart.
const (
	stageMark  = ".residency-upload-"
	stageBytes = 8 // random ones
	stageName  = len(stageMark) + 2*stageBytes
)

// idMark begins the IDs of uploads of our own making: the random digits follow, a dot, and
// the service's own ID.
const idMark = "residency-"

// stage is where an upload's parts go. Of uploads that others have begun that is the key.
type stage struct {
	name   string
	id     string // the service's
	staged bool   // it is one of ours
}

var errLongKey = errors.New("the key: with what uploads by parts are told apart by it is longer than 1,024 bytes; " +
	"in one piece it can be written")

// upload makes a request about an upload that was begun. Without an ID it would be one about
// an object, to write it or to delete it, and without a key one about the bucket.
func (s *Store) upload(op, method, bucket, key, uploadID string) (*request, stage, error) {
	at := stageOf(key, uploadID)
	r := s.request(op, bucket, method, xmlPath(bucket, at.name), query{"uploadId": at.id})
	if key == "" || at.id == "" {
		return nil, at, &objectstore.Error{Op: op, Bucket: r.where, Kind: objectstore.ErrNotFound, Err: errNoID}
	}
	return r, at, nil
}

var errNoID = errors.New("the upload has no ID or no key")

// stageOf reads an upload's ID.
func stageOf(key, uploadID string) stage {
	if rest, ok := strings.CutPrefix(uploadID, idMark); ok {
		if digits, id, ok := strings.Cut(rest, "."); ok && isToken(digits) {
			return stage{name: key + stageMark + digits, id: id, staged: true}
		}
	}
	return stage{name: key, id: uploadID}
}

// unstaged finds the key and the ID of an upload that is listed under a name.
func unstaged(name, id string) (key, uploadID string) {
	if i := len(name) - stageName; i > 0 && name[i:i+len(stageMark)] == stageMark && isToken(name[i+len(stageMark):]) {
		return name[:i], idMark + name[i+len(stageMark):] + "." + id
	}
	return name, id
}

func isToken(digits string) bool {
	_, err := hex.DecodeString(digits)
	return err == nil && len(digits) == 2*stageBytes && strings.ToLower(digits) == digits
}

// place is a new upload's.
func (s *Store) place(op, bucket, key string) (digits, name string, err error) {
	if len(key)+stageName > mostKey {
		return "", "", &objectstore.Error{Op: op, Bucket: s.where(bucket), Kind: objectstore.ErrRejected, Err: errLongKey}
	}
	digits, err = s.token(stageBytes)
	return digits, key + stageMark + digits, err
}
