package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
)

// refuseUnusedFlags returns an error if a flag below one of the headings is set, except the named
// ones, because it would have no effect. The error says why.
func refuseUnusedFlags(a *app, why string, titles []string, except ...string) error {
	var unused []string
	a.command.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(titles, headingOf(a.command, f.Name)) && !slices.Contains(except, f.Name) {
			unused = append(unused, "--"+f.Name)
		}
	})
	if unused == nil {
		return nil
	}
	return usagef("%s: %s", strings.Join(unused, ", "), why)
}

// setCommandDefaults completes a command and its subcommands: they get their descriptions, the usage
// line determines how many arguments a command takes, and a command that only groups others shows its
// help.
func setCommandDefaults(cmd *cobra.Command) {
	describe(cmd)
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

// argumentCount returns how many arguments a usage line names; maxArgs is -1 for any number.
func argumentCount(use string) (minArgs, maxArgs int) {
	for _, word := range strings.Fields(use)[1:] {
		word, optional := strings.CutPrefix(word, "[")
		switch {
		case strings.HasPrefix(word, "--"):
			continue
		case !optional:
			minArgs++
		}
		maxArgs++
		if strings.HasSuffix(strings.TrimSuffix(word, "]"), "...") {
			return minArgs, -1
		}
	}
	return minArgs, maxArgs
}

// rangeArgs accepts minArgs to maxArgs arguments; maxArgs is -1 for any number.
func rangeArgs(minArgs, maxArgs int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= minArgs && (maxArgs < 0 || len(args) <= maxArgs) {
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

// unknownCommand returns the error for a command that does not exist. It suggests commands with a
// similar name, or else lists all.
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

// showHelp is the run function of a command that only groups others. With it, cobra refuses an
// unknown subcommand; without it, cobra would show the help and end with exit code 0.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// flagError returns cobra's error about a flag in dbaudit's words. It says how to show the help.
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
	if words := choicesOf(f); words != nil {
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

// requireDistinctFiles returns an error if two documents would go to the same file or both to
// standard output. Empty names are ignored.
func requireDistinctFiles(files ...string) error {
	for i, file := range files {
		for _, other := range files[:i] {
			switch {
			case file == "" || other == "":
			case console.IsStdout(file) && console.IsStdout(other):
				return usagef("two documents would go to standard output: give all but one a file, such as with -o FILE after its -f")
			case console.SameFile(file, other):
				return usagef("two documents would go to %s: give each a separate file", file)
			}
		}
	}
	return nil
}

// readsAnnotation is the annotation of a flag that names an input file.
const readsAnnotation = "reads"

// argumentsAnnotation is the annotation of a command that has other arguments than files: names, or the
// names and files of profiles.
const (
	argumentsAnnotation = "arguments"
	namesArguments      = "names"
	profileArguments    = "profiles"
)

// markInput annotates flags that name input files.
func markInput(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		_ = flags.SetAnnotation(name, readsAnnotation, nil) // the flag exists
	}
}

func readsFile(f *pflag.Flag) bool {
	_, ok := f.Annotations[readsAnnotation]
	return ok
}

// inputFiles returns the files that a command reads: those that its arguments and flags name, and the
// configuration.
func inputFiles(a *app, cmd *cobra.Command, args []string) []string {
	args = slices.Clone(args)
	switch cmd.Annotations[argumentsAnnotation] {
	case namesArguments:
		args = nil
	case profileArguments:
		builtin := profileNames()
		args = slices.DeleteFunc(args, func(name string) bool { return slices.Contains(builtin, name) })
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if readsFile(f) || f.Name == "profile" && run.IsProfileFile(f.Value.String()) {
			args = append(args, f.Value.String())
		}
	})
	file, _ := a.ConfigurationFile()
	if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && cmd.Name() != "init" { // init writes it
		args = append(args, file)
	}
	return args
}

// refuseOverwritingInputs returns an error if a command would overwrite a file that it reads.
func refuseOverwritingInputs(a *app, cmd *cobra.Command, args []string) error {
	inputs := inputFiles(a, cmd, args)
	for _, flag := range []string{"output", "snapshot", "input", "record", "role-zip"} {
		f := cmd.Flags().Lookup(flag)
		if f == nil || readsFile(f) {
			continue
		}
		files := []string{f.Value.String()}
		if o, ok := f.Value.(*outputFlag); ok {
			files = nil
			for _, d := range o.outputs.list {
				files = append(files, d.file)
			}
		}
		for _, file := range files {
			if !console.IsStdout(file) && slices.ContainsFunc(inputs, func(input string) bool { return console.SameFile(input, file) }) {
				return usagef("--%s %s would overwrite a file that this command reads: choose another file", flag, file)
			}
		}
	}
	return nil
}
