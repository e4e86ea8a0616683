package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/planted"
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
}

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
	erasing, err := w.erasing(ctx)
	if err != nil {
		return err
	}
	if err := w.gate(ctx, erasing); err != nil {
		return err
	}
	if !erasing {
		record := gateRecord{Schema: gateSchema, Plan: w.plan.Digest, At: w.Now().UTC().Format("2006-01-02T15:04:05.000Z"), Entries: w.result.Entries}
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
	if err := w.suspend(ctx); err != nil {
		return err
	}
	w.result.Erased = true
	if err := w.certify(ctx); err != nil {
		return err
	}
	if failed := w.result.Erasures[string(receipt.Unerased)]; failed > 0 {
		return fmt.Errorf("%w: %d entries could not be erased", ErrPartial, failed)
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
	conditional := make(map[string]bool) // by endpoint
	for _, s := range w.pass.Segments {
		m := w.plan.Moves[s.Move]
		source := w.source(m)
		r, err := w.load(ctx, s, withErasures)
		if err != nil {
			return err
		}
		todo := unerased(r, again)
		w.Progress.Entries.Add(int64(s.Entries - len(todo)))
		if len(todo) == 0 {
			w.countErasures(m, r.erasures)
			continue
		}
		entries := make([]manifest.Entry, len(todo))
		for j, i := range todo {
			entries[j] = r.entries[i]
		}
		eraser := engine.Eraser{
			Source: source, Bucket: m.Bucket, Versioning: m.Versioning, Workers: cmp.Or(w.Workers, DefaultWorkers),
			Conditional: conditional[source.Endpoint()], Now: w.Now, Progress: w.Progress,
		}
		if _, probed := conditional[source.Endpoint()]; !probed {
			if i := slices.IndexFunc(entries, func(e manifest.Entry) bool { return e.VersionID == objectstore.NullVersion && !e.Marker }); i >= 0 {
				honours, known, err := eraser.Honours(ctx, entries[i])
				if err != nil {
					return err
				}
				if eraser.Conditional = honours; known {
					conditional[source.Endpoint()] = honours
					w.saw(ctx, source.Endpoint(), doctor.ConditionalDeletes, honours)
				}
			}
		}
		erasures, err := eraser.Segment(ctx, entries)
		if err != nil {
			return fmt.Errorf("erase segment %d: %w", s.Number, err)
		}
		erasures = merge(r, todo, erasures)
		data, err := receipt.EncodeErasures(w.codec, s, erasures)
		if err != nil {
			return err
		}
		if err := w.Home.Put(ctx, w.file(s, "erasures"), data); err != nil {
			return err
		}
		w.countErasures(m, erasures)
	}
	return nil
}

// unerased returns the indexes of the entries that are to be erased, or, with
// again, of all.
func unerased(r records, again bool) []int {
	var todo []int
	for i := range r.entries {
		if again || r.erasures == nil || !r.erasures[i].Done() {
			todo = append(todo, i)
		}
	}
	return todo
}

// merge puts erasures at their places among the earlier ones. An entry that was
// erased earlier and is found gone stays erased.
func merge(r records, todo []int, erasures []receipt.Erasure) []receipt.Erasure {
	if r.erasures == nil {
		return erasures // nothing was done earlier, so todo is all
	}
	for j, i := range todo {
		if erasures[j].Outcome != receipt.Gone || r.erasures[i].Outcome != receipt.Erased {
			r.erasures[i] = erasures[j]
		}
	}
	return r.erasures
}

func (w *work) countErasures(m Move, erasures []receipt.Erasure) {
	at := m.From().String()
	for _, x := range erasures {
		if x.Outcome == receipt.Retained {
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
		if !x.Done() {
			w.result.problem(Problem{Location: m.From().String(), Key: x.Key, VersionID: x.VersionID, What: string(x.Outcome), Reason: x.Reason})
		}
	}
}

// retention is what locks keep at one place.
type retention struct {
	n     int64
	until time.Time // the last to end
	hold  bool      // some are under legal hold, or do not say until when
}

// reason says why so many entries are left.
func (r retention) reason(entries int64) string {
	var parts []string
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
	if entries > r.n || r.n == 0 {
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
		for _, err := range w.source(m).Versions(ctx, m.Bucket, m.Prefix, "") {
			if err != nil {
				return fmt.Errorf("list %s: %w", m.From(), err)
			}
			left.Entries++
		}
		for _, err := range w.source(m).Uploads(ctx, m.Bucket, m.Prefix) {
			if err != nil {
				return fmt.Errorf("list unfinished uploads of %s: %w", m.From(), err)
			}
			left.Uploads++
		}
		if left.Entries+left.Uploads > 0 && !planted.On(planted.AssumeEmpty) {
			w.result.SourceEmpty = false
			left.Reason = w.retained[left.Location].reason(left.Entries)
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
