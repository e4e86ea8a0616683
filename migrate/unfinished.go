package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/journal"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Between the beginning of a segment and its file of receipts, a journal has what
// is known of it. A run that finds one makes receipts of it first, so that
// nothing else has to know of journals.

// journalDir is where the parts of a pass's journal lie.
func (w *work) journalDir() string { return w.name(w.pass.dir() + "journal/") }

// known loads a segment's entries with the receipts that there are, and the
// basis of what a journal may say beyond them.
func (w *work) known(ctx context.Context, s manifest.Segment) (r records, basis string, err error) {
	if r.entries, err = w.entries(ctx, s); err != nil {
		return r, "", err
	}
	data, err := w.Home.Get(ctx, w.file(s, "receipts"))
	switch {
	case errors.Is(err, state.ErrNotFound):
		return r, w.basis(s.Digest, ""), nil
	case err != nil:
		return r, "", err
	}
	r.receipts, err = receipt.Decode(w.codec, s, r.entries, data)
	return r, w.basis(s.Digest, state.Digest(data)), err
}

// basis ties a journal's line to what it goes on from. Once a segment has other
// receipts, or the plan was aborted and begun anew, the line is void, also one
// that comes late from a run that stood still.
func (w *work) basis(of, receipts string) string {
	return state.Digest(fmt.Appendf(nil, "%s %d %d %d %s %s",
		w.plan.Digest, w.result.Started.UnixNano(), w.pass.Number, w.pass.At.UnixNano(), of, receipts))
}

// left is what earlier runs left besides receipts.
type left struct {
	parts   []string // of their journals
	uploads []journal.Upload
}

// fold makes receipts of what the journals of runs that were killed say. What it
// returns of them is to be removed when its uploads are in another journal.
func (w *work) fold(ctx context.Context) (l left, err error) {
	if l.parts, err = w.Home.List(ctx, w.journalDir()); err != nil || len(l.parts) == 0 {
		return l, err
	}
	f := folding{work: w, segments: make(map[int]*folded)}
	var uploads []journal.Upload
	for line, err := range journal.Read(ctx, w.Home, w.codec, w.plan.Digest, l.parts) {
		if err != nil {
			return l, err
		}
		switch {
		case line.Upload == nil:
			err = f.take(ctx, line)
		case line.Basis == w.basis("", ""):
			uploads = append(uploads, *line.Upload)
		}
		if err != nil {
			return l, err
		}
	}
	if err := f.store(ctx); err != nil {
		return l, err
	}
	for _, u := range uploads {
		if under, err := f.underWay(ctx, u); err != nil {
			return l, err
		} else if under {
			l.uploads = append(l.uploads, u)
		}
	}
	return l, nil
}

// folding holds the few segments that were under way.
type folding struct {
	*work
	segments map[int]*folded // by number
}

// folded is one of them.
type folded struct {
	records
	basis string
	taken int // lines of journals
}

func (f *folding) segment(ctx context.Context, number int) (*folded, error) {
	if s := f.segments[number]; s != nil {
		return s, nil
	}
	r, basis, err := f.known(ctx, f.pass.Segments[number-1])
	if err != nil {
		return nil, err
	}
	if r.receipts == nil {
		for i := range r.entries {
			r.receipts = append(r.receipts, receipt.Pending(&r.entries[i]))
		}
	}
	f.segments[number] = &folded{records: r, basis: basis}
	return f.segments[number], nil
}

// take takes a verdict, unless it is void.
func (f *folding) take(ctx context.Context, line *journal.Line) error {
	if line.Segment > len(f.pass.Segments) {
		return nil // of a pass that was aborted
	}
	s, err := f.segment(ctx, line.Segment)
	if err != nil || line.Basis != s.basis {
		return err
	}
	if line.Entry >= len(s.entries) {
		return fmt.Errorf("%w: the journal names entry %d of segment %d, which has %d",
			state.ErrDamaged, line.Entry, line.Segment, len(s.entries))
	}
	if err := line.Receipt.Of(&s.entries[line.Entry]); err != nil {
		return fmt.Errorf("%w: the journal's receipt for entry %d of segment %d: %w",
			state.ErrDamaged, line.Entry, line.Segment, err)
	}
	s.receipts[line.Entry] = *line.Receipt
	s.taken++
	return nil
}

// store writes the receipts of the segments of which something was taken.
func (f *folding) store(ctx context.Context) error {
	var entries int
	for _, number := range slices.Sorted(maps.Keys(f.segments)) {
		s := f.segments[number]
		if s.taken == 0 {
			continue
		}
		entries += s.taken
		receipts := func(yield func(*receipt.Receipt, error) bool) {
			for i := range s.receipts {
				if !yield(&s.receipts[i], nil) {
					return
				}
			}
		}
		if err := f.keep(ctx, f.pass.Segments[number-1], receipts, nil); err != nil {
			return err
		}
	}
	if entries > 0 {
		f.note("the run before was cut off; %d entries of segments that it had not finished are settled", entries)
	}
	return nil
}

