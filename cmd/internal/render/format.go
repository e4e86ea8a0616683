// Package render puts results on the screen: tables, numbers, progress, JSON
// and CSV. It is the only importer of the table and progress bar libraries.
package render

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Count writes a number with thousands separators: 12,345.
func Count(n int64) string {
	if n < 0 {
		return "-" + Count(-n)
	}
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bytes writes a size in binary units with one decimal: 23.4 MiB.
func Bytes(n int64) string {
	if n < 1024 {
		return Count(n) + " B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.95 && unit < 5 {
		value /= 1024
		unit++
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + string("KMGTPE"[unit]) + "iB"
}

// Rate writes bytes per second.
func Rate(n int64, d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return Bytes(int64(float64(n)/d.Seconds())) + "/s"
}

// Duration writes a span in its two largest units: 3h12m, 4m07s, 5.2s.
func Duration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}

// Text makes a string harmless to a terminal: what does not print is escaped,
// so that a key can neither move the cursor nor break a table. Neither is it a command
// to the runner of a CI job, which reads what a program prints: GitHub Actions takes what
// begins a line with "::", it and Azure Pipelines what follows "##[" or "##vso[".
func Text(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(printable(s), "##[", `#\x23[`), "##vso[", `#\x23vso[`)
	if strings.HasPrefix(strings.TrimLeft(s, " "), "::") {
		s = strings.Replace(s, ":", `\x3a`, 1)
	}
	return s
}

func printable(s string) string {
	plain := true
	for _, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// Names are a map's keys, those in the given order first and the others by name.
func Names[V any](m map[string]V, order ...string) []string {
	place := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	return slices.SortedFunc(maps.Keys(m), func(x, y string) int {
		return cmp.Or(cmp.Compare(place(x), place(y)), cmp.Compare(x, y))
	})
}

// JSON writes a value indented, with a newline at its end.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// CSV writes rows under a header. A cell that a spreadsheet would run as a
// formula gets an apostrophe before it (OWASP, "CSV Injection").
func CSV(w io.Writer, header []string, rows [][]string) error {
	c := csv.NewWriter(w)
	if err := c.Write(header); err != nil {
		return err
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				cell = "'" + cell
			}
			cells[i] = Text(cell)
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
