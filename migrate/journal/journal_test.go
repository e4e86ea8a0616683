package journal_test

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/migrate/journal"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// home counts what is asked of a state in memory.
type home struct {
	mu      sync.Mutex
	files   map[string][]byte
	puts    []time.Time
	removed int
	fail    error
}

func newHome() *home { return &home{files: make(map[string][]byte)} }

func (h *home) Get(_ context.Context, name string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.files[name], nil
}

func (h *home) Put(_ context.Context, name string, data []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return h.fail
	}
	h.files[name] = data
	h.puts = append(h.puts, time.Now())
	return nil
}

func (h *home) Remove(_ context.Context, names ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		delete(h.files, name)
		h.removed++
	}
	return nil
}

func (h *home) written() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.puts)
}

func (h *home) names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.files))
}

func open(t *testing.T, h *home) *journal.Writer {
	t.Helper()
	return journal.NewWriter(t.Context(), journal.Options{
		Home: h, Dir: "p/journal/", Run: "run", Of: "plan", Codec: new(state.Codec), After: time.After,
		Note: func(format string, args ...any) { t.Errorf(format, args...) },
	})
}

func verdict(i int) *receipt.Receipt {
	return &receipt.Receipt{Key: "k", VersionID: fmt.Sprint(i), Size: 10, Verdict: receipt.Verified,
		Method: receipt.SHA256, DestinationVersionID: "d",
		DestinationETag: fmt.Sprintf("%x", md5.Sum(fmt.Append(nil, i))),
		At:              time.Unix(int64(i), 0).UTC()}
}

// lines reads all that a journal has.
func lines(t *testing.T, h *home, of string) (all []journal.Line) {
	t.Helper()
	for l, err := range journal.Read(t.Context(), h, nil, of, h.names()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *l)
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What was added is durable a second later, in one request a second but for the
// first, in few parts, and void parts go.
func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome()
		w := open(t, h)
		const each, seconds = 50, 40
		begun := time.Now()
		for second := range seconds {
			for i := range each {
				must(t, w.Verdict(t.Context(), 1+second/10, i, "basis", verdict(second*each+i)))
				time.Sleep(time.Second / each)
			}
			if n := len(lines(t, h, "plan")); n < second*each {
				t.Fatalf("after %d s %d lines are durable, want %d at least", second+1, n, second*each)
			}
		}
		if n, most := h.written(), 2+int(time.Since(begun)/journal.Interval); n > most {
			t.Errorf("%d puts in %s, want %d at most", n, time.Since(begun), most)
		}
		time.Sleep(journal.Interval)
		all := lines(t, h, "plan")
		for i, l := range all {
			want := journal.Line{Segment: 1 + i/each/10, Entry: i % each, Basis: "basis", Receipt: verdict(i)}
			if d := cmp.Diff(want, l); d != "" {
				t.Fatalf("line %d (-want +got):\n%s", i, d)
			}
		}
		if n := len(h.names()); len(all) != each*seconds || n < 2 || n > 8 {
			t.Errorf("%d lines in %d parts", len(all), n)
		}
		for s := range 3 {
			w.Settled(1 + s)
		}
		must(t, w.Close(t.Context()))
		all = lines(t, h, "plan")
		if !slices.ContainsFunc(all, func(l journal.Line) bool { return l.Segment == 4 && l.Entry == each-1 }) ||
			len(all) == each*seconds {
			t.Errorf("of %d lines %d are left, and those of the segment that is not settled must be", each*seconds,
				len(all))
		}
	})
}

