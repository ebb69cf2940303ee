// Package config reads dbaudit.yaml, which says what to audit and how to sign in. Unknown keys,
// duplicate keys and bad values are errors with file, line and column. The configuration contains
// no secrets; it says where they are.
package config

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
)

// DefaultName is the file in the working directory that is read if no other file is named.
const DefaultName = "dbaudit.yaml"

// A File is a parsed configuration.
type File struct {
	Profile      string                 `yaml:"profile,omitempty"`
	Auth         Auth                   `yaml:"auth,omitempty"`
	Apply        Auth                   `yaml:"apply,omitempty"`
	Environments map[string]Environment `yaml:"environments,omitempty"`
	URL          string                 `yaml:"url,omitempty"`
	Integration  Integration            `yaml:"integration,omitempty"`
	Integrations []Entry                `yaml:"integrations,omitempty"`
	BusinessUnit string                 `yaml:"business_unit,omitempty"`
	Views        []View                 `yaml:"views,omitempty"`
	Depth        map[string]audit.Depth `yaml:"depth,omitempty"`
	Allow        []string               `yaml:"allow,omitempty"`
	Waivers      string                 `yaml:"waivers,omitempty"`
	// Every is how often the fleet scans an environment that does not state its own interval.
	Every string `yaml:"every,omitempty"`

	name string
	doc  *yamldoc.Document
}

// Auth says how to sign in. Empty fields are deduced.
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

// Source is where a secret is read from: an environment variable or a file.
type Source struct {
	Env  string `yaml:"env,omitempty"`
	File string `yaml:"file,omitempty"`
}

// String returns the source as messages name it.
func (s Source) String() string {
	if s.Env != "" {
		return s.Env
	}
	return "the file " + s.File
}

// In returns the source as the named file states it: a relative path is relative to its folder.
func (s Source) In(file string) Source {
	if s.File != "" {
		s.File = Beside(file, s.File)
	}
	return s
}

// Beside returns the path of a file that another file names. A relative path is relative to the
// folder of that other file.
func Beside(file, name string) string {
	if name = filepath.FromSlash(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(filepath.FromSlash(file)), name)
}

