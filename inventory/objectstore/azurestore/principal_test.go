package azurestore

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// certificate makes one of a key, and both in PEM.
func certificate(t *testing.T) (c *x509.Certificate, certPEM, keyPEM string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "acme"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// TestPEM reads a certificate and its key, in the order in which files have them.
func TestPEM(t *testing.T) {
	_, own, key := certificate(t)
	_, other, _ := certificate(t)
	for name, test := range map[string]struct {
		data string
		ok   bool
	}{
		"key first": {key + own, true}, "key last": {own + key, true}, "with its authority": {own + other + key, true},
		"no key": {own, false}, "nothing": {"", false}, "another's key": {other + key, false},
		"damaged": {strings.Replace(own, "MII", "AAA", 1) + key, false},
	} {
		c, k, err := parsePEM([]byte(test.data))
		if (err == nil) != test.ok || test.ok && (c == nil || k == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// asserted checks an assertion as Microsoft Entra does, and returns what it claims.
func asserted(t *testing.T, c *x509.Certificate, text string) map[string]any {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("assertion %q", text)
	}
	var fields [2]map[string]any
	for i := range fields {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &fields[i]); err != nil {
			t.Fatal(err)
		}
	}
	thumb := sha256.Sum256(c.Raw)
	if fields[0]["alg"] != "PS256" || fields[0]["x5t#S256"] != base64.RawURLEncoding.EncodeToString(thumb[:]) {
		t.Errorf("head %v", fields[0])
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	public, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		t.Fatal("the certificate has no RSA key")
	}
	if err := rsa.VerifyPSS(public, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{
		SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
		t.Error(err)
	}
	return fields[1]
}

// TestApplications gets tokens for what the environment describes, by secret, certificate and federated token.
func TestApplications(t *testing.T) {
	c, own, key := certificate(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var form url.Values
	asked := 0
	entra := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable) // and again
			return
		}
		if r.URL.Path != "/tenant/oauth2/v2.0/token" || r.ParseForm() != nil {
			t.Errorf("asked at %s", r.URL)
		}
		if form = r.PostForm; form.Get("client_secret") == "wrong secret" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"AADSTS7000215: wrong secret"}`)
			return
		}
		_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"t"}`)
	}))
	t.Cleanup(entra.Close)
	for name, test := range map[string]struct {
		env   map[string]string
		check func() bool
	}{
		"secret": {map[string]string{"AZURE_CLIENT_SECRET": "the secret"}, func() bool {
			return form.Get("client_secret") == "the secret"
		}},
		"certificate": {map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": write("pem", own+key)}, func() bool {
			claims := asserted(t, c, form.Get("client_assertion"))
			return claims["iss"] == "client" && claims["aud"] == entra.URL+"/tenant/oauth2/v2.0/token"
		}},
		"federated": {map[string]string{"AZURE_FEDERATED_TOKEN_FILE": write("token", "somebody's\n")}, func() bool {
			return form.Get("client_assertion") == "somebody's"
		}},
		"refused": {map[string]string{"AZURE_CLIENT_SECRET": "wrong secret"}, nil},
	} {
		asked, form = 0, nil
		env := map[string]string{"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_AUTHORITY_HOST": entra.URL}
		for name, value := range test.env {
			env[name] = value
		}
		found, err := applications(Options{Getenv: func(name string) string { return env[name] }, Now: time.Now,
			Backoff: func(int) time.Duration { return 0 }})
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %d applications, %v", name, len(found), err)
		}
		token, err := found[0].GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{storageScope}})
		if test.check == nil {
			if err == nil || !strings.Contains(err.Error(), "AADSTS7000215") || strings.Contains(err.Error(), "wrong") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || token.Token != "t" || time.Until(token.ExpiresOn) < 50*time.Minute {
			t.Errorf("%s: %+v, %v", name, token, err)
		}
		if asked != 2 || form.Get("grant_type") != "client_credentials" || form.Get("client_id") != "client" ||
			form.Get("scope") != storageScope || !test.check() {
			t.Errorf("%s: asked %d times, for %v", name, asked, form)
		}
	}
}
