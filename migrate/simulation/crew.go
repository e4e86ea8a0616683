package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/state"
)

// command starts a process, gives it a command and waits for its end, and for
// that of the one that was started beside it. What it returns is the last word
// of those that were not kept away by the lease.
func (w *world) command(op *operator, do func(context.Context, *process) error) error {
	w.crew, w.done, w.began = nil, make(chan struct{}), w.Now()
	w.beganAt, w.fencedFirst = w.step, op.fenced()
	w.process = w.start(op, do)
	w.scheduler.before = func() { w.company(op, do) }
	if !w.scheduler.drive(w.done, w.dice, w.decide) {
		if w.oracle.violation == nil {
			w.oracle.violate("liveness", "the process stands still for good")
		}
		w.crash()
		w.scheduler.before = func() {}
		w.scheduler.drive(w.done, w.dice, func(*request) bool { return true })
		return w.oracle.violation
	}
	w.oracle.actor = nil
	dead := false
	for _, p := range w.crew {
		if p.dead {
			dead, p.err = true, errDead
		}
		if p.operator == op && (!w.process.counts() || p.counts()) {
			w.process = p
		}
	}
	if dead {
		w.disk.crash(w.dice.one(0.5), w.dice)
	}
	return w.process.err
}

// counts tells whether what a process ended with says something of the
// migration.
func (p *process) counts() bool {
	return !p.dead && !errors.Is(p.err, state.ErrLeased) && !errors.Is(p.err, state.ErrLeaseLost)
}

func (w *world) start(op *operator, do func(context.Context, *process) error) *process {
	ctx, cancel := context.WithCancel(context.Background())
	w.processes++
	w.severed = nil
	p := &process{world: w, operator: op, number: w.processes, step: w.step, cancel: cancel, over: ctx.Done(),
		looked: make(map[string]int), tagged: make(map[string]int), uploadsSeen: make(map[string]int),
		progress: &progress.Progress{}}
	w.crew = append(w.crew, p)
	w.running.Add(1)
	go func() {
		defer cancel()
		p.err = do(ctx, p)
		p.ended = true
		if w.running.Add(-1) == 0 {
			close(w.done)
		}
		w.scheduler.nudge()
	}()
	return p
}

// crash ends all that run.
func (w *world) crash() {
	for _, p := range w.crew {
		p.crash()
	}
}

// company: a process may be frozen, until it wakes, and another may be started
// on the same plan while it runs or stands still.
func (w *world) company(op *operator, do func(context.Context, *process) error) {
	first := w.crew[0]
	if first.frozen {
		if w.step >= first.thaws || w.running.Load() == 1 {
			w.say("process %d wakes", first.number)
			first.frozen = false
		}
		return
	}
	w.sever(op, do)
	rate := 0.02
	if w.step-first.step < 8 {
		rate = 0.1 // while both may find a lease that has ended
	}
	if len(w.crew) > 1 || op.plan == nil || w.seconds == w.options.seconds || !w.luck.one(rate) {
		return
	}
	w.seconds++
	if !first.dead && w.luck.one(0.7) {
		first.frozen, first.thaws = true, w.step+w.luck.below(400)
		still := pick(w.luck, time.Second, 15*time.Second, 35*time.Second, 45*time.Second, 45*time.Second, 3*time.Minute)
		w.say("process %d stands still for %v and more", first.number, still)
		time.Sleep(still)
		if w.Settle(); w.running.Load() == 0 {
			return // what it waited for came to it
		}
		if w.luck.one(0.1) {
			w.say("process %d wakes", first.number)
			first.frozen = false
			return
		}
	}
	w.say("process %d is started beside it", w.start(op, do).number)
	w.Settle()
}

// sever: a process loses sight of its state, and of nothing else, for longer than
// its lease lasts, while it goes on working; then another takes over.
func (w *world) sever(op *operator, do func(context.Context, *process) error) {
	first := w.crew[0]
	switch {
	case w.severed == nil && len(w.crew) == 1 && w.severs < w.options.severs && op.plan != nil && !first.dead &&
		w.fate.one(0.01):
		w.severs++
		w.severed, w.severedAt = first, w.Now()
		w.say("process %d does not reach its state any more", first.number)
	case w.severed == first && len(w.crew) == 1 && w.Now().Sub(w.severedAt) > 45*time.Second:
		w.say("process %d is started beside it", w.start(op, do).number)
		w.severed, w.severedAt = first, w.Now()
		w.Settle()
	case w.severed == first && len(w.crew) > 1 && w.Now().Sub(w.severedAt) > 2*time.Minute:
		w.say("process %d reaches its state again", first.number)
		w.severed = nil
	}
}
