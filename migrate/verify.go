package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/verifier"
)

// Verification is what a later look at the destination found.
type Verification struct {
	Schema string `json:"schema"`
	Plan   string `json:"plan"`
	// OK tells that everything was looked at and is as written.
	OK          bool               `json:"ok"`
	Destination certificate.Region `json:"destination"`
	Started     time.Time          `json:"started"`
	Finished    time.Time          `json:"finished"`

	// Configuration is the file that was in force.
	Configuration inventory.Configuration `json:"configuration"`

	Entries int64 `json:"entries"`
	Shown   int64 `json:"shown"` // a fresh listing shows version ID, size and ETag as written
	// Recorded are delete markers for which the destination has no place.
	Recorded int64 `json:"recorded"`
	Reread   int64 `json:"reread"`   // read again, its checksum as the evidence says
	Compared int64 `json:"compared"` // the store's own checksum is what the receipt says
	Spoiled  int64 `json:"spoiled"`
	Newer    int64 `json:"newer"`         // entries that are there besides what was written, whoever wrote them
	Covered  int64 `json:"covered_keys"`  // keys whose current entry is one of those, and not what was written last
	Own      int64 `json:"residency_own"` // leases that are there too
	// Certified tells that there is a certificate, and that it says what the records say.
	Certified bool `json:"certificate_checked"`
	// Callers tell as whom the destination was looked at.
	Callers  []certificate.Caller `json:"callers"`
	Problems Problems             `json:"problems"`
}

// Verify lists the destination and holds it against the receipts. With
// readback it also reads every version again and compares its SHA-256 or, where its receipt has
// none, the checksum by which it was proven; where there is none that can be computed of the
// bytes alone, what the store keeps is compared. The error is
// ErrVerification if anything differs.
func (r *Runner) Verify(ctx context.Context, p *plan.Plan, readback bool) (*Verification, error) {
	started := r.Now().UTC()
	w, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := w.sameEnds(ctx); err != nil {
		return nil, err
	}
	missing, err := missingSegments(ctx, w.run, w.tagging)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: %d of %d segments have no verified receipts", ErrNotCopied, len(missing),
			len(w.run.Pass.Segments))
	}
	certified, err := checkCertificate(ctx, w.run.Record)
	if err != nil {
		return nil, err
	}
	total := w.run.Totals()
	r.Progress.Begin("listing the destination", total.Entries, 0)
	v := &Verification{Schema: "residency/verification/1", Plan: p.ID, Entries: total.Entries,
		Destination: certificate.Region{Provider: p.Destination.Provider, Region: p.Destination.Code,
			Country: p.Destination.Country, Operator: p.Destination.Operator, OperatorCountry: p.Destination.OperatorCountry},
		Started: started, Configuration: r.Configuration, Certified: certified}
	v.Callers = append([]certificate.Caller{}, w.run.Stores.Callers(ctx, plan.StageVerify,
		[]plan.Region{p.Destination})...)
	f, err := listDestination(ctx, w.run, later)
	if err != nil {
		return nil, err
	}
	v.Covered = f.shown.Covered
	v.Spoiled, v.Newer, v.Own, v.Problems = f.shown.Spoiled, f.shown.Newer, f.shown.Own,
		append(Problems{}, f.problems...)
	v.Recorded = f.shown.Recorded
	v.Shown = v.Entries - v.Recorded - v.Spoiled
	if readback {
		r.Progress.Begin("reading back", total.Entries, total.Bytes)
		listed := v.Spoiled // each of which is found once more
		for _, s := range w.run.Pass.Segments {
			if err := reread(ctx, w.run, s, v, &listed); err != nil {
				return nil, err
			}
		}
	}
	v.Finished = r.Now().UTC()
	if v.Spoiled > 0 {
		return v, fmt.Errorf("%w: %d of %d entries are not at the destination as written", ErrVerification, v.Spoiled,
			v.Entries)
	}
	v.OK = true
	return v, nil
}

