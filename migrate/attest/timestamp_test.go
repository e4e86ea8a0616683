package attest_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/attest/attesttest"
)

// authority starts one, and returns the certificate that its own leads to.
func authority(t *testing.T, usage string) (url string, ca []byte, dir string) {
	t.Helper()
	a, err := attesttest.Start(t.Context(), t.TempDir(), usage)
	if errors.Is(err, attesttest.ErrNoOpenSSL) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if ca, err = os.ReadFile(filepath.Join(a.Dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	return a.URL, ca, a.Dir
}

func mustRoots(t *testing.T, pem []byte) *x509.CertPool {
	t.Helper()
	roots, err := attest.ParseRoots(pem)
	if err != nil {
		t.Fatal(err)
	}
	return roots
}

func TestTimestamp(t *testing.T) {
	url, ca, dir := authority(t, "timeStamping")
	envelope := sign(t, nil, newPair(t, attest.Ed25519).signer)
	answer, err := attest.RequestTimestamp(t.Context(), http.DefaultClient, url, envelope)
	if err != nil {
		t.Fatal(err)
	}
	roots := mustRoots(t, ca)
	stamp, err := attest.ReadTimestamp(answer, envelope, roots)
	if err != nil || stamp.Time.IsZero() || stamp.Authority != "CN=Test_Timestamps,O=Test" {
		t.Fatalf("%+v, %v", stamp, err)
	}
	if _, err := attest.ReadTimestamp(answer, append(bytes.Clone(envelope), '\n'), roots); !errors.Is(err,
		attest.ErrTimestamp) {
		t.Errorf("of other bytes: %v", err)
	}
	_, otherCA, _ := authority(t, "timeStamping")
	if _, err := attest.ReadTimestamp(answer, envelope, mustRoots(t, otherCA)); !errors.Is(err, attest.ErrTimestamp) {
		t.Errorf("by an authority that is not trusted: %v", err)
	}
	if _, err := attest.ReadTimestamp(answer, envelope, nil); err != nil {
		t.Errorf("without roots: %v", err)
	}
	// What is not covered by a signature is the outer frame and the copies of certificates.
	passed := 0
	for i := range 8 * len(answer) {
		changed := bytes.Clone(answer)
		changed[i/8] ^= 1 << (i % 8)
		if s, err := attest.ReadTimestamp(changed, envelope, roots); err == nil && s == stamp {
			passed++
		} else if err == nil {
			t.Errorf("bit %d makes it %+v", i, s)
		}
	}
	t.Logf("%d of %d bits change neither time nor authority", passed, 8*len(answer))
	for name, data := range map[string][]byte{"answer.tsr": answer, "envelope.json": envelope} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "openssl", "ts", "-verify", "-in", "answer.tsr", "-data", "envelope.json",
		"-CAfile", "ca.pem")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("openssl ts -verify: %v\n%s", err, out)
	}
}

// Answers that are none, or of somebody else, are not kept.
func TestTimestampsThatAreNone(t *testing.T) {
	envelope := sign(t, nil, newPair(t, attest.Ed25519).signer)
	honest, _, _ := authority(t, "timeStamping")
	other, err := attest.RequestTimestamp(t.Context(), http.DefaultClient, honest, []byte("something else"))
	if err != nil {
		t.Fatal(err)
	}
	same, err := attest.RequestTimestamp(t.Context(), http.DefaultClient, honest, envelope)
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]func(http.ResponseWriter){
		"a page":             func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"nothing":            func(http.ResponseWriter) {},
		"an error":           func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) },
		"without an end":     func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 1<<20)) },
		"of other bytes":     func(w http.ResponseWriter) { _, _ = w.Write(other) },
		"of an earlier time": func(w http.ResponseWriter) { _, _ = w.Write(same) },
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
		if _, err := attest.RequestTimestamp(t.Context(), server.Client(), server.URL, envelope); err == nil {
			t.Errorf("%s: no error", name)
		}
		server.Close()
	}
}

// A certificate that is for something else makes no timestamps.
func TestTimestampNeedsItsUsage(t *testing.T) {
	url, ca, _ := authority(t, "codeSigning")
	envelope := sign(t, nil, newPair(t, attest.Ed25519).signer)
	answer, err := attest.RequestTimestamp(t.Context(), http.DefaultClient, url, envelope)
	if err != nil {
		return // openssl would not even answer
	}
	if _, err := attest.ReadTimestamp(answer, envelope, mustRoots(t, ca)); !errors.Is(err, attest.ErrTimestamp) {
		t.Errorf("%v", err)
	}
}

func FuzzTimestamp(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := attest.ReadTimestamp(data, []byte("envelope"), nil); err == nil {
			t.Errorf("took %x", data)
		}
	})
}
