package listing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// fleet reads a chain of spans. One goroutine, in run, owns all of it; requests
// are goroutines of their own, which it waits for.
type fleet struct {
	fetch   Pager
	now     func() time.Time
	cut     func(low, high string, endless bool) (string, bool)
	answers chan answer
	err     error // why the listing ended early; read when run has closed its channel

	spans    []*span             // that are not handed over, in order; they meet by construction
	last     objectstore.Version // the last entry handed over
	trail    []stage             // of what was handed over, to guess by
	space    keyspace
	pace     *pace
	ahead    int // most pages that are in flight or wait
	inFlight int
	waiting  int // pages that were read and not handed over
	trust    int // spans without an entry yet that may be in flight at once
	wide     int // how many times as far as it reaches a guess looks back
	strikes  int // seams that did not meet
}

// stage is a stretch of keys that was read, for guesses.
type stage struct {
	first, last string
	pages       int
}

const (
	trailed   = 64 // stages kept
	stretch   = 8  // pages of a stage
	shallow   = 4  // pages that a span is made for, at least
	deepest   = 32 // and at most
	widest    = 16 // of fleet.wide
	forgiving = 3  // seams that may fail before spans are no longer cut
)

type answer struct {
	span    *span
	attempt int
	page    Page
	err     error
	took    time.Duration
}

func newFleet(prefix string, first *span, last objectstore.Version, took time.Duration, fetch Pager, o Options) *fleet {
	f := &fleet{
		fetch: fetch, now: o.Now, cut: o.Cut, answers: make(chan answer, o.Workers), spans: []*span{first}, last: last,
		space: keyspace{prefix: prefix}, ahead: o.Ahead, trust: 1, wide: 1, pace: &pace{limit: 1},
	}
	if o.Now != nil {
		f.pace = newPace(o.Workers, took)
	}
	return f
}

// run hands over pages in order until the listing has ended or failed, or ctx
// has. It returns when no request is left.
func (f *fleet) run(ctx context.Context, pages chan<- []objectstore.Version) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for ; f.inFlight > 0; f.inFlight-- {
			<-f.answers
		}
		close(pages)
	}()
	for f.advance() {
		f.dispatch(ctx)
		var ready chan<- []objectstore.Version
		var page []objectstore.Version
		head := f.spans[0]
		if len(head.pages) > 0 {
			ready, page = pages, head.pages[0]
		}
		select {
		case ready <- page:
			f.handed(head, page)
		case a := <-f.answers:
			if f.err = f.receive(a); f.err != nil {
				return
			}
		case <-ctx.Done():
			f.err = ctx.Err()
			return
		}
	}
}

func (f *fleet) handed(head *span, page []objectstore.Version) {
	head.pages[0] = nil
	head.pages = head.pages[1:]
	f.waiting--
	f.last = page[len(page)-1]
}

// advance goes on to the next span when the first is handed over, if they
// meet, and reports whether anything is left.
func (f *fleet) advance() bool {
	for {
		head := f.spans[0]
		if !head.done || len(head.pages) > 0 {
			return true
		}
		if len(f.spans) == 1 {
			return false
		}
		next := f.spans[1]
		switch {
		case head.follows == nil && !slices.ContainsFunc(f.spans, func(s *span) bool { return s != head && s.begins != nil }):
			return false // the listing has ended, and no answer says otherwise
		case head.follows != nil && !next.started && !next.refused:
			return true // what they are held to meet by is on its way
		case !head.meets(next):
			if f.err = f.mend(head, next); f.err != nil {
				return false
			}
		}
		f.remember(head)
		f.spans = f.spans[1:]
	}
}

// mend has the listing go on in sequence where two spans do not meet.
func (f *fleet) mend(head, next *span) (err error) {
	f.strikes++
	f.waiting -= len(next.pages)
	if head.follows == nil {
		next.again(f.last) // it had ended, and something is there: look again
		return nil
	}
	err = next.goOn(head)
	f.waiting += len(next.pages)
	return err
}

func (f *fleet) remember(s *span) {
	if s.read == 0 {
		return
	}
	f.trail = append(f.trail, stage{s.first, s.position, s.read})
	if len(f.trail) > trailed {
		f.trail = slices.Delete(f.trail, 0, 1)
	}
}

// receive adds an answer to its span.
func (f *fleet) receive(a answer) error {
	f.inFlight--
	s := a.span
	if a.attempt != s.attempt || !slices.Contains(f.spans, s) {
		return nil
	}
	s.busy = false
	if f.now != nil {
		f.pace.answered(a.took, len(f.spans[0].pages) == 0)
	}
	fresh := s.read == 0 && !s.started && s != f.spans[0]
	misread := len(a.page.Entries) > 0 && a.page.Entries[0].Key < s.after
	if fresh && (misread || errors.Is(a.err, objectstore.ErrRejected)) {
		s.refused = true // the key to begin behind was ours, not the server's
		return nil
	}
	if a.err != nil {
		return a.err
	}
	before := len(s.pages)
	if err := s.take(a.page); err != nil {
		return err
	}
	f.waiting += len(s.pages) - before
	f.space.learn(a.page.Entries)
	s.missed = max(0, s.missed-1)
	switch {
	case fresh && s.read > 0:
		f.trust = min(2*f.trust, f.pace.max)
	case fresh:
		f.trust = max(2, f.trust*3/4)
		f.wide = min(2*f.wide, widest)
		if i := slices.Index(f.spans, s); i > 0 {
			f.spans[i-1].missed++
		}
	}
	if s == f.spans[0] && s.read == stretch {
		f.remember(s)
		s.first, s.read = s.position, 0
	}
	return nil
}

// dispatch sends what requests may be sent: first for what the reader needs
// next.
func (f *fleet) dispatch(ctx context.Context) {
	for f.inFlight < f.pace.limit {
		s := f.next()
		if s == nil {
			if s = f.split(); s == nil {
				return
			}
		}
		s.busy = true
		f.inFlight++
		go func(a answer, from Marker) {
			a.page, a.err = timed(ctx, f.fetch, from, f.now, &a.took)
			f.answers <- a
		}(answer{span: s, attempt: s.attempt}, s.from)
	}
}

// next returns the first span that can be read on within the bound of pages.
func (f *fleet) next() *span {
	for i, s := range f.spans {
		if s.busy || s.done || s.refused {
			continue
		}
		if f.room(i) {
			return s
		}
		return nil
	}
	return nil
}

// room tells whether a page of the i-th span may be asked for. The first span
// can always be read on when nothing of it waits, so that the reader never
// waits for what must wait for the reader; and the first few may use what is
// kept from the others.
func (f *fleet) room(i int) bool {
	used, bound := f.inFlight+f.waiting, min(f.ahead, f.depth()*f.pace.limit)
	if f.pace.limit == 1 {
		bound = min(f.ahead, 4)
	}
	if i == 0 && len(f.spans[0].pages) == 0 {
		return true
	}
	return used < bound-bound*min(i, f.pace.limit)/(2*f.pace.limit)
}

// depth is how many pages a span is made for. While the number of requests
// grows they are short, for the reader needs the first of them first.
func (f *fleet) depth() int {
	if f.pace.settled {
		return min(deepest, max(shallow, f.ahead/f.pace.limit))
	}
	return shallow
}