// Uploads are durable when Begun returns, much data is durable at once, and of
// what is settled before its second is over nothing is written.
func TestWriterHurries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome()
		w := open(t, h)
		begun := time.Now()
		u := journal.Upload{Move: 1, Key: "caf\u00e9\xff", VersionID: "null", ID: "up", Shape: "00"}
		must(t, w.Begun(t.Context(), "b", u, true))
		if got := lines(t, h, "plan"); len(got) != 1 || got[0].Upload == nil || *got[0].Upload != u {
			t.Errorf("after Begun there is %+v", got)
		}
		large := verdict(1)
		large.Size = 64 << 20
		must(t, w.Verdict(t.Context(), 2, 0, "b", large))
		synctest.Wait()
		if got := lines(t, h, "plan"); len(got) != 2 || time.Since(begun) > 0 {
			t.Errorf("%d lines after %s, want 2 at once", len(got), time.Since(begun))
		}
		must(t, w.Verdict(t.Context(), 3, 0, "b", verdict(2)))
		w.Settled(3)
		time.Sleep(2 * journal.Interval)
		if got := lines(t, h, "plan"); len(got) != 2 {
			t.Errorf("%d lines, one of them of what was settled at once", len(got))
		}
		for i := range 20_000 { // more than are held
			must(t, w.Verdict(t.Context(), 4, i, "b", verdict(i)))
		}
		if n := len(lines(t, h, "plan")); n < 10_000 {
			t.Errorf("%d lines are durable while 20,000 are added at once", n)
		}
		for i := range 5 {
			w.Settled(i)
		}
		w.Ended(u.Name())
		must(t, w.Close(t.Context()))
		if names := h.names(); len(names) > 0 {
			t.Errorf("left behind: %q", names)
		}
	})
}

// A state that cannot be written to ends the run, by its own words.
func TestWriterFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome()
		h.fail = errors.New("no space left")
		w := open(t, h)
		if err := w.Begun(t.Context(), "b", journal.Upload{Key: "k", ID: "up"}, true); !errors.Is(err, h.fail) {
			t.Errorf("Begun = %v, want %v", err, h.fail)
		}
		if err := w.Verdict(t.Context(), 1, 0, "b", verdict(1)); !errors.Is(err, h.fail) {
			t.Errorf("Verdict = %v, want %v", err, h.fail)
		}
		if err := w.Close(t.Context()); !errors.Is(err, h.fail) {
			t.Errorf("Close = %v, want %v", err, h.fail)
		}
	})
}

// Nothing becomes durable before Before has said so, of the segments that it is about.
func TestWriterAsksBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome()
		var asked [][]int
		var refuse error
		w := journal.NewWriter(t.Context(), journal.Options{Home: h, Dir: "p/journal/", Run: "run", Of: "plan",
			After: time.After, Before: func(_ context.Context, segments []int) error {
				asked = append(asked, segments)
				if n := len(h.names()); n > 0 && len(asked) == 1 {
					t.Errorf("%d parts before anything was asked", n)
				}
				return refuse
			}})
		must(t, w.Verdict(t.Context(), 7, 0, "b", verdict(1)))
		must(t, w.Verdict(t.Context(), 3, 0, "b", verdict(2)))
		must(t, w.Begun(t.Context(), "b", journal.Upload{Key: "k", ID: "up"}, true))
		if n := len(lines(t, h, "plan")); n != 3 || len(asked) != 1 || !slices.Equal(asked[0], []int{3, 7}) {
			t.Errorf("%d lines, asked of %v; want 3, of segments 3 and 7", n, asked)
		}
		refuse = errors.New("not yet")
		must(t, w.Verdict(t.Context(), 3, 1, "b", verdict(3)))
		if err := w.Close(t.Context()); !errors.Is(err, refuse) {
			t.Errorf("Close = %v, want %v", err, refuse)
		}
		if n := len(lines(t, h, "plan")); n != 3 {
			t.Errorf("%d lines, want the 3 that were durable", n)
		}
	})
}

// A context that has ended ends all waiting; what still matters is made durable
// under Close's.
func TestWriterIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome()
		ctx, cancel := context.WithCancel(t.Context())
		w := journal.NewWriter(ctx,
			journal.Options{Home: h, Dir: "p/journal/", Run: "run", Of: "plan", After: time.After})
		must(t, w.Begun(ctx, "b", journal.Upload{Key: "k", ID: "up"}, false))
		cancel()
		if err := w.Begun(ctx, "b", journal.Upload{Key: "l", ID: "up"}, true); err == nil {
			t.Error("Begun waited for what will not be")
		}
		must(t, w.Close(t.Context()))
		if n := len(lines(t, h, "plan")); n != 2 {
			t.Errorf("%d uploads are known, want 2", n)
		}
	})
}

