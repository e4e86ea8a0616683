package amazon

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// signingKey is an asymmetric key in KMS.
type signingKey struct {
	arn, spec, usage string
	private          crypto.Signer
	disabled         bool
}

// SigningKey describes a key that AddSigningKey makes.
type SigningKey struct {
	Region  string
	ID      string // as in its ARN; mrk-… is a multi-Region key
	Account string // default: the server's first
	Spec    string // default ECC_NIST_P256; the others are ECC_NIST_P384 and ECC_NIST_EDWARDS25519
	Usage   string // default SIGN_VERIFY
	Alias   string // another name, alias/…; empty: none
}

// AddSigningKey makes a key and returns its ARN. A second key of an alias takes it over.
func (s *Server) AddSigningKey(k SigningKey) (string, error) {
	p, ok := partitionOf(k.Region)
	if !ok {
		return "", fmt.Errorf("amazon: no partition has a region %s", k.Region)
	}
	if k.Account == "" {
		k.Account = s.options.Account
	}
	key := &signingKey{spec: "ECC_NIST_P256", usage: "SIGN_VERIFY"}
	if k.Spec != "" {
		key.spec = k.Spec
	}
	if k.Usage != "" {
		key.usage = k.Usage
	}
	var err error
	switch key.spec {
	case "ECC_NIST_P256":
		key.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ECC_NIST_P384":
		key.private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ECC_NIST_EDWARDS25519":
		_, key.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("amazon: no key spec %s", key.spec)
	}
	if err != nil {
		return "", err
	}
	name := func(resource string) string {
		return strings.Join([]string{"arn", p.id, "kms", k.Region, k.Account, resource}, ":")
	}
	key.arn = name("key/" + k.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing[key.arn] = key
	if k.Alias != "" {
		s.signing[name(k.Alias)] = key
	}
	return key.arn, nil
}

// DisableSigningKey disables a key, by its ARN.
func (s *Server) DisableSigningKey(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing[arn].disabled = true
}

// kmsInput is what the two operations take; another member is refused (AWS KMS API Reference, "GetPublicKey",
// "Sign").
type kmsInput struct {
	KeyID            string `json:"KeyId"`
	Message          []byte
	MessageType      string
	SigningAlgorithm string
	DryRun           bool
	GrantTokens      []string
}

// kms answers GetPublicKey and Sign in the JSON protocol.
func (c *call) kms() {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxDocument))
	c.body, c.read = body, true
	target, ok := strings.CutPrefix(c.r.Header.Get("X-Amz-Target"), "TrentService.")
	switch {
	case err != nil:
		return
	case c.r.Method != http.MethodPost || c.r.URL.Path != "/" || !ok ||
		c.r.Header.Get("Content-Type") != "application/x-amz-json-1.1":
		c.kmsRefused(refuse(http.StatusBadRequest, "UnknownOperationException", ""))
		return
	}
	sum := sha256.Sum256(body)
	user, refused := c.server.authenticate(c.r, c.host, hex.EncodeToString(sum[:]))
	if refused != nil {
		c.kmsRefused(refused)
		return
	}
	c.user, c.operation = user, target
	if fault, ok := c.server.decide(c); ok {
		if refused := c.fail(fault); refused != nil {
			c.kmsRefused(refused)
		}
		return
	}
	var in kmsInput
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		c.kmsRefused(refuse(http.StatusBadRequest, "SerializationException", "%v", err))
		return
	}
	out, refused := c.useSigningKey(in)
	if refused != nil {
		c.kmsRefused(refused)
		return
	}
	document, err := json.Marshal(out)
	if err != nil {
		c.kmsRefused(refuse(http.StatusInternalServerError, "KMSInternalException", "%v", err))
		return
	}
	c.w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_, _ = c.w.Write(document) // a client that is gone has no need of it
}

