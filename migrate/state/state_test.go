package state_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate/state"
)

type line struct {
	Name string `json:"name"`
}

const schema = "test/1"

func encode(t testing.TB, h state.Header, lines ...line) []byte {
	t.Helper()
	h.Schema = schema
	data, err := state.Encode(h, lines)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(data []byte) (lines []line, err error) {
	for l, err := range state.Decode[line]("f", schema, data) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// compress makes a file of any text.
func compress(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err == nil {
		_, err = z.Write([]byte(text))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	data := encode(t, state.Header{Segment: 3, Entries: 2}, line{"a<b>&"}, line{"\u2028"})
	if !bytes.Equal(data, encode(t, state.Header{Segment: 3, Entries: 2}, line{"a<b>&"}, line{"\u2028"})) {
		t.Error("equal input gives different bytes")
	}
	lines, err := decode(data)
	if err != nil || len(lines) != 2 || lines[0].Name != "a<b>&" || lines[1].Name != "\u2028" {
		t.Errorf("lines %q, %v", lines, err)
	}
	h, err := state.DecodeHeader("f", schema, data)
	if err != nil || h.Segment != 3 || h.Entries != 2 {
		t.Errorf("header %+v, %v", h, err)
	}
}

func TestDamage(t *testing.T) {
	good := encode(t, state.Header{Entries: 3}, line{"a"}, line{"b"}, line{"c"})
	head := `{"schema":"test/1","entries":1}` + "\n"
	cases := map[string][]byte{
		"empty":               nil,
		"not compressed":      []byte(head),
		"fewer than it says":  encode(t, state.Header{Entries: 4}, line{"a"}),
		"more than it says":   encode(t, state.Header{Entries: 1}, line{"a"}, line{"b"}),
		"no header":           compress(t, ""),
		"header is no object": compress(t, "[]\n"),
		"another schema":      compress(t, `{"schema":"test/2","entries":0}`),
		"unknown field":       compress(t, head+`{"name":"a","more":1}`),
		"two values":          compress(t, head+`{"name":"a"} {"name":"b"}`),
		"no JSON":             compress(t, head+`name`),
		"huge line":           compress(t, head+`{"name":"`+strings.Repeat("x", 1<<20)+`"}`),
		// zstd frames can follow each other
		"bomb": slices.Concat(compress(t, head), bytes.Repeat(compress(t,
			strings.Repeat(`{"name":"a"}`+strings.Repeat(" ", 60<<10)+"\n", 100)), 45)),
	}
	for i := range len(good) {
		if _, err := decode(good[:i]); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("cut off after %d of %d bytes: %v, want ErrDamaged", i, len(good), err)
		}
	}
	for name, data := range cases {
		if _, err := decode(data); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, state.Header{Entries: 2}, line{"a"}, line{"b"}))
	f.Add(compress(f, `{"schema":"test/1","entries":1}`+"\n"+`{"name":"\ud800"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := decode(data)
		if err != nil && !errors.Is(err, state.ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
		if h, err := state.DecodeHeader("f", schema, data); err == nil && h.Entries < len(lines) {
			t.Errorf("%d lines, the header says %d", len(lines), h.Entries)
		}
	})
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"plan.json": true, "a/b/c.zst": true, "...": true,
		"": false, "/etc/passwd": false, "..": false, "a/../b": false, "a//b": false, "a/.": false, `a\b`: false,
		"c:x": false, "a\x00": false, "a/": false,
	} {
		if err := state.CheckName(name); (err == nil) != ok {
			t.Errorf("CheckName(%q) = %v", name, err)
		}
	}
}

func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "/x", "a/./b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if state.CheckName(name) == nil && !filepath.IsLocal(filepath.FromSlash(name)) {
			t.Errorf("%q leaves the home", name)
		}
	})
}

// homes are a directory and a bucket on a real server.
func homes(t *testing.T) map[string]state.Home {
	t.Helper()
	return map[string]state.Home{
		"directory": state.NewDir(filepath.Join(t.TempDir(), "deep", "state")),
		"bucket": state.NewBucket(newStore(t), objectstore.Location{Provider: "cloud", Bucket: "ci-state",
			Prefix: "residency"}, "me"),
	}
}

func newStore(t *testing.T) *s3store.Store {
	t.Helper()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{"eu-west-1"}})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
		Endpoints: box.Endpoints})
	if err != nil {
		t.Fatal(err)
	}
	store := provider.Region("eu-west-1")
	if err := store.CreateBucket(t.Context(), "ci-state", false); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestHome(t *testing.T) {
	for name, home := range homes(t) {
		t.Run(name, func(t *testing.T) { testHome(t, home) })
	}
}

func testHome(t *testing.T, d state.Home) {
	ctx := t.Context()
	if names, err := d.List(ctx, ""); err != nil || len(names) > 0 {
		t.Errorf("before the first write: %q, %v", names, err)
	}
	if _, err := d.Get(ctx, "p/plan.json"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	for _, name := range []string{"p/plan.json", "p/receipts/1", "q/plan.json"} {
		if err := d.PutIfAbsent(ctx, name, []byte("one")); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.PutIfAbsent(ctx, "p/plan.json", []byte("two")); !errors.Is(err, state.ErrExists) {
		t.Errorf("PutIfAbsent over a file = %v, want ErrExists", err)
	}
	if data, err := d.Get(ctx, "p/plan.json"); err != nil || string(data) != "one" {
		t.Errorf("Get = %q, %v", data, err)
	}
	if err := d.Put(ctx, "p/plan.json", []byte("two")); err != nil {
		t.Fatal(err)
	}
	if data, err := d.Get(ctx, "p/plan.json"); err != nil || string(data) != "two" {
		t.Errorf("Get after Put = %q, %v", data, err)
	}
	if err := d.Put(ctx, "../outside", nil); err == nil {
		t.Error("wrote outside of its directory")
	}
	for _, name := range []string{"p/journal/1", "p/journal/10", "p/journal/2"} {
		if err := d.Put(ctx, name, []byte("one")); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Remove(ctx, "p/journal/1", "p/journal/2", "p/journal/never"); err != nil {
		t.Error(err)
	}
	if data, err := d.Get(ctx, "p/journal/10"); err != nil || string(data) != "one" {
		t.Errorf("Get of one that was not removed = %q, %v", data, err)
	}
	if err := d.Remove(ctx, "p/journal/10"); err != nil {
		t.Error(err)
	}
	if err := d.Remove(ctx); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
	names, err := d.List(ctx, "p/")
	if err != nil || strings.Join(names, " ") != "p/plan.json p/receipts/1" {
		t.Errorf("List = %q, %v", names, err)
	}
}

// A state that cannot be written to is said so, and by what it was.
func TestDirUnwritable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := state.NewDir(path).Put(t.Context(), "plan.json", nil)
	if err == nil || !strings.Contains(err.Error(), "write state: ") || !strings.Contains(err.Error(), path) {
		t.Errorf("Put = %v", err)
	}
}

func TestLease(t *testing.T) {
	for name, home := range homes(t) {
		t.Run(name, func(t *testing.T) { testLease(t, home) })
	}
}

func testLease(t *testing.T, d state.Home) {
	leased, release, err := d.Lease(context.Background(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Lease(t.Context(), "p"); !errors.Is(err, state.ErrLeased) {
		t.Errorf("a second lease: %v, want ErrLeased", err)
	}
	_, other, err := d.Lease(t.Context(), "q")
	if err != nil {
		t.Errorf("a lease of another plan: %v", err)
	} else if err := other(); err != nil {
		t.Error(err)
	}
	if leased.Err() != nil {
		t.Errorf("the lease ended: %v", leased.Err())
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if leased.Err() == nil {
		t.Error("released, and still held")
	}
	if _, release, err = d.Lease(t.Context(), "p"); err != nil {
		t.Errorf("a lease after the release: %v", err)
	} else if err := release(); err != nil {
		t.Error(err)
	}
}

// clock is time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

// waiter is what waits by a test's command only.
type waiter struct {
	waits chan struct{}  // receives as it begins to wait
	ticks chan time.Time // ends the wait
}

func newWaiter() *waiter {
	return &waiter{waits: make(chan struct{}, 100), ticks: make(chan time.Time)}
}

func (w *waiter) after(time.Duration) <-chan time.Time {
	w.waits <- struct{}{}
	return w.ticks
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// clockedStore dates objects and answers by a test's clock, as seen from the
// server, which can be off from those of its clients.
type clockedStore struct {
	*s3store.Store
	clock *clock
	mu    sync.Mutex
	puts  map[string]time.Time
}

func (s *clockedStore) Put(
	ctx context.Context, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Written, error) {
	w, err := s.Store.Put(ctx, o, body)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.puts[o.Key] = s.clock.Now().Truncate(time.Second)
	}
	return w, err
}

func (s *clockedStore) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	o, err := s.Store.Open(ctx, ref, part)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		o.Modified, o.Answered = s.puts[ref.Key], s.clock.Now().Truncate(time.Second)
	}
	return o, err
}

// A lease in a bucket outlives its holder's death by its term, is renewed while
// the holder lives, and is lost by one that stood still.
func TestBucketLease(t *testing.T) {
	c := newClock()
	store := &clockedStore{Store: newStore(t), clock: c, puts: map[string]time.Time{}}
	firstWaits := newWaiter()
	open := func(holder string, w *waiter) *state.Bucket {
		b := state.NewBucket(store, objectstore.Location{Provider: "cloud", Bucket: "ci-state"}, holder)
		b.Now, b.After = c.Now, w.after
		return b
	}
	first, second := open("first", firstWaits), open("second", newWaiter())
	leased, release, err := first.Lease(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	<-firstWaits.waits
	c.advance(25 * time.Second)
	firstWaits.ticks <- c.Now() // renewed at 25 s, until 55 s
	<-firstWaits.waits
	c.advance(29 * time.Second)
	if _, _, err := second.Lease(t.Context(), "p"); !errors.Is(err, state.ErrLeased) || !strings.Contains(err.Error(),
		"first, until 2026-01-01T00:01:05Z") {
		t.Errorf("54 s after: %v, want ErrLeased by first until 00:01:05", err)
	}
	// Somebody whose clock is an hour ahead is not deceived by it.
	ahead := open("ahead", newWaiter())
	ahead.Now = func() time.Time { return c.Now().Add(time.Hour) }
	if _, _, err := ahead.Lease(t.Context(), "p"); !errors.Is(err, state.ErrLeased) {
		t.Errorf("54 s after, with a clock an hour ahead: %v, want ErrLeased", err)
	}
	if err := first.Put(leased, "p/receipts", []byte("in time")); err != nil {
		t.Error(err)
	}
	// The first is frozen beyond its term; the second takes over.
	c.advance(12 * time.Second)
	// Awake, the first writes nothing, even before its timer has told it.
	if err := first.Put(leased, "p/receipts", []byte("too late")); !errors.Is(err, state.ErrLeaseLost) {
		t.Errorf("a write after the term: %v, want ErrLeaseLost", err)
	}
	if err := first.PutIfAbsent(leased, "p/other", nil); !errors.Is(err, state.ErrLeaseLost) && !errors.Is(err,
		context.Canceled) {
		t.Errorf("another write after the term: %v, want ErrLeaseLost", err)
	}
	_, releaseSecond, err := second.Lease(t.Context(), "p")
	if err != nil {
		t.Fatalf("66 s after: %v", err)
	}
	if data, err := second.Get(t.Context(), "p/receipts"); err != nil || string(data) != "in time" {
		t.Errorf("the state has %q, %v", data, err)
	}
	<-leased.Done()
	if cause := context.Cause(leased); !errors.Is(cause, state.ErrLeaseLost) {
		t.Errorf("the frozen run's context ended by %v, want ErrLeaseLost", cause)
	}
	if err := release(); !errors.Is(err, state.ErrLeaseLost) {
		t.Errorf("release of a lost lease: %v", err)
	}
	if err := releaseSecond(); err != nil {
		t.Errorf("release: %v", err)
	}
	// What was given back is free at once.
	_, release, err = first.Lease(t.Context(), "p")
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// A file made line by line says the same, is cut off nowhere without notice, and
// what one file leaves in a Codec is not seen in the next.
func TestCodec(t *testing.T) {
	codec := new(state.Codec)
	file := func(names ...string) []byte {
		w, err := state.NewWriter(codec)
		for i := range names {
			if err == nil {
				err = w.Add(&line{names[i]})
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := w.Close(state.Header{Schema: schema, Segment: 3})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	read := func(data []byte) (names []string, err error) {
		l, err := state.Open[line](codec, "f", schema, data)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		for {
			var x line
			more, err := l.Next(&x)
			if err != nil || !more {
				return names, err
			}
			names = append(names, x.Name)
		}
	}
	data := file("a", "b", strings.Repeat("c", 50<<10))
	if !bytes.Equal(data, file("a", "b", strings.Repeat("c", 50<<10))) {
		t.Error("equal input gives different bytes")
	}
	for i := range len(data) {
		if _, err := read(data[:i]); !errors.Is(err, state.ErrDamaged) {
			t.Errorf("cut off after %d of %d bytes: %v, want ErrDamaged", i, len(data), err)
		}
		if h, err := state.DecodeHeaderBy(codec, "f", schema, data); err != nil || h.Segment != 3 || h.Entries != 3 {
			t.Fatalf("header %+v, %v", h, err)
		}
		if names, err := read(data); err != nil || len(names) != 3 || names[0] != "a" || names[1] != "b" {
			t.Fatalf("after a damaged file: %q, %v", names, err)
		}
	}
	if names, err := read(file()); err != nil || len(names) != 0 {
		t.Errorf("an empty file has %q, %v", names, err)
	}
	if lines, err := decode(data); err != nil || len(lines) != 3 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}
