package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

func TestCSVHasARowForEach(t *testing.T) {
	r := sample()
	text := written(t, r, func(w *bytes.Buffer, r *Report) error { return CSV(w, r) })
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + len(r.Places) + len(r.Findings); len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") || strings.ContainsAny(cell, "\n\r\x1b") {
				t.Errorf("the cell %q", cell)
			}
		}
	}
}

func TestJSONReadsBack(t *testing.T) {
	r := sample()
	text := written(t, r, func(w *bytes.Buffer, r *Report) error { return JSON(w, r) })
	var back Report
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&back); err != nil {
		t.Fatal(err)
	}
	if len(back.Places) != len(r.Places) || len(back.Findings) != len(r.Findings) || back.Schema != Schema {
		t.Errorf("it reads back as %d places, %d findings of schema %q", len(back.Places), len(back.Findings), back.Schema)
	}
	if back.Waived != 1 {
		t.Errorf("%d violations are waived, want 1", back.Waived)
	}
	if strings.Contains(text, ": null,\n  \"places\"") || strings.Contains(text, `"deletions": null`) {
		t.Errorf("a list is null in\n%s", text)
	}
}
