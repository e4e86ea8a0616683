package listing

import (
	"github.com/residency/residency/inventory/objectstore"
)

// span is one range of keys, (after, until], or all behind after.
type span struct {
	after, until string
	endless      bool // there is no until

	from   Marker // of the page to be asked for next
	course Course
	busy   bool // a request is in flight
	done   bool // nothing is left to be asked for
	pages  [][]objectstore.Version
	// attempt counts the times the span was begun anew: answers to requests of
	// an earlier one are thrown away.
	attempt int
	refused bool // the server does not take, or misreads, the key it should begin behind

	// What the seams are checked by. A nil entry is the end of the listing.
	started bool                 // begins is known
	begins  *objectstore.Version // the first entry behind after, be it behind until too
	follows *objectstore.Version // the first entry behind until; known when done
	rest    Page                 // what the last page showed behind until

	last objectstore.Version // the last entry taken; its key is within the span
	// What lies ahead is guessed by what was read.
	position string // the last key read, or after
	first    string // the first key read since read was zero
	read     int    // pages
	guess    int    // pages that the span was made for
	missed   int    // how often nothing was found in what was cut off
}

// take adds an answer to the span: what lies within it is kept, what lies
// beyond ends it.
func (s *span) take(p Page) error {
	entries := p.Entries
	// Some servers take the marker as included. Behind an entry that was kept, a key that is no
	// longer behind the first marker is out of order.
	for len(entries) > 0 && (s.last.Key == "" && entries[0].Key <= s.after || entries[0].Same(s.last)) {
		entries = entries[1:]
	}
	cut := len(entries)
	for i := range entries {
		if i > 0 && entries[i].Key < entries[i-1].Key || entries[i].Key < s.last.Key {
			return objectstore.ErrKeyOrder
		}
		if !s.endless && entries[i].Key > s.until {
			cut = min(cut, i) // the rest is still held to its order
		}
	}
	if !s.started && (len(entries) > 0 || !p.More) {
		s.started = true
		if len(entries) > 0 {
			v := entries[0]
			s.begins = &v
		}
	}
	switch {
	case cut < len(entries):
		s.follows, s.done = &entries[cut], true
		s.rest = Page{Entries: entries[cut:], Next: p.Next, More: p.More}
	case !p.More:
		s.done = true
	default:
		if s.course.at == (Marker{}) {
			s.course.at = s.from
		}
		if err := s.course.Advance(p.Next, len(p.Entries)); err != nil {
			return err
		}
		s.from = p.Next
	}
	s.keep(entries[:cut])
	return nil
}

func (s *span) keep(entries []objectstore.Version) {
	if len(entries) == 0 {
		return
	}
	if s.read == 0 {
		s.first = entries[0].Key
	}
	s.read++
	s.last = entries[len(entries)-1]
	s.position = s.last.Key
	s.pages = append(s.pages, entries)
}

// meets tells whether the listing goes on behind s with what next began with.
func (s *span) meets(next *span) bool {
	if next.refused || !next.started {
		return false
	}
	if s.follows == nil || next.begins == nil {
		return s.follows == next.begins
	}
	return s.follows.Same(*next.begins)
}

// goOn begins the span anew with what the one before it showed of it.
func (s *span) goOn(before *span) error {
	*s = span{
		after: before.until, until: s.until, endless: s.endless, from: before.from, position: before.until,
		attempt: s.attempt + 1, started: true, guess: s.guess,
	}
	return s.take(before.rest)
}

// again begins the span anew behind an entry.
func (s *span) again(behind objectstore.Version) {
	*s = span{
		after:    behind.Key,
		until:    s.until,
		endless:  s.endless,
		from:     Marker{behind.Key, behind.VersionID},
		position: behind.Key,
		attempt:  s.attempt + 1,
		started:  true,
		guess:    s.guess,
	}
}
