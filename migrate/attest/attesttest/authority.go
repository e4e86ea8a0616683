// Package attesttest has a timestamp authority for tests: openssl, which shares no code with
// this program, behind an HTTP server.
package attesttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoOpenSSL reports that there is none on this machine.
var ErrNoOpenSSL = errors.New("no openssl here")

// Authority answers timestamp queries.
type Authority struct {
	URL string
	Dir string // has ca.pem, which its certificate leads to, and other.pem, which it does not

	openssl string
	server  *httptest.Server
}

const config = `[tsa]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
[leaf]
extendedKeyUsage = critical,%s
[req]
distinguished_name = name
[name]
`

// Start starts one in a directory, whose certificate is for the usage: timeStamping. It must
// be closed.
func Start(ctx context.Context, dir, usage string) (*Authority, error) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		return nil, ErrNoOpenSSL
	}
	a := &Authority{Dir: dir, openssl: openssl}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"ts.cnf": fmt.Sprintf(config, usage), "serial": "01\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	curve := "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ts.cnf"
	for _, line := range []string{
		curve + " -x509 -keyout ca.key -out ca.pem -days 30 -subj /CN=Test_Root",
		curve + " -x509 -keyout other.key -out other.pem -days 30 -subj /CN=Other_Root",
		curve + " -keyout tsa.key -out tsa.csr -subj /O=Test/CN=Test_Timestamps",
		"x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out tsa.pem -extfile ts.cnf " +
			"-extensions leaf",
	} {
		if err := a.run(ctx, strings.Fields(line)...); err != nil {
			return nil, err
		}
	}
	a.server = httptest.NewServer(http.HandlerFunc(a.serve))
	a.URL = a.server.URL
	return a, nil
}

// Close ends it.
func (a *Authority) Close() { a.server.Close() }

func (a *Authority) run(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, a.openssl, args...)
	c.Dir = a.Dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("openssl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (a *Authority) serve(w http.ResponseWriter, r *http.Request) {
	reply, err := a.answer(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(reply)
}

func (a *Authority) answer(r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
		return nil, errors.New("no query")
	}
	query, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "query"), query, 0o600); err != nil {
		return nil, err
	}
	if err := a.run(r.Context(), strings.Fields("ts -reply -config ts.cnf -section tsa -queryfile query -signer tsa.pem "+
		"-inkey tsa.key -out reply")...); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(a.Dir, "reply"))
}
