package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Connection is the part of the command line that chooses environments and says how to reach them.
type Connection struct {
	URL     string
	Auth    config.Auth
	Envs    []string // names or patterns of environments in the configuration
	AllEnvs bool
	Labels  []string // KEY=VALUE
	Timeout string   // empty for DBAUDIT_TIMEOUT, else the default
}

// SelectsConfigured reports whether it chooses environments of the configuration. DBAUDIT_URL does
// not change the address of such an environment.
func (c Connection) SelectsConfigured() bool {
	return c.AllEnvs || len(c.Envs) > 0 || len(c.Labels) > 0
}

// Overrides is the part of the command line that overrides what is required of an environment.
type Overrides struct {
	Profile      string
	AppID        string
	User         string
	Role         string
	BusinessUnit string
	Views        []string // TABLE=NAME

	IntegrationProfile string // chooses one of several integrations by its profile
	NoRequirement      bool   // the environment is not judged
}

// A Target is an integration of an environment: how to reach the environment, and what is required
// of it.
type Target struct {
	Name string
	URL  string
	Auth config.Auth
	// ClientSecret is used if Auth names no secret.
	ClientSecret dataverse.Secret
	Requirement  snapshot.Requirement
	Profile      profile.Profile
	Timeout      time.Duration // for reading the environment; 0 means [DefaultTimeout]

	File *config.File
	Env  config.Environment

	variablePrefix string              // prefix of the variables of the credential; empty for DBAUDIT_
	recorder       *recording.Recorder // may be nil
}

func (t Target) String() string { return fmt.Sprintf("%s (%s)", t.Name, t.URL) }

// Targets returns the chosen integrations of the chosen environments. Flags take precedence over
// variables, and variables over the configuration.
func (r *Runner) Targets(conn Connection, overrides Overrides) ([]Target, error) {
	file, err := r.Configuration()
	if err != nil {
		return nil, err
	}
	targets, err := r.TargetsFrom(file, conn, overrides)
	if err == nil {
		r.warnUnusedVariables(conn, targets)
	}
	return targets, err
}

// TargetsFrom returns the targets of a given configuration. It does not warn about unused variables,
// because a worker would repeat the warning for each scan.
func (r *Runner) TargetsFrom(file *config.File, conn Connection, overrides Overrides) ([]Target, error) {
	if conn.URL == "" && len(file.Environments) == 0 {
		conn.AllEnvs = false // the configuration has only the unnamed environment
	}
	if !conn.SelectsConfigured() {
		conn.URL = cmp.Or(conn.URL, r.Getenv("DBAUDIT_URL"))
	}
	envs, err := selectEnvironments(file, conn)
	if err != nil {
		return nil, err
	}
	timeout, err := r.readTimeout(conn.Timeout)
	if err != nil {
		return nil, err
	}
	var targets []Target
	for _, env := range envs {
		integrations, err := r.SelectIntegrations(file, env, overrides)
		if err != nil {
			return nil, err
		}
		for _, integration := range integrations {
			t, err := r.resolveTarget(file, integration, conn, overrides)
			if err != nil {
				return nil, err
			}
			t.Timeout = timeout
			targets = append(targets, t)
		}
	}
	return targets, nil
}

// SingleTarget returns the only chosen target. It returns an error that begins with the reason if
// there are several.
func (r *Runner) SingleTarget(conn Connection, overrides Overrides, reason string) (Target, error) {
	targets, err := r.Targets(conn, overrides)
	if err != nil {
		return Target{}, err
	}
	if len(targets) != 1 {
		return Target{}, Usagef("%s: choose one with --env, and one of several integrations with --profile", reason)
	}
	return targets[0], nil
}

