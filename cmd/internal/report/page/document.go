package page

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// document is a report before it is HTML: text is in it as it is, and the template escapes it.
type document struct {
	Title    string
	Heading  text
	Lead     []text // the answer, before all details
	Facts    []fact
	Sections []section
	Made     []fact
	Style    template.CSS
	World    []land // the map's countries, drawn once
}

// section answers one question.
type section struct {
	ID, Title string
	Blocks    []block
}

// block is one of a section's parts: exactly one field is set.
type block struct {
	Text     text
	Heading  string
	List     []text
	Table    *table
	Commands []string
	Map      *figure
}

func (s *section) add(blocks ...block) { s.Blocks = append(s.Blocks, blocks...) }

// say adds a paragraph.
func (s *section) say(format string, args ...any) { s.add(block{Text: say(format, args...)}) }

type fact struct {
	Name string
	Text text
}

// table has a header for each column and each row.
type table struct {
	ID, Caption string
	Quiet       bool // its caption is not shown, for the heading above says the same
	Columns     []column
	Rows        [][]text
}

type column struct {
	Name   string
	Number bool
}

// columns are of these names; one that ends with # has numbers.
func columns(names ...string) (list []column) {
	for _, name := range names {
		plain, number := strings.CutSuffix(name, "#")
		list = append(list, column{plain, number})
	}
	return list
}

// Class is how a cell of a column is laid out. A long word, such as only names from outside have, may be broken
// anywhere; others stay whole.
func (t *table) Class(column int, cell text) string {
	if t.Columns[column].Number {
		return "number"
	}
	longest := 16
	if len(t.Columns) > 5 {
		longest = 12
	}
	var whole strings.Builder
	for _, p := range cell {
		whole.WriteString(p.Text)
	}
	written := string(printable([]byte(whole.String())))
	words := strings.FieldsFunc(written, func(r rune) bool { return r == '-' || unicode.IsSpace(r) })
	if slices.ContainsFunc(words, func(word string) bool { return utf8.RuneCountInString(word) > longest }) {
		return "long"
	}
	return "words"
}

func (t *table) row(cells ...any) {
	row := make([]text, len(cells))
	for i, c := range cells {
		row[i] = say("%s", c)
	}
	t.Rows = append(t.Rows, row)
}

// text is a piece of running text.
type text []part

// part is a part of it.
type part struct {
	Text   string
	Name   bool // of something outside: set apart from the direction of the rest
	Strong bool
	Code   bool
	URL    string // where it links to, with https
}

// What a text can have in the place of a %s, beside strings and other texts.
type (
	name   string // from outside
	strong string
	code   string
	link   string // a source; a link if it is an address with https
)

// say makes a text. Its only verb is %s, which takes a string, a text or one of the above.
func say(format string, args ...any) (t text) {
	for i, plain := range strings.Split(format, "%s") {
		if i > 0 {
			t = append(t, parts(args[i-1])...)
		}
		if plain != "" {
			t = append(t, part{Text: plain})
		}
	}
	return t
}

func parts(arg any) text {
	switch x := arg.(type) {
	case text:
		return x
	case name:
		return text{{Text: string(x), Name: true}}
	case strong:
		return text{{Text: string(x), Strong: true}}
	case code:
		return text{{Text: string(x), Code: true}}
	case link:
		if u, err := url.Parse(string(x)); err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil {
			return text{{Text: string(x), URL: u.String()}}
		}
		return text{{Text: string(x)}}
	}
	return text{{Text: fmt.Sprint(arg)}}
}

// joined puts texts one after the other.
func joined(separator string, texts ...text) (all text) {
	for _, t := range texts {
		if len(t) == 0 {
			continue
		}
		if len(all) > 0 {
			all = append(all, part{Text: separator})
		}
		all = append(all, t...)
	}
	return all
}
