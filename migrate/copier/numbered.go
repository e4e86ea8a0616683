package copier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// VersioningPause is how long is waited before what got no version ID is made anew.
const VersioningPause = 15 * time.Second

var errUnversioned = errors.New("the copy got no version ID, although the bucket's versioning was enabled long ago")

// neverVersioned tells of an entry that some servers which keep files (versitygw 1.8)
// take for a directory, and give no version ID ever. Should one be covered by the next
// of its history, the gate finds it missing.
func neverVersioned(e manifest.Entry) bool { return strings.HasSuffix(string(e.Key), "/") }

// copyUntilVersioned copies one version until the copy gets a version ID, where the bucket's
// versioning was turned on a moment ago and may not be in force everywhere yet. A copy
// without one is taken away: the next write would take its place, or lie on top of it.
func (c *Copier) copyUntilVersioned(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (verifier.Evidence, bool, error) {
	for {
		evidence, compares, err := c.copyVersion(ctx, e, guard)
		if err != nil || evidence.Written.VersionID != objectstore.NullVersion || c.UnversionedUntil.IsZero() ||
			neverVersioned(e) {
			return evidence, compares, err
		}
		w := evidence.Written
		null := objectstore.Ref{Bucket: c.to, Key: string(e.Key), VersionID: objectstore.NullVersion}
		there, err := c.destination.Stat(ctx, null, 0)
		if err == nil && there.ETag != w.ETag {
			err = fmt.Errorf("%w: it took the place of a copy without a version ID", receipt.ErrForeign)
		}
		if err == nil {
			err = c.remove(ctx, string(e.Key), objectstore.NullVersion)
		}
		if err != nil {
			return evidence, false, &wrote{w, err}
		}
		c.Copied(-e.Size)
		if !c.Now().Before(c.UnversionedUntil) {
			return evidence, false, errUnversioned
		}
		if err := c.Sleep(ctx, VersioningPause); err != nil {
			return evidence, false, err
		}
	}
}
