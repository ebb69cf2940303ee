package cli

import (
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/run"
)

// flagsForTarget returns a function that returns the flags with which another command reads a
// result's environment by its profile. They are as this command got them, so that people can run
// the commands in a report unchanged.
func flagsForTarget(a *app) func(audit.Result) []string {
	shared := givenFlags(a, func(f *pflag.Flag) bool { return f.Name == "policy" || headingOf(a.command, f.Name) == "Requirement" })
	environmentsAt := configuredEnvironments(a)
	return func(r audit.Result) []string {
		flags := slices.Clone(shared)
		found, configured, ambiguous := isFlagSet(a, "url"), false, false
		if !found {
			for _, env := range environmentsAt(r.Environment.URL) {
				if env.Name != "" && env.Name != r.Environment.Name {
					continue
				}
				found, configured, ambiguous = true, true, len(env.Integrations) > 1
				if env.Name != "" {
					flags = append(flags, "--env", env.Name)
				}
			}
		}
		if !found && r.Environment.URL != "" {
			flags = append(flags, "--url", r.Environment.URL)
		}
		switch p := r.Profile; {
		case isFlagSet(a, "profile"), configured && !ambiguous:
		case !ambiguous && p.Origin != "" && p.Origin != audit.OriginBuiltin:
			flags = append(flags, "--profile", p.Origin)
		case ambiguous, p.Name != run.DefaultProfile:
			flags = append(flags, "--profile", p.Name)
		}
		return flags
	}
}

// applyCommand returns the command that applies a plan, or resumes the run of its journal.
func applyCommand(a *app, command, file string, env audit.Environment) string {
	return command + change.Place{Flags: append([]string{file}, flagsForApply(a)(audit.Result{Environment: env})...)}.Arguments()
}

// rollbackCommand returns the command that undoes the actions in a journal.
func rollbackCommand(a *app, journal string, env audit.Environment) string {
	flags, _ := withEnvironmentFlag(a, configuredEnvironments(a), givenFlags(a, func(*pflag.Flag) bool { return false }), env)
	return "dbaudit rollback" + change.Place{Flags: append([]string{journal}, flags...)}.Arguments()
}

// scanCommand returns the command that judges the environment of a plan.
func scanCommand(a *app, p plan.Plan) string {
	flags := flagsForTarget(a)(audit.Result{Environment: p.Environment, Profile: audit.Profile{Name: p.Profile}})
	return "dbaudit scan" + change.Place{Flags: flags}.Arguments()
}

// checkCommand returns the command that judges a snapshot again and saves the result.
func checkCommand(a *app, snapshot, result string) string {
	flags := givenFlags(a, func(f *pflag.Flag) bool { return f.Name == "policy" || f.Name == "profile" })
	return "dbaudit check" + change.Place{Flags: slices.Concat([]string{snapshot}, flags, []string{"-f", "json", "-o", result})}.Arguments()
}

// flagsForApply returns a function that returns the flags with which apply carries out the plan of
// a result: its environment, custom profile and custom rules, and permission for what it changes.
func flagsForApply(a *app) func(audit.Result) []string {
	// The plan itself names a built-in profile.
	isProfileFile := func(f *pflag.Flag) bool { return f.Name == "profile" && run.IsProfileFile(f.Value.String()) }
	shared := givenFlags(a, func(f *pflag.Flag) bool {
		return f.Name == "policy" || f.Name == "replace-filtered" || isProfileFile(f)
	})
	environmentsAt := configuredEnvironments(a)
	return func(r audit.Result) []string {
		flags, configured := withEnvironmentFlag(a, environmentsAt, shared, r.Environment)
		if !configured && !slices.Contains(shared, "--profile") && run.IsProfileFile(r.Profile.Origin) {
			flags = append(flags, "--profile", r.Profile.Origin)
		}
		return flags
	}
}

// configuredEnvironments returns a function that returns the environments of the configuration with an
// address. It reads the configuration once, when it is first asked.
func configuredEnvironments(a *app) func(address string) []config.Environment {
	byOrigin := sync.OnceValue(func() map[string][]config.Environment {
		all := map[string][]config.Environment{}
		for _, env := range configOrEmpty(a).AllEnvironments() {
			if origin, err := dataverse.ParseEnvironment(env.URL); err == nil {
				all[origin] = append(all[origin], env)
			}
		}
		return all
	})
	return func(address string) []config.Environment {
		origin, err := dataverse.ParseEnvironment(address)
		if err != nil {
			return nil
		}
		return byOrigin()[origin]
	}
}

// withEnvironmentFlag adds --url to the flags unless they or the configuration name the environment:
// apply and rollback send a token only to an address that the user chose, not to one from a plan.
// It reports whether the configuration names the environment.
func withEnvironmentFlag(a *app, environmentsAt func(string) []config.Environment, shared []string, env audit.Environment) (flags []string, configured bool) {
	flags, configured = slices.Clip(shared), len(environmentsAt(env.URL)) > 0
	if !isFlagSet(a, "url") && !configured && env.URL != "" {
		flags = append(flags, "--url", env.URL)
	}
	return flags, configured
}

func isFlagSet(a *app, flag string) bool { return a.command != nil && a.command.Flags().Changed(flag) }

// givenFlags returns the flags of this run that another command needs: -c, --url, the flags for
// sign-in, and those for which shared returns true.
func givenFlags(a *app, shared func(*pflag.Flag) bool) (flags []string) {
	if a.ConfigFile != "" {
		flags = []string{"-c", filepath.ToSlash(a.ConfigFile)}
	}
	if a.command == nil {
		return flags
	}
	a.command.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "url" && headingOf(a.command, f.Name) != "Sign-in" && !shared(f) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			flags = append(flags, "--"+f.Name)
			if value != f.NoOptDefVal { // a switch has no value
				flags = append(flags, value)
			}
		}
	})
	return flags
}
