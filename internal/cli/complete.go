package cli

import (
	"context"
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
func (a *app) completeFlags(cmd *cobra.Command) {
	complete := func(f *pflag.Flag) {
		values, ok := a.valuesOf(cmd, f.Name)
		if !ok {
			return
		}
		// A flag that is already registered keeps its own.
		_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return values(cmd.Context()), cobra.ShellCompDirectiveNoFileComp
		})
	}
	cmd.LocalFlags().VisitAll(complete)
	for _, c := range cmd.Commands() {
		a.completeFlags(c)
	}
}

// valuesOf is how the values of a command's flag are found, where they are known.
func (a *app) valuesOf(cmd *cobra.Command, flag string) (func(context.Context) []string, bool) {
	fixed := func(values ...string) (func(context.Context) []string, bool) {
		return func(context.Context) []string { return values }, true
	}
	switch flag {
	case "format":
		return fixed(formatsOf(cmd)...)
	case "env":
		return a.environmentNames, true
	case "environment":
		if cmd.Name() == "add" {
			return a.environmentNames, true
		}
		return fixed(simulator.BuiltinNames()...)
	case "label":
		return a.labels, true
	case "fail-on":
		return fixed(append(spelled(audit.Severities()), "none")...)
	case "auth":
		return fixed(spelled(signin.Methods())...)
	case "scope":
		return fixed(snapshot.ScopeIntegration.String(), snapshot.ScopeEnvironment.String())
	case "kind":
		return fixed(spelled(waiver.Kinds())...)
	case "control", "only", "except":
		return a.controlNames, true
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
		return []string{"table", "json", "html"}
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

// environments are those of the configuration. One that cannot be read completes
// nothing, and the command itself says why.
func (a *app) environments() []config.Environment {
	file, err := a.Configuration()
	if err != nil || file == nil {
		return nil
	}
	return file.All()
}

func (a *app) environmentNames(context.Context) []string {
	var made []string
	for _, env := range a.environments() {
		if env.Name != "" {
			made = append(made, env.Name)
		}
	}
	return made
}

func (a *app) labels(context.Context) []string {
	var made []string
	for _, env := range a.environments() {
		for key, value := range env.Labels {
			made = append(made, key+"="+value)
		}
	}
	slices.Sort(made)
	return slices.Compact(made)
}

func (a *app) controlNames(context.Context) []string {
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

func profileNames(context.Context) []string {
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
