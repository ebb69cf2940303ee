package cli

import (
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
)

// asRun names a result's environment and profile to another command, by the flags that
// were given to this one: the commands that a report proposes can be run unchanged.
func asRun(a *app) func(audit.Result) []string {
	given, named := asGiven(a, func(own *pflag.FlagSet) {
		connectionFlags(own, &run.Connection{})
		requirementFlags(own, &run.Wanted{})
		policyFlag(own, new([]string))
	})
	file, err := a.Configuration()
	if err != nil {
		file = config.Empty() // the command itself says what is wrong with it
	}
	return func(r audit.Result) []string {
		flags := slices.Clone(given)
		found, configured, several := named["url"], false, false
		if !found {
			for _, env := range file.All() {
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
		case named["profile"], configured && !several:
		case several, p.Name != run.DefaultProfile && (p.Origin == "" || p.Origin == audit.OriginBuiltin):
			flags = append(flags, "--profile", p.Name)
		case p.Name != run.DefaultProfile || p.Origin != "" && p.Origin != audit.OriginBuiltin:
			flags = append(flags, "--profile", p.Origin)
		}
		return flags
	}
}

// applying is a command that applies a plan or continues with its journal, ready to be
// pasted.
func applying(a *app, command, file string, env audit.Environment) string {
	return command + change.Place{Flags: append([]string{file}, toApply(a)(audit.Result{Environment: env})...)}.Arguments()
}

// undoing is the command that undoes what a journal says was done.
func undoing(a *app, journal string, env audit.Environment) string {
	given, named := asGiven(a, func(own *pflag.FlagSet) { connectionFlags(own, &run.Connection{}) })
	flags, _ := reaching(a, given, named, env)
	return "dbaudit rollback" + change.Place{Flags: append([]string{journal}, flags...)}.Arguments()
}

// toApply names to apply the environment of a result, and the custom profile and rules that
// it was judged by, by the flags that were given to this command.
func toApply(a *app) func(audit.Result) []string {
	given, named := asGiven(a, func(own *pflag.FlagSet) {
		connectionFlags(own, &run.Connection{})
		if f := a.flags.Lookup("profile"); f != nil && run.IsFile(f.Value.String()) {
			own.String("profile", "", "") // apply finds the others by the plan
		}
		policyFlag(own, new([]string))
	})
	return func(r audit.Result) []string {
		flags, configured := reaching(a, given, named, r.Environment)
		if !configured && !named["profile"] && run.IsFile(r.Profile.Origin) {
			flags = append(flags, "--profile", r.Profile.Origin)
		}
		return flags
	}
}

// reaching adds an environment to the given flags unless they or the configuration name it,
// because a plan alone does not say where a token is sent.
func reaching(a *app, given []string, named map[string]bool, env audit.Environment) (flags []string, configured bool) {
	file, err := a.Configuration()
	if err != nil {
		file = config.Empty()
	}
	flags = slices.Clip(given)
	configured = slices.ContainsFunc(file.All(), func(c config.Environment) bool { return run.SameEnvironment(c.URL, env.URL) })
	if !named["url"] && !configured && env.URL != "" {
		flags = append(flags, "--url", env.URL)
	}
	return flags, configured
}

// asGiven is the part of this command's flags that another command shares, and which of
// them were given. The environment's name and labels are left out.
func asGiven(a *app, shared func(*pflag.FlagSet)) (given []string, named map[string]bool) {
	named = map[string]bool{}
	if a.flags != nil {
		own := pflag.NewFlagSet("", pflag.ContinueOnError)
		shared(own)
		own.VisitAll(func(own *pflag.Flag) {
			f := a.flags.Lookup(own.Name)
			if f == nil || !f.Changed || f.Name == "env" || f.Name == "label" {
				return
			}
			named[f.Name] = true
			values := []string{f.Value.String()}
			if list, ok := f.Value.(pflag.SliceValue); ok {
				values = list.GetSlice()
			}
			for _, value := range values {
				given = append(given, "--"+f.Name, value)
			}
		})
	}
	if a.ConfigFile != "" {
		given = append([]string{"-c", filepath.ToSlash(a.ConfigFile)}, given...)
	}
	return given, named
}
