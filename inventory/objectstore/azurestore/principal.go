package azurestore

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/residency/residency/inventory/objectstore"
)

// principal is an application that proves by a secret, a certificate, or the token of somebody whom
// the tenant trusts, that it is the one ("Microsoft identity platform and the OAuth 2.0 client
// credentials flow").
type principal struct {
	authority      *url.URL
	tenant, client string
	// prove adds what the application proves itself by, to be sent to an address.
	prove   func(form url.Values, to string) error
	http    *http.Client
	now     func() time.Time
	backoff func(attempts int) time.Duration
}

const (
	publicAuthority = "https://login.microsoftonline.com"
	maxToken        = 1 << 20 // bytes of an answer
	assertionTime   = 10 * time.Minute
	assertionType   = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// secret proves by a secret.
func secret(text string) func(url.Values, string) error {
	return func(form url.Values, _ string) error {
		form.Set("client_secret", text)
		return nil
	}
}

// federated proves by the token that is in a file now: whoever writes it renews it.
func federated(path string) func(url.Values, string) error {
	return func(form url.Values, _ string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("AZURE_FEDERATED_TOKEN_FILE: %w", err)
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", strings.TrimSpace(string(text)))
		return nil
	}
}

// certified proves by a certificate's key ("Microsoft identity platform application authentication
// certificate credentials").
func certified(
	client string, c *x509.Certificate, key *rsa.PrivateKey, now func() time.Time,
) func(url.Values, string) error {
	return func(form url.Values, to string) error {
		var id [16]byte
		if _, err := io.ReadFull(rand.Reader, id[:]); err != nil {
			return err
		}
		thumb, at := sha256.Sum256(c.Raw), now()
		head, err := part(map[string]any{"alg": "PS256", "typ": "JWT",
			"x5t#S256": base64.RawURLEncoding.EncodeToString(thumb[:])})
		if err != nil {
			return err
		}
		claims, err := part(map[string]any{"aud": to, "iss": client, "sub": client, "jti": hex.EncodeToString(id[:]),
			"iat": at.Unix(), "nbf": at.Unix(), "exp": at.Add(assertionTime).Unix()})
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(head + "." + claims))
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{
			SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != nil {
			return err
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", head+"."+claims+"."+base64.RawURLEncoding.EncodeToString(signature))
		return nil
	}
}

func part(v any) (string, error) {
	data, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(data), err
}

// GetToken implements azcore.TokenCredential.
func (p *principal) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	for n := 1; ; n++ {
		token, again, err := p.ask(ctx, strings.Join(o.Scopes, " "))
		if err == nil || !again || n == 3 {
			return token, err
		}
		if slept := objectstore.Sleep(ctx, p.backoff(n)); slept != nil {
			return azcore.AccessToken{}, slept
		}
	}
}

// ask asks once. again tells that the same question may be answered otherwise.
func (p *principal) ask(ctx context.Context, scope string) (token azcore.AccessToken, again bool, err error) {
	to := p.authority.JoinPath(p.tenant, "oauth2", "v2.0", "token").String()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.client}, "scope": {scope}}
	if err := p.prove(form, to); err != nil {
		return token, false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return token, false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.http.Do(r)
	if err != nil {
		return token, ctx.Err() == nil, named(ctx, err)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return token, ctx.Err() == nil, err
	}
	if resp.StatusCode != http.StatusOK {
		busy := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500
		return token, busy, fmt.Errorf("%s answers HTTP %d%s", p.authority.Host, resp.StatusCode, whyRefused(data))
	}
	token, err = parseToken(data, p.now())
	return token, false, err
}

var errNoToken = errors.New("the answer has no token")

// parseToken reads an answer.
func parseToken(data []byte, now time.Time) (azcore.AccessToken, error) {
	var answer struct {
		Token   string      `json:"access_token"`
		Type    string      `json:"token_type"`
		Expires json.Number `json:"expires_in"` // seconds
	}
	if json.Unmarshal(data, &answer) != nil {
		return azcore.AccessToken{}, errNoToken
	}
	seconds, err := strconv.ParseUint(answer.Expires.String(), 10, 31)
	if err != nil || answer.Token == "" || !strings.EqualFold(answer.Type, "Bearer") {
		return azcore.AccessToken{}, errNoToken
	}
	return azcore.AccessToken{Token: answer.Token, ExpiresOn: now.Add(time.Duration(seconds) * time.Second)}, nil
}

// whyRefused is the code that Microsoft Entra gives its refusals ("Microsoft Entra authentication and
// authorization error codes"). The rest of the text is not repeated.
func whyRefused(data []byte) string {
	if code := regexp.MustCompile(`AADSTS[0-9]{1,10}`).Find(data); code != nil {
		return " (" + string(code) + ")"
	}
	return ""
}

// parsePEM reads a certificate and the one key of them.
func parsePEM(data []byte) (certificate *x509.Certificate, key *rsa.PrivateKey, err error) {
	for block, rest := pem.Decode(bytes.TrimSpace(data)); block != nil; block, rest = pem.Decode(rest) {
		var found any
		switch block.Type {
		case "CERTIFICATE":
			if certificate == nil { // those of authorities follow
				certificate, err = x509.ParseCertificate(block.Bytes)
			}
		case "PRIVATE KEY":
			found, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			found, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		}
		if err != nil {
			return nil, nil, err
		}
		if k, ok := found.(*rsa.PrivateKey); ok {
			key = k
		}
	}
	switch {
	case certificate == nil || key == nil:
		return nil, nil, errors.New("a certificate or its RSA key is missing")
	case !key.PublicKey.Equal(certificate.PublicKey):
		return nil, nil, errors.New("the key is not that of the certificate")
	}
	return certificate, key, nil
}
