package doctor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// line is a store at the end of a line that lets so many bytes pass in a second, each way.
type line struct {
	objectstore.Store
	at       *time.Time
	up, down int64
	puts     []int64
	refuses  error // of reads
}

func (l *line) pass(n, rate int64) {
	*l.at = l.at.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
}

func (l *line) Put(ctx context.Context, o objectstore.NewObject, b objectstore.Body) (objectstore.Written, error) {
	l.puts = append(l.puts, b.Size)
	l.pass(b.Size, l.up)
	return l.Store.Put(ctx, o, b)
}

func (l *line) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	if l.refuses != nil {
		return nil, l.refuses
	}
	o, err := l.Store.Open(ctx, ref, part)
	if err == nil {
		l.pass(o.Size, l.down)
	}
	return o, err
}

const mib = 1 << 20

func TestRate(t *testing.T) {
	tests := []struct {
		name     string
		up, down int64
		refuses  error
		want     *doctor.Rate
		detail   string
	}{
		{"fast", 100 * mib, 50 * mib, nil, &doctor.Rate{Bytes: 4 * mib, Up: 100 * mib, Down: 50 * mib},
			"4194304 bytes: 104.9 MB/s up, 52.4 MB/s down"},
		{"a second's worth", 4 * mib, mib, nil, &doctor.Rate{Bytes: mib, Up: 4 * mib, Down: mib}, "1.0 MB/s down"},
		{"slow", mib / 8, mib, nil, &doctor.Rate{Bytes: mib / 4, Up: mib / 8, Down: mib}, "131 kB/s up"},
		{"not to be read", mib, mib, objectstore.ErrDenied, nil, "not measured: access denied"},
		{"too slow", mib, mib, context.DeadlineExceeded, nil, "not measured: it took more than 3s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			l := &line{at: &now, up: tt.up, down: tt.down, refuses: tt.refuses}
			clock := func() time.Time { return now }
			l.Store = bucket(t, clock)
			d := &doctor.Doctor{Now: clock}
			d.Destination(t.Context(), "cloud", "probed", l)
			check := find(t, d.Checks, doctor.StreamRate)
			if !strings.Contains(check.Detail, tt.detail) {
				t.Errorf("%+v, want %q in it", check, tt.detail)
			}
			switch r := check.Rate; {
			case tt.want == nil:
				if r != nil || check.Outcome != doctor.NotKnown {
					t.Errorf("%+v has a rate", check)
				}
			case r == nil || r.Bytes != tt.want.Bytes || apart(r.Up, tt.want.Up) || apart(r.Down, tt.want.Down):
				t.Errorf("%+v, want %+v", r, *tt.want)
			}
			for v, err := range l.Versions(t.Context(), "probed", "", "") {
				t.Errorf("left behind: %d bytes, %v", v.Size, err)
			}
		})
	}
}

// apart tells whether numbers differ by more than what a clock of nanoseconds leaves open.
func apart(a, b int64) bool { return a > b+b/1000 || a < b-b/1000 }

// Under object lock what is written may have to stay: nothing of that size is.
func TestRateIsNotMeasuredUnderLocks(t *testing.T) {
	l := &line{at: new(time.Time), up: mib, down: mib, Store: bucket(t, time.Now)}
	locked := settings{l, []byte(`{"ObjectLockEnabled": "Enabled"}`), nil}
	denied := settings{l, nil, objectstore.ErrDenied}
	for _, store := range []objectstore.Store{locked, denied} {
		d := &doctor.Doctor{Now: time.Now}
		d.Destination(t.Context(), "cloud", "probed", store)
		if c := find(t, d.Checks, doctor.StreamRate); c.Outcome != doctor.NotKnown || c.Rate != nil {
			t.Errorf("%+v", c)
		}
	}
	for _, size := range l.puts {
		if size > mib/8 {
			t.Errorf("%d bytes were written", size)
		}
	}
}

// settings is a store whose settings are all one.
type settings struct {
	*line
	value []byte
	err   error
}

func (s settings) Setting(context.Context, string, objectstore.Setting) ([]byte, error) {
	return s.value, s.err
}

// bucket is a store with one.
func bucket(t *testing.T, now func() time.Time) objectstore.Store {
	t.Helper()
	store := memstore.New(memstore.Options{Endpoint: "memory", Now: now}).Region("eu-west-1")
	if err := store.CreateBucket(t.Context(), "probed", false); err != nil {
		t.Fatal(err)
	}
	return store
}

func find(t *testing.T, checks []doctor.Check, what string) doctor.Check {
	t.Helper()
	for _, c := range checks {
		if c.What == what {
			return c
		}
	}
	t.Fatalf("no check of %s in %+v", what, checks)
	return doctor.Check{}
}
