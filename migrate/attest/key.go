package attest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Signer signs with one key, wherever that is kept. Sign is given the bytes themselves, not
// their digest, and an ECDSA signature is of their SHA-256, in ASN.1.
type Signer interface {
	dsse.Signer
	Public() crypto.PublicKey
}

// Kinds of keys.
const (
	Ed25519   = "ed25519"
	ECDSAP256 = "ecdsa-p256"
)

// ErrKey reports a key that cannot be used.
var ErrKey = errors.New("want an Ed25519 or ECDSA P-256 key as PEM")

// key is a pair at hand, or the public half of one.
type key struct {
	id      string
	public  crypto.PublicKey
	private crypto.Signer // nil: it only verifies
}

func newKey(public crypto.PublicKey, private crypto.Signer) (*key, error) {
	if p, ok := public.(*ecdsa.PublicKey); ok && p.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w, not ECDSA %s", ErrKey, p.Curve.Params().Name)
	} else if _, ed := public.(ed25519.PublicKey); !ok && !ed {
		return nil, fmt.Errorf("%w, not %T", ErrKey, public)
	}
	id, err := dsse.SHA256KeyID(public)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &key{id: id, public: public, private: private}, nil
}

// KeyID implements dsse.Signer: it is the fingerprint that ssh-keygen -l shows.
func (k *key) KeyID() (string, error) { return k.id, nil }

// Public implements Signer.
func (k *key) Public() crypto.PublicKey { return k.public }

// Sign implements dsse.Signer.
func (k *key) Sign(_ context.Context, data []byte) ([]byte, error) {
	if _, ok := k.public.(ed25519.PublicKey); ok {
		return k.private.Sign(rand.Reader, data, crypto.Hash(0))
	}
	sum := sha256.Sum256(data)
	return k.private.Sign(rand.Reader, sum[:], crypto.SHA256)
}

var errSignature = errors.New("the signature is not of this key")

// Verify implements dsse.Verifier.
func (k *key) Verify(_ context.Context, data, sig []byte) error {
	ok := false
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(public, data, sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(data)
		ok = ecdsa.VerifyASN1(public, sum[:], sig)
	}
	if !ok {
		return errSignature
	}
	return nil
}

// Generate makes a key pair, each half as PEM: PKCS #8 and SubjectPublicKeyInfo, as openssl
// reads them.
func Generate(kind string) (private, public []byte, err error) {
	var pair crypto.Signer
	switch kind {
	case Ed25519:
		_, pair, err = ed25519.GenerateKey(rand.Reader)
	case ECDSAP256:
		pair, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, nil, fmt.Errorf("a key of %q: want one of %s, %s", kind, Ed25519, ECDSAP256)
	}
	if err != nil {
		return nil, nil, err
	}
	if private, err = x509.MarshalPKCS8PrivateKey(pair); err != nil {
		return nil, nil, err
	}
	if public, err = PublicPEM(pair.Public()); err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), public, nil
}

// PublicPEM writes a public key as ParseVerifier reads it.
func PublicPEM(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ParseSigner reads a private key.
func ParseSigner(text []byte) (Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, ErrKey
	}
	var pair any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		pair, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		pair, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		return nil, fmt.Errorf("%w: this is the public half, and only the private one signs", ErrKey)
	default:
		return nil, fmt.Errorf("%w, not %s", ErrKey, block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	signer, ok := pair.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w, not %T", ErrKey, pair)
	}
	return newKey(signer.Public(), signer)
}

// ParseVerifier reads a public key. A private one is refused: whoever checks should not have
// it.
func ParseVerifier(text []byte) (dsse.Verifier, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, ErrKey
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("%w: want the public half, not %s", ErrKey, block.Type)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return newKey(public, nil)
}

// NewVerifier takes a public key as it is.
func NewVerifier(public crypto.PublicKey) (dsse.Verifier, error) { return newKey(public, nil) }
