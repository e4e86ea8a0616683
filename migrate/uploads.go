package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/migrate/state"
)

// encodeUploads makes the list's file and what describes it.
func encodeUploads(uploads []Upload) (*Uploads, []byte, error) {
	data, err := state.Encode(state.Header{Schema: uploadsSchema, Entries: len(uploads)}, uploads)
	if err != nil {
		return nil, nil, fmt.Errorf("encode unfinished uploads: %w", err)
	}
	return &Uploads{Entries: len(uploads), Digest: state.Digest(data)}, data, nil
}

// eachUpload calls f for the unfinished uploads that the pass knows.
func (w *work) eachUpload(ctx context.Context, f func(Upload) error) error {
	if w.pass.Upload == nil {
		return nil
	}
	data, err := w.Home.Get(ctx, w.name(w.pass.dir()+uploadsFile))
	if err != nil {
		return err
	}
	return decodeUploads(w.plan, w.pass.Upload, data, f)
}

var errNoMove = errors.New("names no move of the plan")

// decodeUploads reads the list of unfinished uploads and holds it against what
// describes it.
func decodeUploads(p *Plan, list *Uploads, data []byte, f func(Upload) error) error {
	if d := state.Digest(data); d != list.Digest {
		return fmt.Errorf("%w: %s has SHA-256 %s, the plan says %s", state.ErrDamaged, uploadsFile, d, list.Digest)
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
