package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

const (
	// GateFile is there once the gate was passed.
	GateFile = "gate.json"
	// ClosingFile is there once an erase has come to its end.
	ClosingFile = "closing.json"
	// GateSchema is of the one.
	GateSchema = "residency/gate/2"
	// ClosingSchema is of the other.
	ClosingSchema = "residency/closing/1"
	// gateSchema1 is of releases that did not write down what the listings showed.
	gateSchema1 = "residency/gate/1"
)

// Gate says that the gate was passed and deletions may have begun, and what the listings of
// both ends showed that were taken for it.
type Gate struct {
	Schema  string `json:"schema"`
	Plan    string `json:"plan_sha256"`
	At      string `json:"at"`
	Pass    int    `json:"pass,omitempty"` // whose manifest the listings were held against
	Entries int64  `json:"entries"`
	// Intents tells that each deletion is written down before it is asked for.
	Intents      bool     `json:"intents"`
	Sources      []Listed `json:"sources,omitempty"`
	Destinations []Listed `json:"destinations,omitempty"`
}

// Closing says what the listings of both ends showed after the last deletion.
type Closing struct {
	Schema       string   `json:"schema"`
	Plan         string   `json:"plan_sha256"`
	At           string   `json:"at"`
	Pass         int      `json:"pass"`
	Sources      []Listed `json:"sources"`
	Destinations []Listed `json:"destinations"`
}

// Listed is what a listing of one location showed. Of a destination, and of a source before
// the first deletion, what it counts is what the manifest has.
type Listed struct {
	Location string `json:"location"`
	Country  string `json:"country"`
	Entries  int64  `json:"entries"`
	Versions int64  `json:"versions"`
	Markers  int64  `json:"delete_markers"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"` // see manifest.Tally
	// Uploads are unfinished; Unlistable are entries and uploads whose keys are not told.
	Uploads    int64 `json:"unfinished_uploads,omitempty"`
	Unlistable int64 `json:"unlistable,omitempty"`
	// Newer are entries besides, of others, and Own those of this program's leases.
	Newer int64 `json:"others,omitempty"`
	// Covered are keys of which one of those is current, and not what was written last.
	Covered int64 `json:"covered_keys,omitempty"`
	Own     int64 `json:"leases,omitempty"`
	// Classes counts copies whose storage class is this one, and their originals' another.
	Classes map[string]int64 `json:"other_storage_class,omitempty"`
	// Kept are entries that were deleted and that the service keeps, KeptBytes their bytes, and
	// KeptUntil when the last of them goes; nil where that is not told of all.
	Kept      int64      `json:"deleted_and_kept,omitempty"`
	KeptBytes int64      `json:"deleted_and_kept_bytes,omitempty"`
	KeptUntil *time.Time `json:"kept_until,omitempty"`
	// Reason is why something is left.
	Reason string `json:"reason,omitempty"`
}

// Of gives a listing its place, and what was counted.
func (l Listed) Of(location, country string, t *manifest.Tally) Listed {
	l.Location, l.Country = location, country
	l.Entries, l.Versions, l.Markers, l.Bytes, l.SHA256 = t.Entries, t.Versions, t.Markers, t.Bytes, t.Digest()
	return l
}

// Left tells whether anything is there.
func (l *Listed) Left() bool { return l.Entries+l.Uploads+l.Unlistable+l.Kept > 0 }

// Remains is what a certificate says of it.
func (l *Listed) Remains() certificate.Left {
	return certificate.Left{Location: l.Location, Entries: l.Entries, Uploads: l.Uploads, Unlistable: l.Unlistable,
		Kept: l.Kept, KeptBytes: l.KeptBytes, KeptUntil: l.KeptUntil, Reason: l.Reason}
}

const gateTime = "2006-01-02T15:04:05.000Z"

// After tells whether the gate was passed after a time, as it may have been where it does not
// say when.
func (g *Gate) After(t time.Time) bool {
	at, err := time.Parse(gateTime, g.At)
	return err != nil || at.After(t)
}

// Gate reads that the gate was passed; nil if it was not.
func (r *Record) Gate(ctx context.Context) (*Gate, error) {
	g := new(Gate)
	err := state.GetJSON(ctx, r.Home, r.Name(GateFile), g)
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	if err == nil && g.Schema == gateSchema1 {
		err = r.belongs(GateFile, g.Schema, gateSchema1, g.Plan)
	} else if err == nil {
		err = r.belongs(GateFile, g.Schema, GateSchema, g.Plan)
	}
	if err == nil && (g.Pass < 0 || g.Pass > len(r.Passes)) {
		err = fmt.Errorf("%w: %s is about pass %d, which there is not", state.ErrDamaged, GateFile, g.Pass)
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Erasing tells whether the gate was passed, so that what is gone at the source
// may have been erased by us.
func (r *Record) Erasing(ctx context.Context) (bool, error) {
	g, err := r.Gate(ctx)
	r.unsaid = g != nil && !g.Intents
	return g != nil, err
}

// SaveGate keeps that the gate was passed: from now on what is gone may be gone by us.
func (r *Record) SaveGate(ctx context.Context, entries int64, now time.Time, sources, destinations []Listed) error {
	return state.PutJSON(ctx, r.Home, r.Name(GateFile), Gate{Schema: GateSchema, Plan: r.Plan.Digest,
		At: now.UTC().Format(gateTime), Pass: r.Pass.Number, Entries: entries, Intents: true, Sources: sources,
		Destinations: destinations})
}

// Closing reads what the last listings showed; nil if no erase has come to its end.
func (r *Record) Closing(ctx context.Context) (*Closing, error) {
	c := new(Closing)
	found, err := r.ReadFile(ctx, ClosingFile, ClosingSchema, c, &c.Schema, &c.Plan)
	if !found || err != nil {
		return nil, err
	}
	if n := len(r.Plan.Moves); len(c.Sources) != n || len(c.Destinations) != n {
		return nil, fmt.Errorf("%w: %s is about another number of locations than the plan", state.ErrDamaged, ClosingFile)
	}
	return c, nil
}

// SaveClosing keeps what the last listings showed.
func (r *Record) SaveClosing(ctx context.Context, now time.Time, sources, destinations []Listed) error {
	return state.PutJSON(ctx, r.Home, r.Name(ClosingFile), Closing{Schema: ClosingSchema, Plan: r.Plan.Digest,
		At: now.UTC().Format(gateTime), Pass: r.Pass.Number, Sources: sources, Destinations: destinations})
}
