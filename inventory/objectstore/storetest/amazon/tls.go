package amazon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"time"
)

// authority signs the certificates of Amazon's hosts.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	pem         []byte

	mu     sync.Mutex
	leaves map[string]*tls.Certificate // by the name that they are for
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Amazon for tests"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{
		key: key, certificate: certificate, leaves: make(map[string]*tls.Certificate),
		pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}, nil
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// leaf returns the certificate of a host. Those of buckets have one wildcard, which
// fits no bucket with a dot in its name (Amazon S3 User Guide, "Virtual hosting of
// general purpose buckets").
func (a *authority) leaf(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	h, err := parseHost(hello.ServerName)
	if err != nil {
		return nil, err
	}
	p, _ := partitionOf(h.region)
	name := h.service + "." + h.region + "." + p.suffix
	if h.private {
		name = strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(hello.ServerName), "."), h.bucket+".")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.leaves[name]; c != nil {
		return c, nil
	}
	names := []string{name, "*." + name}
	if h.region == "us-east-1" {
		names = append(names, h.service+"."+p.suffix, "*."+h.service+"."+p.suffix)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(2 + len(a.leaves))), Subject: pkix.Name{CommonName: name}, DNSNames: names,
		NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	a.leaves[name] = c
	return c, nil
}
