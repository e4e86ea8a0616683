package reserve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
)

// tidyStore keeps the versions that renewals leave from gathering in a bucket
// that has versioning.
type tidyStore struct {
	objectstore.Store
	mu      sync.Mutex
	bucket  string
	key     string
	written objectstore.Written // last
	doubted [][sha256.Size]byte // what may have been written since, although the answer was an error
}

func (t *tidyStore) Put(
	ctx context.Context, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Written, error) {
	data, err := io.ReadAll(body.Reader)
	if err != nil {
		return objectstore.Written{}, err
	}
	body.Reader = bytes.NewReader(data)
	written, err := t.Store.Put(ctx, o, body)
	t.mu.Lock()
	t.bucket, t.key = o.Bucket, o.Key
	if err != nil {
		t.doubted = append(t.doubted, sha256.Sum256(data))
		t.mu.Unlock()
		return written, err
	}
	before := t.written
	t.written, t.doubted = written, nil // what may be there lies beneath
	t.mu.Unlock()
	if plan.Numbered(before.VersionID) {
		// One that stays for an error is taken by clear.
		_, _ = t.Delete(ctx, o.Bucket, []objectstore.Deletion{{Key: o.Key, VersionID: before.VersionID}})
	}
	return written, nil
}

// clear removes what was written last and what lies beneath, of renewals whose
// answer was lost, but nothing that came on top.
func (t *tidyStore) clear(ctx context.Context) error {
	t.mu.Lock()
	bucket, key, last, doubted := t.bucket, t.key, t.written, t.doubted
	t.mu.Unlock()
	if key == "" {
		return nil
	}
	beneath := false
	for v, err := range t.Versions(ctx, bucket, key, "") {
		if err != nil {
			return err
		}
		if v.Key != key {
			continue
		}
		if !beneath {
			beneath = last.ETag != "" && (v.VersionID == last.VersionID || v.ETag == last.ETag)
		}
		if !beneath && !v.Marker && len(doubted) > 0 {
			if beneath, err = t.wrote(ctx, bucket, v, doubted); err != nil {
				return err
			}
		}
		if !beneath {
			continue
		}
		if err := plan.RemoveVersion(ctx, t.Store, bucket, v); err != nil {
			return err
		}
	}
	return nil
}

// maxLease is more than any lease has, in bytes: what is larger is somebody's own.
const maxLease = 1 << 16

// wrote tells whether a version is one of those that may have been written. Each
// lease has a number of its own in it.
func (t *tidyStore) wrote(
	ctx context.Context, bucket string, v objectstore.Version, doubted [][sha256.Size]byte,
) (bool, error) {
	o, err := t.Open(ctx, objectstore.Ref{Bucket: bucket, Key: v.Key, VersionID: v.VersionID}, 0)
	if errors.Is(err, objectstore.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer o.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(o.Body, maxLease)); err != nil {
		return false, err
	}
	return slices.Contains(doubted, [sha256.Size]byte(h.Sum(nil))), nil
}
