package azurestore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// TestMemo loads when there is nothing, when it no longer holds and when it is to be forgotten, and
// remembers no failure.
func TestMemo(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	m, loaded := newMemo[int](), 0
	for _, test := range []struct {
		later  time.Duration
		forget bool
		fails  error
		want   int
	}{
		{fails: errors.New("no"), want: 1}, {want: 2}, {later: 59 * time.Second, want: 2}, {later: 2 * time.Second, want: 3},
		{forget: true, fails: errors.New("no"), want: 4}, {want: 5}, {want: 5},
	} {
		if now = now.Add(test.later); test.forget {
			m.forget()
		}
		got, err := m.get(t.Context(), func() time.Time { return now }, func() (int, time.Duration, error) {
			loaded++
			return loaded, time.Minute, test.fails
		})
		if got != test.want && err == nil || !errors.Is(err, test.fails) || loaded != test.want {
			t.Errorf("%+v: %d, %v, loaded %d times", test, got, err, loaded)
		}
	}
	for _, at := range []struct {
		since time.Duration
		want  int
	}{{-time.Second, 5}, {0, 5}, {time.Second, 6}} {
		later := func() time.Time { return now.Add(2 * time.Second) }
		got, err := m.get(objectstore.WithSince(t.Context(), now.Add(at.since)), later,
			func() (int, time.Duration, error) {
				loaded++
				return loaded, time.Minute, nil
			})
		if got != at.want || err != nil {
			t.Errorf("not from before %s: %d, %v, want %d", at.since, got, err, at.want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	m.turn <- struct{}{}
	if _, err := m.get(ended, time.Now, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("behind somebody else, when the context has ended: %v", err)
	}
}
