package copier

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// placeholder is what is put beneath a delete marker, and taken away again, where a
// server makes none for a key that has nothing.
const placeholder = "residency: put beneath a delete marker, to be removed\n"

// mark sets a delete marker as the entry at a place in its history.
func (c *Copier) mark(
	ctx context.Context, e manifest.Entry, at int, previous receipt.Receipt,
) (receipt.Receipt, error) {
	w, err := c.putMarker(ctx, string(e.Key), at, previous)
	if errors.Is(err, objectstore.ErrNotOffered) && at == 0 {
		w, err = c.markOnPlaceholder(ctx, string(e.Key))
	}
	if err != nil {
		return receipt.Receipt{}, err
	}
	r := c.newReceipt(e, verifier.Finding{Verdict: receipt.Verified, Method: receipt.Marker})
	r.DestinationVersionID = w.VersionID
	return r, nil
}

// putMarker deletes what is current; where the service takes a condition, only if that is the entry
// before: what others wrote meanwhile is not to be deleted.
func (c *Copier) putMarker(
	ctx context.Context, key string, at int, previous receipt.Receipt,
) (objectstore.Written, error) {
	if on, ok := c.destination.(objectstore.MarkerPutter); ok && at > 0 && !previous.Marker {
		w, err := on.PutMarkerOn(ctx, c.to, key, c.guard(at, previous))
		switch {
		case errors.Is(err, objectstore.ErrNotOffered):
		case err != nil:
			return w, &refusal{err}
		default:
			return w, nil
		}
	}
	return c.destination.PutMarker(ctx, c.to, key)
}

func (c *Copier) markOnPlaceholder(ctx context.Context, key string) (objectstore.Written, error) {
	sum := sha256.Sum256([]byte(placeholder))
	beneath, err := c.destination.Put(ctx, objectstore.NewObject{Bucket: c.to, Key: key,
		Guard: objectstore.Guard{Absent: true}},
		objectstore.Body{Reader: strings.NewReader(placeholder), Size: int64(len(placeholder)),
			SHA256: hex.EncodeToString(sum[:])})
	if err != nil {
		return objectstore.Written{}, &refusal{err}
	}
	w, err := c.destination.PutMarker(ctx, c.to, key)
	if err != nil {
		return objectstore.Written{}, err
	}
	return w, c.remove(ctx, key, beneath.VersionID)
}

// withoutPlaceholder takes away what a run that died left beneath a marker, and returns
// what is held without it.
func (c *Copier) withoutPlaceholder(
	ctx context.Context, entries []manifest.Entry, held []objectstore.Version,
) ([]objectstore.Version, error) {
	if !hasPlaceholder(entries, held) {
		return held, nil
	}
	return held[1:], c.remove(ctx, held[0].Key, held[0].VersionID)
}

func hasPlaceholder(entries []manifest.Entry, held []objectstore.Version) bool {
	return len(held) > 0 && entries[0].Marker && isPlaceholder(held[0])
}

func isPlaceholder(v objectstore.Version) bool {
	sum := md5.Sum([]byte(placeholder))
	return !v.Marker && v.VersionID != objectstore.NullVersion && v.Size == int64(len(placeholder)) &&
		v.Sum() == objectstore.Checksum{Algorithm: objectstore.MD5, Value: hex.EncodeToString(sum[:])}
}

func (c *Copier) remove(ctx context.Context, key, versionID string) error {
	results, err := c.destination.Delete(ctx, c.to, []objectstore.Deletion{{Key: key, VersionID: versionID}})
	if err == nil {
		err = results[0]
	}
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return fmt.Errorf("remove what lay beneath a delete marker: %w", err)
	}
	return nil
}