// reread reads a segment's copies again. Of listed entries the listing has counted already
// that they are not as written.
func reread(ctx context.Context, run *phase.Run, s manifest.Segment, v *Verification, listed *int64) error {
	r, err := run.Load(ctx, s, record.WithReceipts)
	if err != nil {
		return err
	}
	receipts := r.Receipts
	m := run.Plan.Moves[s.Move]
	wants := make([]objectstore.Checksum, len(receipts))
	results := make([]string, len(receipts)) // what is wrong, by receipt
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(run.Workers, DefaultWorkers))
	for i := range receipts {
		wants[i] = provenBy(&receipts[i], &r.Entries[i])
		g.Go(func() (err error) {
			results[i], err = rereadOne(gctx, run, m, &receipts[i], wants[i])
			run.Progress.Entries.Add(1)
			run.Progress.Bytes.Add(receipts[i].Size)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, wrong := range results {
		r := &receipts[i]
		switch {
		case wrong == notThere && *listed > 0:
			*listed--
		case wrong != "":
			if *listed > 0 {
				*listed--
			} else {
				v.Spoiled++
			}
			v.Problems.Add(Problem{Location: run.Plan.To(run.Plan.Moves[s.Move]).String(), Key: r.Key,
				VersionID: r.DestinationVersionID, What: "spoiled", Reason: wrong})
		case r.Marker:
		case wants[i] != objectstore.Checksum{}:
			v.Reread++
		default:
			v.Compared++
		}
	}
	return nil
}

const notThere = "it is no longer there"

// provenBy is the checksum of a copy's bytes that the evidence has; zero if there is none that can be
// computed of them alone.
func provenBy(r *receipt.Receipt, e *manifest.Entry) objectstore.Checksum {
	source := e.Sum()
	if e.Content != nil && source == (objectstore.Checksum{}) {
		source = e.Content.Claimed
	}
	switch {
	case r.Marker:
	case r.SHA256 != "":
		return summed(r)
	case r.Checksum != nil && !r.Checksum.Composite && verifier.Sums(r.Checksum.Algorithm):
		return *r.Checksum
	case r.Method == receipt.ETagMD5 && e.Parts() == 0 && source.Algorithm == objectstore.MD5:
		return source
	}
	return objectstore.Checksum{}
}

// summed is the SHA-256 of a copy's bytes that the receipt has; zero if it has none.
func summed(r *receipt.Receipt) objectstore.Checksum {
	if r.SHA256 == "" {
		return objectstore.Checksum{}
	}
	return objectstore.Checksum{Algorithm: sha256Algorithm, Value: r.SHA256}
}

const sha256Algorithm = "SHA-256" // in hex, as receipts have it

// rereadOne returns what is wrong with one version, which is to have a checksum, or nothing.
func rereadOne(
	ctx context.Context, run *phase.Run, m plan.Move, r *receipt.Receipt, want objectstore.Checksum,
) (string, error) {
	if r.Marker {
		return "", nil
	}
	ref := manifest.Ref(m.Destination, r.Key, r.DestinationVersionID, "", m.Versioning)
	if want == (objectstore.Checksum{}) {
		info, err := run.Destination().Stat(ctx, ref, 0)
		if errors.Is(err, objectstore.ErrNotFound) {
			return notThere, nil
		}
		if err != nil {
			return "", err
		}
		if info.ETag != r.DestinationETag || r.Checksum != nil && info.Checksum != *r.Checksum {
			return "its ETag or checksum differs", nil
		}
		return "", nil
	}
	sum := want
	var err error
	if want.Algorithm == sha256Algorithm {
		sum.Value, _, err = verifier.Hash(ctx, run.Destination(), ref)
	} else {
		sum, err = verifier.Sum(ctx, run.Destination(), ref, want.Algorithm)
	}
	if errors.Is(err, objectstore.ErrNotFound) {
		return notThere, nil
	}
	if err != nil {
		return "", err
	}
	if sum != want {
		return fmt.Sprintf("its %s is %s, the evidence says %s", want.Algorithm, sum.Value, want.Value), nil
	}
	return "", nil
}
