package flatxml_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore/flatxml"
)

// read returns a document's element by element: names, texts and one attribute.
func read(document string) (string, error) {
	s := flatxml.New([]byte(document))
	root, err := s.Root()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.Write(root)
	var walk func(name []byte) error
	walk = func(name []byte) error {
		switch string(name) {
		case "skipped":
			return s.Skip()
		case "text":
			of := s.Attribute("of")
			text, err := s.Element(name)
			out.WriteString(" " + of + ":" + text)
			return err
		}
		out.WriteString(" " + string(name))
		return s.Children(name, walk)
	}
	if err := s.Children(root, walk); err != nil {
		return "", err
	}
	return out.String(), s.End()
}

func TestScanner(t *testing.T) {
	for _, tt := range []struct{ document, want string }{
		{"<a/>", "a"},
		{"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<a xmlns=\"x\">\n</a>\n", "a"},
		{`<a><text>b &amp; &#x63;&#100;</text></a>`, "a :b & cd"},
		{`<a><text of="x">1</text><text other="of" of = 'y"z'>2</text><text none>3</text></a>`, "a x:1 :2 :3"},
		{`<a><text b="1" of='y"z'/></a>`, `a y"z:`},
		{`<a><skipped><text>1</text><b/></skipped><c><text>2</text></c></a>`, "a c :2"},
		{"", ""}, {"text", ""}, {"</a>", ""}, {"<a>", ""}, {"<a><b></a>", ""}, {"<a></b>", ""}, {"<a/><b/>", ""},
		{"<a></a></a>", ""}, {"<a><!-- no --></a>", ""}, {"<a><![CDATA[no]]></a>", ""}, {"<!DOCTYPE a><a/>", ""},
		{"<a><text>&none;</text></a>", ""}, {"<a><text>&#xd800;</text></a>", ""}, {"<a><text><b/></text></a>", ""},
		{"<a><skipped><b></a>", ""}, {"<>", ""}, {"< a/>", ""}, {"<a><text>b<?x?>c</text></a>", ""},
		{`<a><text x=">" of="y">1</text></a>`, ""}, {strings.Repeat("<??>", 1<<20) + "<a/>", "a"},
	} {
		got, err := read(tt.document)
		if tt.want == "" && !errors.Is(err, flatxml.ErrSyntax) || tt.want != "" && (err != nil || got != tt.want) {
			t.Errorf("%q: %q, %v; want %q", tt.document, got, err, tt.want)
		}
	}
}

// FuzzScanner reads to the end of whatever comes, or says why not.
func FuzzScanner(f *testing.F) {
	f.Add(`<a><text of="x">1</text><skipped><b/></skipped></a>`)
	f.Fuzz(func(t *testing.T, document string) {
		if _, err := read(document); err != nil && !errors.Is(err, flatxml.ErrSyntax) {
			t.Errorf("%v is none of its own errors", err)
		}
	})
}
