package receipt_test

import (
	"errors"
	"testing"
	"time"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

var (
	segment = manifest.Segment{Number: 3, Move: 1, Entries: 2, Digest: state.Digest([]byte("manifest"))}
	entries = []manifest.Entry{{Key: "a", VersionID: "1", Size: 5, ETag: "e"}, {Key: "a", VersionID: "2", Marker: true}}
)

func sound() []receipt.Receipt {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []receipt.Receipt{
		{Key: "a", VersionID: "1", Size: 5, Verdict: receipt.Verified, Method: receipt.SHA256, DestinationVersionID: "x",
			DestinationETag: "e", At: at},
		{Key: "a", VersionID: "2", Marker: true, Verdict: receipt.Verified, Method: receipt.Marker, DestinationVersionID: "y",
			At: at},
	}
}

// Receipts that no run writes, or that are about something else, are refused.
func TestHostileReceipts(t *testing.T) {
	encode := func(s manifest.Segment, h state.Header, lines []receipt.Receipt) []byte {
		t.Helper()
		h.Schema, h.Segment, h.Move, h.Entries = receipt.Schema, s.Number, s.Move, len(lines)
		if h.Of == "" {
			h.Of = s.Digest
		}
		if h.Counts == nil {
			h.Counts = receipt.Counts(lines)
		}
		data, err := state.Encode(h, lines)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if r, err := receipt.Decode(nil, segment, entries, encode(segment, state.Header{}, sound())); err != nil ||
		len(r) != 2 {
		t.Fatalf("sound receipts: %v", err)
	}
	other := segment
	other.Number = 4
	elsewhere := segment
	elsewhere.Move = 0
	with := func(change func([]receipt.Receipt)) []byte {
		r := sound()
		change(r)
		return encode(segment, state.Header{}, r)
	}
	for name, data := range map[string][]byte{
		"of another manifest":       encode(segment, state.Header{Of: state.Digest([]byte("another"))}, sound()),
		"within, and summed here":   with(func(r []receipt.Receipt) { r[0].Within, r[0].SHA256 = true, "ab" }),
		"of another segment":        encode(other, state.Header{}, sound()),
		"of another move":           encode(elsewhere, state.Header{}, sound()),
		"with counts that are lies": encode(segment, state.Header{Counts: map[string]int{"verified": 3}}, sound()),
		"one too few":               encode(segment, state.Header{}, sound()[:1]),
		"one too many":              encode(segment, state.Header{}, append(sound(), sound()[1])),
		"of another key":            with(func(r []receipt.Receipt) { r[0].Key = "b" }),
		"of another version":        with(func(r []receipt.Receipt) { r[0].VersionID = "9" }),
		"of another size":           with(func(r []receipt.Receipt) { r[0].Size = 6 }),
		"a marker for a version":    with(func(r []receipt.Receipt) { r[0].Marker = true }),
		"in another order":          with(func(r []receipt.Receipt) { r[0], r[1] = r[1], r[0] }),
		"an unknown verdict":        with(func(r []receipt.Receipt) { r[0].Verdict = "fine" }),
		"verified by nothing":       with(func(r []receipt.Receipt) { r[0].Method = "" }),
		"verified by a belief":      with(func(r []receipt.Receipt) { r[0].Method = "size" }),
		"verified as a marker":      with(func(r []receipt.Receipt) { r[0].Method = receipt.Marker }),
		"verified nowhere":          with(func(r []receipt.Receipt) { r[0].DestinationVersionID = "" }),
	} {
		if _, err := receipt.Decode(nil, segment, entries, data); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
}

func TestHostileErasures(t *testing.T) {
	good := []receipt.Erasure{{Key: "a", VersionID: "1", Outcome: receipt.Erased},
		{Key: "a", VersionID: "2", Outcome: receipt.Gone}}
	encode := func(s manifest.Segment, x ...receipt.Erasure) []byte {
		data, err := receipt.EncodeErasures(nil, s, x)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if _, err := receipt.DecodeErasures(nil, segment, entries, encode(segment, good...)); err != nil {
		t.Fatal(err)
	}
	other := segment
	other.Digest = state.Digest(nil)
	lie := good[0]
	lie.Outcome = "evaporated"
	for name, data := range map[string][]byte{
		"of another manifest": encode(other, good...),
		"one too few":         encode(segment, good[0]),
		"in another order":    encode(segment, good[1], good[0]),
		"an unknown outcome":  encode(segment, lie, good[1]),
	} {
		if _, err := receipt.DecodeErasures(nil, segment, entries, data); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
}

// What is taken is about the manifest's entries and counts what it says.
func FuzzReceipts(f *testing.F) {
	data, err := receipt.Encode(nil, segment, sound())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	erasures, err := receipt.EncodeErasures(nil, segment,
		[]receipt.Erasure{{Key: "a", VersionID: "1", Outcome: receipt.Erased}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(erasures)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := receipt.Decode(nil, segment, entries, data)
		if err != nil && !errors.Is(err, state.ErrDamaged) || err == nil && len(r) != len(entries) {
			t.Errorf("%d receipts, %v", len(r), err)
		}
		x, err := receipt.DecodeErasures(nil, segment, entries, data)
		if err != nil && !errors.Is(err, state.ErrDamaged) || err == nil && len(x) != len(entries) {
			t.Errorf("%d erasures, %v", len(x), err)
		}
	})
}
