package render

import "strings"

// Page is how results are shown to people.
type Page struct {
	Width  int  // what lines fit into, in columns
	Colour bool // of words that say how bad something is
	// Loose is how wide a line may be that programs may look for: on a terminal as wide
	// as others, elsewhere without end.
	Loose int
}

// Widths of pages, in columns. Elsewhere than on a terminal there is no width to ask for.
const (
	leastWidth   = 80
	mostWidth    = 200
	defaultWidth = 100
	endless      = 1 << 20
)

// PageOf is the page that a stream is: a terminal has its own width, and colours unless
// NO_COLOR says otherwise (no-color.org) or it has none.
func PageOf(stream any, getenv func(string) string) Page {
	columns := Columns(stream)
	if columns == 0 {
		return Page{Width: defaultWidth, Loose: endless}
	}
	width := min(max(columns, leastWidth), mostWidth)
	return Page{Width: width, Loose: width,
		Colour: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// Codes of a terminal (ECMA-48, "SGR").
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// tones are the colours of words that begin what is bad, and what is not known or not
// quite good. What is well has none.
func tones() map[string]string {
	return map[string]string{
		"violation": red, "error": red, "outside": red, "OUTSIDE": red, "failed": red, "mismatch": red, "Blockers": red,
		"NOT": red, "Not done": red, "differs": red,
		"warning": yellow, "unknown": yellow, "unverifiable": yellow, "Warnings": yellow, "not known": yellow,
		"not carried": yellow, "not movable": yellow, "not read": yellow, "blocked": red, "damaged": red,
		"incomplete": yellow,
	}
}

// Mark colours a text's severity word, if it is one or begins with one that ends in a
// space or a colon there.
func (p Page) Mark(text string) string {
	if !p.Colour {
		return text
	}
	longest := ""
	for word := range tones() {
		rest, ok := strings.CutPrefix(text, word)
		if ok && len(word) > len(longest) && (rest == "" || strings.ContainsAny(rest[:1], " :;,")) {
			longest = word
		}
	}
	if longest == "" {
		return text
	}
	return tones()[longest] + longest + plain + text[len(longest):]
}
