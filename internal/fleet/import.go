package fleet

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// Environments returns the environments of configuration files, as the store keeps them. It returns
// an error for an environment that a worker could not scan.
func Environments(runner *run.Runner, files []*config.File) ([]store.Environment, error) {
	var all []store.Environment
	waivers := map[string]*waiver.File{} // by name: the rows of a CSV file have the same
	for _, file := range files {
		targets, err := runner.TargetsFrom(file, run.Connection{AllEnvs: true}, run.Overrides{})
		if err != nil {
			return nil, err
		}
		name, _ := run.WaiverFile("", file)
		if _, known := waivers[name]; !known {
			if waivers[name], err = run.ReadChosenWaivers("", file, runner.Now()); err != nil {
				return nil, err
			}
		}
		requirements := Requirements(targets, waivers[name])
		for _, env := range file.AllEnvironments() {
			t := targets[slices.IndexFunc(targets, func(t run.Target) bool { return t.Env.Name == env.Name })] // each has one
			if slices.ContainsFunc(all, func(e store.Environment) bool { return e.Name == t.Name }) {
				return nil, run.Usagef("%s: the environment %s appears twice: give each a different name", file.Name(), t.Name)
			}
			e, err := storedEnvironment(file, env, t)
			if err != nil {
				return nil, err
			}
			e.Requirements = requirements[t.Name]
			all = append(all, e)
		}
	}
	return all, nil
}

// storedEnvironment returns an environment of a file, which has the name, the address and the sign-in
// of a target.
func storedEnvironment(file *config.File, env config.Environment, t run.Target) (store.Environment, error) {
	method, err := signin.ParseMethod(t.Auth.Method)
	if err != nil {
		return store.Environment{}, run.Usagef("%s: %w", t.Name, err)
	}
	if method.IsPersonal() {
		return store.Environment{}, run.Usagef("%s: auth.method %s is interactive, and a worker has nobody to ask: use client-secret, certificate, workload-identity or managed-identity", t.Name, method)
	}
	text, err := environmentConfig(file, env, t.Name)
	if err != nil {
		return store.Environment{}, err
	}
	ends, err := secretExpiry(t)
	return store.Environment{
		Name: t.Name, TenantID: t.Auth.TenantID, URL: t.URL, Config: text, CredentialRef: credentialRef(t.Auth),
		CredentialEnds: ends, Every: file.Interval(env), Labels: env.Labels,
	}, err
}

// environmentConfig returns a configuration with only one environment, under a name, as YAML. Names of
// files are absolute.
func environmentConfig(file *config.File, env config.Environment, name string) (string, error) {
	absolute := absolutePath(file.Name())
	env.Integrations = slices.Clone(env.Integrations)
	for i, integration := range env.Integrations {
		if run.IsProfileFile(integration.Profile) {
			env.Integrations[i].Profile = absolute(integration.Profile, false)
		}
	}
	part := file.ForEnvironment(env, name, absolute)
	if run.IsProfileFile(part.Profile) {
		part.Profile = absolute(part.Profile, false)
	}
	if part.Waivers == "" {
		waivers := absolute(waiver.DefaultName, true)
		if _, err := os.Stat(filepath.FromSlash(waivers)); err == nil {
			part.Waivers = waivers
		}
	}
	text, err := part.Encode()
	return string(text), err
}

// absolutePath returns a function that makes the name of a file absolute. Names are relative to the
// folder of the configuration, which is the name of a file, if inFolder is true, else to the working
// directory.
func absolutePath(configuration string) func(name string, inFolder bool) string {
	return func(name string, inFolder bool) string {
		if inFolder {
			name = config.Beside(configuration, name)
		}
		if absolute, err := filepath.Abs(filepath.FromSlash(name)); err == nil {
			name = absolute
		}
		return filepath.ToSlash(name)
	}
}

// secretExpiry returns when the client secret of a target expires, or the zero time if the
// configuration does not say it.
func secretExpiry(t run.Target) (time.Time, error) {
	if t.Auth.SecretEnds == "" || t.Auth.Certificate != "" {
		return time.Time{}, nil
	}
	ends, err := time.Parse(time.DateOnly, t.Auth.SecretEnds)
	if err != nil {
		return ends, run.Usagef("%s: auth.secret_ends %s is not a day, such as 2027-01-31", t.Name, t.Auth.SecretEnds)
	}
	return ends, nil
}

// credentialRef returns where a credential is kept; see [store.Environment].
func credentialRef(a config.Auth) string {
	switch {
	case a.Secret != nil && a.Secret.Env != "":
		return "env:" + a.Secret.Env
	case a.Secret != nil:
		return "file:" + a.Secret.File
	case a.Certificate != "":
		return store.CertificatePrefix + a.Certificate
	}
	return a.Method
}
