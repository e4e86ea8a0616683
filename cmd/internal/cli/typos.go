package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice refuses what is none of the values that a flag takes.
func choice(flag, value string, values []string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return &usageError{err: fmt.Errorf("--%s %q: one of %s%s", flag, value, strings.Join(values, ", "),
		meant(value, values))}
}

// flagError is an error of the command line's flags, as usage.
func (a *app) flagError(c *cobra.Command, err error) error {
	a.failing(c)
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		err = fmt.Errorf("--%s %q: %w", f.Name, invalid.GetValue(), refusal(f, err))
	case errors.As(err, &unknown):
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		if name := unknown.GetSpecifiedName(); len(name) > 1 {
			err = fmt.Errorf("unknown flag: --%s%s", name, meant("--"+name, names))
		}
	}
	return &usageError{err: err, remedy: c.CommandPath() + " --help"}
}

// strict has each command refuse what it takes no argument for, and say what may have
// been meant.
func (a *app) strict(c *cobra.Command) {
	takes := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			a.failing(c)
		}
		switch {
		case len(args) > 0 && c.HasSubCommands():
			return unknownCommand(c, args[0])
		case takes == nil:
			return nil
		}
		err := takes(c, args)
		var usage *usageError
		if err == nil || errors.As(err, &usage) {
			return err
		}
		if len(args) > 0 && cobra.NoArgs(c, args) != nil && strings.HasPrefix(err.Error(), "unknown command") {
			err = fmt.Errorf("%s takes no argument, and has %q", c.CommandPath(), args[0])
		} else {
			err = fmt.Errorf("%s: %w", c.CommandPath(), err)
		}
		return &usageError{err: err, remedy: c.CommandPath() + " --help"}
	}
	if !c.Runnable() {
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range c.Commands() {
		a.strict(sub)
	}
}

// unknownCommand refuses a name that a command has no subcommand of.
func unknownCommand(c *cobra.Command, name string) error {
	return &usageError{err: fmt.Errorf("unknown command %q for %q%s", name, c.CommandPath(), meant(name, names(c))),
		remedy: c.CommandPath() + " --help"}
}

// names are those of a command's subcommands, help topics included.
func names(c *cobra.Command) (list []string) {
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			list = append(list, sub.Name())
		}
	}
	return list
}

// helpCommand shows the help of a command or topic, and refuses what is neither.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Help about any command or topic",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			at, _ := descend(root, args)
			return names(at), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			at, rest := descend(root, args)
			if len(rest) > 0 {
				return &usageError{err: fmt.Errorf("no help on %q%s", strings.Join(args, " "), meant(rest[0], names(at))),
					remedy: "residency --help lists commands and topics"}
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}

// descend follows names from a command to its subcommand's, as far as there are any.
func descend(c *cobra.Command, words []string) (*cobra.Command, []string) {
	for len(words) > 0 {
		i := slices.IndexFunc(c.Commands(), func(sub *cobra.Command) bool { return sub.Name() == words[0] })
		if i < 0 {
			break
		}
		c, words = c.Commands()[i], words[1:]
	}
	return c, words
}
