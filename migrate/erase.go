package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

const (
	gateFile        = "gate.json"
	gateSchema      = "residency/gate/1"
	certificateFile = "certificate.json"
)

// gateRecord says that the gate was passed and deletions may have begun.
type gateRecord struct {
	Schema  string `json:"schema"`
	Plan    string `json:"plan_sha256"`
	At      string `json:"at"`
	Entries int64  `json:"entries"`
	// Intents tells that each deletion is written down before it is asked for.
	Intents bool `json:"intents"`
}

const gateTime = "2006-01-02T15:04:05.000Z"

func (w *work) certified(ctx context.Context) (bool, error) {
	_, err := w.Home.Get(ctx, w.name(certificateFile))
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// erasing tells whether the gate was passed, so that what is gone at the source
// may have been erased by us.
func (w *work) erasing(ctx context.Context) (bool, error) {
	var record gateRecord
	err := getJSON(ctx, w.Home, w.name(gateFile), &record)
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = w.belongs(gateFile, record.Schema, gateSchema, record.Plan)
	}
	w.unsaid = err == nil && !record.Intents
	return err == nil, err
}

// belongs refuses a record of another kind, or of another plan.
func (w *work) belongs(name, schema, want, plan string) error {
	switch {
	case schema != want:
		return fmt.Errorf("%w: %s has schema %q, want %q", state.ErrDamaged, name, schema, want)
	case plan != w.plan.Digest:
		return fmt.Errorf("%w: %s is about another plan", state.ErrDamaged, name)
	}
	return nil
}

// erase passes the gate, deletes what was proven, looks what is left, and
// certifies.
func (w *work) erase(ctx context.Context) error {
	if err := w.called(ctx, stageErase); err != nil {
		return err
	}
	erasing, err := w.erasing(ctx)
	if err != nil {
		return err
	}
	if err := w.gate(ctx, erasing); err != nil {
		return err
	}
	if !erasing {
		record := gateRecord{Schema: gateSchema, Plan: w.plan.Digest, At: w.Now().UTC().Format(gateTime), Entries: w.result.Entries, Intents: true}
		if err := putJSON(ctx, w.Home, w.name(gateFile), record); err != nil {
			return err
		}
		w.note("gate passed: %d entries verified, source and destination listed afresh", w.result.Entries)
	}
	if err := w.eraseSegments(ctx); err != nil {
		return err
	}
	if err := w.abortUploads(ctx); err != nil {
		return err
	}
	if err := w.remainder(ctx); err != nil {
		return err
	}
	if w.result.SourceEmpty { // a plan that goes on writes histories
		if err := w.suspend(ctx); err != nil {
			return err
		}
	}
	w.result.Erased = true
	// The last act: what the certificate says is there is listed once more.
	w.Progress.Begin("checking destination", w.totals().Entries, 0)
	spoiled, _, err := w.spoiled(ctx, false)
	if err != nil {
		return err
	}
	w.result.Found = w.totals().Entries - spoiled
	if err := w.certify(ctx); err != nil {
		return err
	}
	leftOut := w.leftOut()
	if w.result.SourceEmpty || leftOut { // otherwise the plan goes on
		if err := w.unreserve(ctx); err != nil {
			return err
		}
	}
	if spoiled > 0 {
		return fmt.Errorf("%w: %d of %d entries, found after the source was erased: %w", ErrSpoiledLate, spoiled, w.totals().Entries, ErrVerification)
	}
	if failed := w.result.Erasures[string(receipt.Unerased)]; failed > 0 {
		return partial(failed, w.result.unerasable, "%d entries could not be erased", failed)
	}
	if leftOut {
		return ErrLeftOut
	}
	if !w.result.SourceEmpty {
		return ErrNotEmpty
	}
	return nil
}

