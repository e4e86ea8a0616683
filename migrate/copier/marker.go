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

// ground is what is put beneath a delete marker, and taken away again, where a
// server makes none for a key that has nothing.
const ground = "residency: put beneath a delete marker, to be removed\n"

// mark sets a delete marker as the entry at a place in its history.
func (c *Copier) mark(ctx context.Context, e manifest.Entry, at int) (receipt.Receipt, error) {
	w, err := c.destination.PutMarker(ctx, c.to, string(e.Key))
	if errors.Is(err, objectstore.ErrNotOffered) && at == 0 {
		w, err = c.markOnGround(ctx, string(e.Key))
	}
	if err != nil {
		return receipt.Receipt{}, err
	}
	r := c.receipt(e, verifier.Finding{Verdict: receipt.Verified, Method: receipt.Marker})
	r.DestinationVersionID = w.VersionID
	return r, nil
}

func (c *Copier) markOnGround(ctx context.Context, key string) (objectstore.Written, error) {
	sum := sha256.Sum256([]byte(ground))
	beneath, err := c.destination.Put(ctx, objectstore.NewObject{Bucket: c.to, Key: key, Guard: objectstore.Guard{Absent: true}},
		objectstore.Body{Reader: strings.NewReader(ground), Size: int64(len(ground)), SHA256: hex.EncodeToString(sum[:])})
	if err != nil {
		return objectstore.Written{}, &refusal{err}
	}
	w, err := c.destination.PutMarker(ctx, c.to, key)
	if err != nil {
		return objectstore.Written{}, err
	}
	return w, c.remove(ctx, key, beneath.VersionID)
}

// grounded takes away what a run that died left beneath a marker, and returns
// what is held without it.
func (c *Copier) grounded(ctx context.Context, entries []manifest.Entry, held []objectstore.Version) ([]objectstore.Version, error) {
	if !onGround(entries, held) {
		return held, nil
	}
	return held[1:], c.remove(ctx, held[0].Key, held[0].VersionID)
}

func onGround(entries []manifest.Entry, held []objectstore.Version) bool {
	return len(held) > 0 && entries[0].Marker && isGround(held[0])
}

func isGround(v objectstore.Version) bool {
	sum := md5.Sum([]byte(ground))
	return !v.Marker && v.VersionID != objectstore.NullVersion && v.Size == int64(len(ground)) && v.ETag == hex.EncodeToString(sum[:])
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
