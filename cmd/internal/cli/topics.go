package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/residency/residency/cmd/internal/manual"
)

// helpWidth is how wide help texts are, in columns of a terminal.
const helpWidth = 80

// topicCommands are the help topics that are no command's own.
func topicCommands(root *cobra.Command) (topics []*cobra.Command) {
	for _, t := range manual.Topics() {
		if c, _, err := root.Find([]string{t.Name}); err == nil && c != root {
			continue // its help has the topic
		}
		c := &cobra.Command{Use: t.Name, Short: t.Title}
		longHelp(c, func() string { return t.Text(helpWidth) })
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

// manCommand is for those who make packages.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual pages of all commands and help topics",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(c *cobra.Command, args []string) error { return writeManual(c.Root(), args[0]) },
	}
}

// writeManual writes commands to section 1 and topics to section 7.
func writeManual(root *cobra.Command, directory string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return fmt.Errorf("manual pages: %w", err)
	}
	root.DisableAutoGenTag = true
	preformat(root)
	header := &doc.GenManHeader{Section: "1", Source: "residency", Manual: "residency manual"}
	if err := doc.GenManTree(root, header, directory); err != nil {
		return fmt.Errorf("manual pages: %w", err)
	}
	for _, t := range manual.Topics() {
		name := filepath.Join(directory, "residency-"+t.Name+".7")
		if err := os.WriteFile(name, t.Man(), 0o644); err != nil {
			return fmt.Errorf("manual pages: %w", err)
		}
	}
	return nil
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
