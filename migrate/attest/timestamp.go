package attest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// TimestampFile is where the answer of a timestamp authority lies, about the envelope: a
// TimeStampResp of RFC 3161, as openssl ts reads it.
const TimestampFile = "certificate.intoto.tsr"

const (
	timestampType    = "application/timestamp-query"
	longestTimestamp = 64 << 10 // bytes of an answer
	timestampTimeout = 30 * time.Second
)

// Timestamp is what an authority says of when an envelope was there.
type Timestamp struct {
	Time      time.Time
	Authority string // as its certificate names it
}

// ErrTimestamp reports an answer that is no timestamp of what was asked about.
var ErrTimestamp = errors.New("no timestamp of this envelope")

// RequestTimestamp asks the authority at a URL for a timestamp of an envelope. It is sent the
// envelope's SHA-256 and a random number, and nothing else.
func RequestTimestamp(ctx context.Context, client *http.Client, url string, envelope []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timestampTimeout)
	defer cancel()
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	query, err := timestamp.CreateRequest(bytes.NewReader(envelope), &timestamp.RequestOptions{Hash: crypto.SHA256,
		Certificates: true, Nonce: nonce})
	if err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(query))
	if err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	request.Header.Set("Content-Type", timestampType)
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("timestamp: %s answered %s", url, answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, longestTimestamp+1))
	if err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	t, _, err := parseTimestamp(data, envelope)
	if err == nil && (t.Nonce == nil || t.Nonce.Cmp(nonce) != 0) {
		err = fmt.Errorf("%w: it answers another question", ErrTimestamp)
	}
	if err != nil {
		return nil, fmt.Errorf("timestamp: %s: %w", url, err)
	}
	return data, nil
}

// parseTimestamp reads an answer, and refuses one that is not about the envelope, or that the
// certificate in it did not sign.
func parseTimestamp(answer, envelope []byte) (*timestamp.Timestamp, *pkcs7.PKCS7, error) {
	if len(answer) > longestTimestamp {
		return nil, nil, fmt.Errorf("%w: more than %d bytes", ErrTimestamp, longestTimestamp)
	}
	t, err := timestamp.ParseResponse(answer)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
	}
	sum := sha256.Sum256(envelope)
	if t.HashAlgorithm != crypto.SHA256 || !bytes.Equal(t.HashedMessage, sum[:]) {
		return nil, nil, fmt.Errorf("%w: it is of other bytes", ErrTimestamp)
	}
	token, err := pkcs7.Parse(t.RawToken)
	if err == nil {
		err = token.Verify()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrTimestamp, err)
	}
	if token.GetOnlySigner() == nil {
		return nil, nil, fmt.Errorf("%w: it does not have its one signer's certificate", ErrTimestamp)
	}
	return t, token, nil
}

// ReadTimestamp reads the timestamp of an envelope. With roots, the authority's certificate
// must lead to one of them, be for timestamps, and have been valid at the time named.
func ReadTimestamp(answer, envelope []byte, roots *x509.CertPool) (stamp Timestamp, err error) {
	t, token, err := parseTimestamp(answer, envelope)
	if err != nil {
		return stamp, err
	}
	signer := token.GetOnlySigner()
	stamp = Timestamp{Time: t.Time.UTC(), Authority: signer.Subject.String()}
	if roots == nil {
		return stamp, nil
	}
	between := x509.NewCertPool()
	for _, c := range token.Certificates {
		between.AddCert(c)
	}
	if err := token.VerifyWithOpts(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: t.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}}); err != nil {
		return stamp, fmt.Errorf("%w that is trusted: %w", ErrTimestamp, err)
	}
	return stamp, nil
}

// ParseRoots reads certificates of authorities.
func ParseRoots(text []byte) (*x509.CertPool, error) {
	roots, n := x509.NewCertPool(), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		roots.AddCert(c)
		n++
	}
	if n == 0 {
		return nil, errors.New("want certificates as PEM")
	}
	return roots, nil
}
