package migrate

import (
	"fmt"
	"time"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// Result is what a run came to.
type Result struct {
	Schema   string    `json:"schema"`
	Plan     string    `json:"plan"`
	Digest   string    `json:"plan_sha256"`
	Customer string    `json:"customer"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Entries  int64     `json:"entries"`
	Bytes    int64     `json:"bytes"`
	Held     int64     `json:"already_at_destination"` // proven, not copied by this plan
	Passes   int       `json:"passes"`                 // listings of the source that were carried, with the plan's
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
	// OwnerChecks tell of both ends whether requests named the buckets' owner.
	OwnerChecks []certificate.OwnerCheck `json:"owner_checks"`
	// Callers tell as whom each stage so far spoke to each end.
	Callers []certificate.Caller `json:"callers"`
	// Problems are the first entries that are not verified or not erased.
	Problems    []Problem          `json:"problems"`
	Left        []certificate.Left `json:"left"`
	SourceEmpty bool               `json:"source_empty"`
	// Found is how many entries the last listing of the destination, after the
	// erase, showed as they were written.
	Found       int64  `json:"found_at_destination"`
	Erased      bool   `json:"erased"`      // the erase step ran to its end
	Certificate string `json:"certificate"` // where it lies; empty if there is none

	streamed, serverSide int64
	// lasting are failures that a further run meets again: of copies, and of
	// erasures.
	lasting, unerasable int64
}

// Problem is one entry that needs somebody's eyes.
type Problem struct {
	Location  string       `json:"location"`
	Key       manifest.Key `json:"key"`
	VersionID string       `json:"version_id"`
	What      string       `json:"what"`
	Reason    string       `json:"reason"`
}

const maxProblems = 20

func newResult(p *Plan) *Result {
	return &Result{
		Schema: "residency/result/1", Plan: p.ID, Digest: p.Digest, Customer: p.Customer,
		Verdicts: map[string]int64{}, Methods: map[string]int64{}, Erasures: map[string]int64{}, Guards: map[string]int64{}, Added: map[string]int64{}, NotCompared: p.notCompared(),
		Fence: []string{}, Callers: []certificate.Caller{}, Problems: []Problem{}, Left: []certificate.Left{},
	}
}

// recount begins the count of receipts anew.
func (r *Result) recount() {
	r.Entries, r.Bytes, r.Held, r.streamed, r.serverSide, r.lasting = 0, 0, 0, 0, 0, 0
	clear(r.Verdicts)
	clear(r.Methods)
	clear(r.Added)
	r.Problems = []Problem{}
}

func (r *Result) count(x *receipt.Receipt, way string) {
	r.Entries++
	r.Bytes += x.Size
	r.Verdicts[string(x.Verdict)]++
	if x.Method != "" {
		r.Methods[string(x.Method)]++
	}
	if x.Held {
		r.Held++
	}
	for _, name := range x.Added {
		r.Added[name]++
	}
	if way == Streamed {
		r.streamed++
	} else {
		r.serverSide++
	}
	if x.Verdict == receipt.Failed && x.Lasting {
		r.lasting++
	}
	if x.Verdict != receipt.Verified {
		r.problem(Problem{Key: x.Key, VersionID: x.VersionID, What: string(x.Verdict), Reason: x.Reason})
	}
}

// add adds what was counted apart.
func (r *Result) add(other *Result) {
	r.Entries += other.Entries
	r.Bytes += other.Bytes
	r.Held += other.Held
	r.streamed += other.streamed
	r.serverSide += other.serverSide
	r.lasting += other.lasting
	for verdict, n := range other.Verdicts {
		r.Verdicts[verdict] += n
	}
	for method, n := range other.Methods {
		r.Methods[method] += n
	}
	for name, n := range other.Added {
		r.Added[name] += n
	}
}

func (r *Result) problem(p Problem) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, p)
	}
}

// verified tells whether every entry is; only then may anything be erased.
func (r *Result) verified() error {
	bad := r.Verdicts[string(receipt.Mismatch)] + r.Verdicts[string(receipt.Unverifiable)]
	if bad > 0 {
		return fmt.Errorf("%w: %d of %d are mismatch or unverifiable", ErrVerification, bad, r.Entries)
	}
	if failed := r.Verdicts[string(receipt.Failed)]; failed > 0 {
		return partial(failed, r.lasting, "%d of %d entries failed", failed, r.Entries)
	}
	return nil
}

// partial says that something is left, and whether a further run can help.
func partial(left, lasting int64, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	switch lasting {
	case 0:
		return fmt.Errorf("%w: %s", ErrPartial, text)
	case left:
		return fmt.Errorf("%w: %s", ErrStuck, text)
	}
	return fmt.Errorf("%w: %s, %d of them for reasons that a further run meets again", ErrPartial, text, lasting)
}
