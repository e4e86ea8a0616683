package copier

import (
	"encoding/base64"
	"encoding/hex"
	"hash/crc64"
	"testing"

	"github.com/residency/residency/migrate/verifier"
)

// The check values of the CRCs are those of the catalogue of parametrised CRC
// algorithms (reveng.sourceforge.io), all of the text "123456789".
func TestChecksum(t *testing.T) {
	data := []byte("123456789")
	for algorithm, want := range map[string]string{
		"SHA256":    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
		"SHA1":      "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		"CRC64NVME": "ae8b14860a799888", "CRC32C": "e3069283", "CRC32": "cbf43926", "unknown": "",
	} {
		got, err := base64.StdEncoding.DecodeString(checksum(algorithm, data).Value)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, %v; want %s", algorithm, got, err, want)
		}
	}
}

// The CPU's instructions compute what the standard library's tables do, at
// every length and in pieces.
func TestCRC64NVME(t *testing.T) {
	// reversed (NVM Express NVM Command Set Specification 1.0, section 5.2.1.3.4)
	table := crc64.MakeTable(0x9a6c9329ac4bc9b5)
	data := make([]byte, 5000)
	for i := range data {
		data[i] = byte(i * i)
	}
	for n := 0; n <= len(data); n += 1 + n/7 {
		h := verifier.NewHash("CRC64NVME")
		_, _ = h.Write(data[:n/3])
		_, _ = h.Write(data[n/3 : n])
		var got uint64
		for _, b := range h.Sum(nil) {
			got = got<<8 | uint64(b)
		}
		if want := crc64.Checksum(data[:n], table); got != want {
			t.Errorf("%d bytes: %x, want %x", n, got, want)
		}
	}
}