func (w *work) eraseSegments(ctx context.Context) error {
	w.Progress.Begin("erasing", w.totals().Entries, 0)
	// Where an earlier run has certified that something was left, no deletion's
	// acknowledgement counts: all are asked for again.
	again, err := w.certified(ctx)
	if err != nil {
		return err
	}
	workers := cmp.Or(w.Workers, DefaultWorkers)
	e := erasing{work: w, again: again, move: -1, brakes: make(map[string]*engine.Brake)}
	for _, m := range w.plan.Moves {
		e.brakes[objectstore.AddressOf(w.source(m))] = engine.NewBrake(workers)
	}
	ctx = objectstore.WithThrottled(ctx, func(address string) {
		if b := e.brakes[address]; b != nil {
			b.Slow()
		}
	})
	for _, s := range w.pass.Segments {
		if s.Move != e.move {
			e.move, e.trial, e.stood, e.refusals = s.Move, trial{}, standing{}, &objectstore.Refusals{}
		}
		if err := e.segment(ctx, s); err != nil {
			return fmt.Errorf("erase segment %d: %w", s.Number, err)
		}
	}
	return nil
}

// chunkEntries is how many entries are erased at a time: as many as the requests
// that an Eraser has under way can name.
const chunkEntries = engine.BatchesAtOnce * engine.Batch

// erasing goes through segments, a chunk at a time.
type erasing struct {
	*work
	again    bool
	move     int                      // that is being erased
	trial    trial                    // of it
	stood    standing                 // of it
	refusals *objectstore.Refusals    // of it
	brakes   map[string]*engine.Brake // by the address of a source

	at      manifest.Segment // the segment that is being erased
	read    int              // of its entries, with the chunk
	chunk   []known
	entries []manifest.Entry // of the chunk, to be erased
	places  []int            // of them, in the chunk
}

// standing says after which deletions of a move its destination was listed and stood.
// What could not be deleted, as under a lock, shows nothing.
type standing struct {
	any  bool
	twin bool // the deletion of an entry whose copy only a replication can have made
}

// segment erases what is left of a segment, and stores what became of each entry.
func (e *erasing) segment(ctx context.Context, s manifest.Segment) error {
	e.at, e.read = s, 0
	t, left, err := e.open(ctx, s)
	if err != nil {
		return err
	}
	defer t.close()
	e.Progress.Entries.Add(int64(s.Entries - left))
	var file *receipt.Writer[receipt.Erasure, *receipt.Erasure] // nil: what is stored stays
	if left > 0 {
		if file, err = receipt.WriteErasures(e.codec, s); err != nil {
			return err
		}
	}
	m := e.plan.Moves[s.Move]
	for more := true; more; {
		if more = e.fill(t); t.err != nil {
			return t.err
		}
		if err := e.flush(ctx, m, file); err != nil {
			return err
		}
	}
	if file == nil {
		return nil
	}
	data, err := file.Close()
	if err != nil {
		return err
	}
	return e.Home.Put(ctx, e.file(s, "erasures"), data)
}

// open begins a segment and counts what is to be erased of it. What there is of
// erasures is read to its end first: nothing is deleted beside a damaged file.
func (e *erasing) open(ctx context.Context, s manifest.Segment) (*trail, int, error) {
	files := withErasures | withIntents
	if e.twins[s.Move] > 0 && !e.stood.twin {
		files |= withReceipts // which tell twins apart
	}
	t, err := e.follow(ctx, s, files)
	if err != nil || t.erasures == nil {
		return t, s.Entries, err
	}
	left, err := unerased(t, e.again)
	t.close()
	if err != nil {
		return nil, 0, err
	}
	t, err = e.follow(ctx, s, files)
	return t, left, err
}

// fill reads the next chunk and reports whether there may be more.
func (e *erasing) fill(t *trail) bool {
	size := chunkEntries
	if e.read == 0 && !e.stood.any {
		size = trialEntries
	}
	e.chunk = slices.Grow(e.chunk[:0], min(size, e.at.Entries-e.read)) // they are large: none is moved as they gather
	for len(e.chunk) < size {
		x := t.next()
		if x == nil {
			return false
		}
		e.chunk = append(e.chunk, *x)
		e.read++
	}
	return true
}

