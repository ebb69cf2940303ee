// Package profile reads requirement profiles: a vendor's published minimum as data. A profile lists
// controls. Each control names the rule that judges it, gives the rule its parameters, and cites
// the line of the vendor's document that it comes from.
package profile

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
)

// A Profile is one vendor's minimum. Its fields are the parts of the definition that Go code uses;
// see [Profile.Data] for the whole.
type Profile struct {
	// Name is the key of the definition in its file.
	Name    string `yaml:"-"`
	Extends string `yaml:"extends"` // the name of the base, or empty
	Title   string `yaml:"title"`
	// Version is the day on which the profile was last changed; empty if it is not stated.
	Version string `yaml:"version"`
	// Origin is [audit.OriginBuiltin], or the name of the file.
	Origin string `yaml:"-"`
	// Digest is "sha256:" and the hash of the definition with its name.
	Digest string       `yaml:"-"`
	Source audit.Source `yaml:"source"`
	// Pattern is a part of the names of integration users and roles, in any letter case.
	// They are deduced by it if the configuration does not name them.
	Pattern string `yaml:"pattern"`
	// RoleName is the name for a new integration role.
	RoleName string `yaml:"role_name"`
	// Depth is "deepest" if the source states no access levels.
	Depth string `yaml:"depth"`
	// Depths has the required access levels that the source states, by privilege.
	Depths     map[string]audit.Depth `yaml:"depths"`
	ViewTables []string               `yaml:"view_tables"`
	Allow      []string               `yaml:"allow"`
	Controls   []Control              `yaml:"controls"`

	// data is the definition as JSON values, as the policies read it.
	data map[string]any
	// base is the profile that this one extends, or nil.
	base *Profile
	// rulePositions are the positions at which the file names the rules of its controls. They
	// do not include the controls of the base.
	rulePositions map[audit.ControlID]yamldoc.Fault
}

// A Control is one requirement of a profile.
type Control struct {
	ID    audit.ControlID `yaml:"id"`
	Rule  string          `yaml:"rule"`
	Title string          `yaml:"title"`
	// Severity overrides the severity of the rule, unless it is invalid.
	Severity audit.Severity  `yaml:"severity"`
	Citation *audit.Citation `yaml:"citation"`
	// Why says what breaks if the control is not met.
	Why string `yaml:"why"`
	// Table is the logical name of the table that the privileges belong to.
	Table      string   `yaml:"table"`
	Privileges []string `yaml:"privileges"`
}

// Parse parses a profile file. Errors have file, line and column. If the profile extends one of the
// bases, it inherits from it. It must not have the name of a base, nor the control ids of a base
// that it does not extend: names and ids are unique in reports.
func Parse(name string, data []byte, bases ...Profile) (Profile, error) {
	doc, err := yamldoc.Parse(name, data)
	if err != nil {
		return Profile{}, err
	}
	key, values, err := soleProfile(doc)
	if err != nil {
		return Profile{}, err
	}
	if err := doc.Validate(schema.Files, "profile.json"); err != nil {
		return Profile{}, err
	}
	d := draft{doc: doc}
	if d.Profile, err = decode(name, key, values); err != nil {
		return Profile{}, err
	}
	if err := d.check(bases); err != nil {
		return Profile{}, err
	}
	p := d.Profile
	if d.base != nil {
		whole, err := d.mergeBase()
		if err != nil {
			return Profile{}, err
		}
		if p, err = decode(name, key, whole); err != nil {
			return Profile{}, err
		}
	}
	if err := d.normalizeDepths(&p); err != nil {
		return Profile{}, err
	}
	p.Origin, p.Extends, p.base, p.rulePositions = name, d.Extends, d.base, d.rulePositions
	p.Digest, err = digest(key, p.data)
	return p, err
}

