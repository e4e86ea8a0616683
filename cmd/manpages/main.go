// Command manpages writes the manual pages of all commands of residency, and of its help topics, into a directory. It
// is for those who make packages: what renders them would lengthen each start of the program itself.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra/doc"

	"github.com/residency/residency/cmd/internal/cli"
	"github.com/residency/residency/cmd/internal/manual"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manpages DIRECTORY")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "manpages: %v\n", err)
		os.Exit(1)
	}
}

// write writes commands to section 1 and topics to section 7.
func write(directory string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	root := cli.Root()
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Source: "residency", Manual: "residency manual"}
	if err := doc.GenManTree(root, header, directory); err != nil {
		return err
	}
	for _, t := range manual.Topics() {
		name := filepath.Join(directory, "residency-"+t.Name+".7")
		if err := os.WriteFile(name, md2man.Render([]byte(t.Man())), 0o644); err != nil {
			return err
		}
	}
	return nil
}
