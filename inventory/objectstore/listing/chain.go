package listing

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// chain reads spans that follow one another side by side. One goroutine, in run,
// owns all of it; requests are goroutines of their own, which it waits for.
type chain struct {
	fetch   Pager
	now     func() time.Time
	cut     func(low, high string, endless bool) (string, bool)
	answers chan answer
	err     error // why the listing ended early; read when run has closed its channel

	spans      []*span             // that are not handed over, in order; they meet by construction
	last       objectstore.Version // the last entry handed over
	trail      []stage             // of what was handed over, to guess by
	space      keyspace
	pace       *pace
	ahead      int // most pages that are in flight or wait
	inFlight   int
	waiting    int // pages that were read and not handed over
	unproven   int // spans without an entry yet that may be in flight at once
	lookback   int // how many times as far as it reaches a guess looks back
	mismatches int // seams that did not meet
}

// stage is a stretch of keys that was read, for guesses.
type stage struct {
	first, last string
	pages       int
}

const (
	trailed        = 64 // stages kept
	stretch        = 8  // pages of a stage
	shallow        = 4  // pages that a span is made for, at least
	deepest        = 32 // and at most
	mostLookback   = 16 // of chain.lookback
	mostMismatches = 3  // seams that may fail before spans are no longer cut
)

type answer struct {
	span    *span
	attempt int
	page    Page
	err     error
	took    time.Duration
}

func newChain(
	prefix string,
	first *span,
	last objectstore.Version,
	took time.Duration,
	fetch Pager,
	o Options,
) *chain {
	c := &chain{
		fetch:    fetch,
		now:      o.Now,
		cut:      o.Cut,
		answers:  make(chan answer, o.Workers),
		spans:    []*span{first},
		last:     last,
		space:    keyspace{prefix: prefix},
		ahead:    o.Ahead,
		unproven: 1,
		lookback: 1,
		pace:     &pace{limit: 1},
	}
	if o.Now != nil {
		c.pace = newPace(o.Workers, took)
	}
	return c
}

// run hands over pages in order until the listing has ended or failed, or ctx
// has. It returns when no request is left.
func (c *chain) run(ctx context.Context, pages chan<- []objectstore.Version) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for ; c.inFlight > 0; c.inFlight-- {
			<-c.answers
		}
		close(pages)
	}()
	for c.advance() {
		c.dispatch(ctx)
		var ready chan<- []objectstore.Version
		var page []objectstore.Version
		head := c.spans[0]
		if len(head.pages) > 0 {
			ready, page = pages, head.pages[0]
		}
		select {
		case ready <- page:
			c.handed(head, page)
		case a := <-c.answers:
			if c.err = c.receive(a); c.err != nil {
				return
			}
		case <-ctx.Done():
			c.err = ctx.Err()
			return
		}
	}
}

func (c *chain) handed(head *span, page []objectstore.Version) {
	head.pages[0] = nil
	head.pages = head.pages[1:]
	c.waiting--
	c.last = page[len(page)-1]
}

// advance goes on to the next span when the first is handed over, if they
// meet, and reports whether anything is left.
func (c *chain) advance() bool {
	for {
		head := c.spans[0]
		if !head.done || len(head.pages) > 0 {
			return true
		}
		if len(c.spans) == 1 {
			return false
		}
		next := c.spans[1]
		switch {
		case head.follows == nil && !slices.ContainsFunc(c.spans, func(s *span) bool {
			return s != head && s.begins != nil
		}):
			return false // the listing has ended, and no answer says otherwise
		case head.follows != nil && !next.started && !next.refused:
			return true // what they are held to meet by is on its way
		case !head.meets(next):
			if c.err = c.rejoin(head, next); c.err != nil {
				return false
			}
		}
		c.remember(head)
		c.spans = c.spans[1:]
	}
}

// rejoin has the listing go on in sequence where two spans do not meet.
func (c *chain) rejoin(head, next *span) (err error) {
	c.mismatches++
	c.waiting -= len(next.pages)
	if head.follows == nil {
		next.again(c.last) // it had ended, and something is there: look again
		return nil
	}
	err = next.goOn(head)
	c.waiting += len(next.pages)
	return err
}

func (c *chain) remember(s *span) {
	if s.read == 0 {
		return
	}
	c.trail = append(c.trail, stage{s.first, s.position, s.read})
	if len(c.trail) > trailed {
		c.trail = slices.Delete(c.trail, 0, 1)
	}
}

// receive adds an answer to its span.
func (c *chain) receive(a answer) error {
	c.inFlight--
	s := a.span
	if a.attempt != s.attempt || !slices.Contains(c.spans, s) {
		return nil
	}
	s.busy = false
	if c.now != nil {
		c.pace.answered(a.took, len(c.spans[0].pages) == 0)
	}
	fresh := s.read == 0 && !s.started && s != c.spans[0]
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
	c.waiting += len(s.pages) - before
	c.space.learn(a.page.Entries)
	s.missed = max(0, s.missed-1)
	switch {
	case fresh && s.read > 0:
		c.unproven = min(2*c.unproven, c.pace.max)
	case fresh:
		c.unproven = max(2, c.unproven*3/4)
		c.lookback = min(2*c.lookback, mostLookback)
		if i := slices.Index(c.spans, s); i > 0 {
			c.spans[i-1].missed++
		}
	}
	if s == c.spans[0] && s.read == stretch {
		c.remember(s)
		s.first, s.read = s.position, 0
	}
	return nil
}

// dispatch sends what requests may be sent: first for what the reader needs
// next.
func (c *chain) dispatch(ctx context.Context) {
	for c.inFlight < c.pace.limit {
		s := c.next()
		if s == nil {
			if s = c.split(); s == nil {
				return
			}
		}
		s.busy = true
		c.inFlight++
		go func(a answer, from Marker) {
			a.page, a.err = timed(ctx, c.fetch, from, c.now, &a.took)
			c.answers <- a
		}(answer{span: s, attempt: s.attempt}, s.from)
	}
}

// next returns the first span that can be read on within the bound of pages.
func (c *chain) next() *span {
	for i, s := range c.spans {
		if s.busy || s.done || s.refused {
			continue
		}
		if c.room(i) {
			return s
		}
		return nil
	}
	return nil
}

// room tells whether a page of the i-th span may be asked for. The one that the
// reader waits for can always be read on when nothing of it waits, so that the
// reader never waits for what must wait for the reader; and the first few may
// use what is kept from the others.
func (c *chain) room(i int) bool {
	used, bound := c.inFlight+c.waiting, min(c.ahead, c.depth()*c.pace.limit)
	if c.pace.limit == 1 {
		bound = min(c.ahead, 4)
	}
	if i == c.awaited() && len(c.spans[i].pages) == 0 {
		return true
	}
	return used < bound-bound*min(i, c.pace.limit)/(2*c.pace.limit)
}

// awaited is the place of the span that the reader waits for: the first, or the
// one behind it where all of the first is handed over and no answer has shown
// yet whether they meet.
func (c *chain) awaited() int {
	if head := c.spans[0]; len(c.spans) > 1 && head.done && len(head.pages) == 0 {
		return 1
	}
	return 0
}

// depth is how many pages a span is made for. While the number of requests
// grows they are short, for the reader needs the first of them first.
func (c *chain) depth() int {
	if c.pace.settled {
		return min(deepest, max(shallow, c.ahead/c.pace.limit))
	}
	return shallow
}
