package render

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Width is what a table fits into, in columns of a terminal.
const Width = 100

// Column is a table's column.
type Column struct {
	Name  string
	Right bool // align to the right, as numbers are
	Fold  bool // break long cells into lines, rather than exceed Width
}

// gap is what stands between columns.
const gap = "  "

// minFold is how narrow a folded column may become, in columns of a terminal.
const minFold = 16

// widths returns how wide each column may be for the table to fit into Width.
func widths(columns []Column, rows [][]string) []int {
	wide := make([]int, len(columns))
	total := (len(columns) - 1) * len(gap)
	for i, c := range columns {
		wide[i] = utf8.RuneCountInString(c.Name)
		for _, row := range rows {
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i]))
		}
		total += wide[i]
	}
	for ; total > Width; total-- {
		widest := -1
		for i, c := range columns {
			if c.Fold && wide[i] > minFold && (widest < 0 || wide[i] > wide[widest]) {
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

// shortest is what a broken cell's last line has at least.
const shortest = 4

// fold breaks a cell into lines, where it can after a separator of names. Lines
// after the first are indented further than it.
func fold(cell string, width int) string {
	text := strings.TrimLeft(cell, " ")
	indent := cell[:len(cell)-len(text)]
	var b strings.Builder
	runes := []rune(text)
	for room := width - len(indent); len(runes) > room; room = width - len(indent) {
		cut := room
		for i := room; i > room/2; i-- {
			// A last line of a character or two reads as if it were another name.
			if strings.ContainsRune("/-.: ", runes[i-1]) && len(runes)-i >= shortest {
				cut = i
				break
			}
		}
		if b.Len() == 0 {
			b.WriteString(indent)
			indent += gap
		}
		b.WriteString(string(runes[:cut]) + "\n" + indent)
		runes = runes[cut:]
	}
	if b.Len() == 0 {
		b.WriteString(indent)
	}
	b.WriteString(string(runes))
	return b.String()
}

// Table writes rows under a header, without lines, so that it reads the same
// on a terminal, in a log and in a ticket. Each row has a cell for each column;
// cells are replaced by what can be shown of them.
func Table(w io.Writer, columns []Column, rows [][]string) error {
	align := make([]tw.Align, len(columns))
	header := make([]any, len(columns))
	for i, c := range columns {
		align[i] = tw.AlignLeft
		if c.Right {
			align[i] = tw.AlignRight
		}
		header[i] = strings.ToUpper(c.Name)
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
		for i := range row {
			row[i] = Text(row[i])
		}
	}
	wide := widths(columns, rows)
	for _, row := range rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = fold(cell, wide[i])
		}
		if err := t.Append(cells...); err != nil {
			return fmt.Errorf("render table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("render table: %w", err)
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// Wrap breaks a text into lines of at most width columns, each after the
// first with the indent before it.
func Wrap(s string, width int, indent string) string {
	var b strings.Builder
	line := 0
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
