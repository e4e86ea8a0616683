package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Column is a table's column.
type Column struct {
	Name  string
	Right bool // align to the right, as numbers are
	Fold  bool // break long cells into lines, rather than exceed the page
	Mark  bool // colour the word by how bad it is
	Spare bool // leave it out where the table does not fit otherwise
}

// gap is what stands between columns.
const gap = "  "

// minFold is how narrow a folded column may become, in columns of a terminal, if none of
// its words is longer.
const minFold = 12

// widths returns how wide each column may be for the table to fit into width. It does not
// where a word is longer than there is room: no word is broken.
func widths(columns []Column, rows [][]string, width int) []int {
	wide, least := make([]int, len(columns)), make([]int, len(columns))
	total := (len(columns) - 1) * len(gap)
	for i, c := range columns {
		wide[i] = utf8.RuneCountInString(c.Name)
		least[i] = max(minFold, longest(c.Name))
		for _, row := range rows {
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i]))
			least[i] = max(least[i], longest(row[i]))
		}
		total += wide[i]
	}
	for ; total > width; total-- {
		widest := -1
		for i, c := range columns {
			if c.Fold && wide[i] > least[i] && (widest < 0 || wide[i] > wide[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		wide[widest]--
	}
	return wide
}

// fitting leaves out spare columns as long as a table does not fit without.
func fitting(columns []Column, rows [][]string, width int) ([]Column, [][]string) {
	for spare := len(columns) - 1; spare >= 0; spare-- {
		total := (len(columns) - 1) * len(gap)
		for _, n := range widths(columns, rows, width) {
			total += n
		}
		if total <= width {
			break
		}
		if !columns[spare].Spare {
			continue
		}
		columns = slices.Delete(slices.Clone(columns), spare, spare+1)
		fewer := make([][]string, len(rows))
		for i, row := range rows {
			fewer[i] = slices.Delete(slices.Clone(row), spare, spare+1)
		}
		rows = fewer
	}
	return columns, rows
}

// pieces are what a cell can be broken into: behind spaces, and behind the separators of
// names.
func pieces(text string) (list []string) {
	for len(text) > 0 {
		end := strings.IndexAny(text, "/-.: ")
		if end < 0 {
			return append(list, text)
		}
		for end < len(text) && strings.IndexByte("/-.: ", text[end]) >= 0 {
			end++
		}
		list = append(list, text[:end])
		text = text[end:]
	}
	return list
}

// longest is how wide a cell's longest piece is, with the indent of the line that it may
// be in.
func longest(cell string) int {
	text := strings.TrimLeft(cell, " ")
	most, whole := 0, len(pieces(text)) < 2
	for _, piece := range pieces(text) {
		most = max(most, utf8.RuneCountInString(strings.TrimRight(piece, " ")))
	}
	indent := len(cell) - len(text)
	if !whole {
		indent += len(gap)
	}
	return most + indent
}

// shortest is what a broken cell's last line has at least.
const shortest = 4

// fold breaks a cell into lines, behind spaces rather than within names, and nowhere
// within a word. Lines after the first are indented further than it.
func fold(cell string, width int) string {
	text := strings.TrimLeft(cell, " ")
	indent := cell[:len(cell)-len(text)]
	lines := []string{}
	for room := width - len(indent); utf8.RuneCountInString(text) > room; room = width - len(indent) {
		cut := breakAt(text, room)
		if cut == len(text) {
			break
		}
		lines = append(lines, indent+strings.TrimRight(text[:cut], " "))
		if text = text[cut:]; len(lines) == 1 {
			indent += gap
		}
	}
	return strings.Join(append(lines, indent+text), "\n")
}

// breakAt is how much of a text, in bytes, its first line has: as much as there is room
// for, to a space if that is not too far back, and one piece at least.
func breakAt(text string, room int) int {
	at, space, length, before := 0, 0, 0, 0
	for _, piece := range pieces(text) {
		length += utf8.RuneCountInString(strings.TrimRight(piece, " "))
		if at > 0 && length > room {
			break
		}
		before = at
		at += len(piece)
		length += len(piece) - len(strings.TrimRight(piece, " "))
		if strings.HasSuffix(piece, " ") && length > room/2 {
			space = at
		}
	}
	// A last line of a character or two reads as if it were another name.
	if rest := utf8.RuneCountInString(text[at:]); rest > 0 && rest < shortest && before > 0 {
		at = before
	}
	if space > 0 {
		return space
	}
	return at
}

// Table writes rows under a header, without lines, so that it reads the same
// on a terminal, in a log and in a ticket. Each row has a cell for each column;
// cells are replaced by what can be shown of them.
func (p Page) Table(w io.Writer, columns []Column, rows [][]string) error {
	shown := make([][]string, len(rows))
	for i, row := range rows {
		shown[i] = make([]string, len(row))
		for j := range row {
			shown[i][j] = Text(row[j])
		}
	}
	columns, rows = fitting(columns, shown, p.Width)
	wide := widths(columns, rows, p.Width)
	align := make([]tw.Align, len(columns))
	header := make([]any, len(columns))
	for i, c := range columns {
		align[i] = tw.AlignLeft
		if c.Right {
			align[i] = tw.AlignRight
		}
		header[i] = strings.ToUpper(fold(c.Name, wide[i]))
	}
	var b strings.Builder
	t := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithConfig(tablewriter.Config{
			Header: tw.CellConfig{Alignment: tw.CellAlignment{PerColumn: align},
				Padding: tw.CellPadding{Global: tw.Padding{Right: gap}}, Formatting: tw.CellFormatting{AutoFormat: tw.Off,
					AutoWrap: tw.WrapNone}},
			Row: tw.CellConfig{Alignment: tw.CellAlignment{PerColumn: align},
				Padding: tw.CellPadding{Global: tw.Padding{Right: gap}}, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone}},
		}),
		tablewriter.WithTrimSpace(tw.Off),
	)
	t.Header(header...)
	for _, row := range rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			if cell = fold(cell, wide[i]); columns[i].Mark {
				cell = p.Mark(cell)
			}
			cells[i] = cell
		}
		if err := t.Append(cells...); err != nil {
			return fmt.Errorf("render table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("render table: %w", err)
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimRight(line, " \n")
		if marked, ok := strings.CutSuffix(line, plain); ok {
			line = strings.TrimRight(marked, " ") + plain // what is drawn pads before a colour's end
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// Wrap breaks a text into lines of at most width columns, each after the
// first with the indent before it.
func Wrap(s string, width int, indent string) string { return Hang("", s, width, indent) }

// Hang is Wrap of a text behind a lead, which stays as it is.
func Hang(lead, s string, width int, indent string) string {
	var b strings.Builder
	b.WriteString(lead)
	line := utf8.RuneCountInString(lead)
	for i, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case line+1+n > width:
			b.WriteString("\n" + indent)
			line = utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += n
	}
	return b.String()
}
