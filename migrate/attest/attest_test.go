package attest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/residency/residency/migrate/attest"
)

type pair struct {
	signer   attest.Signer
	verifier dsse.Verifier
	public   []byte
}

func newPair(t testing.TB, kind string) (p pair) {
	t.Helper()
	private, public, err := attest.Generate(kind)
	if err != nil {
		t.Fatal(err)
	}
	if p.signer, err = attest.ParseSigner(private); err != nil {
		t.Fatal(err)
	}
	if p.verifier, err = attest.ParseVerifier(public); err != nil {
		t.Fatal(err)
	}
	p.public = public
	return p
}

const certificate = "{\n  \"schema\": \"residency/certificate/2\",\n  \"entries\": 3\n}\n"

func statement(t testing.TB) []byte {
	t.Helper()
	s, err := attest.New([]byte(certificate), []attest.Subject{attest.NewSubject("certificate.json", []byte(certificate))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, before []byte, signers ...attest.Signer) []byte {
	t.Helper()
	data, err := attest.Sign(t.Context(), before, statement(t), signers...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSeveralSign(t *testing.T) {
	ed, ec, other := newPair(t, attest.Ed25519), newPair(t, attest.ECDSAP256), newPair(t, attest.Ed25519)
	data := sign(t, sign(t, nil, ed.signer), ec.signer)
	e, err := attest.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.About("certificate.json", []byte(certificate)); err != nil {
		t.Error(err)
	}
	for name, p := range map[string]pair{"Ed25519": ed, "ECDSA": ec} {
		if err := e.Verify(t.Context(), p.verifier); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := e.Verify(t.Context(), other.verifier); err == nil {
		t.Error("a key that signed nothing is taken for a signer")
	}
	if len(e.KeyIDs()) != 2 {
		t.Errorf("signatures of %v", e.KeyIDs())
	}
	if again := sign(t, data, ed.signer); len(mustParse(t, again).KeyIDs()) != 2 {
		t.Error("a key that signs twice has two signatures")
	}
	if _, err := attest.Sign(t.Context(), data, []byte(`{"other": true}`), ed.signer); !errors.Is(err, attest.ErrOther) {
		t.Errorf("signatures of another statement are kept: %v", err)
	}
	changed := strings.Replace(certificate, "3", "4", 1)
	if err := e.About("certificate.json", []byte(changed)); !errors.Is(err, attest.ErrOther) {
		t.Errorf("about another certificate: %v", err)
	}
}

func mustParse(t *testing.T, data []byte) *attest.Envelope {
	t.Helper()
	e, err := attest.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Each bit of an envelope counts, whatever JSON and base64 would let pass.
func TestEachBitOfAnEnvelopeCounts(t *testing.T) {
	ed, ec := newPair(t, attest.Ed25519), newPair(t, attest.ECDSAP256)
	data := sign(t, nil, ed.signer, ec.signer)
	for i := range 8 * len(data) {
		changed := bytes.Clone(data)
		changed[i/8] ^= 1 << (i % 8)
		e, err := attest.Parse(changed)
		if err != nil {
			continue
		}
		if e.Verify(t.Context(), ed.verifier) == nil && e.Verify(t.Context(), ec.verifier) == nil {
			t.Errorf("bit %d (%q) may be changed", i, data[i/8])
		}
	}
}

func TestKeysThatAreNotTaken(t *testing.T) {
	encode := func(kind string, der []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(large)
	p384 := encode("PRIVATE KEY", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(old)
	rsaKey := encode("PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(&old.PublicKey)
	rsaPublic := encode("PUBLIC KEY", der, err)
	private, public, err := attest.Generate(attest.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"P-384": p384, "RSA": rsaKey, "a public key": public, "nothing": nil,
		"noise": []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")} {
		if _, err := attest.ParseSigner(text); !errors.Is(err, attest.ErrKey) {
			t.Errorf("%s signs: %v", name, err)
		}
	}
	for name, text := range map[string][]byte{"RSA": rsaPublic, "a private key": private, "nothing": nil} {
		if _, err := attest.ParseVerifier(text); !errors.Is(err, attest.ErrKey) {
			t.Errorf("%s verifies: %v", name, err)
		}
	}
	sec1, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err = x509.MarshalECPrivateKey(sec1)
	if _, err := attest.ParseSigner(encode("EC PRIVATE KEY", der, err)); err != nil {
		t.Errorf("a key as openssl ecparam writes it: %v", err)
	}
}

// wrong is a service that signs with another key than it names.
type wrong struct{ attest.Signer }

func (w wrong) Sign(ctx context.Context, data []byte) ([]byte, error) {
	return w.Signer.Sign(ctx, append(data, 'x'))
}
func (w wrong) Public() crypto.PublicKey { return w.Signer.Public() }

func TestSignerIsChecked(t *testing.T) {
	if _, err := attest.Sign(t.Context(), nil, statement(t), wrong{newPair(t, attest.Ed25519).signer}); err == nil {
		t.Error("a signature that is none is kept")
	}
}

// openssl, which knows nothing of this program, takes a signature over the bytes that the
// specification of DSSE names.
func TestOpenSSLVerifies(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl here")
	}
	for _, kind := range []string{attest.Ed25519, attest.ECDSAP256} {
		p, dir := newPair(t, kind), t.TempDir()
		var e struct {
			PayloadType, Payload string
			Signatures           []struct{ Sig string }
		}
		if err := json.Unmarshal(sign(t, nil, p.signer), &e); err != nil {
			t.Fatal(err)
		}
		payload, err := base64.StdEncoding.DecodeString(e.Payload)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
		if err != nil {
			t.Fatal(err)
		}
		pae := fmt.Sprintf("DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(payload), payload)
		write := func(name, text string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		public, signature := write("key.pub", string(p.public)), write("sig", string(sig))
		check := func(pae string) error {
			args := []string{"pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", write("pae", pae), "-sigfile",
				signature}
			if kind == attest.ECDSAP256 {
				args = []string{"dgst", "-sha256", "-verify", public, "-signature", signature, write("pae", pae)}
			}
			return exec.CommandContext(t.Context(), openssl, args...).Run()
		}
		if err := check(pae); err != nil {
			t.Errorf("%s: openssl: %v", kind, err)
		}
		if check(pae+" ") == nil {
			t.Errorf("%s: openssl takes other bytes", kind)
		}
	}
}

func FuzzParse(f *testing.F) {
	p := newPair(f, attest.Ed25519)
	f.Add(sign(f, nil, p.signer))
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":""}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := attest.Parse(data)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(data, []byte("}\n")) || len(e.KeyIDs()) == 0 {
			t.Errorf("took %q", data)
		}
		if e.Verify(t.Context(), p.verifier) == nil && e.Statement.Subject[0].Name != "certificate.json" {
			t.Errorf("a signature is good for another statement: %q", data)
		}
	})
}
