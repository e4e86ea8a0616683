package migrate

import (
	"fmt"

	"github.com/residency/residency/migrate/state"
)

// decodeUploads reads the list of unfinished uploads and holds it against the
// plan.
func decodeUploads(p *Plan, data []byte, f func(Upload) error) error {
	if d := state.Digest(data); d != p.Uploads.Digest {
		return fmt.Errorf("%w: %s has SHA-256 %s, the plan says %s", state.ErrDamaged, uploadsFile, d, p.Uploads.Digest)
	}
	for u, err := range state.Decode[Upload](uploadsFile, uploadsSchema, data) {
		if err != nil {
			return err
		}
		if u.Move < 0 || u.Move >= len(p.Moves) {
			return fmt.Errorf("%w: %s %w", state.ErrDamaged, uploadsFile, errNoMove)
		}
		if err := f(u); err != nil {
			return err
		}
	}
	return nil
}
