// Package progress counts what a run has done, for whoever shows it.
package progress

import "sync/atomic"

// Progress counts what a run has done. Its zero value works; its counters are
// safe for concurrent use.
type Progress struct {
	// Phased, if set, is called as each phase begins and, before its counters
	// are reset, as it ends. Set it before the run.
	Phased func(ended bool)

	Phase        atomic.Value // string: what is being done
	Entries      atomic.Int64 // done
	EntriesTotal atomic.Int64
	Bytes        atomic.Int64 // done
	BytesTotal   atomic.Int64
	Failures     atomic.Int64
	Retries      atomic.Int64
}

// Begin ends the phase before and starts one with its totals; 0 stands for not
// known. Phases follow each other in one goroutine.
func (p *Progress) Begin(phase string, entries, bytes int64) {
	p.End()
	for _, c := range []*atomic.Int64{&p.Entries, &p.Bytes, &p.Failures, &p.Retries} {
		c.Store(0)
	}
	p.EntriesTotal.Store(entries)
	p.BytesTotal.Store(bytes)
	p.Phase.Store(phase)
	if p.Phased != nil {
		p.Phased(false)
	}
}

// End ends the last phase.
func (p *Progress) End() {
	phase, _ := p.Phase.Load().(string)
	if phase == "" {
		return
	}
	if p.Phased != nil {
		p.Phased(true)
	}
	p.Phase.Store("")
}
