package verifier

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/receipt"
)

// Reader is what re-reading needs of a store.
type Reader interface {
	Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error)
}

// Readback reads both ends, each once and at the same time, and compares their
// SHA-256. It also returns the source's hash in hex. An error is about reading,
// not about a difference.
func Readback(
	ctx context.Context, source Reader, s objectstore.Ref, destination Reader, d objectstore.Ref,
) (Finding, string, error) {
	var sums [2]string
	var sizes [2]int64
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { sums[0], sizes[0], err = Hash(ctx, source, s); return err })
	g.Go(func() (err error) { sums[1], sizes[1], err = Hash(ctx, destination, d); return err })
	if err := g.Wait(); err != nil {
		return Finding{}, "", err
	}
	if sizes[0] != sizes[1] {
		return mismatch("%d bytes at the source, %d at the destination", sizes[0], sizes[1]), sums[0], nil
	}
	if sums[0] != sums[1] {
		return mismatch("SHA-256 is %s at the source and %s at the destination", sums[0], sums[1]), sums[0], nil
	}
	return Finding{Verdict: receipt.Verified, Method: receipt.ReadbackSHA256}, sums[0], nil
}

// Hash reads one version and returns its SHA-256 in hex and its size in bytes.
func Hash(ctx context.Context, r Reader, ref objectstore.Ref) (string, int64, error) {
	h := sha256.New()
	n, err := read(ctx, r, ref, h)
	if err != nil {
		return "", n, err
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// base64SHA256 turns a hash in hex into the form of S3's checksum header.
func base64SHA256(hash string) string {
	sum, err := hex.DecodeString(hash)
	if err != nil || len(sum) != sha256.Size {
		return ""
	}
	return base64.StdEncoding.EncodeToString(sum)
}
