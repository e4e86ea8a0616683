package regions

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// record is one row of a table, with where it came from.
type record struct {
	file   string
	line   int
	fields map[string]string
	asOf   time.Time
}

// get returns the named column, which readTable has made sure exists.
func (r record) get(column string) string { return r.fields[column] }

// errorf is an error at the row's place in its file.
func (r record) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.file, r.line, fmt.Errorf(format, args...))
}

// readTable reads a CSV file whose header is exactly columns followed by
// source and as_of. Each row must fill those two and the first required ones.
func readTable(fsys fs.FS, name string, required int, columns ...string) ([]record, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: its error says nothing that Read did not
	columns = append(slices.Clone(columns), "source", "as_of")

	cr := csv.NewReader(f)
	cr.ReuseRecord = true
	header, err := cr.Read()
	if err != nil {
		return nil, fmt.Errorf("%s:1: header: %w", name, err)
	}
	if !slices.Equal(header, columns) {
		return nil, fmt.Errorf("%s:1: header is %s, want %s", name, strings.Join(header, ","), strings.Join(columns, ","))
	}
	var records []record
	for {
		row, err := cr.Read()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, rowError(name, err)
		}
		line, _ := cr.FieldPos(0)
		r := record{file: name, line: line, fields: make(map[string]string, len(columns))}
		for i, v := range row {
			if !utf8.ValidString(v) || strings.TrimSpace(v) != v {
				return nil, r.errorf("%s %q: not UTF-8, or space at an end", columns[i], v)
			}
			if v == "" && (i < required || columns[i] == "source") {
				return nil, r.errorf("%s is empty", columns[i])
			}
			r.fields[columns[i]] = v
		}
		if r.asOf, err = parseAsOf(r.get("as_of")); err != nil {
			return nil, r.errorf("as_of: %w", err)
		}
		records = append(records, r)
	}
}

// rowError gives an error of the csv package the form file:line.
func rowError(name string, err error) error {
	if pe, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d: %w", name, pe.Line, pe.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// parseAsOf reads a day or a month; a month counts from its first day.
func parseAsOf(s string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither YYYY-MM-DD nor YYYY-MM", s)
	}
	return t, nil
}
