package page_test

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/residency/residency/cmd/internal/report/page"
	"github.com/residency/residency/regions"
)

func made(t testing.TB) page.Made {
	t.Helper()
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	return page.Made{At: time.Date(2026, 11, 28, 9, 30, 0, 0, time.UTC), Tool: "residency 1.2.3", Catalog: catalog}
}

func parse(t testing.TB, text []byte) *html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// all are the elements of these names, in order; none: all elements.
func all(root *html.Node, names ...string) (found []*html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func inner(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func byID(t testing.TB, root *html.Node, id string) *html.Node {
	t.Helper()
	for _, n := range all(root) {
		if attr(n, "id") == id {
			return n
		}
	}
	t.Fatalf("nothing has the ID %s", id)
	return nil
}

// cell is what a table says in the row that begins with a text and the column of a name.
func cell(t testing.TB, root *html.Node, table, row, column string) string {
	t.Helper()
	at := -1
	for _, tr := range all(byID(t, root, table), "tr") {
		cells := all(tr, "th", "td")
		if at < 0 {
			at = slices.IndexFunc(cells, func(n *html.Node) bool { return inner(n) == column })
			continue
		}
		if strings.HasPrefix(inner(cells[0]), row) {
			return inner(cells[at])
		}
	}
	t.Fatalf("table %s has no row %q or no column %q", table, row, column)
	return ""
}

// number is a cell's.
func number(t testing.TB, root *html.Node, table, row, column string) int64 {
	t.Helper()
	text := cell(t, root, table, row, column)
	n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil {
		t.Fatalf("table %s, row %q, column %q: %v", table, row, column, err)
	}
	return n
}

var (
	fetched = regexp.MustCompile(`(?i)@import|url\(\s*['"]?([^#'")\s])|image-set|src\(`)
	judged  = regexp.MustCompile(`(?i)\b(safe|compliant)\b`)
)

// sound holds a report to what each has to be: a page that loads nothing and runs nothing, and
// that can be read by whoever cannot see it.
func sound(t testing.TB, text []byte) *html.Node {
	t.Helper()
	root := parse(t, text)
	ids := map[string]bool{}
	for _, n := range all(root) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the ID %s", id)
			}
			ids[id] = true
		}
	}
	for _, n := range all(root) {
		switch n.Data {
		case "script", "iframe", "object", "embed", "link", "img", "image", "form", "base", "video", "audio", "foreignobject":
			t.Errorf("there is a %s", n.Data)
		case "style":
			if m := fetched.FindString(inner(n)); m != "" {
				t.Errorf("the style loads something: %s", m)
			}
		}
		for _, a := range n.Attr {
			attribute(t, n, a, ids)
		}
	}
	if got := attr(all(root, "html")[0], "lang"); got != "en" {
		t.Errorf("the language is %q", got)
	}
	for _, landmark := range []string{"header", "nav", "main", "footer", "h1", "title"} {
		n := 0
		for _, e := range all(root, landmark) {
			if e.Namespace == "" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d elements %s, want one", n, landmark)
		}
	}
	headings(t, root)
	tables(t, root)
	for _, svg := range all(root, "svg") {
		if attr(svg, "aria-hidden") != "true" && (attr(svg, "role") != "img" || len(all(svg, "title")) != 1 ||
			len(all(svg, "desc")) != 1) {
			t.Error("a picture says nothing to who cannot see it")
		}
	}
	if m := judged.FindString(inner(all(root, "body")[0])); m != "" {
		t.Errorf("the report says %q", m)
	}
	return root
}

func attribute(t testing.TB, n *html.Node, a html.Attribute, ids map[string]bool) {
	t.Helper()
	switch key := strings.ToLower(a.Key); {
	case strings.Contains(key+strings.ToLower(a.Val), "zgotmpl"):
		t.Errorf("the template could not write %s of a %s", a.Key, n.Data)
	case strings.HasPrefix(key, "on"), key == "style", key == "src", key == "srcset", key == "action", key == "background",
		key == "ping":
		t.Errorf("a %s has the attribute %s", n.Data, a.Key)
	case key == "href" && strings.HasPrefix(a.Val, "#"):
		if !ids[a.Val[1:]] {
			t.Errorf("%s leads nowhere", a.Val)
		}
	case key == "href" && (n.Data != "a" || !strings.HasPrefix(a.Val, "https://")):
		t.Errorf("a %s leads to %s", n.Data, a.Val)
	case key == "aria-labelledby":
		for _, id := range strings.Fields(a.Val) {
			if !ids[id] {
				t.Errorf("a %s is named by %s, which is not there", n.Data, id)
			}
		}
	}
}

func headings(t testing.TB, root *html.Node) {
	t.Helper()
	level := 0
	for _, h := range all(root, "h1", "h2", "h3", "h4", "h5", "h6") {
		n := int(h.Data[1] - '0')
		if n > level+1 {
			t.Errorf("heading %q of level %d comes after one of level %d", inner(h), n, level)
		}
		if inner(h) == "" {
			t.Errorf("a %s is empty", h.Data)
		}
		level = n
	}
	for _, s := range all(root, "section") {
		if attr(s, "aria-labelledby") == "" && attr(s, "aria-label") == "" {
			t.Error("a section has no name")
		}
	}
}

func tables(t testing.TB, root *html.Node) {
	t.Helper()
	for _, table := range all(root, "table") {
		id := attr(table, "id")
		if c := all(table, "caption"); len(c) != 1 || inner(c[0]) == "" {
			t.Errorf("table %s has no caption", id)
		}
		rows := all(table, "tr")
		if len(rows) < 2 {
			t.Errorf("table %s has no rows", id)
		}
		for i, tr := range rows {
			cells := all(tr, "th", "td")
			if len(cells) != len(all(rows[0], "th")) {
				t.Errorf("table %s: row %d has %d cells", id, i, len(cells))
			}
			for j, c := range cells {
				want := map[bool]string{true: "col", false: ""}[i == 0]
				if i > 0 && j == 0 {
					want = "row"
				}
				if attr(c, "scope") != want || (c.Data == "th") != (want != "") {
					t.Errorf("table %s: cell %d of row %d is a %s of scope %q", id, j, i, c.Data, attr(c, "scope"))
				}
			}
		}
	}
}

// skeleton is a page without its text and without what attributes say: that is the same
// whatever names there are.
func skeleton(root *html.Node) string {
	var b strings.Builder
	for _, n := range all(root) {
		b.WriteString("<" + n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
		}
		b.WriteString(">\n")
	}
	return b.String()
}
