package record

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// StaleSchema is that of the lists of what the destination must lose.
const StaleSchema = "residency/stale/1"

// Stale is one line of such a list: an entry that an earlier pass wrote.
type Stale struct {
	Move int `json:"move"`
	manifest.Entry
}

// AppendJSON leaves the line to encoding/json: the entry's own method, which it
// would have by embedding, knows nothing of the move.
func (*Stale) AppendJSON(b []byte) ([]byte, bool) { return b, false }

// ParseJSON is left to encoding/json too.
func (*Stale) ParseJSON([]byte) bool { return false }

// EachStale calls f for runs of one move's entries that the destination must lose.
func (r *Record) EachStale(ctx context.Context, f func(move int, entries []manifest.Entry) error) error {
	for _, file := range r.Pass.Stale {
		data, err := r.Home.Get(ctx, r.Name(r.Pass.Dir()+file.Name))
		if err != nil {
			return err
		}
		if d := state.Digest(data); d != file.Digest {
			return fmt.Errorf("%w: %s has SHA-256 %s, %s says %s", state.ErrDamaged, file.Name, d, PassFile, file.Digest)
		}
		var lines []Stale
		for x, err := range state.Decode[Stale](file.Name, StaleSchema, data) {
			if err != nil {
				return err
			}
			if x.Move < 0 || x.Move >= len(r.Plan.Moves) || x.Key == "" || x.VersionID == "" {
				return fmt.Errorf("%w: %s, line %d: %w", state.ErrDamaged, file.Name, len(lines)+2, plan.ErrNoMove)
			}
			lines = append(lines, x)
		}
		for len(lines) > 0 {
			n := slices.IndexFunc(lines, func(x Stale) bool { return x.Move != lines[0].Move })
			if n < 0 {
				n = len(lines)
			}
			entries := make([]manifest.Entry, n)
			for i := range entries {
				entries[i] = lines[i].Entry
			}
			if err := f(lines[0].Move, entries); err != nil {
				return err
			}
			lines = lines[n:]
		}
	}
	return nil
}
