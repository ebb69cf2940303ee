package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// refuseUnusedFlags refuses flags of some headings, apart from some, because they would have no effect.
func refuseUnusedFlags(a *app, why string, titles []string, apart ...string) error {
	var idle []string
	a.command.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(titles, headingOf(a.command, f.Name)) && !slices.Contains(apart, f.Name) {
			idle = append(idle, "--"+f.Name)
		}
	})
	if idle == nil {
		return nil
	}
	return usagef("%s: %s", strings.Join(idle, ", "), why)
}

// setCommandDefaults completes a command and those below it: its usage line says how many arguments it
// takes, and a command that only groups others shows its help.
func setCommandDefaults(cmd *cobra.Command) {
	if cmd.HasSubCommands() {
		cmd.RunE = showHelp
	}
	if cmd.Args == nil {
		cmd.Args = rangeArgs(argumentCount(cmd.Use))
	}
	for _, c := range cmd.Commands() {
		setCommandDefaults(c)
	}
}

// argumentCount is how many arguments a usage line names; most is -1 if there may be any number.
func argumentCount(use string) (least, most int) {
	for _, word := range strings.Fields(use)[1:] {
		word, optional := strings.CutPrefix(word, "[")
		switch {
		case strings.HasPrefix(word, "--"):
			continue
		case !optional:
			least++
		}
		most++
		if strings.HasSuffix(strings.TrimSuffix(word, "]"), "...") {
			return least, -1
		}
	}
	return least, most
}

// rangeArgs wants as many arguments as the usage line names; most is -1 for any number.
func rangeArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		if cmd.HasSubCommands() {
			return unknownCommand(cmd, args[0])
		}
		_, want, _ := strings.Cut(cmd.Use, " ")
		got := "none is given"
		if len(args) > 0 {
			got = fmt.Sprintf("%q is given", strings.Join(args, " "))
		}
		if want == "" {
			return usagef("%s takes flags and no arguments, and %s: see %[1]s --help", cmd.CommandPath(), got)
		}
		return usagef("%s takes %s, and %s: see %[1]s --help", cmd.CommandPath(), want, got)
	}
}

// unknownCommand names the commands that are like one that does not exist, or else all.
func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usagef("unknown command %q: did you mean %s %s?", name, cmd.CommandPath(), strings.Join(near, " or "))
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef("unknown command %q: %s has %s", name, cmd.CommandPath(), strings.Join(names, ", "))
}

// showHelp makes a command that only groups others runnable, so that cobra
// refuses an unknown one among them instead of showing help and ending in 0.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// flagError says in dbaudit's words what is wrong with a flag, and how to show its help.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedName() == "client-secret":
		return usagef("secrets are never flags, because others can see flags: set DBAUDIT_CLIENT_SECRET, or auth.secret in the configuration")
	case errors.As(err, &empty):
		return usagef("--%s needs a value; see %s --help", empty.GetFlag().Name, cmd.CommandPath())
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return usagef("--%s %q: want %s; see %s --help", f.Name, invalid.GetValue(), expectedValue(f), cmd.CommandPath())
	}
	return usagef("%w; see %s --help", err, cmd.CommandPath())
}

func expectedValue(f *pflag.Flag) string {
	if words, ok := choicesOf(f); ok {
		return orList(words)
	}
	return cmp.Or(map[string]string{
		"int":      "a whole number",
		"float64":  "a number",
		"bool":     "true or false",
		"boolfunc": "true or false",
		"duration": "a duration such as 90s, 5m or 72h",
		"time":     "a time such as 2026-01-31T12:00:00Z",
	}[f.Value.Type()], "a value")
}
