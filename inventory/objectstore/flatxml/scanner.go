// Package flatxml reads the XML of object stores' listings.
//
// A listing is one flat document of a few thousand small elements; a scanner
// that knows just that reads it in a tenth of the time of encoding/xml. What
// it does not know (CDATA, comments, doctypes) it refuses: a listing that is
// misread is a deletion gone wrong.
package flatxml

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrSyntax reports a document that is not what it should be. Its text holds
// names of elements and places, no content.
var ErrSyntax = errors.New("malformed XML")

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

// Scanner reads a document from its beginning to its end. What it returns as
// bytes are parts of the document, and good for as long as these do not change.
type Scanner struct {
	buf    []byte
	pos    int
	closed []byte // name whose end tag is still to be reported for <name/>
	// attributes are those of the element that was opened last, as they stand there.
	attributes []byte
	// unescaped is the room that Text resolves entities in.
	unescaped []byte
}

// New returns a scanner of a document, before which a byte order mark may stand.
func New(document []byte) *Scanner {
	return &Scanner{buf: bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))}
}

// Root opens the document's one element and returns its name.
func (s *Scanner) Root() ([]byte, error) {
	for {
		t, err := s.next()
		switch {
		case err != nil:
			return nil, err
		case t.kind == tokenStart:
			return t.data, nil
		case t.kind == tokenEOF:
			return nil, fmt.Errorf("%w: document ends early", ErrSyntax)
		case t.kind == tokenEnd:
			return nil, fmt.Errorf("%w: unexpected end tag", ErrSyntax)
		}
	}
}

// End fails unless the document ends behind what was read, but for text.
func (s *Scanner) End() error {
	for {
		t, err := s.next()
		switch {
		case err != nil:
			return err
		case t.kind == tokenEOF:
			return nil
		case t.kind == tokenStart:
			return fmt.Errorf("%w: unexpected <%s>", ErrSyntax, t.data)
		case t.kind == tokenEnd:
			return fmt.Errorf("%w: unexpected end tag", ErrSyntax)
		}
	}
}

// Attribute is the value of an attribute of the element that was opened last,
// as it stands there; empty if it has none of that name.
func (s *Scanner) Attribute(name string) string {
	for rest := s.attributes; ; {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		equals := bytes.IndexByte(rest, '=')
		if equals < 0 || equals+2 >= len(rest) {
			return ""
		}
		found, quote := bytes.TrimRight(rest[:equals], " \t\r\n"), rest[equals+1]
		if quote != '"' && quote != '\'' {
			return ""
		}
		n := bytes.IndexByte(rest[equals+2:], quote)
		if n < 0 {
			return ""
		}
		if value := rest[equals+2 : equals+2+n]; string(found) == name {
			return string(value)
		}
		rest = rest[equals+2+n+1:]
	}
}

func (s *Scanner) next() (token, error) {
	if s.closed != nil {
		t := token{tokenEnd, s.closed}
		s.closed = nil
		return t, nil
	}
	var tag []byte
	for len(tag) == 0 || tag[0] == '?' { // the document's own declaration, and what is for other programs
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
			return token{}, fmt.Errorf("%w at byte %d", ErrSyntax, s.pos)
		}
		tag = s.buf[s.pos+1 : s.pos+n]
		s.pos += n + 1
	}
	switch tag[0] {
	case '!':
		return token{}, fmt.Errorf("%w: declaration at byte %d", ErrSyntax, s.pos)
	case '/':
		return token{tokenEnd, bytes.TrimRight(tag[1:], " \t\r\n")}, nil
	}
	empty := tag[len(tag)-1] == '/'
	if empty {
		tag = tag[:len(tag)-1]
	}
	s.attributes = nil
	if i := bytes.IndexAny(tag, " \t\r\n"); i >= 0 {
		tag, s.attributes = tag[:i], tag[i:]
	}
	if !quoted(s.attributes) {
		return token{}, fmt.Errorf("%w: an attribute of <%s> has no end", ErrSyntax, tag)
	}
	if len(tag) == 0 {
		return token{}, fmt.Errorf("%w: nameless element at byte %d", ErrSyntax, s.pos)
	}
	if empty {
		s.closed = tag
	}
	return token{tokenStart, tag}, nil
}

// quoted tells whether all quotes of attributes are closed: a '>' in one has not ended the tag.
func quoted(attributes []byte) bool {
	var open byte
	for _, c := range attributes {
		switch {
		case open == 0 && (c == '"' || c == '\''):
			open = c
		case c == open:
			open = 0
		}
	}
	return open == 0
}

// Element reads the text of the element that was just opened; it must have no
// children. The result is unescaped.
func (s *Scanner) Element(name []byte) (string, error) {
	text, err := s.Text(name)
	return string(text), err
}

// Text is Element whose result is good until the next call of it.
func (s *Scanner) Text(name []byte) ([]byte, error) {
	var text []byte
	for {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case tokenText:
			if text != nil {
				return nil, fmt.Errorf("%w: the text of <%s> is in pieces", ErrSyntax, name)
			}
			text = t.data
		case tokenEnd:
			if !bytes.Equal(t.data, name) {
				return nil, fmt.Errorf("%w: <%s> ended by </%s>", ErrSyntax, name, t.data)
			}
			if bytes.IndexByte(text, '&') < 0 {
				return text, nil
			}
			s.unescaped, err = unescape(s.unescaped[:0], text)
			return s.unescaped, err
		default:
			return nil, fmt.Errorf("%w: <%s> is not plain text", ErrSyntax, name)
		}
	}
}

// Skip passes over the element that was just opened.
func (s *Scanner) Skip() error {
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
			return fmt.Errorf("%w: document ends early", ErrSyntax)
		}
	}
	return nil
}

// Children calls f with the name of each child of the element that was just
// opened; f must consume the child.
func (s *Scanner) Children(name []byte, f func(child []byte) error) error {
	for {
		child, more, err := s.Child(name)
		if err != nil || !more {
			return err
		}
		if err := f(child); err != nil {
			return err
		}
	}
}

// Child goes on to the next child of an element, and returns its name, or to
// the element's end. The caller consumes the child.
func (s *Scanner) Child(name []byte) (child []byte, more bool, err error) {
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
				return nil, false, fmt.Errorf("%w: <%s> ended by </%s>", ErrSyntax, name, t.data)
			}
			return nil, false, nil
		case tokenEOF:
			return nil, false, fmt.Errorf("%w: document ends inside <%s>", ErrSyntax, name)
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
			return nil, fmt.Errorf("%w: bad entity", ErrSyntax)
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
	return 0, fmt.Errorf("%w: entity &%s;", ErrSyntax, name)
}

// Same returns what was read before if it is the same text, which is then kept once.
func Same(before string, text []byte) string {
	if string(text) == before {
		return before
	}
	return string(text)
}
