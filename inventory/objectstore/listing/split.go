package listing

import "slices"

// split cuts one span in two and returns the new one behind it, or nil. All
// spans that could be read on are in flight when it is asked.
func (f *fleet) split() *span {
	if f.strikes >= forgiving || f.pace.limit == 1 {
		return nil
	}
	fresh := 0
	for _, s := range f.spans {
		if !s.started && !s.refused {
			fresh++
		}
	}
	if fresh >= f.trust {
		return nil
	}
	if f.cut != nil {
		return f.splitBy()
	}
	for i, s := range f.spans {
		if s.done || s.endless || s.read == 0 || s.read+1 < s.guess || s.missed > 1 || !f.room(i+1) {
			continue
		}
		// One page is in flight; what is left beyond it must be worth two.
		if part := f.space.share(s.first, s.position, s.until); part > 0 && float64(s.read)*(1-part)/part >= 3 {
			if key, ok := f.space.between(s.position, s.until, 0.5); ok {
				return f.splitAt(i, key, s.guess/2)
			}
		}
	}
	i := len(f.spans) - 1
	tail := f.spans[i]
	if tail.done || tail.refused || !tail.endless || !f.room(i+1) {
		return nil
	}
	if key, ok := f.extend(); ok && key > tail.position {
		return f.splitAt(i, key, f.depth())
	}
	return nil
}

// splitAt cuts the i-th span behind key.
func (f *fleet) splitAt(i int, key string, guess int) *span {
	s := f.spans[i]
	behind := &span{after: key, until: s.until, endless: s.endless, from: Marker{Key: key}, position: key, guess: guess}
	s.until, s.endless = key, false
	f.spans = append(f.spans, nil)
	copy(f.spans[i+2:], f.spans[i+1:])
	f.spans[i+1] = behind
	return behind
}

// extend guesses where the last span should end: as many pages behind the last
// key that was read as are spoken for already and one span more. What lies
// ahead is taken to be like what lies as many pages behind.
func (f *fleet) extend() (string, bool) {
	pages := f.depth()
	base := -1
	for i := len(f.spans) - 1; i >= 0; i-- {
		if f.spans[i].read > 0 {
			base = i
			break
		}
		if i < len(f.spans)-1 {
			pages += f.spans[i].guess
		}
	}
	behind := slices.Clone(f.trail)
	for i := 0; i <= base; i++ {
		if s := f.spans[i]; s.read > 0 {
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
	if base >= 0 && base < len(f.spans)-1 {
		pages += max(0, f.spans[base].guess-f.spans[base].read)
	}
	if pages > 2*total {
		return "", false // no guess beyond what was seen bears that far
	}
	read, from := 0, last.first
	for i := len(behind) - 1; i >= 0 && read < f.wide*pages; i-- {
		read += behind[i].pages
		from = behind[i].first
	}
	return f.space.beyond(from, last.last, float64(pages)/float64(read))
}

// splitBy cuts where a test says.
func (f *fleet) splitBy() *span {
	for i, s := range f.spans {
		if s.done || s.refused || !f.room(i+1) {
			continue
		}
		if key, ok := f.cut(s.position, s.until, s.endless); ok && key > s.position && (s.endless || key < s.until) {
			return f.splitAt(i, key, f.depth())
		}
	}
	return nil
}
