package cli

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/manual"
)

// helpWidth is how wide help texts are, in columns of a terminal.
const helpWidth = 80

// topicCommands are the help topics that are no command's own.
func topicCommands(root *cobra.Command) (topics []*cobra.Command) {
	for _, t := range manual.Heads() {
		if c, _, err := root.Find([]string{t.Name}); err == nil && c != root {
			continue // its help has the topic
		}
		c := &cobra.Command{Use: t.Name, Short: t.Title}
		longHelp(c, func() string { return manual.Lookup(t.Name).Text(helpWidth) })
		topics = append(topics, c)
	}
	return topics
}

// longHelp has a command's help text made when it is shown, and not at each start.
func longHelp(c *cobra.Command, text func() string) {
	c.SetHelpFunc(func(c *cobra.Command, args []string) {
		c.Long = text()
		c.Parent().HelpFunc()(c, args)
	})
}

// Root is the command line, for what documents it.
func Root() *cobra.Command {
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard},
		getenv: func(string) string { return "" }, now: time.Now}
	root := a.root()
	preformat(root)
	return root
}

// preformat keeps tables and lists of help texts as they are.
func preformat(c *cobra.Command) {
	if c.Name() == permissionsName {
		c.Long = permissionsHelp()
	}
	c.Long = manual.Preformatted(c.Long)
	for _, sub := range c.Commands() {
		preformat(sub)
	}
}