func (r *Runner) resolveTarget(file *config.File, env config.Environment, conn Connection, overrides Overrides) (Target, error) {
	t := Target{File: file, Env: env, URL: cmp.Or(conn.URL, env.URL), Auth: r.resolveAuth(file, env, conn)}
	if t.URL == "" {
		return Target{}, Usagef("no environment is named: pass --url https://ORG.crmN.dynamics.com, DBAUDIT_URL, or url: in %s", config.DefaultName)
	}
	var err error
	if t.URL, err = dataverse.ParseEnvironment(t.URL); err != nil {
		if conn.URL == "" {
			err = file.KeyError(env, err.Error(), "url")
		}
		return Target{}, &UsageError{err}
	}
	t.Name = cmp.Or(env.Name, environmentName(t.URL))
	if t.Requirement, t.Profile, err = r.Requirement(file, env, overrides); err != nil {
		return Target{}, err
	}
	return t, t.checkExampleValues()
}

// checkExampleValues returns an error for the example values of dbaudit init, because the address
// may exist.
func (t Target) checkExampleValues() error {
	if left := t.File.Placeholders(t.Env, t.URL, t.Auth.ClientID, t.Requirement.ApplicationID); left != nil {
		return Usagef("%s still has init's example values: replace %s", t.File.Name(), strings.Join(left, ", "))
	}
	return nil
}

// PlanTarget returns the target of a plan. Flags, variables or the configuration must name the
// plan's environment, because a file alone must not decide where a token is sent.
func (r *Runner) PlanTarget(p plan.Plan, conn Connection, profileName string) (Target, error) {
	if conn.AllEnvs {
		return Target{}, Usagef("--all-envs: a plan is for one environment")
	}
	if conn.URL == "" && r.Getenv("DBAUDIT_URL") == "" && len(conn.Envs) == 0 {
		file, err := r.Configuration()
		if err != nil {
			return Target{}, err
		}
		if env := environmentOf(file, p.Environment.Name, p.Environment.URL); env.Name != "" {
			conn.Envs = []string{env.Name}
		}
	}
	t, err := r.SingleTarget(conn, Overrides{Profile: profileName, IntegrationProfile: p.Profile}, "a plan is for one environment")
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

// Record makes a target record its HTTP exchanges, and returns the recorder.
func (r *Runner) Record(t *Target, command string) *recording.Recorder {
	t.recorder = recording.NewRecorder(recording.Header{
		Tool: snapshot.Tool(r.Tool), Command: command, Pattern: t.Profile.Pattern, Requirement: t.Requirement,
	})
	return t.recorder
}

// SameEnvironment reports whether two addresses are of the same environment, however they are
// written.
func SameEnvironment(a, b string) bool {
	x, err := dataverse.ParseEnvironment(a)
	y, yErr := dataverse.ParseEnvironment(b)
	return err == nil && yErr == nil && x == y
}

// environmentName returns a name for an environment that has none in the configuration: the first
// label of its host, or its IP address.
func environmentName(origin string) string {
	u, _ := url.Parse(origin) // ParseEnvironment has parsed it
	host := u.Hostname()
	if strings.Trim(host, "0123456789.:") == "" {
		return host
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}

// DefaultTimeout is how long reading one environment may take.
const DefaultTimeout = 5 * time.Minute

func (r *Runner) readTimeout(given string) (time.Duration, error) {
	name := "--timeout"
	if given == "" {
		name, given = "DBAUDIT_TIMEOUT", r.Getenv("DBAUDIT_TIMEOUT")
	}
	if given == "" {
		return DefaultTimeout, nil
	}
	timeout, err := time.ParseDuration(given)
	if err != nil || timeout <= 0 {
		return 0, Usagef("%s %q: want a positive duration, such as 90s or 5m", name, given)
	}
	return timeout, nil
}

// WithTimeout calls a function with a context that ends after the target's timeout. It returns an
// error that says so.
func (t Target) WithTimeout(ctx context.Context, do func(context.Context) error) error {
	limit := cmp.Or(t.Timeout, DefaultTimeout)
	late := fmt.Errorf("it took longer than %s: allow more with --timeout, or find out what makes it slow", text.Duration(limit))
	timed, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	err := do(timed)
	switch {
	case err == nil || ctx.Err() != nil || !errors.Is(context.Cause(timed), late):
		return err
	case errors.Is(err, late):
		return late
	}
	return fmt.Errorf("%w (%s)", late, err.Error())
}
