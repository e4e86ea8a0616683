package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/residency/residency/cmd/internal/render"
)

// configFlag is the one flag whose variable the configuration reads by itself: commands
// to paste have the flag only where it was given.
const configFlag = "config"

// variable is the environment variable of a flag, or nothing for those that ask for help
// and for a file that stands in the place of a format.
func variable(f *pflag.Flag) string {
	switch f.Name {
	case "help", "version", "no-descriptions": // the last is of what makes completions
		return ""
	}
	if _, own := f.Annotations[ownOutput]; own { // the variable is of the format that others have
		return ""
	}
	return "RESIDENCY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// fromEnvironment sets the command's flags that the command line does not give and the
// environment does. A variable that is empty is one that is not set.
func (a *app) fromEnvironment(c *cobra.Command) error {
	if strings.HasPrefix(c.Name(), "__") {
		return nil // the shell asks for completions
	}
	var err error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		name := variable(f)
		if name == "" || f.Changed || err != nil {
			return
		}
		text := a.getenv(name)
		if text == "" {
			return
		}
		if f.Name == configFlag {
			a.taken = append(a.taken, f)
			return
		}
		for _, value := range flagValues(f, text) {
			if bad := c.Flags().Set(f.Name, value); bad != nil {
				err = &usageError{err: fmt.Errorf("%s=%q: %w", name, text, refusal(f, bad)),
					remedy: c.CommandPath() + " --help describes --" + f.Name}
				return
			}
		}
		a.taken = append(a.taken, f)
	})
	return err
}

// flagValues are the values in a variable: one, or of a flag that can be repeated, one a line.
func flagValues(f *pflag.Flag, text string) []string {
	if _, repeated := f.Value.(pflag.SliceValue); !repeated {
		return []string{text}
	}
	var values []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			values = append(values, line)
		}
	}
	return values
}

// refusal is what is wrong with a flag's value, in the command line's words.
func refusal(f *pflag.Flag, err error) error {
	switch f.Value.Type() {
	case "bool":
		return errors.New("want true or false")
	case "int", "int64":
		return errors.New("want a whole number")
	}
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) {
		return invalid.Unwrap()
	}
	return err
}

// blame names the variables that an error is about: of flags that it names, or whose
// value it does.
func (a *app) blame(text string) string {
	var names []string
	for _, f := range a.taken {
		values := []string{f.Value.String()}
		if f.Name == configFlag {
			values[0] = a.getenv(variable(f))
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		named := func(value string) bool { return len(value) > 1 && strings.Contains(text, value) }
		if strings.Contains(text, "--"+f.Name) || slices.ContainsFunc(values, named) {
			names = append(names, fmt.Sprintf("--%s by %s", f.Name, variable(f)))
		}
	}
	return strings.Join(names, ", ")
}

// variables lists the variables of all flags, as the help topic has them.
func variables(root *cobra.Command) string {
	type row struct {
		flag     string
		commands []string
	}
	rows := map[string]*row{}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		if name := variable(f); name != "" {
			rows[name] = &row{flag: f.Name, commands: []string{"all"}}
		}
	})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			name := variable(f)
			if name == "" {
				return
			}
			if rows[name] == nil {
				rows[name] = &row{flag: f.Name}
			}
			rows[name].commands = append(rows[name].commands, strings.TrimPrefix(c.CommandPath(), root.Name()+" "))
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	var b strings.Builder
	b.WriteString("| variable | flag | commands |\n|---|---|---|\n")
	for _, name := range sortedKeys(rows) {
		r := rows[name]
		slices.SortFunc(r.commands, cmp.Compare[string])
		fmt.Fprintf(&b, "| `%s` | `--%s` | %s |\n", name, r.flag, render.Text(strings.Join(r.commands, ", ")))
	}
	return b.String()
}
