package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/policy"
)

// completeFlags lets the shell complete the values of each flag that has a known set,
// in a command and those below it.
func completeFlags(a *app, cmd *cobra.Command) {
	complete := func(f *pflag.Flag) {
		values, ok := valuesOf(a, cmd, f.Name)
		if words, fixed := wordsOf(f); fixed {
			values, ok = func() []string { return words }, true
		}
		if !ok {
			return
		}
		// A flag that is already registered keeps its own.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return values(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	cmd.LocalFlags().VisitAll(complete)
	for _, c := range cmd.Commands() {
		completeFlags(a, c)
	}
}

// valuesOf is how the values of a command's flag are found, where they are known.
func valuesOf(a *app, cmd *cobra.Command, flag string) (func() []string, bool) {
	switch flag {
	case "env":
		return func() []string { return environmentNames(a) }, true
	case "environment":
		if cmd.Name() == "add" {
			return func() []string { return environmentNames(a) }, true
		}
		return simulator.BuiltinNames, true
	case "label":
		return func() []string { return configuredLabels(a) }, true
	case "control", "only", "except":
		return func() []string { return controlNames(a) }, true
	case "profile":
		return profileNames, true
	}
	return nil, false
}

// configuredEnvironments are those of the configuration. One that cannot be read completes
// nothing, and the command itself says why.
func configuredEnvironments(a *app) []config.Environment {
	file, err := a.Configuration()
	if err != nil {
		return nil
	}
	return file.All()
}

func environmentNames(a *app) []string {
	var made []string
	for _, env := range configuredEnvironments(a) {
		if env.Name != "" {
			made = append(made, env.Name)
		}
	}
	return made
}

func configuredLabels(a *app) []string {
	var made []string
	for _, env := range configuredEnvironments(a) {
		for key, value := range env.Labels {
			made = append(made, key+"="+value)
		}
	}
	slices.Sort(made)
	return slices.Compact(made)
}

func controlNames(a *app) []string {
	file, err := a.Configuration()
	if err != nil {
		return nil
	}
	p, err := a.Profile(a.ProfileName(file, run.Wanted{}))
	if err != nil {
		return nil
	}
	made := make([]string, len(p.Controls))
	for i, c := range p.Controls {
		made[i] = string(c.ID)
	}
	return made
}

func profileNames() []string {
	builtin, err := profile.Builtin(policy.Files)
	if err != nil {
		return nil
	}
	made := make([]string, len(builtin))
	for i, p := range builtin {
		made[i] = p.Name
	}
	return made
}
