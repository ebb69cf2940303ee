package simulator

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed catalogue/tables.tsv
var tablesTSV string

//go:embed catalogue/privileges.tsv
var privilegesTSV string

// A table is what the catalogue knows of a Dataverse table.
type table struct {
	logicalName, entitySet string
	objectTypeCode         int
	ownership              string
	label                  string
	privileges             []*privilege
}

// schemaName is close enough to the real one, which only metadata shows.
func (t *table) schemaName() string { return strings.ReplaceAll(t.label, " ", "") }

// A privilege is a row of the privilege table, with its place in the metadata.
type privilege struct {
	Privilege
	table *table
}

// accessRight is the accessright column: the right that the privilege's verb stands for.
func (p *privilege) accessRight() int {
	switch p.Verb {
	case "Read":
		return int(RightRead)
	case "Write":
		return int(RightWrite)
	case "Append":
		return int(RightAppend)
	case "AppendTo":
		return int(RightAppendTo)
	case "Create":
		return int(RightCreate)
	case "Delete":
		return int(RightDelete)
	case "Share":
		return int(RightShare)
	case "Assign":
		return int(RightAssign)
	default:
		return 0
	}
}

// A catalogue is the privileges that an environment defines.
type catalogue struct {
	tables     []*table // sorted by logical name
	privileges []*privilege
	byTable    map[string]*table
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

// A roleTemplate is a well-known row of the roletemplate table.
type roleTemplate struct{ name, id string }

const systemAdministratorTemplate = "627090ff-40a3-4053-8790-584edc5be201"

func roleTemplates() []roleTemplate {
	return []roleTemplate{
		{"System Administrator", systemAdministratorTemplate},
		{"System Customizer", "119f245c-3cc8-4b62-b31c-d1a046ced15d"},
		{"Basic User", "236750cd-45ae-4939-ab12-b24b920ced93"},
		{"Support User", "2d101bb3-5ced-4122-83f1-94d5efde4e3b"},
		{"Delegate", "d892cc0b-28c7-4e88-bd92-72f2c366baed"},
	}
}

// StandardPrivileges is the catalogue of an environment with the sales and marketing tables, before
// anything is taken out of it or added: sorted by name.
func StandardPrivileges() []Privilege {
	c := newCatalogue(&Environment{})
	all := make([]Privilege, len(c.privileges))
	for i, p := range c.privileges {
		all[i] = p.Privilege
	}
	return all
}

// newCatalogue builds the standard catalogue, changed as the environment says.
func newCatalogue(env *Environment) *catalogue {
	c := &catalogue{byTable: map[string]*table{}, byName: map[string]*privilege{}, byID: map[string]*privilege{}}
	noTable, noPrivilege := lowerSet(env.UndefinedTables), lowerSet(env.UndefinedPrivileges)
	add := func(p Privilege, t *table) {
		if noPrivilege[strings.ToLower(p.Name)] {
			return
		}
		if t != nil {
			p.Table = t.logicalName
		}
		full := &privilege{Privilege: p, table: t}
		c.byName[strings.ToLower(p.Name)] = full
		if t != nil {
			t.privileges = append(t.privileges, full)
		}
	}
	for _, f := range tsv(tablesTSV) {
		if noTable[f[0]] {
			for _, verb := range verbs(f[6]) {
				noPrivilege[strings.ToLower("prv"+verb+f[5])] = true
			}
			continue
		}
		code, _ := strconv.Atoi(f[2])
		t := &table{logicalName: f[0], entitySet: f[1], objectTypeCode: code, ownership: f[3], label: f[7]}
		c.byTable[t.logicalName] = t
		for _, verb := range verbs(f[6]) {
			add(Privilege{Name: "prv" + verb + f[5], Verb: verb, Depths: env.depths("prv"+verb+f[5], depthsOf(f[4]))}, t)
		}
	}
	for _, f := range tsv(privilegesTSV) {
		p := c.byName[strings.ToLower(f[0])]
		switch {
		case p != nil:
			p.ID = f[1]
		case f[2] != "":
			add(Privilege{Name: f[0], ID: f[1], Depths: env.depths(f[0], depthsOf(f[2]))}, nil)
		}
	}
	for i, extra := range env.ExtraPrivileges {
		t := c.byTable[strings.ToLower(extra.Table)]
		if t == nil && extra.Table != "" {
			t = &table{
				logicalName: strings.ToLower(extra.Table), entitySet: strings.ToLower(extra.Table) + "s",
				objectTypeCode: 10100 + i, ownership: "UserOwned", label: extra.Table,
			}
			c.byTable[t.logicalName] = t
		}
		if extra.ID == "" {
			extra.ID = deriveID(env.Organization.ID, "privilege", extra.Name)
		}
		add(extra, t)
	}
	c.finish()
	return c
}

// finish sorts the lists and gives ids to what has none.
func (c *catalogue) finish() {
	for _, p := range c.byName {
		if p.ID == "" {
			// Ids of system tables' privileges are the same in every environment.
			p.ID = deriveID("", "privilege", p.Name)
		}
		p.ID = strings.ToLower(p.ID)
		slices.Sort(p.Depths)
		c.byID[p.ID] = p
		c.privileges = append(c.privileges, p)
	}
	slices.SortFunc(c.privileges, func(a, b *privilege) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range c.byTable {
		c.tables = append(c.tables, t)
	}
	slices.SortFunc(c.tables, func(a, b *table) int { return cmp.Compare(a.logicalName, b.logicalName) })
}

// tsv splits an embedded table into fields, without its comments and its header.
func tsv(data string) [][]string {
	var rows [][]string
	for line := range strings.Lines(data) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows[1:]
}

// verbs spells out a table's verb letters, in the order of the metadata.
func verbs(letters string) []string {
	var out []string
	for _, v := range []struct{ letter, verb string }{
		{"C", "Create"},
		{"R", "Read"},
		{"W", "Write"},
		{"D", "Delete"},
		{"G", "Assign"},
		{"S", "Share"},
		{"A", "Append"},
		{"T", "AppendTo"},
	} {
		if strings.Contains(letters, v.letter) {
			out = append(out, v.verb)
		}
	}
	return out
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
			report([]any{"undefined_privileges", i}, fmt.Sprintf("no standard privilege is named %q", name))
		}
	}
	for i, name := range env.UndefinedTables {
		if standard.byTable[strings.ToLower(name)] == nil {
			report([]any{"undefined_tables", i}, fmt.Sprintf("no standard table is named %q", name))
		}
	}
	seen := map[string]bool{}
	for i, p := range env.ExtraPrivileges {
		path := []any{"extra_privileges", i}
		switch {
		case p.Name == "":
			report(path, "a privilege needs a name")
		case standard.privilege(p.Name) != nil:
			report(append(path, "name"), fmt.Sprintf("%q is a standard privilege already", p.Name))
		case seen[strings.ToLower(p.Name)]:
			report(append(path, "name"), fmt.Sprintf("%q is there twice", p.Name))
		case len(p.Depths) == 0:
			report(path, fmt.Sprintf("%q needs the depths at which it can be granted", p.Name))
		}
		seen[strings.ToLower(p.Name)] = true
	}
}
