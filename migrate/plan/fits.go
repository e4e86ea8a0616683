package plan

import (
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
)

// fits holds versions against what the destination's service takes at most.
type fits struct {
	limits               objectstore.Limits
	keys                 objectstore.KeyChecker // nil: every key is taken that is short enough
	noMarkers            bool
	large, long, refused Issue
	marked               Issue
}

func newFits(destination objectstore.Store, location string) *fits {
	l := objectstore.LimitsOf(destination)
	keys, _ := destination.(objectstore.KeyChecker)
	return &fits{
		limits: l, keys: keys, noMarkers: objectstore.CapabilitiesOf(destination).NoMarkers, marked: Issue{
			Rule: "no-delete-markers", Location: location,
			Text: "the destination's service has no delete markers: histories with some would read differently there, and " +
				"deleted objects would be back", Remedy: "remove the delete markers, or choose another destination"},
		refused: Issue{Rule: "key-refused", Location: location},
		large: Issue{Rule: "too-large", Location: location,
			Text: fmt.Sprintf("objects are larger than the destination accepts: %d bytes", l.Object)},
		long: Issue{Rule: "key-too-long", Location: location,
			Text: fmt.Sprintf("keys are longer than the destination accepts: %d bytes", l.Key)},
	}
}

func (f *fits) see(v objectstore.Version) {
	if f.noMarkers && v.Marker {
		note(&f.marked, v.Key)
	}
	if f.limits.Key > 0 && len(v.Key) > f.limits.Key {
		note(&f.long, v.Key)
	}
	if f.keys != nil {
		if err := f.keys.CheckKey(v.Key); err != nil {
			if f.refused.Count == 0 {
				f.refused.Text = "keys that the destination does not take; of the first one: " + err.Error()
			}
			note(&f.refused, v.Key)
		}
	}
	if f.limits.Object > 0 && v.Size > f.limits.Object {
		note(&f.large, v.Key)
	}
}