func part(t testing.TB, of string, n int, text string) []byte {
	t.Helper()
	packed, err := state.Pack(nil, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	data, err := state.Bind(nil, state.Header{Schema: journal.Schema, Of: of, Entries: n}, packed)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const sound = `{"segment":1,"entry":3,"basis_sha256":"b","receipt":{"key":"k","version_id":"3","size":10,"verdict":"verified","method":"sha256","destination_version_id":"d","at":"2026-01-02T03:04:05Z"}}` + "\n"

func TestHostileJournal(t *testing.T) {
	h := newHome()
	h.files["good"] = part(t, "plan", 1, sound)
	if n := len(lines(t, h, "plan")); n != 1 {
		t.Fatalf("%d lines", n)
	}
	for name, data := range map[string][]byte{
		"of another plan": part(t, "other", 1, sound),
		"cut off":         h.files["good"][:len(h.files["good"])-3],
		"not all there":   part(t, "plan", 2, sound),
		"nothing said":    part(t, "plan", 1, `{"segment":1,"basis_sha256":"b"}`),
		"two things at once": part(t, "plan", 1, strings.Replace(sound, "}}",
			`},"upload":{"move":0,"key":"k","version_id":"","upload_id":"u","shape_sha256":""}}`, 1)),
		"of no segment":    part(t, "plan", 1, strings.Replace(sound, `"segment":1,`, "", 1)),
		"before the first": part(t, "plan", 1, strings.Replace(sound, `"entry":3`, `"entry":-3`, 1)),
		"without a basis":  part(t, "plan", 1, strings.Replace(sound, `"b"`, `""`, 1)),
		"an upload of no key": part(t, "plan", 1,
			`{"basis_sha256":"b","upload":{"move":0,"key":"","version_id":"v","upload_id":"u","shape_sha256":""}}`),
		"an unknown field": part(t, "plan", 1, strings.Replace(sound, `"entry"`, `"entrance"`, 1)),
	} {
		h.files = map[string][]byte{"part": data}
		var last error
		for _, err := range journal.Read(t.Context(), h, nil, "plan", []string{"part"}) {
			last = err
		}
		if !errors.Is(last, state.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, last)
		}
	}
}

// Whatever a part holds, reading it ends in lines that say one thing, or in
// ErrDamaged.
func FuzzRead(f *testing.F) {
	f.Add(part(f, "plan", 1, sound))
	f.Add(part(f, "plan", 1,
		`{"basis_sha256":"b","upload":{"move":0,"key":{"base64":"/w=="},"version_id":"v","upload_id":"u","shape_sha256":""}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := newHome()
		h.files["part"] = data
		for l, err := range journal.Read(t.Context(), h, nil, "plan", []string{"part"}) {
			switch {
			case err != nil && !errors.Is(err, state.ErrDamaged):
				t.Errorf("%v, want ErrDamaged", err)
			case err == nil && (l.Receipt == nil) == (l.Upload == nil):
				t.Errorf("%+v", l)
			}
		}
	})
}

// A line is written as encoding/json would, and read as it was.
func FuzzLine(f *testing.F) {
	f.Add(1, 3, "b", "k", int64(1_700_000_000_123_000_000))
	f.Add(1, 0, "<&>", "caf\u00e9\xff", int64(0))
	f.Fuzz(func(t *testing.T, segment, entry int, basis, key string, at int64) {
		r := verdict(1)
		r.VersionID, r.At = key, time.Unix(0, at).UTC()
		l := journal.Line{Segment: segment, Entry: entry, Basis: basis, Receipt: r}
		got, ok := l.AppendJSON([]byte("before"))
		if !ok {
			if string(got) != "before" {
				t.Errorf("left to encoding/json, and appended %q", got)
			}
			return
		}
		want, err := json.Marshal(&l)
		if err != nil || string(got) != "before"+string(want) {
			t.Errorf("%s, want %s: %v", got, want, err)
		}
	})
}

// BenchmarkVerdict is what a verdict costs, what makes it durable included: a
// share of the time that copying an object takes, by what it is multiplied with.
func BenchmarkVerdict(b *testing.B) {
	home := state.NewDir(b.TempDir())
	w := journal.NewWriter(b.Context(), journal.Options{Home: home, Dir: "p/journal/", Run: "run", Of: "plan",
		Codec: new(state.Codec), After: time.After})
	r := verdict(1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.DestinationETag = fmt.Sprintf("%032x", i*0x9e3779b97f4a7c1)
		if err := w.Verdict(b.Context(), 1+i/1000, i%1000, "basis", r); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 {
			w.Settled(1 + i/1000)
		}
	}
	if err := w.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
