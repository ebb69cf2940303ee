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
		p, _ := a.Profile(a.ProfileName(configOrEmpty(a), run.Overrides{}))
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
