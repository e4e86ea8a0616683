package objectstore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(WithStop(t.Context()))
		left := func() time.Duration {
			stopping, done := Stopping(ctx)
			defer done()
			if err := stopping.Err(); err != nil {
				return 0
			}
			until, ok := stopping.Deadline()
			if !ok {
				t.Fatal("no bound")
			}
			return time.Until(until)
		}
		if d := left(); d != StopTime {
			t.Errorf("while it goes on: %s, want %s", d, StopTime)
		}
		time.Sleep(time.Second)
		if d := left(); d != StopTime {
			t.Errorf("later, while it goes on: %s, want %s", d, StopTime)
		}
		end()
		if d := left(); d != StopTime {
			t.Errorf("the first after the end: %s, want %s", d, StopTime)
		}
		time.Sleep(StopTime - time.Second)
		if d := left(); d != time.Second {
			t.Errorf("another after the end: %s, want what is left of the time, 1s", d)
		}
		time.Sleep(time.Second)
		if d := left(); d != 0 {
			t.Errorf("after that: %s, want none", d)
		}
	})
}
