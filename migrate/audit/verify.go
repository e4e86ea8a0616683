package audit

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/merkle"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// ReportSchema is that of a Report.
const ReportSchema = "residency/audit/1"

// Report is what became of the check of a certificate.
type Report struct {
	Schema      string `json:"schema"`
	Plan        string `json:"plan"`
	Customer    string `json:"customer"`
	Certificate string `json:"certificate_sha256"` // of the file
	// Valid tells that nothing is wrong with what was checked.
	Valid bool `json:"valid"`
	// Recomputed tells that every number was counted anew from the evidence. With faults in
	// the evidence none is.
	Recomputed bool `json:"recomputed"`
	// Redacted tells that it is a copy without keys, and so without what rests on them.
	Redacted bool `json:"redacted"`
	// Alone tells that the evidence is not there, so that the numbers are the signers' word.
	Alone bool  `json:"without_evidence"`
	Files int64 `json:"files"` // of the evidence, that have their digests
	// Signatures are of the envelope beside the certificate; none if it is not signed.
	Signatures []Signature `json:"signatures"`
	// Timestamp is of the envelope; nil if it has none.
	Timestamp *Timestamp `json:"timestamp,omitempty"`
	Faults    []Fault    `json:"faults"`
	More      int64      `json:"more_faults,omitempty"` // than are listed

	Said *certificate.Certificate `json:"-"` // nil if it could not be read
}

// Fault is something wrong, by the file that it is about.
type Fault struct {
	File string `json:"file"`
	What string `json:"what"`
}

// Timestamp is when an authority has seen the envelope.
type Timestamp struct {
	Time      time.Time `json:"time"`
	Authority string    `json:"authority"`
	// Trusted tells that the authority is one that was given; of another it is not known.
	Trusted *bool `json:"trusted"`
}

// Trust is whom a certificate must be signed by, and whose timestamps are trusted.
type Trust struct {
	Keys        []dsse.Verifier // each of them must have signed
	Authorities *x509.CertPool  // nil: none; else there must be a timestamp by one of them
	// Alone lets a certificate be there without any evidence, if the keys have signed it.
	Alone bool
}

// Signature is one of the certificate's.
type Signature struct {
	KeyID string `json:"key_id"`
	// Valid tells that it is by a key that was given; of another key's it is not known.
	Valid *bool `json:"valid"`
}

// mostFaults are listed.
const mostFaults = 100

// Add adds a fault.
func (r *Report) Add(file, format string, args ...any) {
	r.Valid = false
	if len(r.Faults) == mostFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, Fault{File: file, What: fmt.Sprintf(format, args...)})
}

// Faulty tells whether anything was found.
func (r *Report) Faulty() bool { return len(r.Faults) > 0 }

// ErrEarlier reports a certificate that a release wrote which kept no tree of its evidence.
var ErrEarlier = remedy.New("the certificate was written by an earlier version and has no tree of its evidence",
	"residency verify --plan ID checks it in its state")

// Verify checks a certificate with the evidence beside it: its own digest, that of each file,
// and every number that can be counted anew. The home has the plan's directory as folder does.
// An error means that the check could not be carried out; what it found is in the report.
//
// What is to be trusted must be there.
func Verify(ctx context.Context, home state.Home, trust Trust) (*Report, error) {
	r := &Report{Schema: ReportSchema, Valid: true, Faults: []Fault{}, Signatures: []Signature{}}
	data, err := home.Get(ctx, folded(record.CertificateFile))
	if err != nil {
		return nil, err
	}
	if err := r.certificate(data); err != nil {
		return nil, err
	}
	if r.Said == nil {
		return r, nil
	}
	if err := r.signed(ctx, home, data, trust); err != nil {
		return nil, err
	}
	if trust.Alone && len(trust.Keys) > 0 {
		if r.Alone, err = isAlone(ctx, home); err != nil || r.Alone {
			return r, err
		}
	}
	withheld, err := isRedacted(ctx, home)
	if err != nil {
		return nil, err
	}
	whole := indexed{said: r.Said.Evidence, name: IndexFile}
	if r.Redacted = withheld; withheld {
		whole.withheld = func(name string) bool { return !slices.Contains(keyless(), name) }
	}
	if err := r.index(ctx, home, whole); err != nil || r.Faulty() {
		return r, err
	}
	if r.Redacted {
		return r, r.redacted(ctx, home)
	}
	return r, r.recompute(ctx, home)
}

// isAlone tells whether nothing of the evidence is there.
func isAlone(ctx context.Context, home state.Home) (bool, error) {
	for _, name := range []string{IndexFile(1), "plan.json", record.GateFile, record.ClosingFile} {
		_, err := home.Get(ctx, folded(name))
		if !errors.Is(err, state.ErrNotFound) {
			if errors.Is(err, state.ErrDamaged) {
				err = nil
			}
			return false, err
		}
	}
	return true, nil
}

// isRedacted tells whether a directory is a redacted copy: it has no plan, which has keys.
func isRedacted(ctx context.Context, home state.Home) (bool, error) {
	for name, want := range map[string]bool{"plan.json": false, RedactedIndex(1): true} {
		_, err := home.Get(ctx, folded(name))
		switch {
		case errors.Is(err, state.ErrNotFound) == want:
			return false, nil
		case err != nil && !errors.Is(err, state.ErrNotFound) && !errors.Is(err, state.ErrDamaged):
			return false, err
		}
	}
	return true, nil
}

