package plan

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// sound is a plan as a planner would make it, with two moves of two segments.
func sound() *Plan {
	p := &Plan{
		Schema: Schema, Customer: "acme", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Verify: "auto",
		Destination: Region{Provider: "cloud", Code: "eu-west-1", Country: "IE"},
		Parity:      []Parity{}, Blockers: []Issue{}, Warnings: []Issue{}, Exposures: []inventory.Exposure{},
	}
	digest := strings.Repeat("ab", 32)
	for i, bucket := range []string{"first", "second"} {
		totals := Totals{Entries: 5, Versions: 4, Markers: 1, Bytes: 30}
		p.Moves = append(p.Moves, Move{
			Source: Region{Provider: "cloud", Code: "us-east-1", Country: "US"}, Bucket: bucket, Prefix: "p/",
			Versioning: objectstore.Enabled, Destination: bucket + "-eu", Way: Streamed, Totals: totals,
		})
		p.Totals.Add(totals)
		p.Segments = append(p.Segments,
			manifest.Segment{Number: 2*i + 1, Move: i, Entries: 3, Bytes: 10, FirstKey: "p/a", LastKey: "p/f", Digest: digest},
			manifest.Segment{Number: 2*i + 2, Move: i, Entries: 2, Bytes: 20, FirstKey: "p/g", LastKey: "p/z", Digest: digest})
	}
	return p
}

