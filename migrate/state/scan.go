package state

import (
	"strings"
	"time"
)

// Plain tells whether JSON writes the text as it stands, whatever it escapes.
func Plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// PlainTime tells whether JSON writes the time as it is formatted in RFC 3339.
func PlainTime(t time.Time) bool {
	return t.Year() >= 1 && t.Year() <= 9999 && t.Location() == time.UTC
}

// Scan reads a line for a [Parser]. Once something is not as expected it reads
// nothing more.
type Scan struct {
	rest []byte
	bad  bool
}

// NewScan begins to read a line.
func NewScan(line []byte) Scan { return Scan{rest: line} }

// Has reads a text if it is what comes next.
func (s *Scan) Has(text string) bool {
	if s.bad || len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// Must reads a text that has to come next.
func (s *Scan) Must(text string) { s.bad = !s.Has(text) }

// Text reads characters that stand for themselves, and the quote behind them.
func (s *Scan) Text() []byte {
	for i, c := range s.rest {
		if c == '"' && !s.bad {
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text
		}
		if c < ' ' || c > '~' || c == '\\' {
			break
		}
	}
	s.bad = true
	return nil
}

// Keep reads a Text into one that may be the same already.
func (s *Scan) Keep(into *string) {
	if text := s.Text(); string(text) != *into {
		*into = string(text)
	}
}

// Number reads a whole number.
func (s *Scan) Number() int64 {
	minus := s.Has("-")
	var n int64
	i := 0
	for i < len(s.rest) && i < 18 && s.rest[i] >= '0' && s.rest[i] <= '9' {
		n = n*10 + int64(s.rest[i]-'0')
		i++
	}
	if i == 0 || i > 1 && s.rest[0] == '0' || minus && n == 0 {
		s.bad = true
	}
	s.rest = s.rest[i:]
	if minus {
		return -n
	}
	return n
}

// Time reads a time, and the quote behind it.
func (s *Scan) Time() (t time.Time) {
	if text := s.Text(); !s.bad && t.UnmarshalText(text) != nil {
		s.bad = true
	}
	return t
}

// End tells whether all was as expected and nothing is left but the line's end.
func (s *Scan) End() bool {
	return !s.bad && (len(s.rest) == 0 || len(s.rest) == 1 && s.rest[0] == '\n')
}

// Part is a text and where it goes.
type Part struct {
	Into *string
	Text []byte
}

// Together sets texts that live and die together, at the cost of one.
func Together(parts ...Part) {
	n := 0
	for _, p := range parts {
		n += len(p.Text)
	}
	var b strings.Builder
	b.Grow(n)
	for _, p := range parts {
		b.Write(p.Text)
	}
	all := b.String()
	for _, p := range parts {
		*p.Into, all = all[:len(p.Text)], all[len(p.Text):]
	}
}
