package copier

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"github.com/residency/residency/inventory/objectstore"
)

// nvme is the polynomial of CRC-64/NVME in reversed form (NVM Express NVM
// Command Set Specification 1.0, section 5.2.1.3.4).
const nvme = 0x9a6c9329ac4bc9b5

// hashes makes the hash of one of S3's checksum algorithms; nil for one that
// is not known.
type hashes struct {
	nvme       *crc64.Table
	castagnoli *crc32.Table
}

func newHashes() hashes {
	return hashes{nvme: crc64.MakeTable(nvme), castagnoli: crc32.MakeTable(crc32.Castagnoli)}
}

func (h hashes) make(algorithm string) hash.Hash {
	switch algorithm {
	case "SHA256":
		return sha256.New()
	case "SHA1":
		return sha1.New()
	case "CRC64NVME":
		return crc64.New(h.nvme)
	case "CRC32C":
		return crc32.New(h.castagnoli)
	case "CRC32":
		return crc32.NewIEEE()
	}
	return nil
}

// checksum hashes a part's bytes. The SHA-256 is at hand already.
func (h hashes) checksum(algorithm string, data, sha []byte) objectstore.Checksum {
	if algorithm == "SHA256" {
		return objectstore.Checksum{Algorithm: algorithm, Value: base64.StdEncoding.EncodeToString(sha)}
	}
	sum := h.make(algorithm)
	if sum == nil {
		return objectstore.Checksum{}
	}
	_, _ = sum.Write(data) // a hash's Write never fails
	return objectstore.Checksum{Algorithm: algorithm, Value: base64.StdEncoding.EncodeToString(sum.Sum(nil))}
}
