package simulation

import (
	"fmt"
	"strings"
	"time"
)

// decide is asked before each request: people may act, time passes, and the
// request may go wrong. It returns false if the world ends here.
func (w *world) decide(r *request) bool {
	if w.oracle.violation != nil {
		w.crash()
		return false
	}
	w.step++
	w.repeat()
	w.meanwhile(r.process)
	if w.options.latency > 0 {
		time.Sleep(time.Duration(w.dice.below(w.options.latency+1)) * time.Millisecond)
	}
	if w.severed == r.process {
		time.Sleep(time.Duration(w.fate.below(4000)) * time.Millisecond)
	}
	r.fault = w.fault(r)
	for _, c := range []byte(r.name) {
		w.print = (w.print ^ uint64(c)) * 1099511628211
	}
	w.print = (w.print ^ uint64(r.fault)) * 1099511628211
	who := ""
	if len(w.crew) > 1 {
		who = fmt.Sprintf("[%d] ", r.process.number)
	}
	if r.fault == none {
		w.say("%s%s", who, r.name)
	} else {
		w.say("%s%s: %s", who, r.name, r.fault)
	}
	if w.step > maxSteps {
		w.oracle.violate("liveness", "no end after %d requests", w.step)
		w.crash()
		return false
	}
	return true
}

// maxSteps is far more than any world needs.
const maxSteps = 60_000

// meanwhile lets people act at both ends.
func (w *world) meanwhile(p *process) {
	if !w.started {
		return
	}
	d := w.dice
	rate := w.options.writeRate
	phase := p.phase()
	critical := phase == "erasing" || phase == "checking source"
	if critical {
		rate *= 5 // short, and where it matters
	}
	if phase == "erasing" && w.options.overwrites && w.overwritten < 4 && w.fate.one(0.15) {
		w.overwritten++
		time.Sleep(time.Millisecond)
		w.overwrite(pick(w.fate, w.places...).bucket)
	}
	if w.writes < w.options.writes && d.one(rate) {
		w.writes++
		time.Sleep(time.Millisecond) // the clock tells two null versions apart
		if bucket := pick(d, w.places...).bucket; !critical || d.one(0.5) || !w.replace(bucket) {
			w.edit(bucket)
		}
	}
	if w.meddled < w.options.meddles && w.fate.one(0.01) {
		w.meddle()
	}
	rate = 0.03
	if w.options.blinds {
		rate = 0.15
	}
	if w.veils < w.options.veils && !w.hidden && (!w.options.blinds || phase == "copying") && w.veil.one(rate) {
		w.veils++
		w.hide(true)
	}
	if phase == "erasing" && w.bars < w.options.bars && !w.barred && w.bar.one(0.2) {
		w.bars++
		w.denyDeletions(true)
	}
	if w.barings < w.options.barings && w.loss.one(0.01) {
		w.bares()
	}
	if w.retracted < w.options.retracts && w.whim.one(0.02) {
		w.retract()
	}
	foreignRate := 0.02
	if phase == "copying" {
		foreignRate = 0.12 // where somebody can come between a look and a write
	}
	if w.foreign < w.options.foreign && d.one(foreignRate) {
		w.intrude(pick(d, w.places...))
	}
}

// fault decides what goes wrong with a request.
func (w *world) fault(r *request) fault {
	d := w.dice
	if r.process.dead || r.kind == kindQueue {
		return none
	}
	if r.process.crashNext {
		r.process.crashNext = false
		return crashBefore
	}
	if w.severed == r.process && r.bucket == stateBucket {
		w.cut++
		return refused
	}
	if w.unavailable(r) {
		return pick(d, refused, slowDown)
	}
	if w.options.stumbles && w.stumbled < 2 && r.stumbles(w.stumbled) && w.habit.one(0.4) {
		w.stumbled++
		w.crashes++
		return crashBefore
	}
	if w.options.relapse && w.relapses < 2 && r.process.erased && w.fate.one(0.25) {
		w.relapses++
		w.crashes++
		w.relapsed = true
		return pick(w.fate, crashBefore, crashAfter)
	}
	if w.options.blinds && w.hidden && w.blinded < 3 && r.kind != kindRead && strings.Contains(r.name, "/journal") &&
		w.veil.one(0.5) {
		w.blinded++
		w.crashes++
		return pick(w.veil, crashBefore, crashAfter, crashAfter, crashAfter)
	}
	if w.crashes < w.options.crashes && d.one(0.03) {
		w.crashes++
		return pick(d, crashBefore, crashAfter, crashBefore, crashAfter, interrupted)
	}
	if w.faults >= w.options.faults {
		return none
	}
	f := none
	switch {
	case r.kind == kindWrite && r.bucket != stateBucket && w.mishap.one(0.005):
		f = stripped // one among ten that a write meets, and most meet none
	case d.one(w.options.faultRate):
		f = pick(d, possible(r.kind)...)
	case w.options.undeletes && r.deletes() && !own(r.name) && w.fate.one(0.3):
		f = notDone
	default:
		return none
	}
	if !w.demandable(r, f) {
		f = refused
	}
	if f == notDone && r.deletes() {
		f = undeleted // the source is listed afterwards, and all is asked for again
	}
	w.faults++
	if !f.heals() {
		w.lasting[f] = true
	}
	return f
}

// stumbles tells whether a process is to end before this, the first time or the
// second.
func (r *request) stumbles(times int) bool {
	if times == 0 {
		return r.kind == kindDisk && strings.HasPrefix(r.name, "sync directory") && strings.HasSuffix(r.name, "/receipts")
	}
	return r.process.erased
}

// deletes tells whether the request deletes at the source.
func (r *request) deletes() bool {
	return (r.kind == kindDelete || r.kind == kindErase) && strings.HasPrefix(r.name, source)
}

// outage is a time during which one end answers nothing.
type outage struct {
	side  string
	until int // step
}

// unavailable tells whether a request falls into an outage, and may begin one.
func (w *world) unavailable(r *request) bool {
	d := w.dice
	if r.kind == kindDisk {
		return false
	}
	if w.outages < w.options.outages && d.one(0.01) {
		w.outages++
		w.outage = outage{pick(d, source, destination), w.step + d.between(5, 60)}
		w.say("  the %s answers nothing for %d requests", w.outage.side, w.outage.until-w.step)
	}
	return w.step < w.outage.until && strings.HasPrefix(r.name, w.outage.side)
}

// demandable tells whether the design says that such a fault is noticed.
func (w *world) demandable(r *request, f fault) bool {
	switch f {
	case notDone, stripped, flipped, hole, disordered:
		if r.bucket == stateBucket || r.lease() {
			return false // what the state's own store says is believed, and what it says of leases
		}
	}
	switch f {
	case flipped:
		// Where the source has nothing to hold its bytes against, or the
		// destination does not look, the way is trusted to TLS.
		s, t := w.options.source, w.options.destination
		return r.kind != kindRead || !s.OpaqueETags || !s.NoChecksums && !s.NoDefaultChecksum && !t.NoChecksums
	case hole:
		// One listing alone says what is left in the end.
		phase, _ := r.process.phase().(string)
		return phase != "listing what is left"
	}
	return true
}