// Environment is one Dataverse environment and what is required of it.
type Environment struct {
	URL          string      `yaml:"url,omitempty"`
	Auth         Auth        `yaml:"auth,omitempty"`
	Apply        Auth        `yaml:"apply,omitempty"`
	Integration  Integration `yaml:"integration,omitempty"`
	Integrations []Entry     `yaml:"integrations,omitempty"`
	BusinessUnit string      `yaml:"business_unit,omitempty"`
	Views        []View      `yaml:"views,omitempty"`
	// Labels select environments, like their names.
	Labels map[string]string `yaml:"labels,omitempty"`
	// Every is how often the fleet scans the environment; see [File.Interval].
	Every string `yaml:"every,omitempty"`

	// Name is the environment's key; empty for a single environment at the top level.
	Name string `yaml:"-"`
	path []string

	// Depth lowers required access levels, and Allow lists privileges that are not surplus.
	// They come from the entry of integrations:, else from the top level.
	Depth map[string]audit.Depth `yaml:"-"`
	Allow []string               `yaml:"-"`
	// Profile comes from the entry of integrations:, else from the top level. It is empty for
	// an environment without integrations:. See [File.PerIntegration].
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

// Empty returns the configuration that applies without a file.
func Empty() *File { return &File{doc: &yamldoc.Document{}} }

// Encode returns the configuration as YAML.
func (f *File) Encode() ([]byte, error) { return yamldoc.Encode(f) }

// check checks what the schema cannot express.
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
		if err := f.checkInterval(env.Every, slices.Concat(env.path, []string{"every"})...); err != nil {
			return err
		}
		if len(env.Integrations) > 0 {
			for _, key := range []string{"integration", "views", "business_unit"} {
				if path := slices.Concat(env.path, []string{key}); f.doc.Has(path...) {
					return f.doc.FaultAtKey(fmt.Sprintf("%q is for a single integration, but there are integrations: too; move it there", key), path...)
				}
			}
		}
		for _, integration := range f.PerIntegration(env) {
			if err := f.checkIntegration(integration); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkIntegration returns an error for contradictory keys of one integration.
func (f *File) checkIntegration(env Environment) error {
	if env.Integration.AppID != "" && env.Integration.User != "" {
		return f.doc.FaultAtKey("app_id and user cannot be used together: the integration runs as one of them", env.integrationPath("user")...)
	}
	if env.BusinessUnit != "" && env.Integration.BusinessUnit != "" && env.BusinessUnit != env.Integration.BusinessUnit {
		return f.doc.FaultAtKey("business_unit appears twice with different names", env.keyPath("business_unit")...)
	}
	seen := map[string]bool{}
	for i, v := range env.Views {
		key := audit.ViewKey(v.Table, v.Name)
		if seen[key] {
			return f.doc.FaultAtKey(fmt.Sprintf("the view %s=%s appears twice", v.Table, v.Name), env.keyPath("views", fmt.Sprint(i))...)
		}
		seen[key] = true
	}
	return nil
}

// PerIntegration returns the environment once for each of its integrations, with the settings of
// that integration. An environment without integrations: is returned unchanged.
func (f *File) PerIntegration(e Environment) []Environment {
	if len(e.Integrations) == 0 {
		return []Environment{e}
	}
	environments := make([]Environment, len(e.Integrations))
	for i, entry := range e.Integrations {
		env := e
		env.Integrations, env.BusinessUnit, env.Integration, env.Views = nil, "", entry.Integration, entry.Views
		env.Profile = cmp.Or(entry.Profile, f.Profile)
		if entry.Depth != nil {
			env.Depth = entry.Depth
		}
		if entry.Allow != nil {
			env.Allow = entry.Allow
		}
		env.entryPath = slices.Concat(e.path, []string{"integrations", fmt.Sprint(i)})
		environments[i] = env
	}
	return environments
}

// Name returns the file's name as it was given to Parse.
func (f *File) Name() string { return f.name }

// UnnamedEnvironment returns an environment that the file does not name. It has the settings at the
// top level.
func (f *File) UnnamedEnvironment() Environment { return Environment{Depth: f.Depth, Allow: f.Allow} }

// AllEnvironments returns the environments, sorted by name. A single environment at the top level
// has no name.
func (f *File) AllEnvironments() []Environment {
	if len(f.Environments) == 0 {
		env := f.UnnamedEnvironment()
		env.URL, env.Integration, env.Integrations, env.BusinessUnit, env.Views = f.URL, f.Integration, f.Integrations, f.BusinessUnit, f.Views
		return []Environment{env}
	}
	environments := make([]Environment, len(f.Environments))
	for i, name := range f.EnvironmentNames() {
		env := f.Environments[name]
		env.Name, env.path, env.Depth, env.Allow = name, []string{"environments", name}, f.Depth, f.Allow
		environments[i] = env
	}
	return environments
}

// EnvironmentNames returns the names of the environments, sorted.
func (f *File) EnvironmentNames() []string { return slices.Sorted(maps.Keys(f.Environments)) }

// SecretVariables returns the environment variables from which any auth: or apply: of the file
// reads a secret, sorted.
func (f *File) SecretVariables() []string {
	sources := []*Source{f.Auth.Secret, f.Auth.CertificatePassword, f.Apply.Secret, f.Apply.CertificatePassword}
	for _, env := range f.Environments {
		sources = append(sources, env.Auth.Secret, env.Auth.CertificatePassword, env.Apply.Secret, env.Apply.CertificatePassword)
	}
	var names []string
	for _, source := range sources {
		if source != nil && source.Env != "" {
			names = append(names, source.Env)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// RequiredBusinessUnit returns the name of the business unit that the integration user must belong
// to, from the environment or its integration.
func (e Environment) RequiredBusinessUnit() string {
	return cmp.Or(e.BusinessUnit, e.Integration.BusinessUnit)
}
