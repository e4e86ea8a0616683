package undo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// A service with trailing markers (objectstore.Capabilities) makes nothing current when a key's newest version
// is removed: the key looks deleted then, whatever lies beneath. So an abort leaves copies above what was found
// there, and names what looks deleted.

// ErrLookDeleted reports that keys were found at the destination and look deleted now.
var ErrLookDeleted = remedy.New("keys that were found at the destination look deleted now",
	"where they are to be read there again, copy the newest version of each onto its own key with the service's own "+
		"client; as long as that copy is there, no plan moves what the source has under this key")

// withHidden adds what looks deleted to what an abort ends with, unless another abort is to come, which says it.
func (u *Undone) withHidden(left error) error {
	hidden := fmt.Errorf("%w: %d of them", ErrLookDeleted, u.Hidden)
	switch {
	case u.Hidden == 0 || u.Left > 0:
		return left
	case left == nil:
		return hidden
	}
	return fmt.Errorf("%w; %w", left, hidden)
}

// trailing tells whether the destination's service makes nothing current by itself.
func (a *undoing) trailing() bool {
	return objectstore.CapabilitiesOf(a.run.Destination()).TrailingMarkers
}

// historyOf are the receipts of one key, whose newest is at a place.
func historyOf(all []receipt.Receipt, newest int) []receipt.Receipt {
	oldest := newest
	for oldest > 0 && all[oldest-1].Key == all[newest].Key {
		oldest--
	}
	return all[oldest : newest+1]
}

// newestFound is the place of the newest entry that was found at the destination; -1: none was.
func newestFound(history []receipt.Receipt) int {
	for i, x := range slices.Backward(history) {
		if x.Before || x.Held {
			return i
		}
	}
	return -1
}

// covers tells of a key's receipts whether the plan's newest copy is a version above a version that was
// found: without it the key would look deleted.
func covers(history []receipt.Receipt) bool {
	i := newestFound(history)
	if i < 0 || history[i].Marker {
		return false
	}
	for _, x := range slices.Backward(history[i+1:]) {
		if x.Ours() {
			return !x.Marker
		}
	}
	return false
}

// shownBefore are the keys of which the newest entry that was found is a version, where nothing becomes
// current by itself.
func (a *undoing) shownBefore(all []receipt.Receipt) map[manifest.Key]bool {
	if !a.trailing() {
		return nil
	}
	keys := make(map[manifest.Key]bool)
	for i, x := range all {
		if i+1 < len(all) && all[i+1].Key == x.Key {
			continue
		}
		history := historyOf(all, i)
		if newest := newestFound(history); newest >= 0 && !history[newest].Marker {
			keys[x.Key] = true
		}
	}
	return keys
}

// lookDeleted names those of a segment's keys that look deleted, whoever has had them so.
func (a *undoing) lookDeleted(ctx context.Context, s manifest.Segment, shown map[manifest.Key]bool, u *Undone) error {
	if len(shown) == 0 {
		return nil
	}
	m := a.run.Plan.Moves[s.Move]
	there, err := a.listed(ctx, a.run.Destination(), m.Destination, m.Prefix, s)
	if err != nil {
		return err
	}
	for key, entries := range there {
		for id := range entries {
			ref := objectstore.Ref{Bucket: m.Destination, Key: string(key)}
			if !shown[key] || !objectstore.IsMarkerOf(id) || a.hidden[ref] {
				continue
			}
			a.hidden[ref] = true
			u.Hidden++
			a.problems.Add(phase.Problem{Location: a.run.Plan.To(m).String(), Key: key, VersionID: id, What: "looks deleted",
				Reason: "it was found there, and this service takes no deletion back"})
		}
	}
	return nil
}

// keepsStale tells whether an outdated copy stays, for without it a key that was found at the destination
// would look deleted.
func (a *undoing) keepsStale(ctx context.Context, move int, key manifest.Key) (bool, error) {
	if !a.trailing() {
		return false, nil
	}
	r := *a.run.Record
	for _, pass := range a.run.Passes {
		r.Pass = pass
		i := pass.SegmentOf(move, string(key))
		if i < 0 {
			continue
		}
		known := a.known[pass]
		if known == nil || known.segment != i {
			joined, err := r.Load(ctx, pass.Segments[i], record.WithReceipts)
			if err != nil && !errors.Is(err, state.ErrNotFound) {
				return false, err
			}
			known = &shownIn{i, a.shownBefore(joined.Receipts)}
			a.known[pass] = known
		}
		if known.keys[key] {
			return true, nil
		}
	}
	return false, nil
}

// shownIn are the keys of one segment that were shown before.
type shownIn struct {
	segment int
	keys    map[manifest.Key]bool
}