// soleProfile returns the name and the definition of the only profile in a file. For other files,
// its errors are clearer than those of the schema.
func soleProfile(doc *yamldoc.Document) (key string, definition any, err error) {
	const want = "a profile file contains one profile, under its name"
	profiles, ok := doc.Value().(map[string]any)
	if !ok || len(profiles) == 0 {
		return "", nil, doc.FaultAt(want)
	}
	var faults []*yamldoc.Fault
	for key, definition = range profiles {
		faults = append(faults, doc.FaultAtKey(fmt.Sprintf("%s: %s is another", want, key), key))
	}
	if len(faults) > 1 {
		slices.SortFunc(faults, func(a, b *yamldoc.Fault) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
		return "", nil, faults[1]
	}
	return key, definition, nil
}

// decode converts the JSON values of a definition to a profile.
func decode(name, key string, definition any) (Profile, error) {
	p := Profile{Name: key, rulePositions: map[audit.ControlID]yamldoc.Fault{}}
	p.data, _ = definition.(map[string]any) // the schema accepts only objects
	if err := yamldoc.DecodeValue(definition, &p); err != nil {
		return Profile{}, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// digest returns the hash of a definition with its name. json.Marshal sorts keys, so the layout of
// the file does not matter.
func digest(key string, definition any) (string, error) {
	data, err := json.Marshal(map[string]any{key: definition})
	if err != nil {
		return "", fmt.Errorf("hashing the profile %s: %w", key, err)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data)), nil
}

// RuleError returns an error about the rule that a control names. It has file, line and column
// unless the control is inherited.
func (p Profile) RuleError(id audit.ControlID, message string) error {
	f, ok := p.rulePositions[id]
	if !ok {
		return errors.New(message)
	}
	f.Message = message
	return &f
}

// Builtin reads all profiles in the folder profiles of a file system, sorted by name.
func Builtin(tree fs.FS) ([]Profile, error) {
	entries, err := fs.ReadDir(tree, "profiles")
	if err != nil {
		return nil, fmt.Errorf("reading the profiles: %w", err)
	}
	profiles := make([]Profile, len(entries))
	var group errgroup.Group // in parallel, because each command starts with this
	for i, entry := range entries {
		group.Go(func() error {
			var err error
			profiles[i], err = builtin(tree, path.Join("profiles", entry.Name()))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(profiles, func(a, b Profile) int { return strings.Compare(a.Name, b.Name) })
	return profiles, nil
}

// BuiltinNamed reads the built-in profile with a name. It returns false if it does not exist.
func BuiltinNamed(tree fs.FS, name string) (Profile, bool, error) {
	file := path.Join("profiles", name+".yaml")
	if !fs.ValidPath(file) {
		return Profile{}, false, nil
	}
	p, err := builtin(tree, file)
	if errors.Is(err, fs.ErrNotExist) {
		return Profile{}, false, nil
	}
	return p, err == nil, err
}

// builtin reads the file of a built-in profile.
func builtin(tree fs.FS, file string) (Profile, error) {
	data, err := fs.ReadFile(tree, file)
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profiles: %w", err)
	}
	p, err := Parse(file, data)
	p.Origin = audit.OriginBuiltin
	return p, err
}

// Data returns the definition as JSON values. The policies read it as data.profiles[p.Name].
func (p Profile) Data() any { return p.data }

// Identity returns the description of the profile in results.
func (p Profile) Identity() audit.Profile {
	return audit.Profile{
		Name: p.Name, Title: p.Title, Source: p.Source, Version: p.Version, Origin: p.Origin, Digest: p.Digest,
	}
}

// Minimum returns the privileges that the profile requires, without duplicates, in the profile's
// order.
func (p Profile) Minimum() []string {
	var names []string
	for _, c := range p.Controls {
		for _, name := range c.Privileges {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Control returns the control with an id, in any letter case.
func (p Profile) Control(id string) (Control, bool) {
	for _, c := range p.Controls {
		if strings.EqualFold(string(c.ID), id) {
			return c, true
		}
	}
	return Control{}, false
}
