package migrate_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

var errKilled = errors.New("this process has been killed")

// mortalHome is a state as a process sees it that can be killed: afterwards it
// writes nothing any more.
type mortalHome struct {
	state.Home
	dead atomic.Bool
	puts atomic.Int64
	// durable, if it is there, is told of each part of the journal that is written.
	durable chan struct{}
}

func (h *mortalHome) Put(ctx context.Context, name string, data []byte) error {
	if h.dead.Load() {
		return errKilled
	}
	h.puts.Add(1)
	err := h.Home.Put(ctx, name, data)
	if h.durable != nil && strings.Contains(name, "/journal/") {
		h.durable <- struct{}{}
	}
	return err
}

func (h *mortalHome) PutIfAbsent(ctx context.Context, name string, data []byte) error {
	if h.dead.Load() {
		return errKilled
	}
	return h.Home.PutIfAbsent(ctx, name, data)
}

func (h *mortalHome) Remove(ctx context.Context, names ...string) error {
	if h.dead.Load() {
		return errKilled
	}
	return h.Home.Remove(ctx, names...)
}

// mortalRun is a run that can be killed, and whose seconds a test tells.
type mortalRun struct {
	*fixture
	home    *mortalHome
	seconds chan time.Time
	kill    context.CancelFunc
	ctx     context.Context
	fault   func(storetest.Request) storetest.Fault // while it lives
	workers int                                     // default: the fixture's
	erases  bool                                    // it runs the erase of a plan that was copied
}

func (f *fixture) mortal() *mortalRun {
	f.t.Helper()
	m := &mortalRun{fixture: f, home: &mortalHome{Home: f.home}, seconds: make(chan time.Time)}
	m.ctx, m.kill = context.WithCancel(f.t.Context())
	return m
}

// second lets a second go by for the next that waits for one: it is much longer
// than what is done at its end.
func (m *mortalRun) second() {
	select {
	case m.seconds <- time.Now():
	case <-m.ctx.Done():
	}
}

// die ends the process as SIGKILL does: it asks for nothing more.
func (m *mortalRun) die() {
	m.home.dead.Store(true)
	m.kill()
}

// run runs the plan. Each is told of each request, before it is answered, until
// the process is killed.
func (m *mortalRun) run(p *plan.Plan, each func(storetest.Request)) (*migrate.Result, error) {
	m.t.Helper()
	fault := func(r storetest.Request) storetest.Fault {
		if !m.home.dead.Load() && each != nil {
			each(r)
		}
		if !m.home.dead.Load() && m.fault != nil {
			return m.fault(r)
		}
		return storetest.Fault{Reset: m.home.dead.Load()}
	}
	m.from.SetFault(fault)
	m.to.SetFault(fault)
	r := m.runner()
	r.Home, r.Workers = m.home, cmp.Or(m.workers, r.Workers)
	r.After = func(d time.Duration) <-chan time.Time {
		if d == 0 {
			return time.After(0)
		}
		return m.seconds
	}
	run := r.Run
	if m.erases {
		run = func(ctx context.Context, p *plan.Plan, _ migrate.Options) (*migrate.Result, error) {
			return r.Erase(ctx, p)
		}
	}
	result, err := run(m.ctx, p, migrate.Options{})
	m.from.SetFault(nil)
	m.to.SetFault(nil)
	return result, err
}

func (f *fixture) requests() (n int) {
	for _, p := range []*storetest.Proxy{f.from, f.to} {
		for _, count := range p.Counts() {
			n += count
		}
		p.Reset()
	}
	return n
}

// A run that is killed at half, and the run after it, ask for little more than
// one that is not: what was proven until a second before is not proven again.
func TestResumeRequests(t *testing.T) {
	const n = 1000
	const second = 16 // objects
	f := newFixture(t, true)
	f.fill(n, 500)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.requests()
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
	whole := f.requests()

	g := newFixture(t, true)
	g.fill(n, 500)
	before = g.snapshot(us, g.bucket)
	p = g.plan("auto")
	g.requests()
	first := g.mortal()
	first.workers = 1 // so that nothing else is copied while a second ends
	first.home.durable = make(chan struct{}, 1)
	var puts atomic.Int64
	_, err := first.run(p, func(r storetest.Request) {
		if r.Operation != "PutObject" {
			return
		}
		switch k := puts.Add(1); {
		case k == n/2:
			first.die()
		case k%second == 0:
			first.second()
			<-first.home.durable
		}
	})
	if err == nil || puts.Load() < n/2 {
		t.Fatalf("%d puts, %v; want it killed", puts.Load(), err)
	}
	killed := g.requests()
	r, err := g.mortal().run(p, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	g.moved(before)
	resumed := g.requests()
	share := float64(killed+resumed) / float64(whole)
	t.Logf("%d requests of a run that is not killed; %d of one killed at half and %d of the next: %.3f times as many; "+
		"%d entries were found", whole, killed, resumed, share, r.Held)
	if share > 1.1 {
		t.Errorf("%.3f times the requests, want 1.1 at most", share)
	}
	if names, err := g.home.List(t.Context(), p.ID+"/journal/"); err != nil || len(names) > 0 {
		t.Errorf("left of the journal: %q, %v", names, err)
	}
}
