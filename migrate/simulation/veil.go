package simulation

import (
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

// hide takes away the permission to read tags at the source, or gives it back. People
// give it back between commands alone: what is lost and given back within one, between
// two looks at it, no look can tell.
func (w *world) hide(hidden bool) {
	w.say("  tags at the source may be read: %t", !hidden)
	w.source.HideTags(hidden)
	w.hidden = hidden
}

// veiled tells whether tags at the source were not told of: what was copied meanwhile
// may lack its own, and is not verified.
func (w *world) veiled() bool { return w.veils > 0 || w.options.source.UncountedTags }

// denyDeletions takes away, or gives back, the permission to delete several entries
// at the source in one request.
func (w *world) denyDeletions(deny bool) {
	w.barred = deny
	w.say("deletions of several entries at the source are denied: %v", deny)
}

// bars tells whether a request of deletions is denied as a whole.
func (s store) bars(entries []objectstore.Deletion) bool {
	return s.world.barred && s.side == source && len(entries) > 1
}

func denied(op string) error {
	return &objectstore.Error{Op: op, Bucket: "simulation", Code: "AccessDenied", Status: http.StatusForbidden,
		Kind: objectstore.ErrDenied}
}
