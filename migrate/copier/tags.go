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
var ErrTagsHidden = errors.New("the source no longer reports tags")

// untoldAtMost is how many versions are taken to have no tags before one of them is
// asked about all the same: a permission can end, or be one for some keys only.
const untoldAtMost = 1000

// tags returns a source's tags, never nil. told is how many its answer named. That
// none were named says that there are none only where they would have been.
func (c *ends) tags(ctx context.Context, e manifest.Entry, told int) ([]objectstore.Tag, error) {
	check := told == 0 && c.TagsTold
	if check && c.untold.Add(1)%untoldAtMost != 0 {
		return []objectstore.Tag{}, nil
	}
	tags, err := c.source.Tags(ctx, e.Ref(c.from, c.Versioning))
	switch {
	case check && errors.Is(err, objectstore.ErrDenied):
		return nil, fmt.Errorf("%w: %w", ErrTagsHidden, err)
	case unoffered(err, told):
		return []objectstore.Tag{}, nil
	case err != nil:
		return nil, drifted(err)
	case check && len(tags) > 0:
		return nil, fmt.Errorf("%w: an answer named none of a version's %d", ErrTagsHidden, len(tags))
	case tags == nil:
		tags = []objectstore.Tag{}
	}
	return tags, nil
}

// unoffered tells of a service that has no tags, whose versions then have none.
func unoffered(err error, told int) bool {
	return told == 0 && errors.Is(err, objectstore.ErrNotOffered)
}
