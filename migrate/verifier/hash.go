package verifier

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/minio/crc64nvme"

	"github.com/residency/residency/inventory/objectstore"
)

// NewHash makes the hash of one of the services' checksum algorithms; nil for one that is not known.
func NewHash(algorithm string) hash.Hash {
	switch algorithm {
	case "SHA256":
		return sha256.New()
	case "SHA1":
		return sha1.New()
	case "CRC64NVME":
		return crc64nvme.New() // with the CPU's instructions, which the standard library's does not use
	case "CRC32C":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "CRC32":
		return crc32.NewIEEE()
	}
	return nil
}

// Sums tells whether Sum knows an algorithm.
func Sums(algorithm string) bool { return algorithm == objectstore.MD5 || NewHash(algorithm) != nil }

// Sum reads one version to its end and returns its checksum by an algorithm that Sums, as services
// tell it: an MD5 in hex, others in base64.
func Sum(ctx context.Context, r Reader, ref objectstore.Ref, algorithm string) (objectstore.Checksum, error) {
	h, encode := NewHash(algorithm), base64.StdEncoding.EncodeToString
	if algorithm == objectstore.MD5 {
		h, encode = md5.New(), hex.EncodeToString
	}
	if _, err := read(ctx, r, ref, h); err != nil {
		return objectstore.Checksum{}, err
	}
	return objectstore.Checksum{Algorithm: algorithm, Value: encode(h.Sum(nil))}, nil
}

// read reads one version to its end into a hash, and returns its size in bytes.
func read(ctx context.Context, r Reader, ref objectstore.Ref, h hash.Hash) (int64, error) {
	o, err := r.Open(ctx, ref, 0)
	if err != nil {
		return 0, err
	}
	defer o.Body.Close()
	n, err := io.Copy(h, o.Body)
	if err != nil {
		return n, fmt.Errorf("read back: %w", err)
	}
	if n != o.Size {
		return n, fmt.Errorf("read back: %d bytes of %d: %w", n, o.Size, io.ErrUnexpectedEOF)
	}
	return n, nil
}