// useSigningKey refuses in KMS's order: the key, the permission, its state, its usage, what is to be signed.
func (c *call) useSigningKey(in kmsInput) (any, *refusal) {
	s := c.server
	s.mu.Lock()
	key := s.signing[in.KeyID]
	s.mu.Unlock()
	if key == nil || strings.Split(key.arn, ":")[3] != c.host.region {
		return nil, refuse(http.StatusBadRequest, "NotFoundException", "Key '%s' does not exist", in.KeyID)
	}
	if c.operation != "GetPublicKey" && c.operation != "Sign" {
		return nil, refuse(http.StatusBadRequest, "UnknownOperationException", "")
	}
	// Another account's key takes a key policy too, which keys here do not have.
	if refused := c.permit(need{"kms:" + c.operation, key.arn}); refused != nil ||
		strings.Split(key.arn, ":")[4] != c.user.Account {
		return nil, refuse(http.StatusBadRequest, "AccessDeniedException", "User: %s is not authorized to perform: kms:%s "+
			"on resource: %s", c.user.arn(), c.operation, key.arn)
	}
	switch {
	case key.disabled:
		return nil, refuse(http.StatusBadRequest, "DisabledException", "%s is disabled.", key.arn)
	case c.operation == "GetPublicKey":
		der, err := x509.MarshalPKIXPublicKey(key.private.Public())
		if err != nil {
			return nil, refuse(http.StatusInternalServerError, "KMSInternalException", "%v", err)
		}
		return map[string]any{"KeyId": key.arn, "PublicKey": der, "KeySpec": key.spec, "KeyUsage": key.usage,
			"CustomerMasterKeySpec": key.spec}, nil
	case key.usage != "SIGN_VERIFY":
		return nil, refuse(http.StatusBadRequest, "InvalidKeyUsageException", "%s key usage is %s", key.arn, key.usage)
	}
	return key.sign(in)
}

// sign holds a message to what its type says (AWS KMS API Reference, "Sign").
func (k *signingKey) sign(in kmsInput) (any, *refusal) {
	invalid := func(format string, args ...any) (any, *refusal) {
		return nil, refuse(http.StatusBadRequest, "ValidationException", format, args...)
	}
	algorithm := map[string]string{"ECC_NIST_P256": "ECDSA_SHA_256", "ECC_NIST_P384": "ECDSA_SHA_384",
		"ECC_NIST_EDWARDS25519": "ED25519_SHA_512"}[k.spec]
	switch {
	case in.SigningAlgorithm != algorithm:
		return nil, refuse(http.StatusBadRequest, "InvalidKeyUsageException",
			"Algorithm %s is incompatible with key spec %s.", in.SigningAlgorithm, k.spec)
	case in.MessageType == "RAW" && (len(in.Message) == 0 || len(in.Message) > 4096):
		return invalid("message of %d bytes", len(in.Message))
	case in.MessageType == "DIGEST" && (algorithm != "ECDSA_SHA_256" || len(in.Message) != sha256.Size):
		return invalid("Digest is invalid length for algorithm %s.", in.SigningAlgorithm)
	case in.MessageType != "RAW" && in.MessageType != "DIGEST":
		return invalid("MessageType %q", in.MessageType)
	case in.DryRun:
		return nil, refuse(http.StatusBadRequest, "DryRunOperationException", "The request would have succeeded, but the "+
			"DryRun option is set.")
	}
	digest, hash := in.Message, crypto.SHA256
	switch {
	case algorithm == "ED25519_SHA_512":
		hash = crypto.Hash(0)
	case in.MessageType == "RAW":
		sum := sha256.Sum256(in.Message)
		digest = sum[:]
	}
	signature, err := k.private.Sign(rand.Reader, digest, hash)
	if err != nil {
		return nil, refuse(http.StatusInternalServerError, "KMSInternalException", "%v", err)
	}
	return map[string]any{"KeyId": k.arn, "Signature": signature, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

// kmsRefused answers with an error as KMS writes it.
func (c *call) kmsRefused(r *refusal) {
	code, status := r.code, r.status
	switch code {
	case "InvalidAccessKeyId":
		code, status = "UnrecognizedClientException", http.StatusBadRequest
	case "SignatureDoesNotMatch", "RequestTimeTooSkewed":
		code, status = "InvalidSignatureException", http.StatusBadRequest
	case "AccessDenied":
		code, status = "MissingAuthenticationTokenException", http.StatusBadRequest
	}
	document, err := json.Marshal(map[string]string{"__type": code, "message": r.message})
	if err != nil {
		return
	}
	c.w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(document)
}
