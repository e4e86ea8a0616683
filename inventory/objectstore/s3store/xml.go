package s3store

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A listing is one flat document of a few thousand small elements; a scanner
// that knows just that reads it in a tenth of the time of encoding/xml. What
// it does not know (CDATA, comments, doctypes) it refuses: a listing that is
// misread is a deletion gone wrong.

type tokenKind int

const (
	tokenStart tokenKind = iota + 1
	tokenEnd
	tokenText
	tokenEOF
)

type token struct {
	kind tokenKind
	data []byte // name, or raw text
}

var errXML = errors.New("malformed XML")

type scanner struct {
	buf    []byte
	pos    int
	closed []byte // name whose end tag is still to be reported for <name/>
	// unescaped is the room that text resolves entities in.
	unescaped []byte
}

func (s *scanner) next() (token, error) {
	if s.closed != nil {
		t := token{tokenEnd, s.closed}
		s.closed = nil
		return t, nil
	}
	if s.pos == len(s.buf) {
		return token{kind: tokenEOF}, nil
	}
	if s.buf[s.pos] != '<' {
		n := bytes.IndexByte(s.buf[s.pos:], '<')
		if n < 0 {
			n = len(s.buf) - s.pos
		}
		t := token{tokenText, s.buf[s.pos : s.pos+n]}
		s.pos += n
		return t, nil
	}
	n := bytes.IndexByte(s.buf[s.pos:], '>')
	if n < 2 {
		return token{}, fmt.Errorf("%w at byte %d", errXML, s.pos)
	}
	tag := s.buf[s.pos+1 : s.pos+n]
	s.pos += n + 1
	switch tag[0] {
	case '?':
		return s.next()
	case '!':
		return token{}, fmt.Errorf("%w: declaration at byte %d", errXML, s.pos)
	case '/':
		return token{tokenEnd, bytes.TrimRight(tag[1:], " \t\r\n")}, nil
	}
	empty := tag[len(tag)-1] == '/'
	if empty {
		tag = tag[:len(tag)-1]
	}
	if i := bytes.IndexAny(tag, " \t\r\n"); i >= 0 {
		tag = tag[:i]
	}
	if len(tag) == 0 {
		return token{}, fmt.Errorf("%w: nameless element at byte %d", errXML, s.pos)
	}
	if empty {
		s.closed = tag
	}
	return token{tokenStart, tag}, nil
}

// element reads the text of the element that was just opened; it must have no
// children. The result is unescaped.
func (s *scanner) element(name []byte) (string, error) {
	text, err := s.text(name)
	return string(text), err
}

// text is element whose result is good until the next call of it.
func (s *scanner) text(name []byte) ([]byte, error) {
	var text []byte
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case tokenText:
			text = t.data
		case tokenEnd:
			if !bytes.Equal(t.data, name) {
				return nil, fmt.Errorf("%w: <%s> ended by </%s>", errXML, name, t.data)
			}
			if bytes.IndexByte(text, '&') < 0 {
				return text, nil
			}
			s.unescaped, err = unescape(s.unescaped[:0], text)
			return s.unescaped, err
		default:
			return nil, fmt.Errorf("%w: <%s> is not plain text", errXML, name)
		}
	}
}

// skip passes over the element that was just opened.
func (s *scanner) skip() error {
	for depth := 1; depth > 0; {
		t, err := s.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case tokenStart:
			depth++
		case tokenEnd:
			depth--
		case tokenEOF:
			return fmt.Errorf("%w: document ends early", errXML)
		}
	}
	return nil
}

// children calls f with the name of each child of the element that was just
// opened; f must consume the child.
func (s *scanner) children(name []byte, f func(child []byte) error) error {
	for {
		child, more, err := s.child(name)
		if err != nil || !more {
			return err
		}
		if err := f(child); err != nil {
			return err
		}
	}
}

// child goes on to the next child of an element, and returns its name, or to
// the element's end. The caller consumes the child.
func (s *scanner) child(name []byte) (child []byte, more bool, err error) {
	for {
		t, err := s.next()
		if err != nil {
			return nil, false, err
		}
		switch t.kind {
		case tokenStart:
			return t.data, true, nil
		case tokenEnd:
			if !bytes.Equal(t.data, name) {
				return nil, false, fmt.Errorf("%w: <%s> ended by </%s>", errXML, name, t.data)
			}
			return nil, false, nil
		case tokenEOF:
			return nil, false, fmt.Errorf("%w: document ends inside <%s>", errXML, name)
		}
	}
}

// unescape appends raw to out, its entities resolved.
func unescape(out, raw []byte) ([]byte, error) {
	amp := bytes.IndexByte(raw, '&')
	for amp >= 0 {
		out = append(out, raw[:amp]...)
		raw = raw[amp+1:]
		semi := bytes.IndexByte(raw, ';')
		if semi < 1 || semi > 10 {
			return nil, fmt.Errorf("%w: bad entity", errXML)
		}
		name := raw[:semi]
		raw = raw[semi+1:]
		r, err := entity(name)
		if err != nil {
			return nil, err
		}
		out = utf8.AppendRune(out, r)
		amp = bytes.IndexByte(raw, '&')
	}
	return append(out, raw...), nil
}

func entity(name []byte) (rune, error) {
	switch string(name) {
	case "amp":
		return '&', nil
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	if name[0] == '#' && len(name) > 1 {
		digits, base := name[1:], 10
		if digits[0] == 'x' && len(digits) > 1 {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(string(digits), base, 32); err == nil && n <= utf8.MaxRune && utf8.ValidRune(rune(n)) {
			return rune(n), nil
		}
	}
	return 0, fmt.Errorf("%w: entity &%s;", errXML, name)
}
