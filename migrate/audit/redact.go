package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

const (
	// RedactedSchema is in the first line of each file of a redacted copy.
	RedactedSchema = "residency/redacted/1"
	// SaltFile has what names of keys are hashed with, so that whoever has only a redacted copy
	// cannot try names. It stays with the evidence.
	SaltFile   = "salt.json"
	saltSchema = "residency/salt/1"
	saltBytes  = 32
	// hashed begins what stands in a key's place.
	hashed = "hmac-sha256:"
)

type salt struct {
	Schema string `json:"schema"`
	Plan   string `json:"plan_sha256"`
	Salt   string `json:"salt"` // hex
}

// readSalt reads a plan's salt; nil if it has none.
func readSalt(ctx context.Context, r *record.Record) ([]byte, error) {
	var s salt
	found, err := r.ReadFile(ctx, SaltFile, saltSchema, &s, &s.Schema, &s.Plan)
	if !found || err != nil {
		return nil, err
	}
	b, err := hex.DecodeString(s.Salt)
	if err != nil || len(b) != saltBytes {
		return nil, fmt.Errorf("%w: %s has no salt", state.ErrDamaged, SaltFile)
	}
	return b, nil
}

// keepSalt makes a plan's salt of random bytes, unless it has one.
func keepSalt(ctx context.Context, r *record.Record, random io.Reader) error {
	if have, err := readSalt(ctx, r); err != nil || have != nil {
		return err
	}
	b := make([]byte, saltBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	return state.PutJSON(ctx, r.Home, r.Name(SaltFile), salt{Schema: saltSchema, Plan: r.Plan.Digest,
		Salt: hex.EncodeToString(b)})
}

// redactedHead is the first line of a redacted segment.
type redactedHead struct {
	Schema  string `json:"schema"`
	Segment int    `json:"segment"`
	Move    int    `json:"move"`
	Entries int    `json:"entries"`
}

// redactedLine is one entry of a redacted segment.
type redactedLine struct {
	Entry   manifest.Entry   `json:"entry"`
	Receipt receipt.Receipt  `json:"receipt"`
	Erasure *receipt.Erasure `json:"erasure,omitempty"`
}

func redactedFile(segment int) string { return fmt.Sprintf("redacted/%06d.ndjson", segment) }

// RedactedIndex names the nth file of the index of a redacted copy, from 1.
func RedactedIndex(n int64) string { return fmt.Sprintf("redacted/%06d.sha256", n) }

// redactor writes segments without keys: the same lines of JSON, with the HMAC of each key in
// its place. It keeps no more than a line.
type redactor struct {
	mac hash.Hash
	// open, if set, makes a file.
	open  func(name string) (io.WriteCloser, error)
	index index
	tell  func(certificate.File) error // of each file, if set

	file io.WriteCloser // that is being written; nil: none is
	sum  hash.Hash
	n    int64
	key  manifest.Key // the last one, and what stands in its place
	name manifest.Key

	// Made once, for all lines.
	line, digest []byte
	entry        manifest.Entry
	receipt      receipt.Receipt
	erasure      receipt.Erasure
}

func newRedactor(salt []byte) *redactor {
	return &redactor{mac: hmac.New(sha256.New, salt), sum: sha256.New()}
}

// of is what stands in a key's place.
func (w *redactor) of(key manifest.Key) manifest.Key {
	if key != w.key || w.name == "" {
		w.mac.Reset()
		w.line = append(w.line[:0], key...)
		w.mac.Write(w.line)
		w.digest = w.mac.Sum(w.digest[:0])
		w.line = hex.AppendEncode(append(w.line[:0], hashed...), w.digest)
		w.key, w.name = key, manifest.Key(w.line)
	}
	return w.name
}

func (w *redactor) begin(s manifest.Segment) (err error) {
	w.sum.Reset()
	w.n, w.file = 0, nil
	if w.open != nil {
		if w.file, err = w.open(redactedFile(s.Number)); err != nil {
			return err
		}
	}
	head := redactedHead{Schema: RedactedSchema, Segment: s.Number, Move: s.Move, Entries: s.Entries}
	if w.line, err = state.AppendLine(w.line[:0], head); err != nil {
		return err
	}
	return w.write()
}

func (w *redactor) write() error {
	w.n += int64(len(w.line))
	w.sum.Write(w.line)
	if w.file == nil {
		return nil
	}
	_, err := w.file.Write(w.line)
	return err
}

// add writes an entry.
func (w *redactor) add(x *record.Known) error {
	w.entry, w.receipt, w.erasure = x.Entry, x.Receipt, x.Erasure
	key := w.of(x.Entry.Key)
	w.entry.Key, w.receipt.Key, w.erasure.Key = key, key, key
	w.receipt.Null, w.receipt.TagsSHA256 = nil, "" // metadata and tags can be few enough to be guessed
	b := append(w.line[:0], `{"entry":`...)
	b, err := state.AppendLine(b, &w.entry)
	if err == nil {
		b = append(b[:len(b)-1], `,"receipt":`...)
		b, err = state.AppendLine(b, &w.receipt)
	}
	if err == nil && w.erasure.Outcome != "" {
		b = append(b[:len(b)-1], `,"erasure":`...)
		b, err = state.AppendLine(b, &w.erasure)
	}
	if err != nil {
		return err
	}
	w.line = append(b[:len(b)-1], "}\n"...)
	return w.write()
}

func (w *redactor) end(s manifest.Segment) error {
	if w.file != nil {
		if err := w.file.Close(); err != nil {
			return err
		}
		w.file = nil
	}
	f := certificate.File{Name: redactedFile(s.Number), SHA256: hex.EncodeToString(w.sum.Sum(nil))}
	w.index.add(f, w.n)
	if w.tell == nil {
		return nil
	}
	return w.tell(f)
}

// keyless are the files of the evidence that have no keys, which a redacted copy has as they
// are.
func keyless() []string {
	return []string{record.StartedFile, record.CallersFile, record.ActorsFile, record.CostFile, record.GateFile,
		record.ClosingFile}
}

// ErrRedact reports a certificate of which no redacted copy can be made.
var ErrRedact = errors.New("no redacted copy can be made")

// Target is where a redacted copy is written. Names are slash-separated.
type Target interface {
	Create(name string) (io.WriteCloser, error)
}

// Redact checks a certificate with its evidence and, if nothing is wrong, writes a copy that
// has no object keys. Its certificate is the same to the bit, with whatever signs it, and so are
// its numbers: the root of the copy's tree stands in it. Whoever has the salt can show which key
// an entry is of.
func Redact(ctx context.Context, home state.Home, to Target) (*Report, error) {
	report, err := Verify(ctx, home, Trust{})
	if err != nil || !report.Valid {
		return report, err
	}
	if report.Redacted {
		return report, fmt.Errorf("%w: it is one already", ErrRedact)
	}
	r, err := open(ctx, home)
	if err != nil {
		return report, err
	}
	key, err := readSalt(ctx, r)
	if err != nil || key == nil {
		return report, errors.Join(err, fmt.Errorf("%w: the evidence has no salt", ErrRedact))
	}
	w := newRedactor(key)
	w.open = to.Create
	lines := indexWriter{name: RedactedIndex, put: func(_ context.Context, name string, data []byte) error {
		return create(to, name, data)
	}}
	w.tell = func(f certificate.File) error { return lines.add(ctx, f) }
	t := newTaking(r)
	t.redact = w
	if err := t.all(ctx); err != nil {
		return report, err
	}
	if err := lines.flush(ctx); err != nil {
		return report, err
	}
	if got := w.index.evidence(); got.Root != report.Said.Redacted.Root {
		return report, fmt.Errorf("%w: it would have the root %s, the certificate says %s; the version that wrote it "+
			"(%s) can", ErrRedact, got.Root, report.Said.Redacted.Root, report.Said.Tool)
	}
	return report, copyKeyless(ctx, home, to, report.Said)
}

// copyKeyless copies what a redacted copy has as it is.
func copyKeyless(ctx context.Context, home state.Home, to Target, c *certificate.Certificate) error {
	names := append([]string{record.CertificateFile, attest.File, attest.TimestampFile}, keyless()...)
	for n := int64(1); n <= c.Evidence.IndexFiles; n++ {
		names = append(names, IndexFile(n))
	}
	for _, name := range names {
		data, err := home.Get(ctx, folded(name))
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err == nil {
			err = create(to, name, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func create(to Target, name string, data []byte) error {
	f, err := to.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(data))
	return errors.Join(err, f.Close())
}
