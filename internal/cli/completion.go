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

// completeFlags registers completions for the values of flags, in a command and its subcommands.
func completeFlags(a *app, cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		// The only error is that the flag has a completion already, which stays.
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

// completionsOf returns the values of a command's flag, if they are known. A file that cannot be
// read completes nothing, because the command itself reports that error.
func completionsOf(a *app, cmd *cobra.Command, f *pflag.Flag) (values []string, known bool) {
	if words := choicesOf(f); words != nil {
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

// takesNames says that the arguments of a command are names, which complete returns, and not files.
func takesNames(cmd *cobra.Command, complete func(cmd *cobra.Command, args []string) []string) {
	cmd.Annotations = map[string]string{argumentsAnnotation: namesArguments}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, args), cobra.ShellCompDirectiveNoFileComp
	}
}

// takesProfiles says that the required arguments of a command are names or files of profiles.
func takesProfiles(cmd *cobra.Command) {
	cmd.Annotations = map[string]string{argumentsAnnotation: profileArguments}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if profiles, _ := argumentCount(cmd.Use); len(args) >= profiles {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return profileNames(), cobra.ShellCompDirectiveDefault
	}
}

// sortedLabels returns labels as --label takes them, KEY=VALUE, sorted.
func sortedLabels(labels map[string]string) []string {
	var list []string
	for key, value := range labels {
		list = append(list, key+"="+value)
	}
	slices.Sort(list)
	return list
}

// configOrEmpty returns the configuration, or an empty one if it cannot be read: the command
// itself reports that error.
func configOrEmpty(a *app) *config.File {
	file, err := a.Configuration()
	if err != nil {
		return config.Empty()
	}
	return file
}