func encoded(t testing.TB, p *Plan) []byte {
	t.Helper()
	home := state.NewDir(t.TempDir())
	if err := p.Save(context.Background(), home); err != nil {
		t.Fatal(err)
	}
	data, err := home.Get(context.Background(), p.ID+"/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustSeal(t testing.TB, p *Plan) *Plan {
	t.Helper()
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

// Whoever can write a plan can compute its digest. What no planner makes is
// refused all the same.
func TestHostilePlans(t *testing.T) {
	good := mustSeal(t, sound())
	if p, err := parsePlan(good.ID, encoded(t, good)); err != nil || p.Digest != good.Digest {
		t.Fatalf("a sound plan: %v", err)
	}
	for name, change := range map[string]func(*Plan){
		"another schema":              func(p *Plan) { p.Schema = "residency/plan/2" },
		"negative bytes":              func(p *Plan) { p.Segments[0].Bytes, p.Segments[1].Bytes = -10, 40 },
		"negative entries":            func(p *Plan) { p.Segments[0].Entries, p.Segments[1].Entries = -1, 6 },
		"negative totals":             func(p *Plan) { p.Moves[0].Totals.Uploads, p.Totals.Uploads = -1, -1 },
		"totals that do not add up":   func(p *Plan) { p.Totals.Entries++ },
		"versions that do not add up": func(p *Plan) { p.Moves[0].Totals.Versions++; p.Totals.Versions++ },
		"a segment left out":          func(p *Plan) { p.Segments = p.Segments[:3] },
		"segments overlap":            func(p *Plan) { p.Segments[1].FirstKey = "p/f" },
		"segments out of order":       func(p *Plan) { p.Segments[0], p.Segments[1] = p.Segments[1], p.Segments[0] },
		"moves out of order":          func(p *Plan) { p.Segments[1].Move, p.Segments[2].Move = 1, 0 },
		"keys out of order":           func(p *Plan) { p.Segments[1].LastKey = "p/a" },
		"keys of another move":        func(p *Plan) { p.Segments[1].LastKey = "q" },
		"a number twice":              func(p *Plan) { p.Segments[1].Number = 1 },
		"no such move":                func(p *Plan) { p.Segments[3].Move = 7 },
		"a negative move":             func(p *Plan) { p.Segments[0].Move = -1 },
		"no digest":                   func(p *Plan) { p.Segments[0].Digest = "../../x" },
		"a customer that is a path":   func(p *Plan) { p.Customer = "../../etc" },
		"a region that is a path":     func(p *Plan) { p.Destination.Code = "../x" },
		"a bucket that is a path":     func(p *Plan) { p.Moves[0].Destination = "../other" },
		"a source that is a path":     func(p *Plan) { p.Moves[0].Bucket = "a/b" },
		"into itself": func(p *Plan) {
			p.Moves[0].Source, p.Moves[0].Destination = p.Destination,
				p.Moves[0].Bucket
		},
		"two moves of one source": func(p *Plan) { p.Moves[1].Bucket = "first" },
		"two moves to one place":  func(p *Plan) { p.Moves[1].Destination = "first-eu" },
		"an unknown way":          func(p *Plan) { p.Moves[0].Way = "teleport" },
		"more passes than there is": func(p *Plan) {
			p.Moves[0].Way, p.Moves[0].Through = Mixed, Through{Versions: 5, Bytes: 1}
		},
		"more bytes pass than there are": func(p *Plan) {
			p.Moves[0].Way, p.Moves[0].Through = Mixed, Through{Versions: 1, Bytes: 31}
		},
		"fewer than none pass": func(p *Plan) {
			p.Moves[0].Way, p.Moves[0].Through = Mixed, Through{Versions: -1}
		},
		"some of all that is streamed passes": func(p *Plan) { p.Moves[0].Through = Through{Versions: 1, Bytes: 1} },
		"an unknown versioning":               func(p *Plan) { p.Moves[0].Versioning = "x" },
		"an unknown verification":             func(p *Plan) { p.Verify = "size" },
		"uploads without a digest":            func(p *Plan) { p.Uploads = &Uploads{Entries: 1} },
		"what it held, of no segment":         func(p *Plan) { p.HeldIn = []int{9} },
	} {
		p := sound()
		change(p)
		mustSeal(t, p)
		if err := state.CheckName(p.ID); err != nil {
			continue // it cannot even be written
		}
		if _, err := parsePlan(p.ID, encoded(t, p)); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
	text := string(encoded(t, good))
	for name, bad := range map[string]string{
		"empty":            "",
		"cut off":          text[:len(text)/2],
		"something behind": text + "{}",
		"a field twice": strings.Replace(text, `"customer": "acme",`,
			"\"customer\": \"globex\",\n  \"customer\": \"acme\",", 1),
		"a field in another case": strings.Replace(text, `"customer"`, `"CUSTOMER"`, 1),
		"an unknown field":        strings.Replace(text, "{\n", "{\n  \"note\": 1,\n", 1),
		"another number":          strings.Replace(text, `"entries": 10`, `"entries": 11`, 1),
		"a number too large":      strings.Replace(text, `"entries": 10`, `"entries": 1e99`, 1),
		"deep":                    strings.Repeat("[", 1<<20),
		"deep objects":            strings.Repeat(`{"moves":`, 1<<18),
		"another digest":          strings.Replace(text, good.Digest, strings.Repeat("0", 64), 1),
	} {
		if bad == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := parsePlan(good.ID, []byte(bad)); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
	if _, err := parsePlan("globex-eu-west-1-"+good.Digest[:12], []byte(text)); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("under another ID: %v, want ErrDamaged", err)
	}
}

func FuzzPlan(f *testing.F) {
	good := mustSeal(f, sound())
	f.Add(encoded(f, good))
	f.Add([]byte(`{"schema":"residency/plan/1","moves":[{}],"segments":[{"move":-1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePlan(good.ID, data)
		if err != nil {
			if !errors.Is(err, state.ErrDamaged) {
				t.Errorf("%v, want ErrDamaged", err)
			}
			return
		}
		if p.ID != good.ID || p.Digest[:12] != good.Digest[:12] {
			t.Errorf("took plan %s for %s", p.ID, good.ID)
		}
	})
}

func FuzzUploads(f *testing.F) {
	p := sound()
	add := func(lines ...Upload) {
		data, err := state.Encode(state.Header{Schema: uploadsSchema, Entries: len(lines)}, lines)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	add(Upload{Move: 1, Key: "p/k", UploadID: "id"})
	add(Upload{Move: -1, Key: "p/k", UploadID: "id"})
	f.Fuzz(func(t *testing.T, data []byte) {
		list := &Uploads{Digest: state.Digest(data)}
		err := DecodeUploads(p, list, data, func(u Upload) error {
			if u.Move < 0 || u.Move >= len(p.Moves) {
				t.Errorf("move %d", u.Move)
			}
			return nil
		})
		if err != nil && !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
	})
}
