package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/cmd/internal/report"
)

func TestReportFlag(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"json=a", "json=a"},
		{"json=a,csv=b", "json=a,csv=b"},
		{" json=a,\n csv=b\n", "json=a,csv=b"},
		{"json=a,b", "json=a,b"},
		{"json=a,B=c,junit=d", "json=a,B=c,junit=d"},
		{"json=a=b", "json=a=b"},
		{"", ""}, {",", ""}, {"json", ""}, {"json=", ""}, {"=a", ""}, {"xml=a", ""}, {"json=-", ""}, {"json=a,csv=a", ""},
		{"json=a,csv=./a", ""}, {"json=a,csv=../cli/a", ""}, {"json=report.go,csv=./report.go", ""},
		{"json=a,other=b", ""},
	} {
		var f reportFlag
		err := f.Set(tt.in)
		if (err != nil) != (tt.want == "") || err == nil && f.String() != tt.want {
			t.Errorf("%q is %q, %v; want %q", tt.in, f.String(), err, tt.want)
		}
	}
}

// Of a file that cannot be written whole, what was there before stays, and nothing else.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "report"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := os.Symlink(file, link) == nil // which Windows may not allow
	whole := func(text string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	failing := func(w io.Writer) error {
		if err := whole("half")(w); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	}
	holds := func(want string) {
		t.Helper()
		if data, err := os.ReadFile(file); err != nil || string(data) != want {
			t.Errorf("the file has %q, %v; want %q", data, err, want)
		}
		entries, err := os.ReadDir(dir)
		if n := len(entries); err != nil || n > 2 || n > 1 && !linked {
			t.Errorf("the directory has %v, %v", entries, err)
		}
	}
	if err := writeWhole(file, failing); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a report that fails: %v", err)
	}
	holds("before")
	if err := writeWhole(file, whole("after")); err != nil {
		t.Error(err)
	}
	holds("after")
	if !linked {
		return
	}
	if err := writeWhole(link, whole("through")); err != nil {
		t.Error(err)
	}
	holds("through")
	if to, err := os.Readlink(link); err != nil || to != file {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

// A heading that went on with another step's last line would be none.
func TestSummarizeBeginsALine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary.md")
	r := report.New("plan", "", time.Time{})
	for _, before := range []string{"", "before", "before\n"} {
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := summarize(file, r); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if want := strings.TrimPrefix(strings.TrimSuffix(before, "\n")+"\n## residency plan\n", "\n"); err != nil ||
			!strings.HasPrefix(string(data), want) {
			t.Errorf("behind %q stands %q, %v", before, data, err)
		}
	}
}