// flush erases a chunk, counts what became of it and, with a file, writes it down.
func (e *erasing) flush(ctx context.Context, m Move, file *receipt.Writer[receipt.Erasure, *receipt.Erasure]) error {
	if err := e.erase(ctx, m); err != nil {
		return err
	}
	for i := range e.chunk {
		e.countErasure(m, &e.chunk[i].erasure)
		if file == nil {
			continue
		}
		if err := file.Add(&e.chunk[i].erasure); err != nil {
			return err
		}
	}
	return nil
}

// unerased counts the entries that are to be erased: with again all.
func unerased(t *trail, again bool) (n int, err error) {
	for x := t.next(); x != nil; x = t.next() {
		if again || !x.erasure.Done() {
			n++
		}
	}
	return n, t.err
}

// erase erases those of a chunk's entries that are to be, and notes what became
// of them. One that was erased earlier and is found gone stays erased.
func (e *erasing) erase(ctx context.Context, m Move) error {
	e.entries, e.places = slices.Grow(e.entries[:0], len(e.chunk)), slices.Grow(e.places[:0], len(e.chunk))
	begun := true
	for i := range e.chunk {
		if e.again || !e.chunk[i].erasure.Done() {
			e.entries, e.places = append(e.entries, e.chunk[i].entry), append(e.places, i)
			begun = begun && e.chunk[i].begun
		}
	}
	if len(e.entries) == 0 {
		return nil
	}
	if e.trial.entries == 0 {
		var err error
		if e.trial, err = e.try(ctx, e.move); err != nil {
			return err
		}
	}
	if !begun {
		if err := e.intend(ctx, e.at, e.read); err != nil {
			return err
		}
	} else if !e.stood.any { // the run that intended it may have come no further
		if err := e.renew(ctx, m.Destination); err != nil {
			return err
		}
	}
	eraser := e.sourceEraser(m)
	eraser.Condition, eraser.Versioning, eraser.Refusals = e.trial.condition, e.trial.versioning, e.refusals
	eraser.Brake = e.brakes[objectstore.AddressOf(e.source(m))]
	for from := 0; from < len(e.entries); {
		to, twins := e.next(m, from)
		erasures, err := eraser.Segment(ctx, e.entries[from:to])
		if err != nil {
			return err
		}
		for j, x := range erasures {
			if old := &e.chunk[e.places[from+j]].erasure; x.Outcome != receipt.Gone || old.Outcome != receipt.Erased {
				*old = x
			}
		}
		if err := e.stand(ctx, e.places[from:to], twins); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// next returns the end of the batch that begins at an entry, and which of it are
// twins where that matters yet. Until the destination has stood, no more is
// deleted than the trial allows, of twins as of anything.
func (e *erasing) next(m Move, from int) (to int, twins []bool) {
	if e.stood.any && (e.stood.twin || e.twins[e.move] == 0) {
		return len(e.entries), nil
	}
	n := 0
	for to = from; to < len(e.entries); to++ {
		is := e.twins[e.move] > 0 && !e.stood.twin && twin(m, &e.chunk[e.places[to]].receipt)
		if is || !e.stood.any {
			if n == e.trial.entries {
				break
			}
			n++
		}
		twins = append(twins, is)
	}
	return to, twins
}

// stand lists the destination after deletions that are the first of their sort.
// An entry that an earlier run has erased and that is gone is one of them.
func (e *erasing) stand(ctx context.Context, places []int, twins []bool) error {
	var fresh standing
	for i := range twins {
		if e.chunk[places[i]].erasure.Outcome == receipt.Erased {
			fresh.any, fresh.twin = true, fresh.twin || twins[i]
		}
	}
	if !fresh.twin && (!fresh.any || e.stood.any) {
		return nil
	}
	if err := e.stay(ctx, e.move, fresh.twin); err != nil {
		return err
	}
	e.stood.any, e.stood.twin = true, e.stood.twin || fresh.twin
	return nil
}

func (w *work) countErasure(m Move, x *receipt.Erasure) {
	if x.Outcome == receipt.Retained {
		at := m.From().String()
		held := w.retained[at]
		held.n++
		if x.Until == nil {
			held.hold = true
		} else if x.Until.After(held.until) {
			held.until = *x.Until
		}
		w.retained[at] = held
	}
	w.result.Erasures[string(x.Outcome)]++
	w.result.Guards[x.Guard]++
	if x.Outcome == receipt.Unerased && x.Lasting {
		w.result.unerasable++
	}
	if !x.Done() {
		w.result.problem(Problem{Location: m.From().String(), Key: x.Key, VersionID: x.VersionID, What: string(x.Outcome), Reason: x.Reason})
	}
}

// retention is what locks keep at one place.
type retention struct {
	n     int64
	until time.Time // the last to end
	hold  bool      // some are under legal hold, or do not say until when
}

// reason says why so many entries are left.
func (r retention) reason(entries, unlistable int64) string {
	var parts []string
	if unlistable > 0 {
		parts = append(parts, unlistableReason(unlistable))
	}
	if r.n > 0 {
		text := fmt.Sprintf("%d retained", r.n)
		if !r.until.IsZero() {
			text += ", the last until " + r.until.Format(time.RFC3339)
		}
		if r.hold {
			text += ", some under legal hold until it is lifted"
		}
		parts = append(parts, text)
	}
	if entries > r.n || r.n+unlistable == 0 {
		parts = append(parts, "written since the last listing, or not erased; see the erasures in the state")
	}
	return strings.Join(parts, "; ")
}

// abortUploads aborts the unfinished uploads that the plan knows.
func (w *work) abortUploads(ctx context.Context) error {
	return w.eachUpload(ctx, func(u Upload) error {
		m := w.plan.Moves[u.Move]
		if err := w.source(m).AbortUpload(ctx, m.Bucket, string(u.Key), u.UploadID); err != nil {
			return fmt.Errorf("abort an unfinished upload in %s: %w", m.From(), err)
		}
		return nil
	})
}

// remainder lists every source once more and records what is left.
func (w *work) remainder(ctx context.Context) error {
	w.Progress.Begin("listing what is left", 0, 0)
	w.result.SourceEmpty = true
	for _, m := range w.plan.Moves {
		left := certificate.Left{Location: m.From().String()}
		versions := objectstore.Listable(w.source(m).Versions(ctx, m.Bucket, m.Prefix, ""), func(objectstore.Version) { left.Unlistable++ })
		for _, err := range versions {
			if err != nil {
				return fmt.Errorf("list %s: %w", m.From(), err)
			}
			left.Entries++
		}
		uploads := objectstore.Listable(w.source(m).Uploads(ctx, m.Bucket, m.Prefix), func(objectstore.Upload) { left.Unlistable++ })
		for _, err := range uploads {
			if err != nil {
				return fmt.Errorf("list unfinished uploads of %s: %w", m.From(), err)
			}
			left.Uploads++
		}
		if left.Entries+left.Uploads+left.Unlistable > 0 {
			w.result.SourceEmpty = false
			left.Reason = w.retained[left.Location].reason(left.Entries+left.Uploads, left.Unlistable)
			w.result.Left = append(w.result.Left, left)
		}
	}
	return nil
}

// suspend gives the destination of a bucket with suspended versioning the same
// state, now that its history is written.
func (w *work) suspend(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		if m.Versioning == objectstore.Suspended && !m.Exists {
			if err := w.destination().SetVersioning(ctx, m.Destination, objectstore.Suspended); err != nil {
				return err
			}
		}
	}
	return nil
}
