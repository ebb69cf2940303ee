package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/waiver"
	"github.com/dbaudit/dbaudit/policy"
)

// completeFlags lets the shell complete the values of each flag that has a known set,
// in a command and those below it.
func completeFlags(a *app, cmd *cobra.Command) {
	complete := func(f *pflag.Flag) {
		values, ok := valuesOf(a, cmd, f.Name)
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
	fixed := func(values ...string) (func() []string, bool) {
		return func() []string { return values }, true
	}
	switch flag {
	case "format":
		return fixed(formatsOf(cmd)...)
	case "env":
		return func() []string { return environmentNames(a) }, true
	case "environment":
		if cmd.Name() == "add" {
			return func() []string { return environmentNames(a) }, true
		}
		return fixed(simulator.BuiltinNames()...)
	case "label":
		return func() []string { return configuredLabels(a) }, true
	case "fail-on":
		return fixed(append(spelled(audit.Severities()), "none")...)
	case "auth":
		return fixed(spelled(signin.Methods())...)
	case "scope":
		return fixed(snapshot.ScopeIntegration.String(), snapshot.ScopeEnvironment.String())
	case "kind":
		return fixed(spelled(waiver.Kinds())...)
	case "control", "only", "except":
		return func() []string { return controlNames(a) }, true
	case "profile":
		return profileNames, true
	case "sarif-profile":
		return fixed(spelled(report.Profiles())...)
	case "log-format":
		return fixed("text", "json")
	}
	return nil, false
}

// formatsOf are the formats of what a command writes.
func formatsOf(cmd *cobra.Command) []string {
	if cmd.Parent().Name() == "profile" {
		return []string{"table", "json"}
	}
	switch cmd.Name() {
	case "scan", "check", "lint", "report", "demo", "apply":
		return spelled(report.Formats())
	case "plan", "diff":
		return []string{"table", "json", "markdown"}
	case "history":
		return []string{"table", "json", "html", "markdown", "csv"}
	case "discover":
		return []string{"table", "json", "yaml"}
	}
	return []string{"table", "json"}
}

func spelled[T interface{ String() string }](values []T) []string {
	made := make([]string, len(values))
	for i, v := range values {
		made[i] = v.String()
	}
	return made
}

// configuredEnvironments are those of the configuration. One that cannot be read completes
// nothing, and the command itself says why.
func configuredEnvironments(a *app) []config.Environment {
	file, err := a.Configuration()
	if err != nil || file == nil {
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
