package doctor

import (
	"context"

	"github.com/residency/residency/inventory/objectstore"
)

// What a service does of which S3 knows nothing, as checks name it.
const (
	DeleteMarkers = "delete markers"
	Deletes       = "deletes for good"
	OneRegion     = "bytes in one region"
)

// facts notes what a service says of a bucket besides what it holds, and what that means. Services that say nothing of
// the kind have no such checks.
func (d *Doctor) facts(ctx context.Context, place, bucket string, store Store) {
	switch can := objectstore.CapabilitiesOf(store); {
	case can.TrailingMarkers:
		d.note(place, DeleteMarkers, NotOffered, "a key whose newest version is not current is shown as deleted; a deletion "+
			"beneath another entry is neither told nor can be written")
	case can.NoMarkers:
		d.note(place, DeleteMarkers, NotOffered, "histories with some cannot be written")
	}
	factual, ok := store.(objectstore.Factual)
	if !ok {
		return
	}
	facts, err := factual.Facts(ctx, bucket)
	seen := make(map[string]bool)
	for _, f := range facts {
		if f.Rule == "versioning" {
			continue // which is a check of its own
		}
		what, outcome := f.Rule, OK
		switch {
		case len(f.Regions) > 0:
			what, outcome = OneRegion, NotOffered
		case f.Keeps > 0 || f.Forever:
			what, outcome = Deletes, NotOffered
		case f.Unproven:
			what, outcome = OneRegion, NotKnown
		}
		seen[what] = true
		d.note(place, what, outcome, f.Text)
	}
	if err != nil {
		d.judge(place, "what its service keeps besides", err)
		return
	}
	for _, what := range []string{OneRegion, Deletes} {
		if !seen[what] {
			d.note(place, what, OK, "")
		}
	}
}
