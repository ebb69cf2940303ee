// Package config reads dbaudit.yaml: what to audit and how to reach it. Unknown
// keys, duplicate keys and bad values are errors with file, line and column. It
// contains no secrets and reads none: it says where they are.
package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
)

// DefaultName is the configuration file that is read from the working directory
// if none is named.
const DefaultName = "dbaudit.yaml"

// A File is a parsed configuration.
type File struct {
	Profile      string                 `yaml:"profile,omitempty"`
	Auth         Auth                   `yaml:"auth,omitempty"`
	Apply        *Auth                  `yaml:"apply,omitempty"`
	Environments map[string]Environment `yaml:"environments,omitempty"`
	URL          string                 `yaml:"url,omitempty"`
	Integration  Integration            `yaml:"integration,omitempty"`
	Integrations []Entry                `yaml:"integrations,omitempty"`
	BusinessUnit string                 `yaml:"business_unit,omitempty"`
	Views        []View                 `yaml:"views,omitempty"`
	Depth        map[string]audit.Depth `yaml:"depth,omitempty"`
	Allow        []string               `yaml:"allow,omitempty"`
	Waivers      string                 `yaml:"waivers,omitempty"`
	// Every is how often the fleet scans an environment that does not say it itself.
	Every string `yaml:"every,omitempty"`

	name string
	doc  *yamldoc.Document
}

// Auth says how to sign in. What is empty is deduced.
type Auth struct {
	Method      string `yaml:"method,omitempty"`
	TenantID    string `yaml:"tenant_id,omitempty"`
	ClientID    string `yaml:"client_id,omitempty"`
	Certificate string `yaml:"certificate,omitempty"`
	Authority   string `yaml:"authority,omitempty"`
	// Secret and CertificatePassword say where a secret is.
	Secret              *Source `yaml:"secret,omitempty"`
	CertificatePassword *Source `yaml:"certificate_password,omitempty"`
	// SecretEnds is the expiry date of the client secret, which an app cannot read.
	SecretEnds string `yaml:"secret_ends,omitempty"`
}

// Source is where a secret is read from: a variable or a file.
type Source struct {
	Env  string `yaml:"env,omitempty"`
	File string `yaml:"file,omitempty"`
}

// String names the source for advice.
func (s Source) String() string {
	if s.Env != "" {
		return s.Env
	}
	return "the file " + s.File
}

// Environment is one Dataverse environment and what is required of it.
type Environment struct {
	URL          string      `yaml:"url,omitempty"`
	Auth         *Auth       `yaml:"auth,omitempty"`
	Apply        *Auth       `yaml:"apply,omitempty"`
	Integration  Integration `yaml:"integration,omitempty"`
	Integrations []Entry     `yaml:"integrations,omitempty"`
	BusinessUnit string      `yaml:"business_unit,omitempty"`
	Views        []View      `yaml:"views,omitempty"`
	// Labels are what environments are chosen by, besides their names.
	Labels map[string]string `yaml:"labels,omitempty"`
	// Every is how often the fleet scans it; see [File.Interval].
	Every string `yaml:"every,omitempty"`

	// Name is the environment's key; empty for a single environment at the top.
	Name string `yaml:"-"`
	path []string

	// Depth are the access levels that are enough, and Allow the privileges that are not
	// surplus: those of the entry of integrations:, else those at the top.
	Depth map[string]audit.Depth `yaml:"-"`
	Allow []string               `yaml:"-"`
	// Profile is that of the entry of integrations:, else that at the top; empty for an
	// environment without them. See [File.Each].
	Profile   string   `yaml:"-"`
	entryPath []string // the entry's path
}

// Integration names the user and the role of the integration.
type Integration struct {
	AppID        string `yaml:"app_id,omitempty"`
	User         string `yaml:"user,omitempty"`
	Role         string `yaml:"role,omitempty"`
	BusinessUnit string `yaml:"business_unit,omitempty"`
}

// Entry is one of several integrations in an environment.
type Entry struct {
	Profile string `yaml:"profile,omitempty"`

	Integration `yaml:",inline"`

	Views []View                 `yaml:"views,omitempty"`
	Depth map[string]audit.Depth `yaml:"depth,omitempty"`
	Allow []string               `yaml:"allow,omitempty"`
}

// View is a personal view that the integration user must be able to read.
type View struct {
	Table string `yaml:"table,omitempty"`
	Name  string `yaml:"name,omitempty"`
	Owner string `yaml:"owner,omitempty"`
}

// Parse reads a configuration file.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: name}
	var err error
	if f.doc, err = yamldoc.Read(name, data, schema.Files, "config.json", f); err != nil {
		return nil, err
	}
	return f, f.check()
}

// Empty is the configuration without a file.
func Empty() *File { return &File{doc: &yamldoc.Document{}} }

