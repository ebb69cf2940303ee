package simulator

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/privileges"
)

//go:embed tables.tsv
var tablesTSV string

// A table is what the catalogue knows of a Dataverse table: what refusals say of it.
type table struct {
	logicalName    string
	objectTypeCode int
	suffix         string // of the privileges on it
	label          string
}

// tables reads the embedded list.
func tables() []*table {
	var all []*table
	for line := range strings.Lines(tablesTSV) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if code, err := strconv.Atoi(f[min(1, len(f)-1)]); err == nil { // neither a comment nor the header
			all = append(all, &table{logicalName: f[0], objectTypeCode: code, suffix: f[2], label: f[3]})
		}
	}
	return all
}

// privilegesOn are the names that privileges on a table can have.
func (t *table) privilegesOn() []string {
	var names []string
	for _, verb := range privileges.Verbs() {
		names = append(names, "prv"+verb+t.suffix)
	}
	return names
}

// A privilege is a row of the privilege table; table is nil where the catalogue knows none.
type privilege struct {
	Privilege
	table *table
}

// A catalogue is the privileges that an environment defines.
type catalogue struct {
	tables     map[string]*table
	privileges []*privilege          // sorted by name
	byName     map[string]*privilege // by lower-case name
	byID       map[string]*privilege
}

func (c *catalogue) privilege(name string) *privilege { return c.byName[strings.ToLower(name)] }

// platformDefaults are the nine privileges that each new role starts with.
func platformDefaults() []string {
	return append([]string{
		"prvReadSdkMessage", "prvReadSdkMessageProcessingStep", "prvReadSdkMessageProcessingStepImage",
		"prvReadPluginAssembly", "prvReadPluginType",
	}, sharePointDefaults()...)
}

// sharePointDefaults are the four of them that AddPrivilegesRole puts back each time.
func sharePointDefaults() []string {
	return []string{
		"prvReadSharePointData", "prvWriteSharePointData", "prvCreateSharePointData", "prvReadSharePointDocument",
	}
}

// The ids of two well-known role templates.
const (
	systemAdministratorTemplate = "627090ff-40a3-4053-8790-584edc5be201"
	systemCustomizerTemplate    = "119f245c-3cc8-4b62-b31c-d1a046ced15d"
)

// templateID gives the id of a role template that is named, or given by its id.
func templateID(ref string) string {
	switch ref {
	case "System Administrator":
		return systemAdministratorTemplate
	case "System Customizer":
		return systemCustomizerTemplate
	case "Basic User":
		return "236750cd-45ae-4939-ab12-b24b920ced93"
	case "Support User":
		return "2d101bb3-5ced-4122-83f1-94d5efde4e3b"
	case "Delegate":
		return "d892cc0b-28c7-4e88-bd92-72f2c366baed"
	}
	return strings.ToLower(ref) // an id
}

// StandardPrivileges is the catalogue before anything is taken out of it or added: sorted by name.
func StandardPrivileges() []Privilege {
	c := newCatalogue(&Environment{})
	all := make([]Privilege, len(c.privileges))
	for i, p := range c.privileges {
		all[i] = p.Privilege
	}
	return all
}

// newCatalogue is the table of the standard privileges, changed as the environment says. What no source
// gives a depth can be granted at Global here.
func newCatalogue(env *Environment) *catalogue {
	c := &catalogue{tables: map[string]*table{}, byName: map[string]*privilege{}, byID: map[string]*privilege{}}
	undefined, tableOf := lowerSet(env.UndefinedPrivileges), map[string]*table{}
	for _, t := range tables() {
		c.tables[t.logicalName] = t
		for _, name := range t.privilegesOn() {
			tableOf[strings.ToLower(name)] = t
			if slices.Contains(env.UndefinedTables, t.logicalName) {
				undefined[strings.ToLower(name)] = true
			}
		}
	}
	for _, p := range privileges.Standard() {
		c.add(Privilege{p.Name, p.ID, env.depths(p.Name, depthsOf(cmp.Or(p.Depths, "G")))}, tableOf)
	}
	for _, p := range env.ExtraPrivileges {
		c.add(p, tableOf)
	}
	c.privileges = slices.DeleteFunc(c.privileges, func(p *privilege) bool { return undefined[strings.ToLower(p.Name)] })
	slices.SortFunc(c.privileges, func(a, b *privilege) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range c.privileges {
		c.byName[strings.ToLower(p.Name)], c.byID[p.ID] = p, p
	}
	return c
}

// add adds a privilege. An id that nobody gives is derived from the name: those of system tables'
// privileges are the same in every environment.
func (c *catalogue) add(p Privilege, tableOf map[string]*table) {
	p.ID = cmp.Or(strings.ToLower(p.ID), deriveID("", "privilege", p.Name))
	c.privileges = append(c.privileges, &privilege{p, tableOf[strings.ToLower(p.Name)]})
}

func depthsOf(letters string) []Depth {
	var out []Depth
	for i, letter := range "BLDG" {
		if strings.ContainsRune(letters, letter) {
			out = append(out, DepthBasic+Depth(i))
		}
	}
	return out
}

func lowerSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[strings.ToLower(n)] = true
	}
	return set
}

// checkPrivileges finds what is wrong with the environment's changes of the catalogue.
func checkPrivileges(env *Environment, report reporter) {
	if len(env.UndefinedPrivileges)+len(env.UndefinedTables)+len(env.ExtraPrivileges) == 0 {
		return
	}
	standard := newCatalogue(&Environment{})
	for i, name := range env.UndefinedPrivileges {
		if standard.privilege(name) == nil {
			report(at("undefined_privileges", i), fmt.Sprintf("no standard privilege is named %q", name))
		}
	}
	for i, name := range env.UndefinedTables {
		if standard.tables[name] == nil {
			report(at("undefined_tables", i), fmt.Sprintf("no standard table is named %q", name))
		}
	}
	for i, p := range env.ExtraPrivileges {
		if standard.privilege(p.Name) != nil {
			report(at("extra_privileges", i, "name"), fmt.Sprintf("%q is a standard privilege already", p.Name))
		}
	}
}
