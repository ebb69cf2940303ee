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
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		values := valuesOf(a, cmd, f.Name)
		if words, fixed := wordsOf(f); fixed {
			values = func() []string { return words }
		}
		if values != nil {
			// A flag that is already registered keeps its own.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return values(), cobra.ShellCompDirectiveNoFileComp
			})
		}
	})
	for _, c := range cmd.Commands() {
		completeFlags(a, c)
	}
}

// valuesOf finds the values of a command's flag; nil if they are not known. What cannot be
// read completes nothing, and the command itself says why.
func valuesOf(a *app, cmd *cobra.Command, flag string) func() []string {
	configured := func() *config.File {
		file, err := a.Configuration()
		if err != nil {
			return config.Empty()
		}
		return file
	}
	switch {
	case flag == "env", flag == "environment" && cmd.Name() == "add":
		return func() []string { return configured().Names() }
	case flag == "environment":
		return simulator.BuiltinNames
	case flag == "label":
		return func() []string { return labels(configured()) }
	case slices.Contains([]string{"control", "only", "except"}, flag):
		return func() []string {
			p, err := a.Profile(a.ProfileName(configured(), run.Wanted{}))
			if err != nil {
				return nil
			}
			var ids []string
			for _, c := range p.Controls {
				ids = append(ids, string(c.ID))
			}
			return ids
		}
	case flag == "profile":
		return profileNames
	}
	return nil
}

// labels are those of the configured environments.
func labels(file *config.File) []string {
	var all []string
	for _, env := range file.All() {
		for key, value := range env.Labels {
			all = append(all, key+"="+value)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func profileNames() []string {
	builtin, err := profile.Builtin(policy.Files)
	if err != nil {
		return nil
	}
	names := make([]string, len(builtin))
	for i, p := range builtin {
		names[i] = p.Name
	}
	return names
}
