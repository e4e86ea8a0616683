package audit

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// subjects are the files that a statement is about; not all of them need be there.
func subjects() []string {
	return []string{record.CertificateFile, "plan.json", record.GateFile, record.ClosingFile}
}

// signed holds the envelope beside a certificate against it, and looks for a signature of each
// key.
func (r *Report) signed(ctx context.Context, home state.Home, certificate []byte, trust Trust) error {
	data, err := home.Get(ctx, folded(attest.File))
	switch {
	case errors.Is(err, state.ErrNotFound) && len(trust.Keys) == 0 && trust.Authorities == nil:
		return nil
	case errors.Is(err, state.ErrNotFound):
		r.Add(attest.File, "it is missing: the certificate is not signed")
		return nil
	case errors.Is(err, state.ErrDamaged):
		r.Add(attest.File, "%v", err)
		return nil
	case err != nil:
		return err
	}
	e, err := attest.Parse(data)
	if err == nil {
		err = e.About(record.CertificateFile, certificate)
	}
	if err != nil {
		r.Add(attest.File, "%v", err)
		return nil
	}
	for _, id := range e.KeyIDs() {
		r.Signatures = append(r.Signatures, Signature{KeyID: id})
	}
	for _, key := range trust.Keys {
		err := e.Verify(ctx, key)
		if err != nil {
			r.Add(attest.File, "%v", err)
		}
		id, _ := key.KeyID()
		valid := err == nil
		if i := slices.IndexFunc(r.Signatures, func(s Signature) bool { return s.KeyID == id }); i >= 0 {
			r.Signatures[i].Valid = &valid
		}
	}
	if err := r.stamped(ctx, home, data, trust.Authorities); err != nil {
		return err
	}
	return r.about(ctx, home, e)
}

// stamped holds the timestamp of an envelope against it, if there is one or has to be.
func (r *Report) stamped(ctx context.Context, home state.Home, envelope []byte, roots *x509.CertPool) error {
	answer, err := home.Get(ctx, folded(attest.TimestampFile))
	switch {
	case errors.Is(err, state.ErrNotFound) && roots == nil:
		return nil
	case errors.Is(err, state.ErrNotFound):
		r.Add(attest.TimestampFile, "it is missing: the signatures have no timestamp")
		return nil
	case errors.Is(err, state.ErrDamaged):
		r.Add(attest.TimestampFile, "%v", err)
		return nil
	case err != nil:
		return err
	}
	stamp, err := attest.ReadTimestamp(answer, envelope, roots)
	if err != nil {
		r.Add(attest.TimestampFile, "%v", err)
		return nil
	}
	r.Timestamp = &Timestamp{Time: stamp.Time, Authority: stamp.Authority}
	if roots != nil {
		trusted := true
		r.Timestamp.Trusted = &trusted
	}
	return nil
}

// about holds the other files that a statement names against it.
func (r *Report) about(ctx context.Context, home state.Home, e *attest.Envelope) error {
	for _, s := range e.Statement.Subject {
		if s.Name == record.CertificateFile || state.CheckName(s.Name) != nil {
			continue
		}
		data, err := home.Get(ctx, folded(s.Name))
		switch {
		case errors.Is(err, state.ErrNotFound): // the evidence says whether that may be
		case errors.Is(err, state.ErrDamaged):
			r.Add(s.Name, "%v", err)
		case err != nil:
			return err
		case s.Digest["sha256"] != state.Digest(data):
			r.Add(s.Name, "its SHA-256 is %s; %s says %s", state.Digest(data), attest.File, s.Digest["sha256"])
		}
	}
	return nil
}

// Attest signs a certificate, in an envelope beside it. Signatures that are there already, of
// this certificate, stay. With a stamp the envelope has a timestamp of how it is then. Files of
// the plan's directory are named in the home as name does.
func Attest(
	ctx context.Context, home state.Home, name func(string) string, stamp Stamp, signers ...attest.Signer,
) error {
	var certificate []byte
	var about []attest.Subject
	for _, file := range subjects() {
		data, err := home.Get(ctx, name(file))
		if errors.Is(err, state.ErrNotFound) && file != record.CertificateFile {
			continue
		}
		if err != nil {
			return err
		}
		if file == record.CertificateFile {
			certificate = data
		}
		about = append(about, attest.NewSubject(file, data))
	}
	statement, err := attest.New(certificate, about)
	if err != nil {
		return err
	}
	before, err := home.Get(ctx, name(attest.File))
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	data, err := attest.Sign(ctx, before, statement, signers...)
	if err != nil {
		return err
	}
	if err := home.Put(ctx, name(attest.File), data); err != nil || stamp == nil {
		return err
	}
	answer, err := stamp(ctx, data)
	if err != nil {
		return err
	}
	return home.Put(ctx, name(attest.TimestampFile), answer)
}

// Stamp asks an authority for a timestamp of an envelope.
type Stamp func(ctx context.Context, envelope []byte) ([]byte, error)
