package run

import (
	"cmp"

	"github.com/dbaudit/dbaudit/internal/plan"
)

// Planned is the target of a plan: the environment that is given, or that variables or
// the configuration name, which must be the plan's. A file alone must not say where a
// token is sent.
func (r *Runner) Planned(p plan.Plan, conn Connection, profileName string) (Target, error) {
	if conn.AllEnvs {
		return Target{}, Usagef("--all-envs: a plan is for one environment")
	}
	if conn.URL == "" && r.Getenv("DBAUDIT_URL") == "" && len(conn.Envs) == 0 {
		file, err := r.Configuration()
		if err != nil {
			return Target{}, err
		}
		for _, env := range file.All() {
			if env.Name != "" && SameEnvironment(env.URL, p.Environment.URL) {
				conn.Envs = []string{env.Name}
			}
		}
	}
	t, err := r.Single(conn, Wanted{Profile: profileName, Of: p.Profile}, "a plan is for one environment")
	if err != nil {
		return Target{}, err
	}
	if !SameEnvironment(t.URL, p.Environment.URL) {
		return Target{}, Usagef("the plan is for %s, and --url, DBAUDIT_URL or the configuration names %s: they must be the same", p.Environment.URL, t.URL)
	}
	t.Requirement = p.Requirement
	t.Name = cmp.Or(t.Env.Name, p.Environment.Name, t.Name)
	return t, nil
}
