package cli

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError says what is wrong with a flag in dbaudit's own words, and where its help is.
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
		return usagef("--%s %q: want %s; see %s --help", f.Name, invalid.GetValue(), wanted(f), cmd.CommandPath())
	}
	return usagef("%w; see %s --help", err, cmd.CommandPath())
}

// wanted is what a flag takes.
func wanted(f *pflag.Flag) string {
	if words, ok := wordsOf(f); ok {
		return listed(words)
	}
	switch f.Value.Type() {
	case "int":
		return "a whole number"
	case "float64":
		return "a number"
	case "bool", "boolfunc":
		return "true or false"
	case "duration":
		return "a duration such as 90s, 5m or 72h"
	case "time":
		return "a time such as 2026-01-31T12:00:00Z"
	}
	return "a value"
}
