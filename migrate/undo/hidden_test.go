package undo

import (
	"errors"
	"testing"
)

// What looks deleted is said beside all that an abort ends with, and is no reason for another one.
func TestHiddenBesideWhatStays(t *testing.T) {
	failed := errors.New("failed")
	for _, tt := range []struct {
		left          error
		hidden, fails int64
		stays, looks  bool
	}{
		{nil, 0, 0, false, false}, {nil, 1, 0, false, true}, {ErrStays, 0, 0, true, false}, {ErrStays, 1, 0, true, true},
		{failed, 1, 1, false, false},
	} {
		u := &Undone{Hidden: tt.hidden, Left: tt.fails}
		err := u.withHidden(tt.left)
		if errors.Is(err, ErrStays) != tt.stays || errors.Is(err, ErrLookDeleted) != tt.looks ||
			errors.Is(err, failed) != (tt.fails > 0) {
			t.Errorf("%v with %d hidden and %d left: %v", tt.left, tt.hidden, tt.fails, err)
		}
	}
}
