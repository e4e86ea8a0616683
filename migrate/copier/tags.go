package copier

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// ErrTagsHidden reports a source that was seen to tell of tags and does not tell
// any more, so that what has none looks like what has some.
var ErrTagsHidden = errors.New("tags at the source are not told of any more")

// untoldAtMost is how many versions are taken to have no tags before one of them is
// asked about all the same: a permission can end, or be one for some keys only.
const untoldAtMost = 1000

// tags returns a source's tags, never nil. told is how many its answer named. That
// none were named says that there are none only where they would have been.
func (c *Copier) tags(ctx context.Context, e manifest.Entry, told int) ([]objectstore.Tag, error) {
	check := told == 0 && c.TagsTold
	if check && c.untold.Add(1)%untoldAtMost != 0 {
		return []objectstore.Tag{}, nil
	}
	tags, err := c.source.Tags(ctx, e.Ref(c.from, c.Versioning))
	switch {
	case check && errors.Is(err, objectstore.ErrDenied):
		return nil, fmt.Errorf("%w: %w", ErrTagsHidden, err)
	case errors.Is(err, objectstore.ErrNotOffered) && told == 0:
		return []objectstore.Tag{}, nil // a service that has no tags
	case err != nil:
		return nil, drifted(err)
	case check && len(tags) > 0:
		return nil, fmt.Errorf("%w: an answer named none of a version's %d", ErrTagsHidden, len(tags))
	case tags == nil:
		tags = []objectstore.Tag{}
	}
	return tags, nil
}
