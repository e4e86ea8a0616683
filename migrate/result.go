package migrate

import (
	"fmt"
	"maps"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/segment"
)

// Result is what a run came to.
type Result struct {
	Schema   string `json:"schema"`
	Plan     string `json:"plan"`
	Digest   string `json:"plan_sha256"`
	Customer string `json:"customer"`

	// Configuration is the file that was in force.
	Configuration inventory.Configuration `json:"configuration"`
	certificate.Departure

	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished"` // null: it failed
	Entries  int64      `json:"entries"`
	Bytes    int64      `json:"bytes"`
	Held     int64      `json:"already_at_destination"` // proven, not copied by this plan
	Passes   int        `json:"passes"`                 // listings of the source that were carried, with the plan's
	// Outdated is how many copies were removed because their originals were gone at
	// the source, or had been replaced.
	Outdated int64            `json:"outdated_copies_removed"`
	Verdicts map[string]int64 `json:"verdicts"`
	Methods  map[string]int64 `json:"methods"`
	Erasures map[string]int64 `json:"erasures"`
	Guards   map[string]int64 `json:"deletion_guards"`
	// Added counts what the destination has put on copies by itself, by its name.
	Added map[string]int64 `json:"added_by_destination"`
	// NotCompared says what of the copies was not held against their sources, and
	// why.
	NotCompared []string `json:"not_compared"`
	// Fence names the source buckets whose policies deny writes.
	Fence []string `json:"fence"`
	// NotFenced is why writes were not blocked, although that was asked for.
	NotFenced string `json:"not_fenced,omitempty"`
	// OwnerChecks tell of both ends whether requests named the buckets' owner.
	OwnerChecks []certificate.OwnerCheck `json:"owner_checks"`
	// Callers tell as whom each stage so far spoke to each end.
	Callers []certificate.Caller `json:"callers"`
	// Problems are the first entries that are not verified or not erased.
	Problems    Problems           `json:"problems"`
	Left        []certificate.Left `json:"left"`
	SourceEmpty bool               `json:"source_empty"`
	// Found is how many entries the last listing of the destination, after the
	// erase, showed as they were written.
	Found int64 `json:"found_at_destination"`
	// UploadsAborted are unfinished uploads of the sources, of which nothing was copied.
	UploadsAborted int64 `json:"unfinished_uploads_aborted"`
	// Newer are entries that it showed besides, whoever wrote them, and Covered keys of which
	// one of those is current, and not what this plan wrote last.
	Newer       int64  `json:"further_entries"`
	Covered     int64  `json:"covered_keys"`
	Erased      bool   `json:"erased"`      // the erase step ran to its end
	Certificate string `json:"certificate"` // where it lies; empty if there is none
	// Report is where the report for people lies; empty if there is none.
	Report string `json:"report"`
	// Signed are the IDs of the keys that it was signed with.
	Signed []string `json:"signed_by"`

	copies   segment.Summary
	unerased receipt.Failures
}

// Problem is one entry that needs somebody's eyes.
type Problem = phase.Problem

// Problems are the first of them.
type Problems = phase.Problems

func newResult(p *plan.Plan) *Result {
	return &Result{
		Schema: "residency/result/1", Plan: p.ID, Digest: p.Digest, Customer: p.Customer,
		Departure: certificate.Departure{Otherwise: []string{}, NotInPlan: []string{}},
		Verdicts:  map[string]int64{}, Methods: map[string]int64{}, Erasures: map[string]int64{}, Guards: map[string]int64{},
		Added: map[string]int64{}, NotCompared: p.NotCompared(),
		Signed: []string{}, Fence: []string{}, Callers: []certificate.Caller{}, Problems: Problems{},
		Left: []certificate.Left{},
	}
}

// DeletedAndKept is how many deleted entries the sources' services keep, where nothing else is
// left.
func (r *Result) DeletedAndKept() (n int64) {
	if !r.keptAlone() {
		return 0
	}
	for _, l := range r.Left {
		n += l.Kept
	}
	return n
}

// copied takes what became of all segments.
func (r *Result) copied(all segment.Summary, bad Problems) {
	r.copies, r.Problems = all, append(Problems{}, bad...)
	r.Entries, r.Bytes, r.Held = all.Entries, all.Bytes, all.Held
	for into, from := range map[*map[string]int64]map[string]int64{
		&r.Verdicts: all.Verdicts, &r.Methods: all.Methods, &r.Added: all.Added,
	} {
		if *into = maps.Clone(from); *into == nil {
			*into = map[string]int64{}
		}
	}
}

// erased takes what became of the source.
func (r *Result) erased(all erased) {
	r.unerased = all.summary.Unerased
	maps.Copy(r.Erasures, all.summary.Erasures)
	maps.Copy(r.Guards, all.summary.Guards)
	r.Problems.Append(all.problems)
}

// verified tells whether every entry is; only then may anything be erased.
func (r *Result) verified() error {
	bad := r.Verdicts[string(receipt.Mismatch)] + r.Verdicts[string(receipt.Unverifiable)]
	if bad > 0 {
		err := fmt.Errorf("%w: %d of %d are mismatch or unverifiable", ErrVerification, bad, r.Entries)
		if n := r.copies.Differing; n > 0 {
			err = remedy.Wrap(err,
				fmt.Sprintf("--log-keys shows the keys of what the destination held already and differs (%s). Where the "+
					"source still has that content, remove at the destination what differs, and run the same command again. Else "+
					"it may be the only copy: set another destination.bucket", phase.Entries(n)))
		}
		return err
	}
	if n := r.Verdicts[string(receipt.Failed)]; n > 0 {
		return phase.Failed(r.copies.Failed, "%d of %d entries failed", n, r.Entries)
	}
	return nil
}
