// Package attest signs certificates: an in-toto Statement v1 about the certificate and the
// files that it rests on most, in a DSSE envelope with any number of signatures. Nothing of it
// is sent anywhere.
package attest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/residency/residency/migrate/state"
)

const (
	// File is where the envelope lies, beside the certificate.
	File = "certificate.intoto.json"
	// PayloadType is the envelope's.
	PayloadType = "application/vnd.in-toto+json"
	// StatementType is that of in-toto.
	StatementType = "https://in-toto.io/Statement/v1"
	// PredicateType is the certificate's.
	PredicateType = "https://github.com/residency/residency/certificate/v2"
)

// Statement is what is signed.
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"` // the certificate
}

// Subject is a file by its digest.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"` // "sha256", in hex
}

// NewSubject is a file with what it has in it.
func NewSubject(name string, data []byte) Subject {
	return Subject{Name: name, Digest: map[string]string{"sha256": state.Digest(data)}}
}

// New states a certificate, and what it is about.
func New(certificate []byte, subjects []Subject) ([]byte, error) {
	return encode(Statement{Type: StatementType, Subject: subjects, PredicateType: PredicateType, Predicate: certificate})
}

// encode has no spaces, and leaves characters as they are.
func encode(s Statement) ([]byte, error) {
	var compact, text bytes.Buffer
	if err := json.Compact(&compact, s.Predicate); err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	s.Predicate = compact.Bytes()
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// Envelope is a signed statement, as it was written.
type Envelope struct {
	Statement Statement
	envelope  dsse.Envelope
	payload   []byte
}

// ErrOther reports an envelope that is about something else.
var ErrOther = errors.New("it signs something else")

// Sign adds signatures to an envelope about the statement, or begins one. An envelope that is
// there and about another statement is ErrOther. A signature that its key does not bear out
// is an error: a service may have answered with another key's.
func Sign(ctx context.Context, envelope, statement []byte, signers ...Signer) ([]byte, error) {
	var all dsse.Envelope
	if envelope != nil {
		before, err := Parse(envelope)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(before.payload, statement) {
			return nil, ErrOther
		}
		all = before.envelope
	}
	for _, s := range signers {
		one, err := dsse.NewEnvelopeSigner(s)
		if err != nil {
			return nil, err
		}
		signed, err := one.SignPayload(ctx, PayloadType, statement)
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		if err := verified(ctx, signed, s); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		id := signed.Signatures[0].KeyID
		signed.Signatures = append(slices.DeleteFunc(all.Signatures, func(x dsse.Signature) bool { return x.KeyID == id }),
			signed.Signatures...)
		all = *signed
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode envelope: %w", err)
	}
	return append(data, '\n'), nil
}

func verified(ctx context.Context, e *dsse.Envelope, s Signer) error {
	v, err := NewVerifier(s.Public())
	if err != nil {
		return err
	}
	check, err := dsse.NewEnvelopeVerifier(v)
	if err != nil {
		return err
	}
	_, err = check.Verify(ctx, e)
	return err
}

// Parse reads an envelope, in the very form that Sign writes, and the statement in it. It
// checks no signature.
func Parse(data []byte) (*Envelope, error) {
	e := new(Envelope)
	if err := state.DecodeJSON(data, &e.envelope); err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	if e.envelope.PayloadType != PayloadType {
		return nil, fmt.Errorf("envelope: its payload is %q, want %q", e.envelope.PayloadType, PayloadType)
	}
	if len(e.envelope.Signatures) == 0 {
		return nil, errors.New("envelope: it has no signature")
	}
	for _, text := range append([]string{e.envelope.Payload}, sigs(e.envelope.Signatures)...) {
		if _, err := base64.StdEncoding.Strict().DecodeString(text); err != nil {
			return nil, fmt.Errorf("envelope: %w", err)
		}
	}
	payload, err := e.envelope.DecodeB64Payload()
	if err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	e.payload = payload
	if err := json.Unmarshal(payload, &e.Statement); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	if again, err := encode(e.Statement); err != nil || !bytes.Equal(again, payload) {
		return nil, errors.New("statement: it is in another form than this program writes")
	}
	if s := e.Statement; s.Type != StatementType || s.PredicateType != PredicateType {
		return nil, fmt.Errorf("statement: %s about %s, want %s about %s", s.Type, s.PredicateType, StatementType,
			PredicateType)
	}
	return e, nil
}

func sigs(all []dsse.Signature) (texts []string) {
	for _, s := range all {
		texts = append(texts, s.Sig)
	}
	return texts
}

// About refuses an envelope that is about another certificate than this one.
func (e *Envelope) About(name string, certificate []byte) error {
	for _, s := range e.Statement.Subject {
		if s.Name != name {
			continue
		}
		if got := state.Digest(certificate); s.Digest["sha256"] != got {
			return fmt.Errorf("%w: %s with SHA-256 %s, and it has %s", ErrOther, name, s.Digest["sha256"], got)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, certificate); err != nil || !bytes.Equal(compact.Bytes(), e.Statement.Predicate) {
			return fmt.Errorf("%w than %s: its predicate differs", ErrOther, name)
		}
		return nil
	}
	return fmt.Errorf("%w than %s", ErrOther, name)
}

// KeyIDs are those that signatures say they are of.
func (e *Envelope) KeyIDs() (ids []string) {
	for _, s := range e.envelope.Signatures {
		ids = append(ids, s.KeyID)
	}
	return ids
}

// Verify refuses an envelope that has no signature of the key.
func (e *Envelope) Verify(ctx context.Context, key dsse.Verifier) error {
	id, err := key.KeyID()
	if err != nil {
		return err
	}
	check, err := dsse.NewEnvelopeVerifier(key)
	if err != nil {
		return err
	}
	if !slices.Contains(e.KeyIDs(), id) {
		return fmt.Errorf("no signature is of key %s", id)
	}
	if _, err := check.Verify(ctx, &e.envelope); err != nil {
		return fmt.Errorf("the signature of key %s is not valid", id)
	}
	return nil
}
