package migrate_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
)

// fickle is a destination that takes so many more writes of a key, and its delete marker or not.
type fickle struct {
	losing
	writes  *atomic.Int64
	markers *bool
}

func (d fickle) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	if o.Key == "key" {
		if d.writes.Add(-1) < 0 {
			return objectstore.Written{}, objectstore.ErrDenied
		}
	}
	return d.losing.Put(ctx, o, body)
}

func (d fickle) PutMarker(ctx context.Context, bucket, key string) (objectstore.Written, error) {
	if !*d.markers {
		return objectstore.Written{}, objectstore.ErrDenied
	}
	return d.losing.PutMarker(ctx, bucket, key)
}

// PutMarkerOn implements objectstore.MarkerGuard, as the store beneath does.
func (d fickle) PutMarkerOn(
	ctx context.Context, bucket, key string, current objectstore.Guard,
) (objectstore.Written, error) {
	if !*d.markers {
		return objectstore.Written{}, objectstore.ErrDenied
	}
	return d.Store.PutMarkerOn(ctx, bucket, key, current)
}

// covering is a plan whose key has a version at the destination already, where nothing becomes current by
// itself.
type covering struct {
	*again
	bucket  string
	writes  atomic.Int64
	markers bool
}

func newCovering(t *testing.T) *covering {
	c := &covering{again: newAgain(t), bucket: "bucket-" + eu, markers: true}
	c.writes.Store(100)
	c.to.Traits.TrailingMarkers, c.to.Traits.ComparesVersions = true, true
	to := c.to.Region(eu)
	must(t, to.CreateBucket(t.Context(), c.bucket, false))
	must(t, to.SetVersioning(t.Context(), c.bucket, objectstore.Enabled))
	_, err := to.Put(t.Context(), objectstore.NewObject{Bucket: c.bucket, Key: "key"},
		objectstore.Body{Reader: strings.NewReader("key"), Size: 3})
	must(t, err)
	c.put("other")
	return c
}

func (c *covering) runner() *migrate.Runner {
	r := c.again.runner()
	r.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	r.Stores = func(provider, region string) objectstore.Store {
		s := c.stores(provider, region)
		if l, ok := s.(losing); ok {
			return fickle{l, &c.writes, &c.markers}
		}
		return s
	}
	return r
}

// run copies what can be copied.
func (c *covering) run() {
	_, _ = c.runner().Run(c.t.Context(), c.plan, migrate.Options{KeepSource: true, Passes: 1})
}

// deleteNewest has the key's owner delete its newest version at the source.
func (c *covering) deleteNewest() {
	history := c.from.History("bucket", "key")
	c.delete("key", history[len(history)-1].ID)
}

// runKeepingNewest runs while the newest copy cannot be removed.
func (c *covering) runKeepingNewest() {
	copies := c.to.History(c.bucket, "key")
	c.keep = copies[len(copies)-1].ID
	c.run()
	c.keep = ""
}

// looks is what there is of the key at the destination, oldest first.
func (c *covering) looks() string {
	var b strings.Builder
	for _, v := range c.to.History(c.bucket, "key") {
		b.WriteString(map[bool]string{false: "v", true: "m"}[v.Marker])
	}
	return b.String()
}

