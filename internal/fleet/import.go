package fleet

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/waiver"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// Environments are those of configurations, for the store. What would keep a worker from
// scanning one is an error now.
func Environments(runner *run.Runner, files []*config.File) ([]store.Environment, error) {
	var all []store.Environment
	for _, file := range files {
		targets, err := runner.TargetsFrom(file, run.Connection{AllEnvs: true}, run.Overrides{})
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, t := range targets {
			switch i := slices.IndexFunc(all, func(e store.Environment) bool { return e.Name == t.Name }); {
			case i < 0:
				e, err := storedEnvironment(file, t)
				if err != nil {
					return nil, err
				}
				all = append(all, e)
			case i < before:
				return nil, run.Usagef("%s: the environment %s appears twice: give each a different name", file.Name(), t.Name)
			default: // another integration of it
				all[i].Profiles = append(all[i].Profiles, t.Profile.Name)
			}
		}
	}
	return all, nil
}

func storedEnvironment(file *config.File, t run.Target) (store.Environment, error) {
	method, err := signin.ParseMethod(t.Auth.Method)
	if err != nil {
		return store.Environment{}, run.Usagef("%s: %w", t.Name, err)
	}
	if method == signin.DeviceCode || method == signin.Interactive {
		return store.Environment{}, run.Usagef("%s: auth.method %s is interactive, and a worker has nobody to ask: use client-secret, certificate, workload-identity or managed-identity", t.Name, method)
	}
	text, err := environmentConfig(file, t)
	if err != nil {
		return store.Environment{}, err
	}
	ends, err := secretExpiry(t)
	return store.Environment{
		Name: t.Name, TenantID: t.Auth.TenantID, URL: t.URL, Config: text, CredentialRef: credentialRef(t.Auth),
		CredentialEnds: ends, Every: file.Interval(t.Env), Labels: t.Env.Labels, Profiles: []string{t.Profile.Name},
	}, err
}

// environmentConfig is the configuration of one environment, with absolute names of files.
func environmentConfig(file *config.File, t run.Target) (string, error) {
	rename := absolutePath(filepath.Dir(filepath.FromSlash(file.Name())))
	env := t.Env
	for _, e := range file.AllEnvironments() {
		if e.Name == t.Env.Name {
			env = e // with all of its integrations
		}
	}
	env.Integrations = slices.Clone(env.Integrations)
	for i, one := range env.Integrations {
		if run.IsProfileFile(one.Profile) {
			env.Integrations[i].Profile = rename(one.Profile, false)
		}
	}
	part := file.ForEnvironment(env, t.Name, rename)
	if run.IsProfileFile(part.Profile) {
		part.Profile = rename(part.Profile, false)
	}
	if part.Waivers == "" {
		name := rename(waiver.DefaultName, true)
		if _, err := os.Stat(filepath.FromSlash(name)); err == nil {
			part.Waivers = name
		}
	}
	text, err := part.Encode()
	return string(text), err
}

// absolutePath names files by their whole path, either from a configuration's folder or from the
// working directory.
func absolutePath(folder string) func(string, bool) string {
	return func(name string, beside bool) string {
		name = filepath.FromSlash(name)
		if beside && !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		if whole, err := filepath.Abs(name); err == nil {
			name = whole
		}
		return filepath.ToSlash(name)
	}
}

// secretExpiry is when the client secret ends that a configuration states; zero if it does not.
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

// credentialRef says where a credential is, for a reader.
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

// csvColumns are those that a CSV of environments may have, in any order.
func csvColumns() []string {
	return []string{
		"name", "url", "tenant_id", "client_id", "auth", "secret_env", "secret_file", "secret_ends", "certificate",
		"profile", "app_id", "user", "role", "business_unit", "every", "labels",
	}
}

// ParseCSV reads environments from CSV, each row as a configuration. The first row names the
// columns. Labels are KEY=VALUE, separated by semicolons.
func ParseCSV(name string, data []byte) ([]*config.File, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty: its first row names the columns, such as name,url,every,labels")
	}
	if err != nil {
		return nil, run.Usagef("%s: %w", name, err)
	}
	for i, c := range header {
		header[i] = strings.TrimSpace(c)
		if !slices.Contains(csvColumns(), header[i]) {
			return nil, run.Usagef("%s: there is no column %q: there are %s", name, c, strings.Join(csvColumns(), ", "))
		}
	}
	var files []*config.File
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, run.Usagef("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		cell := func(column string) string {
			if i := slices.Index(header, column); i >= 0 {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		file, err := configFromRow(name, cell)
		if err != nil {
			return nil, run.Usagef("%s:%d: %w", name, line, err)
		}
		files = append(files, file)
	}
}

// configFromRow makes a configuration of a row.
func configFromRow(name string, cell func(string) string) (*config.File, error) {
	env := config.Environment{
		URL: cell("url"), Every: cell("every"),
		Integration: config.Integration{AppID: cell("app_id"), User: cell("user"), Role: cell("role"), BusinessUnit: cell("business_unit")},
	}
	auth := config.Auth{Method: cell("auth"), TenantID: cell("tenant_id"), ClientID: cell("client_id"), Certificate: cell("certificate"), SecretEnds: cell("secret_ends")}
	if source := (config.Source{Env: cell("secret_env"), File: cell("secret_file")}); source != (config.Source{}) {
		auth.Secret = &source
	}
	if auth != (config.Auth{}) {
		env.Auth = &auth
	}
	for label := range strings.SplitSeq(cell("labels"), ";") {
		if label = strings.TrimSpace(label); label == "" {
			continue
		}
		key, value, ok := strings.Cut(label, "=")
		if !ok {
			return nil, fmt.Errorf("the label %q: want KEY=VALUE, and a semicolon between two", label)
		}
		if env.Labels == nil {
			env.Labels = map[string]string{}
		}
		env.Labels[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	file := config.File{Profile: cell("profile"), Environments: map[string]config.Environment{cmp.Or(cell("name"), "?"): env}}
	text, err := file.Encode()
	if err != nil {
		return nil, err
	}
	parsed, err := config.Parse(name, text)
	if err != nil {
		var fault *yamldoc.Fault
		if errors.As(err, &fault) {
			return nil, errors.New(fault.Message) // its line is one of the configuration that was made of the row
		}
		return nil, err
	}
	return parsed, nil
}