// Encode returns the configuration as a file.
func (f *File) Encode() ([]byte, error) { return yamldoc.Encode(f) }

// check refuses what the schema cannot see.
func (f *File) check() error {
	if len(f.Environments) > 0 {
		for _, key := range []string{"url", "integration", "integrations", "views", "business_unit"} {
			if f.doc.Has(key) {
				return f.doc.FaultAtKey(fmt.Sprintf("%q at the top level is for a single environment, but there are environments: too; move it there", key), key)
			}
		}
	}
	if err := f.checkInterval(f.Every, "every"); err != nil {
		return err
	}
	for _, env := range f.AllEnvironments() {
		if err := f.checkInterval(env.Every, append(slices.Clone(env.path), "every")...); err != nil {
			return err
		}
		if len(env.Integrations) > 0 {
			for _, key := range []string{"integration", "views", "business_unit"} {
				if path := append(slices.Clone(env.path), key); f.doc.Has(path...) {
					return f.doc.FaultAtKey(fmt.Sprintf("%q is for a single integration, but there are integrations: too; move it there", key), path...)
				}
			}
		}
		for _, one := range f.PerIntegration(env) {
			if err := f.checkIntegration(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkIntegration refuses contradictions within one integration.
func (f *File) checkIntegration(env Environment) error {
	if env.Integration.AppID != "" && env.Integration.User != "" {
		return f.doc.FaultAtKey("app_id and user exclude each other: the integration runs as one of them", env.integrationPath("user")...)
	}
	if env.BusinessUnit != "" && env.Integration.BusinessUnit != "" && env.BusinessUnit != env.Integration.BusinessUnit {
		return f.doc.FaultAtKey("business_unit appears twice with different names", env.keyPath("business_unit")...)
	}
	for i, v := range env.Views {
		same := func(w View) bool { return strings.EqualFold(v.Table, w.Table) && strings.EqualFold(v.Name, w.Name) }
		if slices.ContainsFunc(env.Views[:i], same) {
			return f.doc.FaultAtKey(fmt.Sprintf("the view %s=%s appears twice", v.Table, v.Name), env.keyPath("views", fmt.Sprint(i))...)
		}
	}
	return nil
}

// PerIntegration lists an environment once for each of its integrations. One with a single integration
// is returned as it is.
func (f *File) PerIntegration(e Environment) []Environment {
	if len(e.Integrations) == 0 {
		return []Environment{e}
	}
	all := make([]Environment, len(e.Integrations))
	for i, entry := range e.Integrations {
		one := e
		one.Integrations, one.BusinessUnit, one.Integration, one.Views = nil, "", entry.Integration, entry.Views
		one.Profile = cmp.Or(entry.Profile, f.Profile)
		if entry.Depth != nil {
			one.Depth = entry.Depth
		}
		if entry.Allow != nil {
			one.Allow = entry.Allow
		}
		one.entryPath = append(slices.Clone(e.path), "integrations", fmt.Sprint(i))
		all[i] = one
	}
	return all
}

// Name is the file's name as it was given to Parse.
func (f *File) Name() string { return f.name }

// UnnamedEnvironment is an environment that the file does not name: the settings at the top apply to it.
func (f *File) UnnamedEnvironment() Environment { return Environment{Depth: f.Depth, Allow: f.Allow} }

// AllEnvironments lists the environments by name; a single one at the top has no name.
func (f *File) AllEnvironments() []Environment {
	if len(f.Environments) == 0 {
		env := f.UnnamedEnvironment()
		env.URL, env.Integration, env.Integrations, env.BusinessUnit, env.Views = f.URL, f.Integration, f.Integrations, f.BusinessUnit, f.Views
		return []Environment{env}
	}
	all := make([]Environment, len(f.Environments))
	for i, name := range f.EnvironmentNames() {
		env := f.Environments[name]
		env.Name, env.path, env.Depth, env.Allow = name, []string{"environments", name}, f.Depth, f.Allow
		all[i] = env
	}
	return all
}

// EnvironmentNames lists the environments that have a name.
func (f *File) EnvironmentNames() []string { return slices.Sorted(maps.Keys(f.Environments)) }

// SecretVariables are the variables that any auth: or apply: of the file reads a secret
// from.
func (f *File) SecretVariables() []string {
	all := []*Auth{&f.Auth, f.Apply}
	for _, env := range f.Environments {
		all = append(all, env.Auth, env.Apply)
	}
	var names []string
	for _, auth := range all {
		if auth == nil {
			continue
		}
		for _, source := range []*Source{auth.Secret, auth.CertificatePassword} {
			if source != nil && source.Env != "" {
				names = append(names, source.Env)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// RequiredBusinessUnit is the business unit that the user must sit in, wherever it is written.
func (e Environment) RequiredBusinessUnit() string {
	return cmp.Or(e.BusinessUnit, e.Integration.BusinessUnit)
}
