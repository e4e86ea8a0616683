package migrate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// Drift is how the source differs from the plan, in entries.
type Drift struct {
	New, Gone, Changed, Uploads int64
	// Reserved are marks of other plans that write there and have not ended.
	Reserved  int64
	Locations []string
	// Emptied are locations of which all that was planned is gone.
	Emptied []string
	Keys    []manifest.Key // examples
}

func (d Drift) none() bool { return d.entries()+d.Uploads+d.Reserved == 0 }

func (d Drift) entries() int64 { return d.New + d.Gone + d.Changed }

func (d Drift) String() string {
	var parts []string
	for _, p := range []struct {
		n    int64
		text string
	}{{d.New, "new"}, {d.Changed, "changed"}, {d.Gone, "gone"}, {d.Uploads, "new unfinished uploads"}, {d.Reserved, "reservations of other migrations that write there and have not ended"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	return strings.Join(parts, ", ") + " in " + strings.Join(d.Locations, ", ")
}

// DriftError wraps ErrDrift and says what differs.
type DriftError struct{ Drift Drift }

func (e *DriftError) Error() string { return ErrDrift.Error() + ": " + e.Drift.String() }

// Unwrap makes it an ErrDrift.
func (e *DriftError) Unwrap() error { return ErrDrift }

func (d *Drift) see(location, key string, counter *int64) {
	*counter++
	if !slices.Contains(d.Locations, location) {
		d.Locations = append(d.Locations, location)
	}
	if len(d.Keys) < examples {
		d.Keys = append(d.Keys, manifest.Key(key))
	}
}

// drift lists the source afresh and holds it against the manifest. With erasing,
// entries that are gone and that a run began to erase are as they should be.
func (w *work) drift(ctx context.Context, erasing bool) (Drift, error) {
	var d Drift
	uploads, err := w.knownUploads(ctx)
	if err != nil {
		return d, err
	}
	var n need
	if erasing {
		n = withErasures | withIntents
	}
	for i, m := range w.plan.Moves {
		gone := d.Gone
		c := comparison{doubts: doubts{work: w, move: i}, drift: &d, at: m.From().String()}
		err := w.beside(ctx, i, w.listSource(ctx, m), n, func(planned history, listed []objectstore.Version) error {
			n, err := c.compare(ctx, planned, listed)
			w.Progress.Entries.Add(n)
			return err
		})
		if err != nil {
			return d, fmt.Errorf("list %s: %w", c.at, err)
		}
		if entries := w.pass.Moves[i].Entries; entries > 0 && d.Gone-gone == entries {
			d.Emptied = append(d.Emptied, c.at)
		}
		for u, err := range w.unfinished(ctx, m) {
			if err != nil {
				return d, fmt.Errorf("list unfinished uploads of %s: %w", c.at, err)
			}
			switch {
			case uploads[uploadName{i, u.Key, u.UploadID}]:
			case u.Key == objectstore.MarkKey:
				d.see(c.at, u.Key, &d.Reserved)
			default:
				d.see(c.at, u.Key, &d.Uploads)
			}
		}
	}
	return d, nil
}

// comparison holds one move's source, as planned, against a listing.
type comparison struct {
	doubts
	drift *Drift
	at    string
}

// planned is what is looked for in a listing.
type planned struct {
	entry manifest.Entry
	begun bool
	found bool
}

// compare holds one key's history, as planned, against what is there, and returns
// how many entries were planned. As long as the two go side by side none is held.
func (c *comparison) compare(ctx context.Context, h history, listed []objectstore.Version) (n int64, err error) {
	var rest []planned
	thinned := false // by us
	for x := h.next(); x != nil; x = h.next() {
		n++
		thinned = thinned || x.begun
		if rest != nil || len(listed) == 0 || listed[0].VersionID != x.entry.VersionID {
			rest = append(rest, planned{entry: x.entry, begun: x.begun})
			continue
		}
		if err := c.one(ctx, h, &x.entry, listed[0]); err != nil {
			return n, err
		}
		listed = listed[1:]
	}
	return n, c.rest(ctx, h, rest, listed, thinned)
}

// one counts an entry that is listed as another.
func (c *comparison) one(ctx context.Context, h history, e *manifest.Entry, v objectstore.Version) error {
	same, err := c.same(ctx, h, e, v)
	if err == nil && !same {
		c.drift.see(c.at, v.Key, &c.drift.Changed)
	}
	return err
}

// rest finds in any order what does not stand side by side: a server may give
// what our deletions have moved another place. Only in a history of which we have
// erased nothing does the place of a null version tell that it was written anew.
func (c *comparison) rest(ctx context.Context, h history, rest []planned, listed []objectstore.Version, thinned bool) error {
	if len(rest)+len(listed) == 0 {
		return nil
	}
	places := make(map[string]int, len(rest))
	for i := range rest {
		places[rest[i].entry.VersionID] = i
	}
	_, null := places[objectstore.NullVersion]
	last := -1
	for _, v := range listed {
		i, ok := places[v.VersionID]
		if !ok {
			c.drift.see(c.at, v.Key, &c.drift.New)
			continue
		}
		rest[i].found = true
		if null && !thinned && i < last {
			c.drift.see(c.at, v.Key, &c.drift.Changed)
		} else if err := c.one(ctx, h, &rest[i].entry, v); err != nil {
			return err
		}
		last = max(last, i)
	}
	for i := range rest {
		if !rest[i].found && !rest[i].begun {
			c.drift.see(c.at, string(rest[i].entry.Key), &c.drift.Gone)
		}
	}
	return nil
}

type uploadName struct {
	move    int
	key, id string
}

// knownUploads returns the unfinished uploads that the pass knows.
func (w *work) knownUploads(ctx context.Context) (map[uploadName]bool, error) {
	known := make(map[uploadName]bool)
	if err := w.eachUpload(ctx, func(u Upload) error {
		known[uploadName{u.Move, string(u.Key), u.UploadID}] = true
		return nil
	}); err != nil {
		return nil, err
	}
	return known, nil
}
