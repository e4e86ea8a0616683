package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/migrate/attest"
)

func (a *app) keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make a key that certificates are signed with, or show its public half",
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
	generate.Flags().StringVar(&kind, "algorithm", kind,
		"`algorithm` of the key: "+attest.Ed25519+" or "+attest.ECDSAP256)
	c.AddCommand(generate, a.keyPublicCommand())
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

func (a *app) keyPublicCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "public KEY",
		Short: "Write the public half of a key to standard output, as PEM",
		Long: `public writes the public half of a key that signs: of a PEM file, or of a key in AWS
KMS by awskms:///ARN, for which kms:GetPublicKey is needed. Those who check certificates
give it to certificate verify --key.`,
		Example: `  residency key public awskms:///arn:aws:kms:eu-west-1:111122223333:key/ID > acme.pub`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{err: errors.New("want one key: a PEM file, or awskms:///ARN"),
					remedy: "residency key public --help"}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.publicKey(c.Context(), args[0]) },
	}
}

// publicView is the public half of a key.
type publicView struct {
	Schema string `json:"schema"`
	KeyID  string `json:"key_id"`
	Public string `json:"public"` // as PEM
}

func (a *app) publicKey(ctx context.Context, name string) error {
	signer, err := a.anyKey(ctx, name)
	if err != nil {
		return err
	}
	text, err := attest.PublicPEM(signer.Public())
	if err != nil {
		return err
	}
	id, err := signer.KeyID()
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.json(publicView{Schema: "residency/public-key/1", KeyID: id, Public: string(text)})
	}
	_, err = a.Out.Write(text)
	return err
}

// anyKey opens a key in a file, or in a service.
func (a *app) anyKey(ctx context.Context, name string) (attest.Signer, error) {
	if !strings.Contains(name, "://") {
		return signerFile("key public", name)
	}
	k, err := a.keptKey(ctx, "key public", name)
	if err != nil {
		return nil, err
	}
	return k.key, nil
}
