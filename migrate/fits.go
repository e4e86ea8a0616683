package migrate

import (
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
)

// fits holds versions against what the destination's service takes at most.
type fits struct {
	limits      objectstore.Limits
	large, long Issue
}

func newFits(destination objectstore.Store, location string) *fits {
	l := objectstore.LimitsOf(destination)
	return &fits{
		limits: l,
		large:  Issue{Rule: "too-large", Location: location, Text: fmt.Sprintf("objects are larger than the destination takes: %d bytes", l.Object)},
		long:   Issue{Rule: "key-too-long", Location: location, Text: fmt.Sprintf("keys are longer than the destination takes: %d bytes", l.Key)},
	}
}

func (f *fits) see(v objectstore.Version) {
	if f.limits.Key > 0 && len(v.Key) > f.limits.Key {
		note(&f.long, v.Key)
	}
	if f.limits.Object > 0 && v.Size > f.limits.Object {
		note(&f.large, v.Key)
	}
}
