// Package page writes the report that people read: one HTML file without scripts and without
// any external resource, for a screen, a phone or paper. It answers in the order in which a
// data protection officer asks, repeats what certificate, plan or inventory say, and draws no
// conclusion of its own.
//
// The map is assets/world.svg: Natural Earth 4.1.0 (public domain) at 1:110 million, with the
// smallest places that have cloud regions at 1:50 million, through world-atlas 2.0.2, in the
// Equal Earth projection; a path per ISO 3166-1 country. Crimea is drawn as Ukraine's, Northern
// Cyprus as Cyprus's and Somaliland as Somalia's.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"time"
	"unicode"

	"github.com/residency/residency/regions"
)

//go:embed assets
var assets embed.FS

// Made is how a report is made.
type Made struct {
	At      time.Time
	Tool    string           // name and version of the program
	Catalog *regions.Catalog // tells countries' names; what it says of law stands in what is reported
}

// write renders a report. Characters that do not print, such as those that turn the direction
// of text, are written out: a name from elsewhere changes nothing of what stands beside it.
func write(w io.Writer, by Made, d *document) error {
	for i := range d.Sections {
		d.Sections[i].Title = fmt.Sprintf("%d. %s", i+1, d.Sections[i].Title)
	}
	d.Made = []fact{{"Made", say("%s, by %s", instant(by.At), by.Tool)}}
	css, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return err
	}
	d.Style = template.CSS(css)
	t, err := template.New("page.tmpl").ParseFS(assets, "assets/page.tmpl")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(printable(b.Bytes()))
	return err
}

// printable writes out what does not print, but for the ends of lines.
func printable(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		if r == '\n' || unicode.IsPrint(r) && r != unicode.ReplacementChar {
			out = append(out, string(r)...)
			continue
		}
		q := strconv.QuoteRune(r)
		if r == unicode.ReplacementChar {
			q = `'\ufffd'`
		}
		out = append(out, q[1:len(q)-1]...)
	}
	return out
}
