package simulation

import (
	"errors"
	"time"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/state"
)

// Outcome is what a seed came to.
type Outcome struct {
	End       error // what the last command returned
	Violation *Violation
	Runs      int
	Steps     int
	Print     uint64 // equal for equal courses of events
}

const maxRuns = 60

// Run carries a seed through: the same command again and again, as an operator
// or a CI job gives it, until the migration has ended one way or the other. With
// several operators it is now one's turn and now another's.
func Run(c Config) Outcome {
	w := newWorld(c)
	w.say("%+v", w.options)
	out := Outcome{}
	for out.Runs < maxRuns*len(w.operators) && w.oracle.violation == nil {
		next := w.next()
		if next == nil {
			break
		}
		w.operator = next
		out.Runs++
		next.turn()
		out.End = next.end
	}
	for _, op := range w.operators {
		if w.oracle.violation == nil && !op.ended {
			w.oracle.violate("liveness", "no end after %d commands: %v", out.Runs, op.end)
		}
	}
	out.Violation, out.Steps, out.Print = w.oracle.violation, w.step, w.print
	return out
}

// next is the operator whose turn it is, nil if all have come to an end.
func (w *world) next() *operator {
	var able []*operator
	for _, op := range w.operators {
		if !op.ended {
			able = append(able, op)
		}
	}
	switch {
	case len(able) == 0:
		return nil
	case len(able) == 1:
		return able[0]
	case !w.operator.ended && w.fate.one(0.4):
		return w.operator
	}
	return pick(w.fate, able...)
}

// turn is one command, and the time until the next.
func (w *operator) turn() {
	w.turns++
	faults := w.troubles()
	w.hesitates = w.aborts < w.options.aborts && w.luck.one(0.5) || w.keeps && len(w.operators) > 1 && w.fate.one(0.5)
	w.end = w.command(w, w.migrate)
	w.say("operator %d: %v", w.number, w.end)
	w.oracle.honest()
	if w.end == nil || w.oracle.violation != nil {
		w.finish()
		return
	}
	if errors.Is(w.end, errHesitates) || faults != w.troubles() || w.hidden || w.barred || w.step < w.outage.until ||
		Class(w.end) != Class(w.before) || errors.Is(w.end, state.ErrLeased) || errors.Is(w.end, state.ErrLeaseLost) {
		w.calm = 0
	}
	if w.calm++; w.calm >= 3 {
		w.finish() // nothing goes wrong any more, and it says the same again
		return
	}
	w.before = w.end
	if errors.Is(w.end, migrate.ErrDrift) || errors.Is(w.end, migrate.ErrChanged) ||
		errors.Is(w.end, migrate.ErrNotEmpty) && w.plan != nil && !w.anyErased() || errors.Is(w.end, migrate.ErrBlocked) &&
		w.contended() {
		w.plan = nil // plan again
	}
	if errors.Is(w.end, migrate.ErrNotCopied) {
		w.copied = "" // receipts were taken back, or a pass has begun
	}
	w.betweenRuns(w.end)
	if w.plan != nil && (errors.Is(w.end, migrate.ErrAborting) || w.aborts < w.options.aborts && w.luck.one(0.6)) {
		w.giveUp()
		w.before, w.calm = nil, 0
	}
	if w.waits(w.end) {
		w.before, w.calm = nil, 0
	}
}

// finish ends the operator's migration and judges its end.
func (w *operator) finish() {
	w.ended = true
	if w.oracle.violation == nil {
		w.judgeEnd(w.end)
	}
}

// troubles counts what went wrong or came between.
func (w *world) troubles() int {
	return w.faults + w.crashes + w.outages + w.seconds + w.severs + w.cut + w.veils + w.bars
}

// betweenRuns is the time between two commands.
func (w *operator) betweenRuns(end error) {
	w.outage.until -= 20 // outages end, too, while nobody asks
	if errors.Is(end, state.ErrLeased) {
		time.Sleep(10 * time.Minute)
	}
	if w.options.losesState && !w.options.bucketState && !w.anyErased() {
		w.options.losesState = false
		w.say("the state is lost altogether")
		w.lost = true
		w.plan, w.disk = nil, newDisk()
		must(w.disk.mkdir("/home"))
		must(w.disk.syncDir("/"))
	}
	w.comesBack()
	if w.relapsed && w.options.vanishes && w.vanished == "" && w.bar.one(0.8) {
		w.vanish()
	}
	if w.relapsed && w.fate.one(0.7) {
		w.relapsed = false
		w.writes++
		time.Sleep(time.Millisecond) // the clock tells two null versions apart
		w.edit(pick(w.fate, w.places...).bucket)
	}
	if w.meddled < w.options.meddles && w.fate.one(0.5) {
		w.meddle()
	}
	if w.barings < w.options.barings && w.loss.one(0.7) {
		w.bares()
	}
	if w.retracted < w.options.retracts && w.whim.one(0.7) {
		w.retract()
	}
	if w.hidden && w.veil.one(0.6) {
		w.hide(false)
	}
	if w.barred && w.bar.one(0.6) {
		w.denyDeletions(false)
	}
	w.link()
}

// anyErased tells whether the plan has erased anything.
func (w *operator) anyErased() bool {
	for _, records := range w.oracle.source {
		for _, r := range records {
			if r.erased && (r.by == w.author() || w.plan == nil) {
				return true
			}
		}
	}
	return false
}
