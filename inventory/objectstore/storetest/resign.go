package storetest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signer makes signatures of version 4 for S3.
type signer struct {
	credentials aws.Credentials
	region      string
	v4          *v4.Signer
}

func newSigner(accessKey, secretKey, region string) *signer {
	return &signer{
		credentials: aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey},
		region:      region,
		v4:          v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }),
	}
}

// sign replaces the signature in a request's headers by its own, made for the
// same moment.
func (s *signer) sign(r *http.Request) error {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return fmt.Errorf("sign anew: a request without a signature in its headers: %w", err)
	}
	r.Header.Del("Authorization")
	r.Header.Del("X-Amz-Security-Token")
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if err := s.v4.SignHTTP(r.Context(), s.credentials, r, hash, "s3", s.region, at); err != nil {
		return fmt.Errorf("sign anew: %w", err)
	}
	return nil
}

// describe makes what headers say of a request's body true of content: no
// framing, and the same kinds of hashes and checksums as before. Checksums that
// are not of the body stay if checksums is false.
func describe(h http.Header, content []byte, checksums bool) {
	if h.Get("Content-Md5") != "" {
		sum := md5.Sum(content)
		h.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	if was := h.Get("X-Amz-Content-Sha256"); was != "" && was != "UNSIGNED-PAYLOAD" {
		sum := sha256.Sum256(content)
		h.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	}
	trailer := strings.ToLower(h.Get("X-Amz-Trailer"))
	h.Del("X-Amz-Trailer")
	h.Del("X-Amz-Decoded-Content-Length")
	encoding := ofContent(h.Get("Content-Encoding"))
	h.Del("Content-Encoding")
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	if !checksums {
		return
	}
	for algorithm, sum := range checksumHashes() {
		name := "x-amz-checksum-" + algorithm
		if h.Get(name) == "" && !strings.Contains(trailer, name) {
			continue
		}
		sum.Write(content) // never fails
		h.Set(name, base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	}
}

// checksumHashes returns a fresh hash for each checksum that S3 knows.
func checksumHashes() map[string]hash.Hash {
	return map[string]hash.Hash{
		"crc32":     crc32.NewIEEE(),
		"crc32c":    crc32.New(crc32.MakeTable(crc32.Castagnoli)),
		"crc64nvme": crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)), // the polynomial of NVMe, reflected
		"sha1":      sha1.New(),
		"sha256":    sha256.New(),
	}
}

// ofContent is an encoding without what is of the transport alone, which Amazon does not
// keep and some servers do (Amazon S3 API Reference, "PutObject", Content-Encoding).
func ofContent(encoding string) string {
	var of []string
	for e := range strings.SplitSeq(encoding, ",") {
		if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
			of = append(of, e)
		}
	}
	return strings.Join(of, ",")
}
