package plan

import (
	"context"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
)

// What an end's service does by itself is looked at when a plan is made and again when it is
// carried out: what was set in between counts as much.

// replicates blocks a move whose source's service copies what is written there into the
// destination: such a copy would be taken for somebody's, and a deletion could be repeated.
func replicates(what, at string, m Move) Issue {
	return Issue{Rule: "replicates-to-destination", Location: at, Region: m.Source.Code,
		Text:   what + ", the destination: what is done at the source could be repeated there",
		Remedy: "turn that off, or set destination.bucket in the configuration"}
}

// locked bars an erase of what the source's service does not let go of.
func locked(f objectstore.Fact, at string, m Move) Issue {
	return Issue{Rule: f.Rule, Location: at, Region: m.Source.Code,
		Text:   f.Text + "; what is there, and the probes that an erase writes first, could not be deleted",
		Remedy: "copy with --keep-source, and erase when nothing is locked any more"}
}

// altered says what a destination's service would do to the copies; ok tells that it would.
func altered(f objectstore.Fact, at, region string) (i Issue, ok bool) {
	i = Issue{Rule: f.Rule, Location: at, Region: region, Text: f.Text}
	switch {
	case f.Locks:
		i.Text += "; copies there would be under another lock than their originals"
		i.Remedy = "choose a destination without it, or have it lifted before the migration and set again after it"
	case f.Expires:
		i.Text += "; copies could be deleted or change before the originals are erased"
		i.Remedy = "turn it off for the time of the migration, or choose another destination"
	case f.Folders:
		i.Text += "; keys that are no paths (dir beside dir/file) have no place there, and it keeps no versions"
		i.Remedy = "choose a destination without it"
	default:
		return i, false
	}
	return i, true
}

// SourceNow is what the service of a move's source does by itself now: copies into the
// destination, and locks, each of which would have blocked the plan or its erase. An error is
// about what could not be looked at, and comes with what could.
func SourceNow(ctx context.Context, store any, m Move) (copies, locks []Issue, err error) {
	factual, ok := store.(objectstore.Factual)
	if !ok {
		return nil, nil, nil
	}
	facts, err := factual.Facts(ctx, m.Bucket)
	at := m.From().String()
	for _, f := range facts {
		if f.Locks {
			locks = append(locks, locked(f, at, m))
		}
		if slices.Contains(f.Buckets, m.Destination) {
			copies = append(copies, replicates(f.Text, at, m))
		}
	}
	return copies, locks, err
}

// DestinationNow is what the service of a move's destination does by itself now: the regions in
// which it keeps what is there and did not when the move was planned, and what would have
// blocked the plan. What is to be made may have facts already.
func DestinationNow(ctx context.Context, store any, p *Plan, m Move) (also []string, blockers []Issue, err error) {
	factual, ok := store.(objectstore.Factual)
	if !ok {
		return nil, nil, nil
	}
	facts, err := factual.Facts(ctx, m.Destination)
	if err != nil && !objectstore.Only(err, objectstore.ErrNotFound) {
		return nil, nil, err
	}
	for _, f := range facts {
		if i, ok := altered(f, p.To(m).String(), p.Destination.Code); ok {
			blockers = append(blockers, i)
		}
	}
	also = slices.DeleteFunc(alsoIn(facts, p.Destination.Code), func(code string) bool {
		return slices.Contains(m.Also, code)
	})
	return also, blockers, nil
}