// Whatever has become of a plan: its abort hides nothing that was found at the destination, or says so.
func TestAbortAfterWhateverHappened(t *testing.T) {
	for _, tt := range []struct {
		name   string
		happen func(c *covering)
		looks  string // afterwards
		hidden int64
	}{
		{"the newest version was not copied", func(c *covering) {
			c.writes.Store(1)
			c.run()
		}, "vv", 0},
		{"the marker on top was not written", func(c *covering) {
			_, err := c.from.Region(us).PutMarker(t.Context(), "bucket", "key")
			must(t, err)
			c.make()
			c.markers = false
			c.run()
		}, "vvv", 0},
		{"an outdated copy was not removed", func(c *covering) {
			c.run()
			c.deleteNewest()
			c.runKeepingNewest()
		}, "vv", 0},
		{"outdated copies were removed, and not yet copied anew", func(c *covering) {
			c.run()
			c.deleteNewest()
			c.writes.Store(0)
			c.run()
		}, "vm", 1},
		{"all of the key has gone, and its copies not yet", func(c *covering) {
			c.run()
			for range 3 {
				c.deleteNewest()
			}
			c.runKeepingNewest()
		}, "vv", 0},
		{"all of the key has gone, and its copies too", func(c *covering) {
			c.run()
			for range 3 {
				c.deleteNewest()
			}
			c.run()
		}, "vm", 1},
		{"what had been found is the newest again", func(c *covering) {
			c.run()
			c.deleteNewest()
			c.deleteNewest()
			c.run()
		}, "vvv", 0},
		{"an abort could not remove all", func(c *covering) {
			_, err := c.from.Region(us).PutMarker(t.Context(), "bucket", "key")
			must(t, err)
			c.make()
			c.run()
			c.keep = c.to.History(c.bucket, "other")[0].ID
			if u, err := c.runner().Abort(t.Context(), c.plan); err == nil || u.Hidden != 1 || u.Left != 1 {
				t.Errorf("first abort: %v, %+v", err, u)
			}
			c.keep = ""
		}, "vm", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCovering(t)
			c.make()
			tt.happen(c)
			u, err := c.runner().Abort(t.Context(), c.plan)
			if u == nil || u.Hidden != tt.hidden || errors.Is(err, migrate.ErrLookDeleted) != (tt.hidden > 0) {
				t.Fatalf("abort: %v, %+v; want %d hidden", err, u, tt.hidden)
			}
			_, err = c.to.Region(eu).Stat(t.Context(), objectstore.Ref{Bucket: c.bucket, Key: "key"}, 0)
			if got := c.looks(); got != tt.looks || (err == nil) != (tt.hidden == 0) {
				t.Errorf("%q at the destination, want %q; read: %v", got, tt.looks, err)
			}
		})
	}
}

// A run does not remove the copies above what was found at the destination, where the key would look deleted, and the
// source shows it. It names them as often as it is run, also where they have the same bytes, and removes them once
// something is to be written above.
func TestRunHidesNothing(t *testing.T) {
	for _, content := range []string{"another", "key"} {
		c := newCovering(t)
		from, to := c.from.Region(us), c.to.Region(eu)
		write := func(content string) {
			_, err := from.Put(t.Context(), objectstore.NewObject{Bucket: "bucket", Key: "key"},
				objectstore.Body{Reader: strings.NewReader(content), Size: int64(len(content))})
			must(t, err)
		}
		write(content)
		c.make()
		c.run()
		for range 3 {
			c.deleteNewest()
		}
		for range 2 {
			r, err := c.runner().Run(t.Context(), c.plan, migrate.Options{Passes: 2})
			const why = "an outdated copy stays: without it the key would look deleted"
			if !errors.Is(err, migrate.ErrPartial) || len(r.Problems) != 3 || !strings.Contains(r.Problems[0].Reason, why) {
				t.Errorf("%s: %v, problems %v; want three: %s", content, err, r.Problems, why)
			}
			if _, err := to.Stat(t.Context(), objectstore.Ref{Bucket: c.bucket, Key: "key"}, 0); err != nil ||
				c.looks() != "vvvv" {
				t.Errorf("%s: %q at the destination, want all four versions; read: %v", content, c.looks(), err)
			}
		}
		if kept := c.from.History("bucket", "key"); len(kept) != 1 {
			t.Errorf("%s: the source has %d versions, want 1", content, len(kept))
		}
		write("one more")
		r, err := c.runner().Run(t.Context(), c.plan, migrate.Options{Passes: 2})
		if err != nil || c.looks() != "vv" || r.Outdated != 3 {
			t.Errorf("%s: %v, %q at the destination, want two versions\n%s", content, err, c.looks(), problems(r))
		}
	}
}

// A service that is too busy for deletions, and for nothing else, ends a run soon.
func TestBusyForDeletions(t *testing.T) {
	a := newAgain(t)
	var n atomic.Int64
	waited := time.Duration(0)
	r := a.runner()
	r.Stores = func(provider, region string) objectstore.Store {
		if s, ok := a.stores(provider, region).(losing); ok {
			return overloaded{s, &n}
		}
		return a.stores(provider, region)
	}
	r.Sleep = func(ctx context.Context, d time.Duration) error {
		waited += d
		return ctx.Err()
	}
	_, err := r.Run(t.Context(), a.plan, migrate.Options{KeepSource: true})
	const named = ": a probe stays: remove the probe .resid"
	if !errors.Is(err, objectstore.ErrPassing) || !strings.Contains(err.Error(), named) || n.Load() > 10 ||
		waited > 30*time.Second {
		t.Errorf("%v, after %d deletions and waits of %s", err, n.Load(), waited)
	}
}

type overloaded struct {
	losing
	n *atomic.Int64
}

func (o overloaded) Delete(context.Context, string, []objectstore.Deletion) ([]error, error) {
	o.n.Add(1)
	return nil, objectstore.ErrPassing
}
