package cli

import (
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
)

// asRun names a result's environment and profile to another command, by the flags that
// were given to this one: the commands that a report proposes can be run unchanged.
func asRun(a *app) func(audit.Result) []string {
	var given []string
	named := map[string]bool{}
	keep := func(flags *pflag.FlagSet, without ...string) {
		flags.VisitAll(func(own *pflag.Flag) {
			f := a.flags.Lookup(own.Name)
			if f == nil || !f.Changed || slices.Contains(without, f.Name) {
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
	if a.flags != nil {
		own := pflag.NewFlagSet("", pflag.ContinueOnError)
		connectionFlags(own, &run.Connection{})
		requirementFlags(own, &run.Wanted{})
		keep(own, "env", "label")
	}
	if a.ConfigFile != "" {
		given = append([]string{"-c", filepath.ToSlash(a.ConfigFile)}, given...)
	}
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
