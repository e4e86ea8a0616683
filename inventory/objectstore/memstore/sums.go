package memstore

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"sync"

	"github.com/residency/residency/inventory/objectstore"
)

// Bodies keeps equal bodies once. It is safe for concurrent use.
type Bodies struct {
	mu   sync.Mutex
	kept map[[sha256.Size]byte][]byte
}

// NewBodies returns an empty one.
func NewBodies() *Bodies { return &Bodies{kept: make(map[[sha256.Size]byte][]byte)} }

func (b *Bodies) keep(body []byte) ([]byte, [sha256.Size]byte) {
	sum := sha256.Sum256(body)
	b.mu.Lock()
	defer b.mu.Unlock()
	if kept, ok := b.kept[sum]; ok {
		return kept, sum
	}
	b.kept[sum] = body
	return body, sum
}

// receive reads a body and holds it against what its sender says of it.
func (s *Service) receive(op, bucket string, body objectstore.Body) ([]byte, error) {
	data := make([]byte, body.Size)
	n, err := io.ReadFull(body.Reader, data)
	if err != nil {
		return nil, s.fail(op, bucket, "IncompleteBody", http.StatusBadRequest, objectstore.ErrPassing)
	}
	if more, _ := body.Read(make([]byte, 1)); more > 0 {
		return nil, fmt.Errorf("%s %s: a body longer than the %d bytes announced", op, bucket, n)
	}
	if body.SHA256 != "" && !s.Traits.NoBodyHash && s.Traits.Sum == "" {
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != body.SHA256 {
			return nil, s.fail(op, bucket, "XAmzContentSHA256Mismatch", http.StatusBadRequest, objectstore.ErrCorrupt)
		}
	}
	if body.MD5 != "" {
		if sum := md5.Sum(data); hex.EncodeToString(sum[:]) != body.MD5 {
			return nil, s.fail(op, bucket, "BadDigest", http.StatusBadRequest, objectstore.ErrCorrupt)
		}
	}
	known := s.Traits.Sum == "" || body.Checksum.Algorithm == s.Traits.Sum
	if c := body.Checksum; c.Algorithm != "" && !c.Composite && !s.Traits.NoChecksums && known {
		if kept, _ := checksum(c.Algorithm, data); kept != c {
			return nil, s.fail(op, bucket, "BadDigest", http.StatusBadRequest, objectstore.ErrCorrupt)
		}
	}
	return data, nil
}

// kept is the checksum that the service keeps for a body that came with the
// algorithm given, or with none.
func (s *Service) kept(algorithm string, data []byte) (objectstore.Checksum, []byte) {
	switch {
	case s.Traits.Sum != "":
		algorithm = s.Traits.Sum
	case s.Traits.NoChecksums || algorithm == "" && s.Traits.NoDefaultChecksum:
		return objectstore.Checksum{}, nil
	case algorithm == "":
		algorithm = "CRC64NVME"
	}
	return checksum(algorithm, data)
}

// nvme is the polynomial of CRC-64/NVME in reversed form (NVM Express NVM
// Command Set Specification 1.0, section 5.2.1.3.4).
const nvme = 0x9a6c9329ac4bc9b5

// newHash is written apart from what is to be held against this service, and with the standard library alone.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "SHA256":
		return sha256.New()
	case "SHA1":
		return sha1.New()
	case "CRC64NVME":
		return crc64.New(crc64.MakeTable(nvme))
	case "CRC32C":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "CRC32":
		return crc32.NewIEEE()
	}
	return nil
}

// checksum hashes a whole body.
func checksum(algorithm string, data []byte) (objectstore.Checksum, []byte) {
	h := newHash(algorithm)
	if h == nil {
		return objectstore.Checksum{}, nil
	}
	_, _ = h.Write(data) // a hash's Write never fails
	raw := h.Sum(nil)
	return objectstore.Checksum{Algorithm: algorithm, Value: base64.StdEncoding.EncodeToString(raw)}, raw
}

// composite is the checksum of the parts' checksums.
func composite(algorithm string, parts []Part) objectstore.Checksum {
	var all bytes.Buffer
	for _, p := range parts {
		all.Write(p.raw)
	}
	c, _ := checksum(algorithm, all.Bytes())
	c.Value += fmt.Sprintf("-%d", len(parts))
	c.Composite = true
	return c
}

// etag is that of a body sent in one piece.
func (s *Service) etag(data []byte, opaque bool) string {
	if opaque || s.Traits.OpaqueETags {
		return fmt.Sprintf("opaque%08x", s.next())
	}
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

// etagOfParts is that of a body sent in parts.
func (s *Service) etagOfParts(parts []Part, opaque bool) string {
	if opaque || s.Traits.OpaqueETags {
		return fmt.Sprintf("opaque%08x-%d", s.next(), len(parts))
	}
	h := md5.New()
	for _, p := range parts {
		_, _ = h.Write(p.sum[:])
	}
	return fmt.Sprintf("%x-%d", h.Sum(nil), len(parts))
}
