package copier

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"

	"github.com/residency/residency/inventory/objectstore"
)

// hashes makes the hash of one of S3's checksum algorithms; nil for one that
// is not known.
type hashes struct{ castagnoli *crc32.Table }

func newHashes() hashes {
	return hashes{castagnoli: crc32.MakeTable(crc32.Castagnoli)}
}

func (h hashes) make(algorithm string) hash.Hash {
	switch algorithm {
	case "SHA256":
		return sha256.New()
	case "SHA1":
		return sha1.New()
	case "CRC64NVME":
		return crc64nvme.New() // with the CPU's instructions, which the standard library's does not use
	case "CRC32C":
		return crc32.New(h.castagnoli)
	case "CRC32":
		return crc32.NewIEEE()
	}
	return nil
}

// checksum hashes a part's bytes; zero for no algorithm or one that is not known.
func (h hashes) checksum(algorithm string, data []byte) objectstore.Checksum {
	sum := h.make(algorithm)
	if sum == nil {
		return objectstore.Checksum{}
	}
	_, _ = sum.Write(data) // a hash's Write never fails
	return objectstore.Checksum{Algorithm: algorithm, Value: base64.StdEncoding.EncodeToString(sum.Sum(nil))}
}