// certificate reads it and holds it against its digest.
func (r *Report) certificate(data []byte) error {
	r.Certificate = state.Digest(data)
	c := new(certificate.Certificate)
	if err := certificate.Decode(data, c); err != nil {
		r.Add(record.CertificateFile, "%v", err)
		return nil
	}
	switch c.Schema {
	case certificate.Schema:
	case certificate.Schema1:
		return ErrEarlier
	default:
		r.Add(record.CertificateFile, "its schema is %q, and this version knows %q", c.Schema, certificate.Schema)
		return nil
	}
	again := *c
	if text, err := again.Encode(); err != nil || string(text) != string(data) {
		r.Add(record.CertificateFile, "it has fields that this version does not know, or is in another form than it "+
			"writes; it was written by %s", c.Tool)
		return nil
	}
	r.Plan, r.Customer, r.Said = c.Plan, c.Customer, c
	return nil
}

// indexed is one of the trees that a certificate has, and where its index lies.
type indexed struct {
	said     certificate.Evidence
	name     func(n int64) string
	withheld func(name string) bool         // if set: whether a file need not be there
	file     func(certificate.File, []byte) // if set: is told of each that has its digest
}

// index holds an index against the certificate, and each file against the index.
func (r *Report) index(ctx context.Context, home state.Home, x indexed) error {
	var tree merkle.Tree
	if want := (x.said.Files + indexLines - 1) / indexLines; x.said.IndexFiles != want {
		r.Add(record.CertificateFile, "an index of %d files cannot have %d lines", x.said.IndexFiles, x.said.Files)
		return nil
	}
	for n := int64(1); n <= x.said.IndexFiles; n++ {
		name := x.name(n)
		data, err := home.Get(ctx, folded(name))
		if errors.Is(err, state.ErrNotFound) {
			r.Add(name, "it is missing")
			continue
		}
		if errors.Is(err, state.ErrDamaged) {
			r.Add(name, "%v", err)
			continue
		}
		if err == nil {
			err = r.part(ctx, home, x, name, string(data), &tree)
		}
		if err != nil {
			return err
		}
	}
	root := tree.Root()
	if got := hex.EncodeToString(root[:]); got != x.said.Root || tree.Len() != x.said.Files {
		r.Add(x.name(1), "the index has %d lines and the root %s, the certificate says %d and %s", tree.Len(), got,
			x.said.Files, x.said.Root)
	}
	return nil
}

// part holds the files that a part of the index names against it.
func (r *Report) part(ctx context.Context, home state.Home, x indexed, part, text string, tree *merkle.Tree) error {
	if text != "" && !strings.HasSuffix(text, "\n") {
		r.Add(part, "its last line does not end")
	}
	n := 0
	for l := range strings.Lines(text) {
		n++
		l = strings.TrimSuffix(l, "\n")
		tree.Add([]byte(l))
		f, ok := parseLine(l)
		if !ok {
			r.Add(part, "line %d is no digest with the name of a file", n)
			continue
		}
		if x.withheld != nil && x.withheld(f.Name) {
			continue
		}
		data, err := home.Get(ctx, folded(f.Name))
		switch {
		case errors.Is(err, state.ErrNotFound):
			r.Add(f.Name, "it is missing; line %d of %s names it", n, part)
		case errors.Is(err, state.ErrDamaged):
			r.Add(f.Name, "%v", err)
		case err != nil:
			return err
		case state.Digest(data) != f.SHA256:
			r.Add(f.Name, "its SHA-256 is %s; line %d of %s says %s", state.Digest(data), n, part, f.SHA256)
		default:
			if x.file != nil {
				x.file(f, data)
			} else {
				r.Files++
			}
		}
	}
	return nil
}

func parseLine(l string) (f certificate.File, ok bool) {
	sum, name, ok := strings.Cut(l, "  ")
	if !ok || len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" || state.CheckName(name) != nil {
		return f, false
	}
	return certificate.File{Name: name, SHA256: sum}, true
}

// recompute counts everything anew. What the plan says that its files are must be what the
// tree is over, too.
func (r *Report) recompute(ctx context.Context, home state.Home) error {
	rec, err := open(ctx, home)
	if err != nil {
		return r.damaged(err)
	}
	salt, err := readSalt(ctx, rec)
	if err != nil {
		return r.damaged(err)
	}
	t := newTaking(rec)
	t.redact = newRedactor(salt)
	if err := t.all(ctx); err != nil {
		return r.damaged(err)
	}
	derived := *r.Said
	t.account.Derive(rec, &derived)
	derived.Redacted = t.redact.index.evidence()
	return r.compare(t.account, rec, &derived)
}

// compare holds what is said against what was derived, and the account against itself.
func (r *Report) compare(a *Account, rec *record.Record, derived *certificate.Certificate) error {
	fields, err := differing(r.Said, derived)
	if err != nil {
		return err
	}
	for _, name := range fields {
		r.Add(record.CertificateFile, "%s is not what the evidence says", name)
	}
	for _, fault := range a.Check(rec) {
		r.Add("evidence", "%v", fault)
	}
	r.Recomputed = true
	return nil
}

// damaged takes an error that is about the evidence for a fault.
func (r *Report) damaged(err error) error {
	if errors.Is(err, state.ErrDamaged) || errors.Is(err, state.ErrNotFound) {
		r.Add("evidence", "%v", err)
		return nil
	}
	return err
}

// open reads the plan in a folder, and how far it has come.
func open(ctx context.Context, home state.Home) (*record.Record, error) {
	data, err := home.Get(ctx, folded("plan.json"))
	if err != nil {
		return nil, err
	}
	p, err := plan.Parse(data)
	if err != nil {
		return nil, err
	}
	return record.Of(ctx, home, p)
}
