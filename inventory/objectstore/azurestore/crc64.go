package azurestore

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/residency/residency/inventory/objectstore"
)

// The service's CRC64 is CRC-64/NVME, of which it writes the bytes in the other order: eight
// bytes, the least significant first ("Put Blob", x-ms-content-crc64; the values of both are
// compared in tests).

const (
	crc64Algorithm = "CRC64NVME"
	crc64Header    = "x-ms-content-crc64"
	// crc64Poly is the polynomial with its bits reversed (NVM Express, "NVM Command Set
	// Specification", 64b CRC).
	crc64Poly = 0x9a6c9329ac4bc9b5
)

// azureCRC writes a sum as the service does.
func azureCRC(sum uint64) string {
	return base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint64(nil, sum))
}

// parseAzureCRC reads what the service wrote.
func parseAzureCRC(text string) (uint64, bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

// checksum writes a sum as checksums are written here.
func checksum(sum uint64) objectstore.Checksum {
	return objectstore.Checksum{Algorithm: crc64Algorithm,
		Value: base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))}
}

// parseChecksum reads a sum of a whole object; false if it is none of this algorithm.
func parseChecksum(c objectstore.Checksum) (uint64, bool) {
	b, err := base64.StdEncoding.DecodeString(c.Value)
	if c.Algorithm != crc64Algorithm || c.Composite || err != nil || len(b) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// vector is a polynomial of degree below 64, the highest coefficient in the lowest bit; a matrix
// is a linear map of such.
type matrix [64]uint64

func (m *matrix) times(v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

func (m *matrix) square() (out matrix) {
	for i := range m {
		out[i] = m.times(m[i])
	}
	return out
}

// combineCRC is the sum of bytes whose first have the sum a, and whose others, n bytes, the sum b:
// a is led through n bytes of zeros, which is a linear map that is squared for each bit of n (the
// method of zlib's crc32_combine).
func combineCRC(a, b uint64, n int64) uint64 {
	var m matrix // through one bit of zero
	m[0] = crc64Poly
	for i := 1; i < 64; i++ {
		m[i] = 1 << (i - 1)
	}
	for range 3 { // through a byte
		m = m.square()
	}
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			a = m.times(a)
		}
		m = m.square()
	}
	return a ^ b
}
