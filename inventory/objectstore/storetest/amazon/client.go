package amazon

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Client returns a client of a region for a test's own set-up: under keys to
// which no policy applies.
func (s *Server) Client(region string) *s3.Client { return s.ClientAs(setup, region) }

// ClientAs returns a client of a region with a user's credentials. It never repeats
// a request, and adds no checksums by itself.
func (s *Server) ClientAs(user, region string) *s3.Client {
	u := s.named(user)
	return s3.New(s3.Options{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider(u.AccessKey, u.SecretKey, ""),
		HTTPClient:                 s.HTTPClient(),
		Retryer:                    aws.NopRetryer{},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// Setenv gives a test's own process the variables of Env but for the proxy, which a
// process reads once: whoever is under test in it is given Through.
func (s *Server) Setenv(t testing.TB, user ...string) {
	t.Helper()
	for _, kv := range s.Env(user...) {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.EqualFold(name, "HTTPS_PROXY") && !strings.EqualFold(name, "NO_PROXY") {
			t.Setenv(name, value)
		}
	}
}

// Through finds the proxy of every request: the server.
func (s *Server) Through(*http.Request) (*url.URL, error) { return url.Parse(s.Proxy()) }

// HTTPClient returns a client that reaches the server under Amazon's names.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: s.own, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// transport reaches Amazon's names by a proxy whose certificates the roots have signed.
func transport(proxy *url.URL, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableCompression: true, MaxIdleConnsPerHost: 64,
	}
}
