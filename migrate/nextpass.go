package migrate

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// histories is a listing cut by key, oldest entry first.
type histories = iter.Seq2[[]objectstore.Version, error]

// staleSchema is that of the lists of what the destination must lose.
const staleSchema = "residency/stale/1"

// staleEntry is one line of such a list: an entry that an earlier pass wrote.
type staleEntry struct {
	Move int `json:"move"`
	manifest.Entry
}

// AppendJSON leaves the line to encoding/json: the entry's own method, which it
// would have by embedding, knows nothing of the move.
func (*staleEntry) AppendJSON(b []byte) ([]byte, bool) { return b, false }

// ParseJSON is left to encoding/json too.
func (*staleEntry) ParseJSON([]byte) bool { return false }

// staleLines is how many lines such a list has at most.
const staleLines = 1000

// nextPass lists the source, which drifted, and makes the pass that brings the
// destination up to it. Its files are written first and its record last: a pass that is there
// is whole.
func (w *work) nextPass(ctx context.Context, drift Drift, erasing, fenced bool) (*pass, error) {
	m := &passMaker{work: w, next: &pass{
		Schema: passSchema, Plan: w.plan.Digest, Number: w.pass.Number + 1, At: w.Now().UTC(), Fenced: fenced, Erased: erasing,
		Moves: make([]Totals, len(w.plan.Moves)),
	}}
	w.Progress.Begin("listing source", w.totals().Entries, 0)
	writer := manifest.NewWriter(func(ctx context.Context, name string, data []byte) error { return w.Home.Put(ctx, m.name(name), data) })
	writer.Stored, writer.Codec = m.seed, w.codec
	for i, move := range w.plan.Moves {
		if err := writer.Begin(ctx, i); err != nil {
			return nil, err
		}
		if err := m.move(ctx, i, move, writer); err != nil {
			return nil, fmt.Errorf("list %s: %w", move.From(), err)
		}
	}
	var err error
	if m.next.Segments, err = writer.Close(ctx); err != nil {
		return nil, err
	}
	if err := m.flushStale(ctx); err != nil {
		return nil, err
	}
	if err := m.saveUploads(ctx); err != nil {
		return nil, err
	}
	if err := w.carries(ctx, drift); err != nil { // versioning can have been turned on while it was listed
		return nil, err
	}
	if m.next.Gone > 0 {
		if err := m.emptied(drift); err != nil {
			return nil, err
		}
		if err := w.explain(ctx, erasing); err != nil {
			return nil, err
		}
	}
	return m.next, putJSON(ctx, w.Home, m.name(passFile), m.next)
}

// emptied refuses a pass that would take all copies of a move away, unless the
// source was emptied when it drifted, for which somebody has given the number:
// this listing may show less than the one before it did.
func (m *passMaker) emptied(drift Drift) error {
	d := Drift{Gone: m.next.Gone}
	for i, move := range m.plan.Moves {
		at := move.From().String()
		if m.pass.Moves[i].Entries > 0 && m.next.Moves[i].Entries == 0 && !slices.Contains(drift.Emptied, at) {
			d.Locations = append(d.Locations, at)
		}
	}
	if d.Emptied = d.Locations; len(d.Emptied) > 0 {
		return &UnexplainedError{Drift: d}
	}
	return nil
}

// passMaker writes a pass. It holds one segment and one list in memory.
type passMaker struct {
	*work
	next     *pass
	receipts []receipt.Receipt // of the segment being filled
	erasures []receipt.Erasure
	stale    []staleEntry
	uploads  []Upload
}

func (m *passMaker) name(file string) string { return m.work.name(m.next.dir() + file) }

// move writes one move's histories as they are to be.
func (m *passMaker) move(ctx context.Context, index int, move Move, writer *manifest.Writer) error {
	need := withReceipts
	if m.next.Erased {
		need |= withErasures | withIntents
	}
	d := doubts{work: m.work, move: index}
	err := m.beside(ctx, index, m.listSource(ctx, move), need, func(known history, listed []objectstore.Version) error {
		before := gather(known)
		replaced, err := d.replaced(ctx, before, listed)
		if err != nil {
			return err
		}
		r := rebase(before, listed, replaced)
		m.next.New += r.new
		m.next.Gone += r.gone
		for _, x := range r.stale {
			if err := m.addStale(ctx, index, x); err != nil {
				return err
			}
		}
		m.Progress.Entries.Add(int64(len(before.entries)))
		if len(r.entries) == 0 {
			return nil
		}
		m.pending(r, before)
		for i := range r.entries {
			m.next.Moves[index].count(r.entries[i])
		}
		return writer.Add(ctx, r.entries)
	})
	if err != nil {
		return err
	}
	return m.moveUploads(ctx, index, move)
}

