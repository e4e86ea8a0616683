package migrate_test

import (
	"bytes"
	crand "crypto/rand"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// evidence lists the files that a certificate rests on, the index and itself.
func (a *audited) evidence() (names []string) {
	a.t.Helper()
	index, err := os.ReadFile(filepath.Join(a.dir, audit.IndexFile(1)))
	if err != nil {
		a.t.Fatal(err)
	}
	names = []string{record.CertificateFile, attest.File, audit.IndexFile(1)}
	for l := range strings.Lines(string(index)) {
		_, name, _ := strings.Cut(strings.TrimSpace(l), "  ")
		names = append(names, name)
	}
	return names
}

func (a *audited) verify() *audit.Report {
	a.t.Helper()
	r, err := audit.Verify(a.t.Context(), audit.Folder(a.dir), audit.Trust{Keys: a.keys})
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// newKey is a key pair.
func newKey(t *testing.T, kind string) (attest.Signer, dsse.Verifier) {
	t.Helper()
	private, public, err := attest.Generate(kind)
	if err != nil {
		t.Fatal(err)
	}
	s, err := attest.ParseSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := attest.ParseVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func named(r *audit.Report, file string) bool {
	for _, f := range r.Faults {
		if f.File == file || strings.Contains(f.What, file) {
			return true
		}
	}
	return false
}

// One bit that changes anywhere in the evidence is found, and so is the file that it is in.
func TestEachBitCounts(t *testing.T) {
	a := newAudited(t, 1_500) // two segments
	if r := a.verify(); !r.Valid || !r.Recomputed || r.Files != int64(len(a.evidence())-3) {
		t.Fatalf("sound: %+v", r)
	}
	names := a.evidence()
	random := rand.New(rand.NewPCG(14, 2))
	for range 200 {
		name := names[random.IntN(len(names))]
		a.flip(random, name, func() {
			if r := a.verify(); r.Valid || !named(r, name) {
				t.Errorf("%s: %+v", name, r)
			}
		})
	}
}

// flip has one bit of a file changed meanwhile.
func (a *audited) flip(random *rand.Rand, name string, meanwhile func()) {
	a.t.Helper()
	path := filepath.Join(a.dir, filepath.FromSlash(name))
	sound, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	bit := random.IntN(8 * len(sound))
	changed := bytes.Clone(sound)
	changed[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		a.t.Fatal(err)
	}
	meanwhile()
	if err := os.WriteFile(path, sound, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// Whoever can compute digests can make them agree; numbers that the evidence does not bear
// out, and evidence that contradicts itself, are found all the same.
func TestNumbersAreCountedAnew(t *testing.T) {
	a := newAudited(t, 20)
	a.keys = nil // signed by nobody, or by whoever made it agree
	a.remove(attest.File)
	home := state.NewDir(filepath.Dir(a.dir))
	of := func() *record.Record {
		t.Helper()
		r, err := record.Of(t.Context(), home, a.plan)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var sound certificate.Certificate
	var err error
	a.read(record.CertificateFile, &sound)
	// forge writes the certificate again, over the evidence as it is by now.
	forge := func(change func(*certificate.Certificate)) {
		t.Helper()
		account, err := audit.Write(t.Context(), of(), crand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := sound
		account.Derive(of(), &c)
		c.Redacted = account.Redacted
		change(&c)
		data, err := c.Encode()
		if err == nil {
			err = os.WriteFile(filepath.Join(a.dir, record.CertificateFile), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*certificate.Certificate){
		"entries":              func(c *certificate.Certificate) { c.Entries++ },
		"bytes":                func(c *certificate.Certificate) { c.Bytes++ },
		"verdicts":             func(c *certificate.Certificate) { c.Verdicts = map[string]int64{"verified": 25} },
		"methods":              func(c *certificate.Certificate) { c.Methods = map[string]int64{"readback-sha256": 24} },
		"erasures":             func(c *certificate.Certificate) { c.Erasures = map[string]int64{"erased": 25} },
		"deletion_guards":      func(c *certificate.Certificate) { c.Guards = map[string]int64{"if-match": 24} },
		"moves":                func(c *certificate.Certificate) { c.Moves[0].Source.Country = "FR" },
		"countries":            func(c *certificate.Certificate) { c.Countries[1].Country = "FR" },
		"source_empty":         func(c *certificate.Certificate) { c.SourceEmpty = false },
		"found_at_destination": func(c *certificate.Certificate) { c.Found-- },
		"started":              func(c *certificate.Certificate) { c.Started = c.Started.AddDate(0, 0, -1) },
		"exposures_left":       func(c *certificate.Certificate) { c.Exposures = make([]inventory.Exposure, 1) },
		"transit":              func(c *certificate.Certificate) { c.Transit.Streamed = 0 },
		"actors":               func(c *certificate.Certificate) { c.Actors = c.Actors[1:] },
		"endpoints":            func(c *certificate.Certificate) { c.Endpoints[0].Country = "FR" },
		"findings":             func(c *certificate.Certificate) { c.Findings = []certificate.Finding{} },
		"callers":              func(c *certificate.Certificate) { c.Callers = make([]certificate.Caller, 1) },
		"cost":                 func(c *certificate.Certificate) { *c.Cost.Low++ },
	} {
		forge(change)
		if r := a.verify(); r.Valid || !named(r, name+" is not what the evidence says") {
			t.Errorf("another %s: %+v", name, r)
		}
	}
	forge(func(*certificate.Certificate) {})
	if r := a.verify(); !r.Valid {
		t.Fatalf("the same again: %+v", r)
	}

	// An estimate that does not follow from its prices, and one that does, of other objects.
	var kept record.Cost
	a.read(record.CostFile, &kept)
	for why, change := range map[string]func(c *record.Cost){
		"its prices": func(c *record.Cost) { *c.Estimate.Low++ },
		"the manifest": func(c *record.Cost) {
			c.Work.Moves[0].Classes[0].Versions++
			if c.Estimate, err = kept.Estimate.Again(c.Work); err != nil {
				t.Fatal(err)
			}
		},
	} {
		var c record.Cost
		a.read(record.CostFile, &c)
		change(&c)
		if err := of().SaveCost(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
		forge(func(*certificate.Certificate) {})
		if r := a.verify(); r.Valid || !named(r, "cost.json: the estimate is not what follows from "+why) {
			t.Errorf("another estimate than from %s: %+v", why, r)
		}
		if err := of().SaveCost(t.Context(), &kept); err != nil {
			t.Fatal(err)
		}
	}
	// Certificates of releases that estimated nothing have none.
	a.remove(record.CostFile)
	forge(func(*certificate.Certificate) {})
	if r := a.verify(); !r.Valid || r.Said.Cost != nil {
		t.Errorf("without an estimate: %+v", r)
	}

	// A receipt of a copy that the destination never showed.
	s := a.plan.Segments[0]
	known, err := of().Load(t.Context(), s, record.WithReceipts)
	if err != nil {
		t.Fatal(err)
	}
	known.Receipts[3].DestinationVersionID = "forged"
	data, err := receipt.Encode(nil, s, known.Receipts)
	if err == nil {
		err = home.Put(t.Context(), a.plan.ID+"/"+s.File("receipts"), data)
	}
	if err != nil {
		t.Fatal(err)
	}
	forge(func(*certificate.Certificate) {})
	if r := a.verify(); r.Valid || !named(r, "gate.json: the listing of cloud:source-bucket-eu-west-1") ||
		!named(r, "closing.json: the last listing of cloud:source-bucket-eu-west-1") {
		t.Errorf("a receipt of another version: %+v", r)
	}
}

func (a *audited) remove(name string) {
	a.t.Helper()
	if err := os.Remove(filepath.Join(a.dir, name)); err != nil {
		a.t.Fatal(err)
	}
}

// Evidence that agrees with itself in everything, with one receipt that says more than was
// done, is somebody else's word: another key's signature does not make it the signer's.
func TestForgedAndSignedAnew(t *testing.T) {
	a := newAudited(t, 20)
	home := state.NewDir(filepath.Dir(a.dir))
	of, err := record.Of(t.Context(), home, a.plan)
	if err != nil {
		t.Fatal(err)
	}
	s := a.plan.Segments[0]
	known, err := of.Load(t.Context(), s, record.WithReceipts)
	if err != nil {
		t.Fatal(err)
	}
	known.Receipts[3].Method, known.Receipts[3].SHA256 = receipt.ReadbackSHA256, strings.Repeat("ab", 32)
	data, err := receipt.Encode(nil, s, known.Receipts)
	if err == nil {
		err = home.Put(t.Context(), of.Name(s.File("receipts")), data)
	}
	if err != nil {
		t.Fatal(err)
	}
	var c certificate.Certificate
	a.read(record.CertificateFile, &c)
	account, err := audit.Write(t.Context(), of, crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	account.Derive(of, &c)
	c.Redacted = account.Redacted
	if data, err = c.Encode(); err == nil {
		err = home.Put(t.Context(), of.Name(record.CertificateFile), data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r := a.verify(); r.Valid || !named(r, attest.File) {
		t.Errorf("beside the signature that was there: %+v", r)
	}
	a.remove(attest.File)
	if r := a.verify(); r.Valid || !named(r, attest.File) {
		t.Errorf("without a signature: %+v", r)
	}
	signer, verifier := newKey(t, attest.ECDSAP256)
	if err := audit.Attest(t.Context(), home, of.Name, nil, signer); err != nil {
		t.Fatal(err)
	}
	if r := a.verify(); r.Valid || !named(r, "no signature is of key") {
		t.Errorf("with another key's signature: %+v", r)
	}
	a.keys = []dsse.Verifier{verifier} // for them all is well: that is why keys travel another way
	if r := a.verify(); !r.Valid || !r.Recomputed {
		t.Errorf("held against the forger's key: %+v", r)
	}
}

// folderOf is a directory that a redacted copy is written to.
type folderOf string

func (d folderOf) Create(name string) (io.WriteCloser, error) {
	path := filepath.Join(string(d), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// A redacted copy has no key in it, and the certificate, unchanged, is borne out by it: each
// number, and each bit.
func TestRedactedCopy(t *testing.T) {
	a := newAudited(t, 1_500)
	whole := a.dir
	sound, err := os.ReadFile(filepath.Join(whole, record.CertificateFile))
	if err != nil {
		t.Fatal(err)
	}
	a.dir = t.TempDir()
	if r, err := audit.Redact(t.Context(), audit.Folder(whole), folderOf(a.dir)); err != nil || !r.Valid {
		t.Fatal(err, r)
	}
	r := a.verify()
	if !r.Valid || !r.Recomputed || !r.Redacted {
		t.Fatalf("%+v", r)
	}
	var files []string
	err = filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(a.dir, path)
		files = append(files, filepath.ToSlash(name))
		data, err := os.ReadFile(path)
		for _, key := range []string{"people", "no text", "bm8gdGV4dCD/"} {
			if strings.Contains(string(data), key) {
				t.Errorf("%s has a key in it", name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if copied, err := os.ReadFile(filepath.Join(a.dir, record.CertificateFile)); err != nil ||
		!bytes.Equal(copied, sound) {
		t.Errorf("another certificate: %v", err)
	}
	random := rand.New(rand.NewPCG(14, 3))
	for range 60 {
		name := files[random.IntN(len(files))]
		a.flip(random, name, func() {
			// The original's index names files that are withheld: of those only the root tells.
			if r := a.verify(); r.Valid || !named(r, name) {
				t.Errorf("%s: %+v", name, r)
			}
		})
	}
	if r, err := audit.Redact(t.Context(), audit.Folder(a.dir), folderOf(t.TempDir())); !errors.Is(err, audit.ErrRedact) {
		t.Errorf("a copy of a copy: %v, %+v", err, r)
	}
}

// The recipe that is told to others, followed by hand.
func TestTallyFollowsItsRecipe(t *testing.T) {
	var tally manifest.Tally
	tally.Add(&manifest.Entry{Key: "a", VersionID: "1", Size: 3, ETag: "e"})
	tally.Add(&manifest.Entry{Key: "\xff", VersionID: "2", Marker: true, Size: 9, ETag: "x"})
	if want := state.Digest([]byte("YQ==\t1\tfalse\t3\te\n/w==\t2\ttrue\t0\t\n")); tally.Digest() != want {
		t.Errorf("%s, want %s", tally.Digest(), want)
	}
	if tally.Entries != 2 || tally.Versions != 1 || tally.Markers != 1 || tally.Bytes != 3 {
		t.Errorf("%+v", &tally)
	}
	if want := state.Digest(nil); new(manifest.Tally).Digest() != want {
		t.Error("an empty listing has another digest than no bytes")
	}
}
