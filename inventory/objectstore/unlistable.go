package objectstore

import (
	"errors"
	"iter"
)

// Listable passes on a listing of versions or uploads without the entries of
// which the endpoint does not tell the key (ErrUnlistable); each of them is told
// to left instead, as the endpoint listed it. Nothing can be done with such an
// entry: under the key that was listed is nothing, or something else.
func Listable[T any](listing iter.Seq2[T, error], left func(T)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for x, err := range listing {
			if errors.Is(err, ErrUnlistable) {
				left(x)
				continue
			}
			if !yield(x, err) {
				return
			}
		}
	}
}