// pending notes what is known of a history's entries already.
func (m *passMaker) pending(r rebased, before records) {
	for i, e := range r.entries {
		if i < len(r.carried) {
			m.receipts = append(m.receipts, r.carried[i])
		} else {
			m.receipts = append(m.receipts, receipt.Receipt{Key: e.Key, VersionID: e.VersionID, Marker: e.Marker, Size: e.Size, Verdict: receipt.Failed, Reason: receipt.NotYet, Before: r.there[i], At: m.next.At})
		}
		x := receipt.Erasure{Key: e.Key, VersionID: e.VersionID, Outcome: receipt.Unerased, Reason: receipt.NotErasedYet, At: m.next.At}
		if i < len(r.places) {
			old := r.places[i]
			switch {
			case len(before.erasures) > 0 && before.erasures[old].Asked():
				x = before.erasures[old]
			case before.begun[old]:
				x.Outcome, x.Reason = receipt.Begun, "its erase was begun by a run that ended before it could say more"
			}
		}
		m.erasures = append(m.erasures, x)
	}
}

// seed stores what is known of a segment's entries beside its manifest.
func (m *passMaker) seed(ctx context.Context, s manifest.Segment) error {
	data, err := receipt.Encode(m.codec, s, m.receipts)
	if err != nil {
		return err
	}
	if err := m.Home.Put(ctx, m.name(s.File("receipts")), data); err != nil {
		return err
	}
	if m.next.Erased {
		if data, err = receipt.EncodeErasures(m.codec, s, m.erasures); err != nil {
			return err
		}
		if err := m.Home.Put(ctx, m.name(s.File("erasures")), data); err != nil {
			return err
		}
	}
	m.receipts, m.erasures = m.receipts[:0], m.erasures[:0]
	return nil
}

func (m *passMaker) addStale(ctx context.Context, move int, r receipt.Receipt) error {
	m.stale = append(m.stale, staleEntry{Move: move, Entry: r.Written()})
	if len(m.stale) < staleLines {
		return nil
	}
	return m.flushStale(ctx)
}

func (m *passMaker) flushStale(ctx context.Context) error {
	if len(m.stale) == 0 {
		return nil
	}
	data, err := state.Encode(state.Header{Schema: staleSchema, Entries: len(m.stale)}, m.stale)
	if err != nil {
		return fmt.Errorf("encode what the destination must lose: %w", err)
	}
	f := listFile{Name: fmt.Sprintf("stale/%06d.ndjson.zst", len(m.next.Stale)+1), Entries: len(m.stale), Digest: state.Digest(data)}
	m.next.Stale = append(m.next.Stale, f)
	m.stale = m.stale[:0]
	return m.Home.Put(ctx, m.name(f.Name), data)
}

// moveUploads takes over the unfinished uploads that the plan knows and, behind
// a fence, where none can be finished any more, all others.
func (m *passMaker) moveUploads(ctx context.Context, index int, move Move) error {
	known, err := m.knownUploads(ctx)
	if err != nil {
		return err
	}
	for u, err := range m.unfinished(ctx, move) {
		if err != nil {
			return fmt.Errorf("unfinished uploads: %w", err)
		}
		if m.next.Fenced || known[uploadName{index, u.Key, u.UploadID}] {
			m.next.Moves[index].Uploads++
			m.uploads = append(m.uploads, Upload{Move: index, Key: manifest.Key(u.Key), UploadID: u.UploadID, Initiated: u.Initiated.UTC()})
		}
	}
	return nil
}

func (m *passMaker) saveUploads(ctx context.Context) error {
	if len(m.uploads) == 0 {
		return nil
	}
	list, data, err := encodeUploads(m.uploads)
	if err != nil {
		return err
	}
	m.next.Upload = list
	return m.Home.Put(ctx, m.name(uploadsFile), data)
}
