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

// A table has what error messages say about a Dataverse table.
type table struct {
	logicalName    string
	objectTypeCode int
	suffix         string // of the names of its privileges
	label          string
}

func tables() []*table {
	var all []*table
	for line := range strings.Lines(tablesTSV) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if code, err := strconv.Atoi(f[min(1, len(f)-1)]); err == nil { // else a comment or the header
			all = append(all, &table{logicalName: f[0], objectTypeCode: code, suffix: f[2], label: f[3]})
		}
	}
	return all
}

// A privilege is a row of the privilege table.
type privilege struct {
	Privilege
	table *table // nil for a privilege that is not on one of the known tables
}

// A catalogue has the privileges that an environment defines.
type catalogue struct {
	tables     map[string]*table
	privileges []*privilege          // sorted by name
	byName     map[string]*privilege // by lower-case name
	byID       map[string]*privilege
}

func (c *catalogue) privilege(name string) *privilege { return c.byName[strings.ToLower(name)] }

// defaultPrivileges returns the nine privileges of each new role. The last four are those of SharePoint,
// which AddPrivilegesRole always restores.
func defaultPrivileges() []string {
	return []string{
		"prvReadSdkMessage", "prvReadSdkMessageProcessingStep", "prvReadSdkMessageProcessingStepImage",
		"prvReadPluginAssembly", "prvReadPluginType",
		"prvReadSharePointData", "prvWriteSharePointData", "prvCreateSharePointData", "prvReadSharePointDocument",
	}
}

// The ids of two well-known role templates.
const (
	systemAdministratorTemplate = "627090ff-40a3-4053-8790-584edc5be201"
	systemCustomizerTemplate    = "119f245c-3cc8-4b62-b31c-d1a046ced15d"
)

func templateID(ref string) string {
	known := map[string]string{
		"System Administrator": systemAdministratorTemplate,
		"System Customizer":    systemCustomizerTemplate,
		"Basic User":           "236750cd-45ae-4939-ab12-b24b920ced93",
		"Support User":         "2d101bb3-5ced-4122-83f1-94d5efde4e3b",
		"Delegate":             "d892cc0b-28c7-4e88-bd92-72f2c366baed",
	}
	return cmp.Or(known[ref], strings.ToLower(ref))
}

// StandardPrivileges returns the privileges of an environment without changes, sorted by name.
func StandardPrivileges() (all []Privilege) {
	for _, p := range newCatalogue(new(Environment)).privileges {
		all = append(all, p.Privilege)
	}
	return all
}

// newCatalogue returns the standard privileges with the changes of the environment. A privilege without
// documented depths can be granted at Global. A missing id is derived from the name, because the privileges
// of system tables have the same ids in every environment.
func newCatalogue(env *Environment) *catalogue {
	c := &catalogue{tables: map[string]*table{}, byName: map[string]*privilege{}, byID: map[string]*privilege{}}
	undefined, tableOf := lowerSet(env.UndefinedPrivileges), map[string]*table{}
	for _, t := range tables() {
		c.tables[t.logicalName] = t
		for _, verb := range privileges.Verbs() {
			name := strings.ToLower("prv" + verb + t.suffix)
			tableOf[name] = t
			if slices.Contains(env.UndefinedTables, t.logicalName) {
				undefined[name] = true
			}
		}
	}
	all := slices.Clone(env.ExtraPrivileges)
	for _, p := range privileges.Standard() {
		all = append(all, Privilege{p.Name, p.ID, env.privilegeDepths(p.Name, cmp.Or(p.Depths, "G"))})
	}
	for _, p := range all {
		name := strings.ToLower(p.Name)
		if undefined[name] {
			continue
		}
		p.ID = cmp.Or(strings.ToLower(p.ID), deriveID("", "privilege", p.Name))
		row := &privilege{p, tableOf[name]}
		c.privileges = append(c.privileges, row)
		c.byName[name], c.byID[p.ID] = row, row
	}
	slices.SortFunc(c.privileges, func(a, b *privilege) int { return cmp.Compare(a.Name, b.Name) })
	return c
}

func lowerSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[strings.ToLower(n)] = true
	}
	return set
}

func isStandardPrivilege(name string) bool {
	return slices.ContainsFunc(privileges.Standard(), func(p privileges.Privilege) bool { return sameRef(p.Name, name) })
}

func checkPrivileges(env *Environment, report reporter) {
	for i, name := range env.UndefinedPrivileges {
		if !isStandardPrivilege(name) {
			report(pathTo("undefined_privileges", i), fmt.Sprintf("no standard privilege is named %q", name))
		}
	}
	for i, name := range env.UndefinedTables {
		if !slices.ContainsFunc(tables(), func(t *table) bool { return t.logicalName == name }) {
			report(pathTo("undefined_tables", i), fmt.Sprintf("no standard table is named %q", name))
		}
	}
	for i, p := range env.ExtraPrivileges {
		if isStandardPrivilege(p.Name) {
			report(pathTo("extra_privileges", i, "name"), fmt.Sprintf("%q is a standard privilege already", p.Name))
		}
	}
}
