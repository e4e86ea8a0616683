package plan

import (
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
)

// fits holds versions against what the destination's service takes at most.
type fits struct {
	limits               objectstore.Limits
	keys                 objectstore.KeyChecker // nil: every key is taken that is short enough
	noMarkers, trailing  bool
	top                  *objectstore.Version // a marker that is trailing if a version of its key comes next
	large, long, refused Issue
	marked               Issue
	unordered            Issue
	byUTF16              bool   // the destination lists in the order of UTF-16
	high, beyond         string // first keys with a character from U+E000 to U+FFFF, and with one beyond
}

func newFits(destination objectstore.Store, location string) *fits {
	l := objectstore.LimitsOf(destination)
	keys, _ := destination.(objectstore.KeyChecker)
	can := objectstore.CapabilitiesOf(destination)
	text := "the destination's service has no delete markers: histories with some would read differently there, and " +
		"deleted objects would be back"
	if can.TrailingMarkers {
		text = "the destination's service has no delete markers: that a key is deleted can be kept, and markers beneath " +
			"other entries, or with no version beneath them, cannot"
	}
	return &fits{
		limits: l, keys: keys, noMarkers: can.NoMarkers, trailing: can.TrailingMarkers,
		marked: Issue{Rule: "no-delete-markers", Location: location, Text: text,
			Remedy: "remove the delete markers, or choose another destination"},
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
	f.seeMarker(v)
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

// seeMarker notes markers that cannot be written. One that is trailing, with a version of its key
// beneath it, can be where the service shows such.
func (f *fits) seeMarker(v objectstore.Version) {
	if !f.noMarkers {
		return
	}
	if f.top != nil && (v.Marker || v.Key != f.top.Key) {
		note(&f.marked, f.top.Key)
	}
	f.top = nil
	switch {
	case !v.Marker:
	case f.trailing && v.Latest:
		top := v // most entries are no markers, and need no memory of their own
		f.top = &top
	default:
		note(&f.marked, v.Key)
	}
}

// end is told that the listing has come to its end.
func (f *fits) end() {
	if f.top != nil {
		note(&f.marked, f.top.Key)
		f.top = nil
	}
}
