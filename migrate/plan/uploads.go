package plan

import (
	"errors"
	"fmt"

	"github.com/residency/residency/migrate/state"
)

// EncodeUploads makes the list's file and what describes it.
func EncodeUploads(uploads []Upload) (*Uploads, []byte, error) {
	data, err := state.Encode(state.Header{Schema: uploadsSchema, Entries: len(uploads)}, uploads)
	if err != nil {
		return nil, nil, fmt.Errorf("encode unfinished uploads: %w", err)
	}
	return &Uploads{Entries: len(uploads), Digest: state.Digest(data)}, data, nil
}

// ErrNoMove reports a line of a list that is about no move.
var ErrNoMove = errors.New("names no move of the plan")

// DecodeUploads reads the list of unfinished uploads and holds it against what
// describes it.
func DecodeUploads(p *Plan, list *Uploads, data []byte, f func(Upload) error) error {
	if d := state.Digest(data); d != list.Digest {
		return fmt.Errorf("%w: %s has SHA-256 %s, the plan says %s", state.ErrDamaged, UploadsFile, d, list.Digest)
	}
	for u, err := range state.Decode[Upload](UploadsFile, uploadsSchema, data) {
		if err != nil {
			return err
		}
		if u.Move < 0 || u.Move >= len(p.Moves) {
			return fmt.Errorf("%w: %s %w", state.ErrDamaged, UploadsFile, ErrNoMove)
		}
		if err := f(u); err != nil {
			return err
		}
	}
	return nil
}
