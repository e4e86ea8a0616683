package render

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestNumbers(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{Count(0), "0"}, {Count(999), "999"}, {Count(1000), "1,000"}, {Count(1234567), "1,234,567"}, {Count(-1234), "-1,234"},
		{Bytes(0), "0 B"}, {Bytes(1023), "1,023 B"}, {Bytes(1024), "1.0 KiB"}, {Bytes(1 << 20), "1.0 MiB"},
		{Bytes(1<<20 - 1), "1.0 MiB"}, {Bytes(5 << 40), "5.0 TiB"},
		{Duration(1500 * time.Millisecond), "1.5s"}, {Duration(67 * time.Second), "1m07s"}, {Duration(192 * time.Minute),
			"3h12m"},
		{Rate(100, 0), "-"}, {Rate(2048, time.Second), "2.0 KiB/s"},
		{Text("plain ü"), "plain ü"}, {Text("a\x1b[2Jb"), `a\x1b[2Jb`}, {Text("tab\there"), `tab\there`},
		{Text("\xff"), `\xff`},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := (Page{Width: 100}).Table(&b, []Column{{Name: "bucket"}, {Name: "objects", Right: true}},
		[][]string{{"a", "1"}, {"much longer", "1,234"}}); err != nil {
		t.Fatal(err)
	}
	want := "BUCKET       OBJECTS\na                  1\nmuch longer    1,234\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestTableFits(t *testing.T) {
	var b bytes.Buffer
	name := "cloud:" + strings.Repeat("long-name-", 12) + "/tenants/acme/"
	if err := (Page{Width: 100}).Table(&b, []Column{{Name: "location", Fold: true}, {Name: "to", Fold: true}, {Name: "size", Right: true}},
		[][]string{{name, name, "1,234"}, {"  short", "x", "1"}}); err != nil {
		t.Fatal(err)
	}
	shown := ""
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
		if !strings.HasPrefix(line, "LOCATION") && !strings.HasPrefix(line, "  short") {
			shown += strings.Fields(line)[0]
		}
	}
	if shown != name {
		t.Errorf("the name is shown as %s\nwant %s\n%s", shown, name, &b)
	}
}

func TestCSVFormula(t *testing.T) {
	var b bytes.Buffer
	if err := CSV(&b, []string{"key"}, [][]string{{"=cmd()"}, {"a,b"}, {"+1"}}); err != nil {
		t.Fatal(err)
	}
	if want := "key\n'=cmd()\n\"a,b\"\n'+1\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestWrap(t *testing.T) {
	got := Wrap("one two three four", 9, "  ")
	if want := "one two\n  three\n  four"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b]0;title\a")
	f.Fuzz(func(t *testing.T, s string) {
		out := Text(s)
		if !utf8.ValidString(out) || strings.ContainsAny(out, "\x1b\n\r\t\a\x00") {
			t.Errorf("Text(%q) = %q reaches the terminal", s, out)
		}
	})
}

func TestFraction(t *testing.T) {
	if f := fraction(Snapshot{Entries: 10, EntriesTotal: 10, Bytes: 5, BytesTotal: 5}); f != 1 {
		t.Errorf("all done is %v, want 1", f)
	}
	if f := fraction(Snapshot{}); f != 0 {
		t.Errorf("nothing known is %v, want 0", f)
	}
}

// TestTableWidths fits one table into all widths: whole words, spare columns last.
func TestTableWidths(t *testing.T) {
	columns := []Column{{Name: "customer, location", Fold: true}, {Name: "region"}, {Name: "objects", Right: true,
		Spare: true}, {Name: "entries", Right: true}, {Name: "policy", Mark: true}}
	rows := [][]string{{"acme", "", "", "", ""},
		{"  cloud:acme-prod-europe/customers/acme/", "eu-central-1", "1,234,567", "12,345,678", "outside"}}
	for width := 40; width <= 200; width += 4 {
		var b bytes.Buffer
		if err := (Page{Width: width}).Table(&b, columns, rows); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width && width >= 60 {
				t.Errorf("%d columns on a page of %d: %s", n, width, line)
			}
		}
		for _, word := range []string{"europe/", "customers/", "eu-central-1", "12,345,678", "outside"} {
			if !strings.Contains(b.String(), word) {
				t.Errorf("a page of %d breaks or lacks %s:\n%s", width, word, &b)
			}
		}
		if whole := strings.Contains(b.String(), "1,234,567"); whole != (width >= 60) {
			t.Errorf("a page of %d has the spare column: %v\n%s", width, whole, &b)
		}
	}
}

// TestMark colours severity words alone, where there are colours, and changes no width.
func TestMark(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"outside", "\x1b[31moutside\x1b[0m"}, {"within", "within"}, {"error      a: b", "\x1b[31merror\x1b[0m      a: b"},
		{"errors", "errors"}, {"not known", "\x1b[33mnot known\x1b[0m"}, {"NOT looked at: x", "\x1b[31mNOT\x1b[0m looked at: x"},
		{"Done:", "Done:"}, {"Not done: x", "\x1b[31mNot done\x1b[0m: x"},
	} {
		if got := (Page{Colour: true}).Mark(tt.in); got != tt.want {
			t.Errorf("Mark(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if got := (Page{}).Mark(tt.in); got != tt.in {
			t.Errorf("without colours Mark(%q) = %q", tt.in, got)
		}
	}
	var plain, coloured bytes.Buffer
	columns := []Column{{Name: "policy", Mark: true}, {Name: "size", Right: true}}
	rows := [][]string{{"outside", "1"}, {"within", "1,234"}}
	for out, page := range map[*bytes.Buffer]Page{&plain: {Width: 80}, &coloured: {Width: 80, Colour: true}} {
		if err := page.Table(out, columns, rows); err != nil {
			t.Fatal(err)
		}
	}
	stripped := strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "").Replace(coloured.String())
	if stripped != plain.String() || stripped == coloured.String() {
		t.Errorf("with colours\n%q\nwithout\n%q", &coloured, &plain)
	}
}

// FuzzFold breaks cells nowhere within a word.
func FuzzFold(f *testing.F) {
	f.Add("cloud:acme-prod/customers/ of acme", 20)
	f.Add("  verylongnamewithoutanyseparator", 5)
	f.Fuzz(func(t *testing.T, cell string, width int) {
		if width < 1 || width > 300 || strings.Contains(cell, "\n") || !utf8.ValidString(cell) {
			return
		}
		folded := fold(cell, width)
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if squeeze(folded) != squeeze(cell) {
			t.Fatalf("%q became %q", cell, folded)
		}
		lines := strings.Split(folded, "\n")
		for _, line := range lines[:len(lines)-1] {
			end := strings.TrimLeft(line, " ")
			if end == "" || strings.ContainsAny(end[len(end)-1:], "/-.:") {
				continue
			}
			if !strings.Contains(cell, end+" ") {
				t.Fatalf("%q is broken behind %q, where there is no end of a word", cell, end)
			}
		}
	})
}

// A name is no command to the runner of a CI job.
func TestTextIsNoCommand(t *testing.T) {
	for text, want := range map[string]string{
		"::error::x": `\x3a:error::x`, "  ::stop-commands::x": `  \x3a:stop-commands::x`, "a ::error::x": "a ::error::x",
		"##[error]x": `#\x23[error]x`, "a ##vso[task.setvariable variable=x]y": `a #\x23vso[task.setvariable variable=x]y`,
		"acme": "acme", "a:b": "a:b", "# one": "# one", "::": `\x3a:`, "\n::error::x": `\n::error::x`,
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
