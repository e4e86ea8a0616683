package plan

import (
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
)

// RuleRecorded names delete markers that the records alone keep.
const RuleRecorded = "delete-markers-recorded"

// fits holds versions against what the destination's service takes at most.
type fits struct {
	limits               objectstore.Limits
	keys                 objectstore.KeyChecker // nil: every key is taken that is short enough
	noMarkers, trailing  bool
	large, long, refused Issue
	marked, recorded     Issue // delete markers
	unordered            Issue
	byUTF16              bool   // the destination lists in the order of UTF-16
	high, beyond         string // first keys with a character from U+E000 to U+FFFF, and with one beyond
}

func newFits(destination objectstore.Store, location string) *fits {
	l := objectstore.LimitsOf(destination)
	keys, _ := destination.(objectstore.KeyChecker)
	can := objectstore.CapabilitiesOf(destination)
	return &fits{
		limits: l, keys: keys, noMarkers: can.NoMarkers, trailing: can.TrailingMarkers,
		marked: Issue{Rule: "no-delete-markers", Location: location,
			Text: "the destination's service has no delete markers: histories with some would read differently there, and " +
				"deleted objects would be back",
			Remedy: "remove the delete markers, or choose another destination"},
		recorded: Issue{Rule: RuleRecorded, Location: location,
			Text: "delete markers beneath other entries, or with no version beneath them, have no place at the destination's " +
				"service, which shows only that a key is deleted; once the source is erased, manifest and receipts alone have them",
			Remedy: "keep the plan's state if their dates matter, or choose a destination with delete markers"},
		refused: Issue{Rule: "key-refused", Location: location},
		byUTF16: can.OrdersByUTF16,
		unordered: Issue{Rule: "key-order", Location: location,
			Text: "the destination lists keys in another order where some have characters beyond U+FFFF (many emoji) and " +
				"others from U+E000 to U+FFFF (full-width forms), and the copies could not be held against their originals",
			Remedy: "choose another destination, or move them apart by prefix"},
		large: Issue{Rule: "too-large", Location: location,
			Text: fmt.Sprintf("objects are larger than the destination accepts: %d bytes", l.Object)},
		long: Issue{Rule: "key-too-long", Location: location,
			Text: fmt.Sprintf("keys are longer than the destination accepts: %d bytes", l.Key)},
	}
}

// see holds one entry, in the order of a listing, against the limits.
func (f *fits) see(v objectstore.Version) {
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
	f.seeOrder(v.Key)
	if f.limits.Object > 0 && v.Size > f.limits.Object {
		note(&f.large, v.Key)
	}
}

// seeOrder notes the first two keys that bytes and UTF-16 may order differently.
func (f *fits) seeOrder(key string) {
	if !f.byUTF16 || f.high != "" && f.beyond != "" {
		return
	}
	for _, r := range key {
		switch {
		case r > 0xFFFF && f.beyond == "":
			f.beyond = key
		case r >= 0xE000 && r <= 0xFFFF && f.high == "":
			f.high = key
		}
	}
	if f.high != "" && f.beyond != "" {
		note(&f.unordered, f.high)
		if f.beyond != f.high {
			note(&f.unordered, f.beyond)
		}
	}
}

// seeMarkers notes the delete markers of a history, oldest first, that the destination cannot have.
func (f *fits) seeMarkers(entries []manifest.Entry) {
	for i, e := range entries {
		switch {
		case !f.noMarkers || !e.Marker:
		case !f.trailing:
			note(&f.marked, string(e.Key))
		case copier.Recorded(entries, i):
			note(&f.recorded, string(e.Key))
		}
	}
}
