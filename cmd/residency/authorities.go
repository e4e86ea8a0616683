package main

import (
	"crypto/x509"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// authorities has TLS trust the roots of Mozilla's program where the system has none, as in a container image
// without certificates. To read its certificates takes some 4 ms, a tenth of a start. It can be called once.
func authorities() {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		c, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil: // a kind of key that this version of Go does not know
		case root.Constraint == nil:
			pool.AddCert(c)
		default:
			pool.AddCertWithConstraint(c, root.Constraint)
		}
	}
	x509.SetFallbackRoots(pool)
}
