package amazon

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
)

const checksumPrefix = "X-Amz-Checksum-"

// algorithms are the checksums that S3 keeps, by the ends of their headers' names.
func algorithms() []string { return []string{"Crc64nvme", "Crc32", "Crc32c", "Sha1", "Sha256"} }

func newSum(algorithm string) hash.Hash {
	switch algorithm {
	case "Crc32":
		return crc32.NewIEEE()
	case "Crc32c":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "Sha1":
		return sha1.New()
	case "Sha256":
		return sha256.New()
	}
	return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) // the polynomial of NVMe, reflected
}

func encoded(sum hash.Hash) string { return base64.StdEncoding.EncodeToString(sum.Sum(nil)) }

// checkSums compares a document with the hashes in its request's header.
func checkSums(h http.Header, body []byte) *refusal {
	if said := h.Get("Content-Md5"); said != "" {
		sum := md5.Sum(body)
		if said != base64.StdEncoding.EncodeToString(sum[:]) {
			return refuse(http.StatusBadRequest, "BadDigest",
				"The Content-MD5 you specified did not match what we received.")
		}
	}
	for _, algorithm := range algorithms() {
		said := h.Get(checksumPrefix + algorithm)
		sum := newSum(algorithm)
		_, _ = sum.Write(body) // never fails
		if said != "" && h.Get(checksumPrefix+"Type") == "" && said != encoded(sum) {
			return refuse(http.StatusBadRequest, "BadDigest",
				"The %s you specified did not match what we received.", strings.ToUpper(algorithm))
		}
	}
	return nil
}

// guarded tells whether a request carries Content-MD5 or a checksum of its body.
func guarded(h http.Header) bool {
	if h.Get("Content-Md5") != "" || strings.HasPrefix(strings.ToLower(h.Get("X-Amz-Trailer")), "x-amz-checksum-") {
		return true
	}
	return slices.ContainsFunc(algorithms(), func(a string) bool { return h.Get(checksumPrefix+a) != "" })
}

// payload is a request's content without aws-chunked framing, which has the form of
// HTTP's own.
func (c *call) payload() io.Reader {
	if strings.HasPrefix(c.r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return httputil.NewChunkedReader(c.r.Body)
	}
	return c.r.Body
}

// checksumElement names a checksum in a document.
func checksumElement(algorithm string) string { return "Checksum" + strings.ToUpper(algorithm) }
