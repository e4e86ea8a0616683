package probe

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
)

// Enforces finds out whether the destination refuses bytes that do not have
// the SHA-256 they were sent under, by sending some that do not, to a key
// beside the plan's. A bucket that would lock them for a time is not asked.
func (p *Prober) Enforces(ctx context.Context, m plan.Move) (bool, error) {
	store, bucket := p.run.Destination(), m.Destination
	if lock, err := phase.ObjectLock(ctx, p.run, m); err != nil {
		return false, err
	} else if lock != nil {
		if r, err := parity.ParseRetention(lock); err != nil || r != (parity.Retention{}) {
			return false, err
		}
	}
	key := p.OwnPrefix() + p.run.Token()
	wrong := hex.EncodeToString(make([]byte, 32))
	written, err := store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key, Guard: objectstore.Guard{Absent: true}},
		objectstore.Body{Reader: strings.NewReader(objectstore.ProbeText), Size: int64(len(objectstore.ProbeText)),
			SHA256: wrong})
	if errors.Is(err, objectstore.ErrCorrupt) {
		return true, nil
	}
	if err != nil { // the answer to a probe that was written may have been lost
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return false, unlessRefused(ctx, p.DropOwn(ctx, store, bucket, ""))
	}
	return false, p.Remove(ctx, store, bucket, key, written)
}
