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
	if err := Table(&b, []Column{{Name: "bucket"}, {Name: "objects", Right: true}},
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
	if err := Table(&b, []Column{{Name: "location", Fold: true}, {Name: "to", Fold: true}, {Name: "size", Right: true}},
		[][]string{{name, name, "1,234"}, {"  short", "x", "1"}}); err != nil {
		t.Fatal(err)
	}
	shown := ""
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > Width {
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
