// Package manual is the documentation that is no command's own: topics written as
// Markdown, for the repository's page, the help of the command line and manual pages.
package manual

import (
	"embed"
	"io"
	"slices"
	"strings"
)

//go:embed topics/*.md
var files embed.FS

// Topic is one page.
type Topic struct {
	Name     string // as in residency help NAME
	Title    string // its first heading
	Markdown string
}

// Heads lists all pages by name, without their text, of which a start of the program reads no more than it shows.
func Heads() []Topic {
	// What is embedded can be read.
	entries, _ := files.ReadDir(folder)
	topics := make([]Topic, len(entries))
	for i, e := range entries {
		topics[i] = Topic{Name: strings.TrimSuffix(e.Name(), ending), Title: title(e.Name())}
	}
	return topics
}

const folder, ending = "topics", ".md"

// title reads no more of a page than its first line.
func title(name string) string {
	f, err := files.Open(folder + "/" + name)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 128)
	n, _ := io.ReadFull(f, head)
	first, _, _ := strings.Cut(string(head[:n]), "\n")
	return strings.TrimPrefix(first, "# ")
}

// Topics lists all pages by name.
func Topics() []Topic {
	topics := Heads()
	for i := range topics {
		topics[i] = topics[i].whole()
	}
	return topics
}

func (t Topic) whole() Topic {
	text, _ := files.ReadFile(folder + "/" + t.Name + ending)
	t.Markdown = string(text)
	return t
}

// Lookup finds a page; a name that there is none of has an empty one.
func Lookup(name string) Topic {
	topics := Heads()
	i := slices.IndexFunc(topics, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return Topic{}
	}
	return topics[i].whole()
}
