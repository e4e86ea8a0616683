package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

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
		"sign the certificate with this private `key`, a PEM file (repeatable)")
	c.Flags().StringVar(&s.url, "timestamp-url", "",
		"with --sign: have the signatures timestamped by the RFC 3161 authority at this `URL`, which is\nsent a SHA-256")
}

// signing is what signs a certificate.
type signing struct {
	signers []attest.Signer
	stamp   audit.Stamp // nil: nobody says when
	words   []string    // that say so in a command
}

// read reads keys before anything is done, so that a certificate does not remain unsigned for
// want of a file.
func (s *signFlags) read() (w signing, err error) {
	if w.signers, err = signers(s.keys); err != nil {
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

// signers reads private keys.
func signers(paths []string) (all []attest.Signer, err error) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("--sign: %w", err), remedy: "residency key generate makes a key"}
		}
		s, err := attest.ParseSigner(text)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("--sign %s: %w", path, err),
				remedy: "residency key generate makes a key"}
		}
		all = append(all, s)
	}
	return all, nil
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
			w, err := sign.read()
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

func (a *app) keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make a key that certificates are signed with",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	kind := attest.Ed25519
	generate := &cobra.Command{
		Use:   "generate NAME",
		Short: "Make a key pair: NAME.key, which signs, and NAME.pub, for those who check",
		Long: `generate makes a key pair in two PEM files, which openssl reads too. Who has NAME.key
can sign in its owner's name: it is readable by its owner only, is not encrypted, and
belongs where secrets are kept. NAME.pub goes to those who check certificates, by
another way than the certificates themselves. Files that exist are not replaced.`,
		Example: `  residency key generate acme
  residency key generate acme --algorithm ecdsa-p256`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{err: errors.New("want one name for the key's files"), remedy: "residency key generate --help"}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.generateKey(args[0], kind) },
	}
	generate.Flags().StringVar(&kind, "algorithm", kind, "`algorithm` of the key: "+attest.Ed25519+" or "+attest.ECDSAP256)
	c.AddCommand(generate)
	return c
}

// keyView is what is said of a new key.
type keyView struct {
	Schema  string `json:"schema"`
	KeyID   string `json:"key_id"`
	Type    string `json:"type"`
	Private string `json:"private"` // files
	Public  string `json:"public"`
}

func (a *app) generateKey(name, kind string) error {
	private, public, err := attest.Generate(kind)
	if err != nil {
		return &usageError{err: fmt.Errorf("--algorithm: %w", err)}
	}
	v, err := attest.ParseVerifier(public)
	if err != nil {
		return err
	}
	id, err := v.KeyID()
	if err != nil {
		return err
	}
	view := keyView{Schema: "residency/key/1", KeyID: id, Type: kind, Private: name + ".key", Public: name + ".pub"}
	if err := writeNew(view.Private, private, 0o600); err != nil {
		return err
	}
	if err := writeNew(view.Public, public, 0o644); err != nil {
		return errors.Join(err, os.Remove(view.Private))
	}
	if a.output == "json" {
		return a.json(view)
	}
	fmt.Fprintf(a.Out, "Key %s (%s):\n\n", id, kind)
	a.printRows([][]string{{view.Private, "signs: migrate --sign " + view.Private + ". Keep it secret"},
		{view.Public, "checks: certificate verify --key " + view.Public + ". Give it to those who check, by another way " +
			"than the certificates"}})
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(name string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return &usageError{err: fmt.Errorf("%s exists, and is not replaced", name), remedy: "choose another name"}
	}
	if err != nil {
		return &usageError{err: err}
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
