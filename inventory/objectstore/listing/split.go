package listing

import "slices"

// split cuts one span in two and returns the new one behind it, or nil. All
// spans that could be read on are in flight when it is asked.
func (c *chain) split() *span {
	if c.mismatches >= mostMismatches || c.pace.limit == 1 {
		return nil
	}
	fresh := 0
	for _, s := range c.spans {
		if !s.started && !s.refused {
			fresh++
		}
	}
	if fresh >= c.unproven {
		return nil
	}
	if c.cut != nil {
		return c.splitBy()
	}
	for i, s := range c.spans {
		if s.done || s.endless || s.read == 0 || s.read+1 < s.guess || s.missed > 1 || !c.room(i+1) {
			continue
		}
		// One page is in flight; what is left beyond it must be worth two.
		if part := c.space.share(s.first, s.position, s.until); part > 0 && float64(s.read)*(1-part)/part >= 3 {
			if key, ok := c.space.between(s.position, s.until, 0.5); ok {
				return c.splitAt(i, key, s.guess/2)
			}
		}
	}
	i := len(c.spans) - 1
	tail := c.spans[i]
	if tail.done || tail.refused || !tail.endless || !c.room(i+1) {
		return nil
	}
	if key, ok := c.extend(); ok && key > tail.position {
		return c.splitAt(i, key, c.depth())
	}
	return nil
}

// splitAt cuts the i-th span behind key.
func (c *chain) splitAt(i int, key string, guess int) *span {
	s := c.spans[i]
	behind := &span{
		after:    key,
		until:    s.until,
		endless:  s.endless,
		from:     Marker{Key: key},
		position: key,
		guess:    guess,
	}
	s.until, s.endless = key, false
	c.spans = append(c.spans, nil)
	copy(c.spans[i+2:], c.spans[i+1:])
	c.spans[i+1] = behind
	return behind
}

// extend guesses where the last span should end: as many pages behind the last
// key that was read as are spoken for already and one span more. What lies
// ahead is taken to be like what lies as many pages behind.
func (c *chain) extend() (string, bool) {
	pages := c.depth()
	base := -1
	for i := len(c.spans) - 1; i >= 0; i-- {
		if c.spans[i].read > 0 {
			base = i
			break
		}
		if i < len(c.spans)-1 {
			pages += c.spans[i].guess
		}
	}
	behind := slices.Clone(c.trail)
	for i := 0; i <= base; i++ {
		if s := c.spans[i]; s.read > 0 {
			n := s.read
			if !s.done && i < base {
				n = max(n, s.guess)
			}
			behind = append(behind, stage{s.first, s.position, n})
		}
	}
	if len(behind) == 0 {
		return "", false
	}
	last, total := behind[len(behind)-1], 0
	for i := range behind {
		total += behind[i].pages
	}
	if base >= 0 && base < len(c.spans)-1 {
		pages += max(0, c.spans[base].guess-c.spans[base].read)
	}
	if pages > 2*total {
		return "", false // no guess beyond what was seen bears that far
	}
	read, from := 0, last.first
	for i := len(behind) - 1; i >= 0 && read < c.lookback*pages; i-- {
		read += behind[i].pages
		from = behind[i].first
	}
	return c.space.beyond(from, last.last, float64(pages)/float64(read))
}

// splitBy cuts where a test says.
func (c *chain) splitBy() *span {
	for i, s := range c.spans {
		if s.done || s.refused || !c.room(i+1) {
			continue
		}
		if key, ok := c.cut(s.position, s.until, s.endless); ok && key > s.position && (s.endless || key < s.until) {
			return c.splitAt(i, key, c.depth())
		}
	}
	return nil
}
