package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/policy"
)

// A choice is the value of a flag with a known set of values, which the shell completes.
type choice[T comparable] struct {
	into   *T
	words  []string
	values []T
}

// newChoice makes the value of a flag that takes the given values.
func newChoice[T comparable](into *T, values ...T) *choice[T] {
	return &choice[T]{into, stringsOf(values), values}
}

func (c *choice[T]) String() string {
	if i := slices.Index(c.values, *c.into); i >= 0 {
		return c.words[i]
	}
	return ""
}

func (c *choice[T]) Set(word string) error {
	i := slices.Index(c.words, word)
	if i < 0 {
		return errors.New("want " + orList(c.words))
	}
	*c.into = c.values[i]
	return nil
}

func (c *choice[T]) Type() string { return "string" }

// Words are the values that the flag takes.
func (c *choice[T]) Words() []string { return c.words }

// choicesOf are the values that a flag takes, if it has a known set of them.
func choicesOf(f *pflag.Flag) ([]string, bool) {
	c, ok := f.Value.(interface{ Words() []string })
	if !ok {
		return nil, false
	}
	words := c.Words()
	return words, words != nil
}

func stringsOf[T any](values []T) []string {
	made := make([]string, len(values))
	for i, v := range values {
		made[i] = fmt.Sprint(v)
	}
	return made
}

// orList is a list in a sentence: a, b or c.
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

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

// completeFlags lets the shell complete the values of flags, in a command and those below it.
func completeFlags(a *app, cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		// A flag that is already registered keeps its own.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			if values, known := completionsOf(a, cmd, f); known {
				return values, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		})
	})
	for _, c := range cmd.Commands() {
		completeFlags(a, c)
	}
}

// completionsOf finds the values of a command's flag, if they are a known set. A file that cannot
// be read completes nothing: the command itself reports it.
func completionsOf(a *app, cmd *cobra.Command, f *pflag.Flag) (values []string, known bool) {
	if words, fixed := choicesOf(f); fixed {
		return words, true
	}
	switch f.Name {
	case "env":
		return configOrEmpty(a).EnvironmentNames(), true
	case "environment":
		if cmd.Name() == "add" {
			return configOrEmpty(a).EnvironmentNames(), true
		}
		return simulator.BuiltinNames(), true
	case "label":
		for _, env := range configOrEmpty(a).AllEnvironments() {
			values = append(values, sortedLabels(env.Labels)...)
		}
		slices.Sort(values)
		return slices.Compact(values), true
	case "control", "only", "except":
		p, _ := a.Profile(a.ProfileName(configOrEmpty(a), run.Wanted{}))
		for _, c := range p.Controls {
			values = append(values, string(c.ID))
		}
		return values, true
	case "profile":
		return profileNames(), true
	}
	return nil, false
}

func profileNames() (names []string) {
	builtin, _ := profile.Builtin(policy.Files)
	for _, p := range builtin {
		names = append(names, p.Name)
	}
	return names
}

// completeProfiles completes a number of arguments, each the name or the file of a profile.
func completeProfiles(most int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return profileNames(), cobra.ShellCompDirectiveDefault
	}
}

// sortedLabels are labels as --label takes them, sorted.
func sortedLabels(of map[string]string) []string {
	var list []string
	for key, value := range of {
		list = append(list, key+"="+value)
	}
	slices.Sort(list)
	return list
}

// configOrEmpty is the configuration, or an empty one: the command itself reports the fault.
func configOrEmpty(a *app) *config.File {
	file, err := a.Configuration()
	if err != nil {
		return config.Empty()
	}
	return file
}
