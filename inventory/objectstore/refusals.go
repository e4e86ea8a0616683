package objectstore

import (
	"errors"
	"fmt"
	"sync"

	"github.com/residency/residency/inventory/remedy"
)

// ErrAllRefused reports a location of which everything was refused alike, so
// that nothing else is to be expected of the rest.
var ErrAllRefused = remedy.New("everything so far was refused in the same way",
	"run residency doctor to see what the credentials lack; then run the same command again; it resumes")

// refusedAlike is how many entries of a location are refused before the rest is
// not asked for any more.
const refusedAlike = 50

// Refusals notices that all entries of a location are refused from the first
// on. One that is not ends the watch: then the others are worth asking for. Its
// zero value works, nil watches nothing, and its methods may be called
// concurrently.
type Refusals struct {
	mu    sync.Mutex
	n     int
	alike string // operation and code
	mixed bool
}

// Saw takes what became of one entry. If it and those before it were all
// refused alike, and are enough, it returns an error to stop with.
func (r *Refusals) Saw(err error) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var answer *Error
	if !errors.As(err, &answer) || !errors.Is(err, ErrDenied) && !errors.Is(err, ErrElsewhere) {
		r.mixed = true
	}
	if r.mixed {
		return nil
	}
	alike := answer.Op + " " + answer.Code
	if r.n > 0 && alike != r.alike {
		r.mixed = true
		return nil
	}
	r.alike = alike
	if r.n++; r.n < refusedAlike {
		return nil
	}
	return fmt.Errorf("%w (%d entries), so the rest is not tried: %w", ErrAllRefused, r.n, err)
}
