package manual

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/residency/residency/cmd/internal/render"
)

// Text is a page as a terminal shows it: paragraphs and list items broken at width,
// code and tables as they are.
func (t Topic) Text(width int) string {
	var b strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			b.WriteString(reflow(paragraph, width))
			paragraph = nil
		}
	}
	lines := strings.Split(visible(t.Markdown), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "```"):
			flush()
			for i++; i < len(lines) && lines[i] != "```"; i++ {
				b.WriteString(strings.TrimRight("  "+lines[i], " ") + "\n")
			}
		case strings.HasPrefix(line, "|"):
			flush()
			var rows []string
			for ; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
				rows = append(rows, lines[i])
			}
			i--
			b.WriteString(table(rows, width))
		case strings.HasPrefix(line, "#"):
			flush()
			b.WriteString(strings.ToUpper(plain(strings.TrimLeft(line, "# "))) + "\n")
		case line == "":
			flush()
			b.WriteString("\n")
		case item.MatchString(line):
			flush()
			paragraph = append(paragraph, line)
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return strings.TrimSpace(blanks.ReplaceAllString(b.String(), "\n\n")) + "\n"
}

var (
	comment = regexp.MustCompile(`(?m)^<!--.*-->\n`)
	item    = regexp.MustCompile(`^(- |\d+\. +)`)
	link    = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)
	blanks  = regexp.MustCompile(`\n{3,}`)
)

// visible is a page without its comments, which are for those who write it.
func visible(markdown string) string { return comment.ReplaceAllString(markdown, "") }

// plain takes away the marks of a line that a terminal does not show.
func plain(s string) string {
	s = toTopic.ReplaceAllString(s, "residency help $1")
	s = link.ReplaceAllString(s, "$1")
	return strings.NewReplacer("**", "", "`", "").Replace(s)
}

// reflow breaks a paragraph or list item into lines; an item's further lines stand
// under its first word.
func reflow(lines []string, width int) string {
	marker := item.FindString(lines[0])
	text := plain(strings.TrimPrefix(strings.Join(lines, " "), marker))
	return marker + column(text, width-len(marker), len(marker)) + "\n"
}

// column breaks a text into lines of at most width columns, of which all but the first
// are indented.
func column(text string, width, indent int) string {
	return strings.ReplaceAll(render.Wrap(text, width, ""), "\n", "\n"+strings.Repeat(" ", indent))
}

// table aligns the cells of a table, and breaks those of its last column.
func table(lines []string, width int) string {
	var rows [][]string
	var wide []int
	for _, line := range lines {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if strings.Trim(line, "|-") == "" {
			continue
		}
		for i, c := range cells {
			cells[i] = strings.TrimSpace(plain(c))
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], utf8.RuneCountInString(cells[i]))
		}
		rows = append(rows, cells)
	}
	if len(wide) == 2 {
		wide[0] = min(wide[0], width/2)
	}
	start := 0
	for _, n := range wide[:len(wide)-1] {
		start += n + 2
	}
	var b strings.Builder
	for _, cells := range rows {
		at := 0
		for i, c := range cells[:len(cells)-1] {
			cell := render.Wrap(c, wide[i], "")
			b.WriteString(cell)
			last := cell[strings.LastIndex(cell, "\n")+1:]
			at += wide[i] + 2
			b.WriteString(strings.Repeat(" ", wide[i]+2-utf8.RuneCountInString(last)))
		}
		b.WriteString(column(cells[len(cells)-1], max(width-start, 24), at) + "\n")
	}
	return b.String()
}
