package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// formatsKey is where a command says which formats its results have.
const formatsKey = "formats"

// inFormats has a command's results be in these formats beside the table, instead of
// JSON alone.
func inFormats(c *cobra.Command, others ...string) *cobra.Command {
	if c.Annotations == nil {
		c.Annotations = make(map[string]string)
	}
	c.Annotations[formatsKey] = strings.Join(others, ",")
	return c
}

// formats are those that a command's results can be in.
func formats(c *cobra.Command) []string {
	others, ok := c.Annotations[formatsKey]
	if !ok {
		others = "json"
	}
	return slices.Concat([]string{outputTable}, strings.Split(others, ","))
}

// outputTable is the format for people.
const outputTable = "table"
