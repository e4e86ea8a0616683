package listing

import "time"

// worth is how long a page must take for a second request to be of use; below,
// the entries' own handling takes longer.
const worth = 8 * time.Millisecond

// pace finds how many requests should be in flight. It doubles them as long as
// twice the requests bring clearly more pages.
type pace struct {
	limit, max int
	settled    bool
	pages      int           // answered at this limit
	took       time.Duration // by those, together
	before     float64       // pages per second at half of the limit
}

func newPace(limit int, took time.Duration) *pace {
	p := &pace{limit: 1, max: limit}
	p.pages, p.took = alone, alone*took
	p.adjust(true)
	return p
}

// answered counts a page. The reader is waiting if nothing is ready for it.
func (p *pace) answered(took time.Duration, waiting bool) {
	p.pages++
	p.took += took
	if p.pages >= max(alone, p.limit+p.limit/2) {
		p.adjust(waiting)
	}
}

func (p *pace) adjust(waiting bool) {
	mean := max(p.took/time.Duration(p.pages), time.Microsecond)
	rate := float64(p.limit) / mean.Seconds()
	p.pages, p.took = 0, 0
	switch {
	case p.settled || !waiting:
	case p.limit > 1 && rate < 1.2*p.before:
		p.limit /= 2
		p.settled = true
	case p.limit == 1 && mean < worth:
	case p.limit < p.max:
		p.before = rate
		p.limit = min(2*p.limit, p.max)
		if p.limit == 2 && mean > 4*worth && p.max >= 4 {
			p.limit, p.before = 4, 2*rate // a link as slow as that bears more than two
		}
	}
}
