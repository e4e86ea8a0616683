// Package awskms signs with keys that are kept in AWS KMS and never leave it. It sends GetPublicKey and Sign,
// in the JSON protocol, to the endpoint of the key's own region, and nothing else: no bytes of a certificate
// leave the machine, only their SHA-256.
//
// The SDK's module for KMS would be 0.5 MB of the stripped program (v1.62.6) for two requests; this is the
// SDK's credentials and its signature, which the program has already.
package awskms

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// Options tunes how KMS is reached. The zero value selects the defaults.
type Options struct {
	Now   func() time.Time                           // default time.Now
	Pause func(context.Context, time.Duration) error // between attempts; default objectstore.Sleep
	Proxy func(*http.Request) (*url.URL, error)      // default: as the environment says
}

// Key is the public half of a key in KMS, and how to have the service sign with the private one. It implements
// attest.Signer. Its methods may be called concurrently.
type Key struct {
	name   Name // what the service calls the key: an alias that is pointed elsewhere meanwhile changes nothing
	public *ecdsa.PublicKey
	id     string
	client *client
}

// ErrKind reports a key that cannot sign a certificate.
var ErrKind = remedy.New("the key cannot sign certificates: want one of usage SIGN_VERIFY and of spec ECC_NIST_P256",
	"make one: aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256, in the region that you want; "+
		"KMS signs no more than 4,096 bytes with an Ed25519 key, and a certificate has more")

// algorithm is the only one that serves here: a certificate's statement is longer than what KMS takes whole, and of a
// digest the other curves that DSSE verifiers read (Ed25519) sign something else (AWS KMS API Reference, "Sign":
// Message, MessageType; AWS KMS Developer Guide, "Key spec reference").
const algorithm = "ECDSA_SHA_256"

// Open asks KMS for the public half of a key, with the credentials of AWS's standard chain. Errors wrap
// objectstore.ErrDenied, ErrNotFound, ErrCredentials, ErrUnanswered or ErrThrottled, or are ErrKind or attest.ErrKey.
func Open(ctx context.Context, name Name, o Options) (*Key, error) {
	c, err := newClient(ctx, name, o)
	if err != nil {
		return nil, err
	}
	var out struct {
		KeyID             string `json:"KeyId"`
		KeySpec, KeyUsage string
		PublicKey         []byte
	}
	in := struct {
		KeyID string `json:"KeyId"`
	}{name.ARN()}
	if err := c.call(ctx, "GetPublicKey", in, &out); err != nil {
		return nil, err
	}
	if out.KeyUsage != "SIGN_VERIFY" || out.KeySpec != "ECC_NIST_P256" {
		return nil, fmt.Errorf("%s: %w, not %.40q and %.40q", name, ErrKind, out.KeyUsage, out.KeySpec)
	}
	key, err := Parse(Scheme + "/" + out.KeyID)
	if err != nil || key.Region != name.Region || key.Account != name.Account || key.Partition != name.Partition {
		return nil, fmt.Errorf("%s: KMS answered about another key", name)
	}
	public, err := parsePublic(out.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	id, err := dsse.SHA256KeyID(public)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Key{name: key, public: public, id: id, client: c}, nil
}

// parsePublic reads the SubjectPublicKeyInfo of a key of ECC_NIST_P256.
func parsePublic(der []byte) (*ecdsa.PublicKey, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("KMS answered with a public key that cannot be read")
	}
	p, ok := public.(*ecdsa.PublicKey)
	if !ok || p.Curve != elliptic.P256() {
		return nil, errors.New("KMS answered with a public key of another kind than it says")
	}
	return p, nil
}

// Name is the key's own, also where an alias led to it.
func (k *Key) Name() Name { return k.name }

// KeyID implements dsse.Signer: it is the fingerprint that ssh-keygen -l shows.
func (k *Key) KeyID() (string, error) { return k.id, nil }

// Public implements attest.Signer.
func (k *Key) Public() crypto.PublicKey { return k.public }

// sign is Sign's input.
type sign struct {
	KeyID            string `json:"KeyId"`
	Message          []byte
	MessageType      string
	SigningAlgorithm string
	DryRun           bool `json:",omitempty"`
}

// Sign implements dsse.Signer. KMS is sent the SHA-256 of the data. Errors are those of Open.
func (k *Key) Sign(ctx context.Context, data []byte) ([]byte, error) {
	var out struct{ Signature []byte }
	if err := k.client.call(ctx, "Sign", k.input(data), &out); err != nil {
		return nil, err
	}
	return out.Signature, nil
}

// Try asks whether Sign would succeed, without a signature, so that who may not sign learns of it before there is
// something to sign (AWS KMS Developer Guide, "Testing your AWS KMS API calls": what would succeed is answered with
// DryRunOperationException). Errors are those of Open.
func (k *Key) Try(ctx context.Context) error {
	in := k.input(nil)
	in.DryRun = true
	err := k.client.call(ctx, "Sign", in, &struct{}{})
	var refused *refusal
	if errors.As(err, &refused) && refused.code == "DryRunOperationException" {
		return nil
	}
	return err
}

func (k *Key) input(data []byte) sign {
	sum := sha256.Sum256(data)
	return sign{KeyID: k.name.ARN(), Message: sum[:], MessageType: "DIGEST", SigningAlgorithm: algorithm}
}

// defaults fills in what is left out.
func (o Options) defaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause == nil {
		o.Pause = objectstore.Sleep
	}
	return o
}
