package changes

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// staleLines is how many lines such a list has at most.
const staleLines = 1000

// NextPass lists the source, which drifted, and makes the pass that brings the
// destination up to it. Its files are written first and its record last: a pass that is there
// is whole.
func (s *Check) NextPass(ctx context.Context, drift Drift, erasing, blocked bool) (*record.Pass, error) {
	m := &passMaker{run: s.run, next: &record.Pass{
		Schema: record.PassSchema, Plan: s.run.Plan.Digest, Number: s.run.Pass.Number + 1, At: s.run.Now().UTC(),
		Fenced: blocked,
		Erased: erasing,
		Moves:  make([]plan.Totals, len(s.run.Plan.Moves)),
	}, known: make([]struct{ gone, changed, left int64 }, len(s.run.Plan.Moves))}
	s.run.Progress.Begin("listing the source", s.run.Totals().Entries, 0)
	writer := manifest.NewWriter(func(ctx context.Context, name string, data []byte) error {
		return s.run.Home.Put(ctx,
			m.name(name), data)
	})
	writer.Stored, writer.Codec = m.seed, s.run.Codec
	for i, move := range s.run.Plan.Moves {
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
	if err := m.keepStale(ctx); err != nil {
		return nil, err
	}
	if err := m.flushStale(ctx); err != nil {
		return nil, err
	}
	if err := m.saveUploads(ctx); err != nil {
		return nil, err
	}
	if err := s.Carries(ctx, drift); err != nil { // versioning can have been turned on while it was listed
		return nil, err
	}
	if m.next.Gone > 0 {
		if err := m.depleted(drift); err != nil {
			return nil, err
		}
		if err := s.Explain(ctx, erasing); err != nil {
			return nil, err
		}
	}
	return m.next, state.PutJSON(ctx, s.run.Home, m.name(record.PassFile), m.next)
}

// depleted refuses a pass that would take so many copies of a move away, unless that was
// seen when the source drifted, for which somebody has given the number: this listing may
// show less than the one before it did.
func (m *passMaker) depleted(drift Drift) error {
	d := Drift{Gone: m.next.Gone}
	for i, move := range m.run.Plan.Moves {
		at := move.From().String()
		if k := m.known[i]; depleted(k.gone, k.changed, k.left) && !slices.Contains(drift.Depleted, at) {
			d.Locations = append(d.Locations, at)
		}
	}
	if d.Depleted = d.Locations; len(d.Depleted) > 0 {
		return &UnexplainedError{Drift: d}
	}
	return nil
}

// passMaker writes a pass. It holds one segment and one list in memory.
type passMaker struct {
	run   *phase.Run
	next  *record.Pass
	known []struct{ gone, changed, left int64 } // of what was known of each move

	receipts []receipt.Receipt // of the segment being filled
	erasures []receipt.Erasure
	stale    []record.Stale
	uploads  []plan.Upload
}

func (m *passMaker) name(file string) string { return m.run.Name(m.next.Dir() + file) }

// move writes one move's histories as they are to be.
func (m *passMaker) move(ctx context.Context, index int, move plan.Move, writer *manifest.Writer) error {
	need := record.WithReceipts
	if m.next.Erased {
		need |= record.WithErasures | record.WithIntents
	}
	d := comparer{run: m.run, move: index}
	steps := deletesInSteps(m.run, move)
	trailing := objectstore.CapabilitiesOf(m.run.Destination()).TrailingMarkers
	err := m.run.Alongside(ctx, index, m.run.SourceHistories(ctx, move), need,
		func(known record.History, listed []objectstore.Version) error {
			before := record.Gather(known)
			listed = withoutShown(before, listed, steps)
			replaced, err := d.replaced(ctx, before, listed)
			if err != nil {
				return err
			}
			r := rebase(before, listed, replaced, trailing)
			m.next.New += r.new
			m.next.Gone += r.gone
			changed := min(r.gone, r.new)
			m.known[index].gone += r.gone - changed
			m.known[index].changed += changed
			m.known[index].left += int64(len(listed)) - r.new
			for _, x := range r.stale {
				if err := m.addStale(ctx, index, x); err != nil {
					return err
				}
			}
			m.run.Progress.Entries.Add(int64(len(before.Entries)))
			if len(r.entries) == 0 {
				return nil
			}
			m.pending(r, before)
			for i := range r.entries {
				m.next.Moves[index].Count(r.entries[i])
			}
			return writer.Add(ctx, r.entries)
		})
	if err != nil {
		return err
	}
	return m.moveUploads(ctx, index, move)
}

// pending notes what is known of a history's entries already.
func (m *passMaker) pending(r rebased, before record.Joined) {
	for i, e := range r.entries {
		if i < len(r.carried) {
			m.receipts = append(m.receipts, r.carried[i])
		} else {
			m.receipts = append(m.receipts, receipt.Receipt{Key: e.Key, VersionID: e.VersionID, Marker: e.Marker, Size: e.Size,
				Verdict: receipt.Failed, Reason: receipt.NotYet, Before: r.there[i], At: m.next.At})
		}
		x := receipt.Erasure{Key: e.Key, VersionID: e.VersionID, Outcome: receipt.Unerased, Reason: receipt.NotErasedYet,
			At: m.next.At}
		if i < len(r.places) {
			old := r.places[i]
			switch {
			case len(before.Erasures) > 0 && before.Erasures[old].Asked():
				x = before.Erasures[old]
			case before.Begun[old]:
				x.Outcome, x.Reason = receipt.Begun, "its erase was begun by a run that ended before recording the outcome"
			}
		}
		m.erasures = append(m.erasures, x)
	}
}

// seed stores what is known of a segment's entries beside its manifest.
func (m *passMaker) seed(ctx context.Context, s manifest.Segment) error {
	data, err := receipt.Encode(m.run.Codec, s, m.receipts)
	if err != nil {
		return err
	}
	if err := m.run.Home.Put(ctx, m.name(s.File("receipts")), data); err != nil {
		return err
	}
	if m.next.Erased {
		if data, err = receipt.EncodeErasures(m.run.Codec, s, m.erasures); err != nil {
			return err
		}
		if err := m.run.Home.Put(ctx, m.name(s.File("erasures")), data); err != nil {
			return err
		}
	}
	m.receipts, m.erasures = m.receipts[:0], m.erasures[:0]
	return nil
}

func (m *passMaker) addStale(ctx context.Context, move int, r receipt.Receipt) error {
	return m.add(ctx, record.Stale{Move: move, Entry: r.Written()})
}

func (m *passMaker) add(ctx context.Context, x record.Stale) error {
	m.stale = append(m.stale, x)
	if len(m.stale) < staleLines {
		return nil
	}
	return m.flushStale(ctx)
}

// keepStale takes over what the pass before says that the destination must lose, and that it has still.
func (m *passMaker) keepStale(ctx context.Context) error {
	if gone, err := isRemoved(ctx, m.run); err != nil || gone {
		return err
	}
	return m.run.EachStale(ctx, func(move int, entries []manifest.Entry) error {
		m.next.Kept += int64(len(entries))
		for _, e := range entries {
			if err := m.add(ctx, record.Stale{Move: move, Entry: e}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *passMaker) flushStale(ctx context.Context) error {
	if len(m.stale) == 0 {
		return nil
	}
	data, err := state.Encode(state.Header{Schema: record.StaleSchema, Entries: len(m.stale)}, m.stale)
	if err != nil {
		return fmt.Errorf("encode what the destination must lose: %w", err)
	}
	f := record.ListFile{Name: fmt.Sprintf("stale/%06d.ndjson.zst", len(m.next.Stale)+1), Entries: len(m.stale),
		Digest: state.Digest(data)}
	m.next.Stale = append(m.next.Stale, f)
	m.stale = m.stale[:0]
	return m.run.Home.Put(ctx, m.name(f.Name), data)
}

// moveUploads takes over the unfinished uploads that the plan knows and, behind
// a fence, where none can be finished any more, all others.
func (m *passMaker) moveUploads(ctx context.Context, index int, move plan.Move) error {
	known, err := m.run.KnownUploads(ctx)
	if err != nil {
		return err
	}
	for u, err := range m.run.SourceUploads(ctx, move) {
		if err != nil {
			return fmt.Errorf("unfinished uploads: %w", err)
		}
		if m.next.Fenced || known[record.UploadName{Move: index, Key: u.Key, ID: u.UploadID}] {
			m.next.Moves[index].Uploads++
			m.uploads = append(m.uploads, plan.Upload{Move: index, Key: manifest.Key(u.Key), UploadID: u.UploadID,
				Initiated: u.Initiated.UTC()})
		}
	}
	return nil
}

func (m *passMaker) saveUploads(ctx context.Context) error {
	if len(m.uploads) == 0 {
		return nil
	}
	list, data, err := plan.EncodeUploads(m.uploads)
	if err != nil {
		return err
	}
	m.next.Upload = list
	return m.run.Home.Put(ctx, m.name(plan.UploadsFile), data)
}
