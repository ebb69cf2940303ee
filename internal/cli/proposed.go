package cli

import (
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/run"
)

// scanArguments returns the flags that name a result's environment and profile for another command,
// as this command got them, so that the commands in a report can be run unchanged.
func scanArguments(a *app) func(audit.Result) []string {
	shared := givenFlags(a, func(f *pflag.Flag) bool { return f.Name == "policy" || headingOf(a.command, f.Name) == "Requirement" })
	file := configOrEmpty(a)
	return func(r audit.Result) []string {
		flags := slices.Clone(shared)
		found, configured, several := isFlagSet(a, "url"), false, false
		if !found {
			for _, env := range file.AllEnvironments() {
				if !run.SameEnvironment(env.URL, r.Environment.URL) || env.Name != "" && env.Name != r.Environment.Name {
					continue
				}
				found, configured, several = true, true, len(env.Integrations) > 1
				if env.Name != "" {
					flags = append(flags, "--env", env.Name)
				}
			}
		}
		if !found && r.Environment.URL != "" {
			flags = append(flags, "--url", r.Environment.URL)
		}
		switch p := r.Profile; {
		case isFlagSet(a, "profile"), configured && !several:
		case !several && p.Origin != "" && p.Origin != audit.OriginBuiltin:
			flags = append(flags, "--profile", p.Origin)
		case several, p.Name != run.DefaultProfile:
			flags = append(flags, "--profile", p.Name)
		}
		return flags
	}
}

// applyCommand is a command that applies a plan or continues with its journal.
func applyCommand(a *app, command, file string, env audit.Environment) string {
	return command + change.Place{Flags: append([]string{file}, applyArguments(a)(audit.Result{Environment: env})...)}.Arguments()
}

// rollbackCommand is the command that undoes what a journal says was done.
func rollbackCommand(a *app, journal string, env audit.Environment) string {
	flags, _ := withEnvironment(a, givenFlags(a, func(*pflag.Flag) bool { return false }), env)
	return "dbaudit rollback" + change.Place{Flags: append([]string{journal}, flags...)}.Arguments()
}

// scanCommand is the command that judges the environment of a plan.
func scanCommand(a *app, p plan.Plan) string {
	flags := scanArguments(a)(audit.Result{Environment: p.Environment, Profile: audit.Profile{Name: p.Profile}})
	return "dbaudit scan" + change.Place{Flags: flags}.Arguments()
}

// checkCommand is the command that judges a snapshot again and saves the result.
func checkCommand(a *app, snapshot, result string) string {
	flags := givenFlags(a, func(f *pflag.Flag) bool { return f.Name == "policy" || f.Name == "profile" })
	return "dbaudit check" + change.Place{Flags: slices.Concat([]string{snapshot}, flags, []string{"-f", "json", "-o", result})}.Arguments()
}

// applyArguments returns the flags that name, for apply, a result's environment, custom profile and
// custom rules, and permit what its plan does, as this command got them.
func applyArguments(a *app) func(audit.Result) []string {
	ownProfile := func(f *pflag.Flag) bool { return f.Name == "profile" && run.IsProfileFile(f.Value.String()) } // apply finds the others by the plan
	shared := givenFlags(a, func(f *pflag.Flag) bool { return f.Name == "policy" || f.Name == "replace-filtered" || ownProfile(f) })
	return func(r audit.Result) []string {
		flags, configured := withEnvironment(a, shared, r.Environment)
		if !configured && !slices.Contains(shared, "--profile") && run.IsProfileFile(r.Profile.Origin) {
			flags = append(flags, "--profile", r.Profile.Origin)
		}
		return flags
	}
}

// withEnvironment adds an environment to the given flags unless they or the configuration name it,
// because a plan alone does not say where a token is sent.
func withEnvironment(a *app, shared []string, env audit.Environment) (flags []string, known bool) {
	flags = slices.Clip(shared)
	known = slices.ContainsFunc(configOrEmpty(a).AllEnvironments(), func(c config.Environment) bool { return run.SameEnvironment(c.URL, env.URL) })
	if !isFlagSet(a, "url") && !known && env.URL != "" {
		flags = append(flags, "--url", env.URL)
	}
	return flags, known
}

func isFlagSet(a *app, flag string) bool { return a.command != nil && a.command.Flags().Changed(flag) }

// givenFlags returns flags of this command: those of the connection, apart from --env and
// --label, and those that another command shares.
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
