package listing

import (
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
)

// Course is the way of a listing from page to page. It fails a listing that
// would never end. Markers are compared for equality alone: IDs and tokens have
// no order, and keys in markers carry additions of the server's own (MinIO), so
// that they can descend where the entries, whose order is checked by itself,
// ascend. A marker that comes again is found by comparing with one that was
// passed, chosen at ever longer intervals (R. P. Brent, "An improved Monte Carlo
// factorization algorithm", 1980): memory does not grow with the pages. The zero
// Course is at the beginning of a listing.
type Course struct {
	at     Marker // of the page that was asked for
	passed Marker
	steps  int // since passed was chosen
	limit  int // of steps
}

// Advance takes the marker of the next page from a page of that many entries.
// Tokens that mean nothing to us are markers without a key. Errors wrap
// ErrOrder.
func (c *Course) Advance(next Marker, entries int) error {
	switch {
	case next == c.at || next == Marker{}:
		return fmt.Errorf("%w: the next page begins where this one did", objectstore.ErrOrder)
	case entries == 0 && next.Key <= c.at.Key:
		return fmt.Errorf("%w: an empty page says that there are more", objectstore.ErrOrder)
	case c.limit > 0 && next == c.passed:
		return fmt.Errorf("%w: pages repeat", objectstore.ErrOrder)
	}
	c.at = next
	if c.steps++; c.steps >= c.limit {
		c.passed, c.steps, c.limit = next, 0, max(1, 2*c.limit)
	}
	return nil
}
