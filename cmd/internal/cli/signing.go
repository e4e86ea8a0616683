package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/spf13/cobra"

	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/state"
)

// signFlags say who signs a certificate, and who says when.
type signFlags struct {
	keys []string
	url  string // of a timestamp authority
}

func (s *signFlags) addTo(c *cobra.Command) {
	c.Flags().StringArrayVar(&s.keys, "sign", nil,
		"sign the certificate with this private `key`: a PEM file, or awskms:///ARN of a key in AWS KMS outside\nof the "+
			"United States (repeatable)")
	c.Flags().StringVar(&s.url, "timestamp-url", "",
		"with --sign: have the signatures timestamped by the RFC 3161 authority at this `URL`, which is\nsent a SHA-256")
}

// signing is what signs a certificate.
type signing struct {
	signers []attest.Signer
	kept    []kept      // those of signers that a service keeps
	stamp   audit.Stamp // nil: nobody says when
	words   []string    // that say so in a command
}

// read reads keys before anything is done, so that a certificate does not remain unsigned for
// want of a file or of a permission.
func (s *signFlags) read(ctx context.Context, a *app) (w signing, err error) {
	if err := w.readKeys(ctx, a, s.keys); err != nil {
		return w, err
	}
	for _, path := range s.keys {
		w.words = append(w.words, "--sign", path)
	}
	if s.url == "" {
		return w, nil
	}
	if len(s.keys) == 0 {
		return w, &usageError{err: errors.New("--timestamp-url is for signatures, and --sign is missing")}
	}
	if u, err := url.Parse(s.url); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return w, &usageError{err: fmt.Errorf("--timestamp-url %q: want http:// or https://", s.url)}
	}
	w.words = append(w.words, "--timestamp-url", s.url)
	w.stamp = func(ctx context.Context, envelope []byte) ([]byte, error) {
		a.trust()
		return attest.RequestTimestamp(ctx, &http.Client{}, s.url, envelope)
	}
	return w, nil
}

// roots reads the certificates of timestamp authorities; nil: none are named.
func roots(paths []string) (*x509.CertPool, error) {
	var all []byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("--tsa: %w", err)}
		}
		all = append(append(all, text...), '\n')
	}
	if len(paths) == 0 {
		return nil, nil
	}
	pool, err := attest.ParseRoots(all)
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("--tsa: %w", err)}
	}
	return pool, nil
}

func addKey(c *cobra.Command, keys *[]string) {
	c.Flags().StringArrayVar(keys, "key", nil,
		"refuse a certificate that this public `key`, a PEM file, did not sign (repeatable)")
}

// readKeys reads private keys, or asks those who keep them whether they would sign.
func (s *signing) readKeys(ctx context.Context, a *app, names []string) error {
	for _, name := range names {
		if strings.Contains(name, "://") {
			k, err := a.keptKey(ctx, "--sign", name)
			if err != nil {
				return err
			}
			if err := k.key.Try(ctx); err != nil {
				return fmt.Errorf("--sign: %w", err)
			}
			s.signers, s.kept = append(s.signers, k.key), append(s.kept, k)
			continue
		}
		signer, err := signerFile("--sign", name)
		if err != nil {
			return err
		}
		s.signers = append(s.signers, signer)
	}
	return nil
}

// signerFile reads a private key.
func signerFile(flag, path string) (attest.Signer, error) {
	const remedy = "residency key generate makes a key"
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("%s: %w", flag, err), remedy: remedy}
	}
	s, err := attest.ParseSigner(text)
	if err != nil {
		return nil, &usageError{err: fmt.Errorf("%s %s: %w", flag, path, err), remedy: remedy}
	}
	return s, nil
}

// verifiers reads public keys.
func verifiers(paths []string) (all []dsse.Verifier, err error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("--key: %w", err)}
		}
		v, err := attest.ParseVerifier(text)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("--key %s: %w", path, err)}
		}
		all = append(all, v)
	}
	return all, nil
}

func (a *app) certificateSignCommand() *cobra.Command {
	var sign signFlags
	c := &cobra.Command{
		Use:   "sign DIRECTORY|FILE --sign KEY",
		Short: "Sign a certificate that was checked before",
		Long: `sign checks a certificate as verify does and, if nothing is wrong, adds a signature
to certificate.intoto.json beside it: a DSSE envelope with an in-toto statement. What
others have signed before stays. Nothing is sent anywhere.`,
		Example: `  residency certificate sign .residency/acme-eu-west-1-3f9a0c1b2d4e --sign dpo.key`,
		Args:    oneDirectory,
		RunE: func(c *cobra.Command, args []string) error {
			if len(sign.keys) == 0 {
				return &usageError{err: errors.New("--sign is missing"), remedy: "residency key generate makes a key"}
			}
			w, err := sign.read(c.Context(), a)
			if err != nil {
				return err
			}
			at, err := findCertificate(args[0])
			if err != nil {
				return err
			}
			return a.signCertificate(c.Context(), at, w)
		},
	}
	sign.addTo(c)
	return c
}

func (a *app) signCertificate(ctx context.Context, at string, w signing) error {
	r, err := audit.Verify(ctx, audit.Folder(at), audit.Trust{})
	if err != nil {
		return notFound(at, err)
	}
	if !r.Valid {
		return a.printAudit(at, r)
	}
	if r.Said != nil {
		w.warn(a, r.Said.Destination.Country)
	}
	if r.Timestamp != nil && w.stamp == nil {
		return &usageError{err: fmt.Errorf("%s is of the signatures as they are", filepath.Join(at, attest.TimestampFile)),
			remedy: "with another signature they need another timestamp: --timestamp-url"}
	}
	whole := func(name string) string { return name }
	if err := audit.Attest(ctx, state.NewDir(at), whole, w.stamp, w.signers...); errors.Is(err, attest.ErrOther) {
		return &refusedError{err: fmt.Errorf("%s: %w", filepath.Join(at, attest.File), err),
			remedy: "move it away, if it is not needed any more"}
	} else if err != nil {
		return err
	}
	var check []dsse.Verifier
	for _, k := range w.signers {
		v, err := attest.NewVerifier(k.Public())
		if err != nil {
			return err
		}
		check = append(check, v)
	}
	if r, err = audit.Verify(ctx, audit.Folder(at), audit.Trust{Keys: check}); err != nil {
		return err
	}
	return a.printAudit(at, r)
}
