package objectstore

import (
	"fmt"
	"strings"
)

// Follows checks what every deletion rests on: in a listing keys ascend in byte
// order, no entry comes twice in a row, and nothing lies outside of the prefix
// asked for. Errors wrap ErrOrder.
func Follows(last, v Version, prefix string) error {
	switch {
	case !strings.HasPrefix(v.Key, prefix):
		return fmt.Errorf("%w: a key outside of the prefix asked for", ErrOrder)
	case v.Key < last.Key:
		return ErrKeyOrder
	case v.Key == last.Key && v.VersionID == last.VersionID:
		return fmt.Errorf("%w: one entry appears twice", ErrOrder)
	}
	return nil
}
