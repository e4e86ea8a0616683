package migrate

import (
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
)

// taken turns down a bucket that came to be between the look at it and its
// creation: whoever made it, it has not been looked at.
func taken(err error) error {
	var answer *objectstore.Error
	if errors.As(err, &answer) && answer.Code == "BucketAlreadyOwnedByYou" {
		return nil
	}
	if errors.Is(err, objectstore.ErrExists) {
		return fmt.Errorf("%w: it came to be at this moment, made by somebody else or by a request of ours whose answer was lost; run the same command again, which looks at it first: %w", ErrPartial, err)
	}
	return err
}
