// Package manual is the documentation that is no command's own: topics written as
// Markdown, for the repository's page, the help of the command line and manual pages.
package manual

import (
	"embed"
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

// Topics lists all pages by name.
func Topics() []Topic {
	// What is embedded can be read.
	entries, _ := files.ReadDir("topics")
	var topics []Topic
	for _, e := range entries {
		text, _ := files.ReadFile("topics/" + e.Name())
		first, _, _ := strings.Cut(string(text), "\n")
		topics = append(topics, Topic{
			Name:     strings.TrimSuffix(e.Name(), ".md"),
			Title:    strings.TrimPrefix(first, "# "),
			Markdown: string(text),
		})
	}
	return topics
}

// Lookup finds a page; a name that there is none of has an empty one.
func Lookup(name string) Topic {
	topics := Topics()
	i := slices.IndexFunc(topics, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return Topic{}
	}
	return topics[i]
}