// underWay tells whether an upload is of an entry that is not settled.
func (f *folding) underWay(ctx context.Context, u journal.Upload) (bool, error) {
	i := f.segmentOf(u.Move, string(u.Key))
	if i < 0 {
		return false, nil
	}
	s, err := f.segment(ctx, i+1)
	if err != nil {
		return false, err
	}
	at := slices.IndexFunc(s.entries, func(e manifest.Entry) bool { return e.Key == u.Key && e.VersionID == u.VersionID })
	return at >= 0 && s.receipts[at].Verdict == receipt.Failed, nil
}

// diary is a run's journal, as the copy uses it.
type diary struct {
	*journal.Writer
	work *work

	mu      sync.Mutex
	bases   map[int]string // by segment under way
	uploads map[journal.Name]journal.Upload
}

// diary begins the run's journal with the uploads of runs before, and removes
// theirs.
func (w *work) diary(ctx context.Context, l left) (*diary, error) {
	after := w.After
	if after == nil {
		after = time.After
	}
	d := &diary{work: w, bases: make(map[int]string), uploads: make(map[journal.Name]journal.Upload)}
	d.Writer = journal.NewWriter(ctx, journal.Options{
		Home: w.Home, Dir: w.journalDir(), Run: w.Now().UTC().Format("20060102T150405.000000000Z-") + w.token(),
		Of: w.plan.Digest, Codec: w.codec, After: after, Note: w.note,
	})
	for i, u := range l.uploads {
		d.uploads[u.Name()] = u
		if err := d.Begun(ctx, w.basis("", ""), u, i == len(l.uploads)-1); err != nil {
			return nil, errors.Join(err, d.close(ctx))
		}
	}
	if err := w.removeJournal(ctx, l.parts); err != nil {
		return nil, errors.Join(err, d.close(ctx))
	}
	return d, nil
}

// removeJournal removes parts that are void. That they stay would cost a look.
func (w *work) removeJournal(ctx context.Context, parts []string) error {
	if err := w.Home.Remove(ctx, parts...); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.note("the journal of a run before stays in the state: %v", err)
	}
	return nil
}

// close ends the journal, also if the run's context has ended.
func (d *diary) close(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), engine.StopTime)
	defer cancel()
	return d.Close(bounded)
}

// load is engine.Copy's.
func (d *diary) load(ctx context.Context, s manifest.Segment) ([]manifest.Entry, []receipt.Receipt, error) {
	r, basis, err := d.work.known(ctx, s)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bases[s.Number] = basis
	return r.entries, r.receipts, err
}

// reached is engine.Copy's.
func (d *diary) reached(ctx context.Context, s manifest.Segment, entry int, r *receipt.Receipt) error {
	d.mu.Lock()
	basis := d.bases[s.Number]
	name := journal.Name{Move: s.Move, Key: r.Key, VersionID: r.VersionID}
	_, uploading := d.uploads[name]
	if uploading && r.Verdict != receipt.Failed {
		delete(d.uploads, name)
	}
	d.mu.Unlock()
	err := d.Verdict(ctx, s.Number, entry, basis, r)
	if uploading && r.Verdict != receipt.Failed {
		d.Ended(name)
	}
	return err
}

// uploads is the diary as a move's copier uses it.
type uploads struct {
	*diary
	move int
}

var _ copier.Uploads = uploads{}

func (u uploads) name(e manifest.Entry) journal.Name {
	return journal.Name{Move: u.move, Key: e.Key, VersionID: e.VersionID}
}

func (u uploads) Unfinished(e manifest.Entry) (copier.Unfinished, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	x, ok := u.uploads[u.name(e)]
	return copier.Unfinished{ID: x.ID, Shape: x.Shape}, ok
}

// Begun writes down an upload. For a large one the first part waits until that is
// durable; of another no more than a second's parts can be lost.
func (u uploads) Begun(ctx context.Context, e manifest.Entry, x copier.Unfinished) error {
	begun := journal.Upload{Move: u.move, Key: e.Key, VersionID: e.VersionID, ID: x.ID, Shape: x.Shape}
	u.mu.Lock()
	u.uploads[begun.Name()] = begun
	u.mu.Unlock()
	return u.diary.Begun(ctx, u.work.basis("", ""), begun, e.Size >= journal.MostData)
}

func (u uploads) Ended(e manifest.Entry) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.uploads, u.name(e))
	u.diary.Ended(u.name(e))
}

// settled tells that a segment has its receipts.
func (d *diary) settled(s manifest.Segment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.bases, s.Number)
	d.Settled(s.Number)
}
