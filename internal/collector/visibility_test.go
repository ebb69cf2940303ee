package collector_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The environment omits the rows of other business units without an error. A team that gives the user
// System Customizer may be among them.
func TestVisibility(t *testing.T) {
	t.Parallel()
	const auditor = "dbaudit Auditor"
	depth := func(privilege string, d simulator.Depth) func(*simulator.Environment) {
		return func(env *simulator.Environment) { env.Role(auditor).Privileges[privilege] = d }
	}
	auditorIn := func(unit string) func(*simulator.Environment) {
		return func(env *simulator.Environment) { env.ApplicationUser("dbaudit").BusinessUnit = unit }
	}
	oneUnit := func(env *simulator.Environment) {
		env.BusinessUnits = env.BusinessUnits[:1]
		for i := range env.Users {
			env.Users[i].BusinessUnit = ""
		}
		for i := range env.ApplicationUsers {
			env.ApplicationUsers[i].BusinessUnit = ""
		}
		for i := range env.Teams {
			env.Teams[i].BusinessUnit = ""
		}
		for i := range env.Roles {
			env.Roles[i].BusinessUnit = ""
		}
	}
	for name, test := range map[string]struct {
		changes []func(*simulator.Environment)
		want    gaps
	}{
		"all rows":             {},
		"teams of a unit":      {[]func(*simulator.Environment){depth("prvReadTeam", simulator.DepthLocal)}, gaps{snapshot.SectionTeams: "forbidden"}},
		"roles of a unit":      {[]func(*simulator.Environment){depth("prvReadRole", simulator.DepthLocal)}, gaps{snapshot.SectionRoles: "forbidden"}},
		"users of a unit":      {[]func(*simulator.Environment){depth("prvReadUser", simulator.DepthLocal)}, gaps{snapshot.SectionUsers: "forbidden", snapshot.SectionViews: "skipped"}},
		"teams below the root": {[]func(*simulator.Environment){depth("prvReadTeam", simulator.DepthDeep)}, nil},
		"teams and units below the root": {
			[]func(*simulator.Environment){depth("prvReadTeam", simulator.DepthDeep), depth("prvReadBusinessUnit", simulator.DepthDeep)}, nil,
		},
		"teams below the root, of units that are not all seen": {
			[]func(*simulator.Environment){depth("prvReadTeam", simulator.DepthDeep), depth("prvReadBusinessUnit", simulator.DepthLocal)},
			gaps{snapshot.SectionTeams: "forbidden"},
		},
		"teams below another unit": {
			[]func(*simulator.Environment){depth("prvReadTeam", simulator.DepthDeep), auditorIn("Europe")}, gaps{snapshot.SectionTeams: "forbidden"},
		},
		"the only unit": {[]func(*simulator.Environment){oneUnit, depth("prvReadTeam", simulator.DepthLocal), depth("prvReadRole", simulator.DepthLocal)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
				for _, change := range test.changes {
					change(env)
				}
			}), labOptions{})
			s := l.collect(nil)
			wantGaps(t, s, test.want)
			for section, state := range test.want {
				if state != "forbidden" {
					continue // an owner of a view is not visible
				}
				if d := s.Coverage[section].Detail; !strings.Contains(d, "at Organization level") {
					t.Errorf("%s: %q does not say what to do", section, d)
				}
			}
		})
	}
}

// A note says that there may be business units that the auditor does not see.
func TestPartialBusinessUnits(t *testing.T) {
	t.Parallel()
	for depth, want := range map[simulator.Depth]string{
		simulator.DepthLocal: "there may be others that the auditor does not see: give the auditor's role prvReadBusinessUnit at Organization level",
		simulator.DepthDeep:  "", simulator.DepthGlobal: "",
	} {
		s := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
			env.Role("dbaudit Auditor").Privileges["prvReadBusinessUnit"] = depth
		}), labOptions{}).collect(nil)
		if c := s.Coverage[snapshot.SectionBusinessUnits]; c.State != snapshot.StateCollected || c.Detail != want {
			t.Errorf("%s: business units are %s: %q", depth, c.State, c.Detail)
		}
	}
}

// Sections with missing rows are reported even if another fault exists, such as a missing view. That
// fault may be accepted, or matter to no control.
func TestVisibilityBesideOtherFaults(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
		env.Role("dbaudit Auditor").Privileges["prvReadTeam"] = simulator.DepthLocal
	}), labOptions{})
	l.options.Requirement.Views = append(l.options.Requirement.Views, snapshot.RequiredView{Table: "account", Name: "Nobody's"})
	s := l.collect(nil)
	wantGaps(t, s, gaps{snapshot.SectionTeams: "forbidden"})
}

// Some environments omit the names of the privileges, or the business units.
func TestUnnamedPrivileges(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
		env.Role("dbaudit Auditor").Privileges["prvReadTeam"] = simulator.DepthLocal
	}), labOptions{})
	withoutNames := func(r dataverse.Request, answer json.RawMessage) json.RawMessage {
		if !strings.Contains(r.Path, "RetrieveUserPrivileges") {
			return answer
		}
		var document struct{ RolePrivileges []map[string]any }
		if err := json.Unmarshal(answer, &document); err != nil {
			t.Error(err)
		}
		for _, row := range document.RolePrivileges {
			delete(row, "PrivilegeName")
			delete(row, "BusinessUnitId")
		}
		data, err := json.Marshal(document)
		if err != nil {
			t.Error(err)
		}
		return data
	}
	s := l.collect(func(r collector.Reader) collector.Reader { return interceptor{Reader: r, object: withoutNames} })
	wantGaps(t, s, gaps{snapshot.SectionTeams: "forbidden"})
}

// If one function is refused, the other is called. If both are, there may be more rows than were
// returned.
func TestUnknownVisibility(t *testing.T) {
	t.Parallel()
	all := gaps{snapshot.SectionUsers: "forbidden", snapshot.SectionTeams: "forbidden", snapshot.SectionRoles: "forbidden"}
	for function, want := range map[string]gaps{"RetrieveUserPrivileges": {}, "RetrieveUser": all} {
		l := newLab(t, builtinEnvironment(t, "compliant", nil), labOptions{})
		s := l.collect(func(r collector.Reader) collector.Reader {
			return interceptor{Reader: r, before: func(r dataverse.Request) error {
				if strings.Contains(r.Path, function) {
					return &dataverse.Error{Kind: dataverse.Forbidden, Status: 403, Label: r.Label, Attempts: 1}
				}
				return nil
			}}
		})
		wantGaps(t, s, want)
		for section := range want {
			if d := s.Coverage[section].Detail; !strings.Contains(d, "how far the auditor's reads reach") {
				t.Errorf("%s: %q", section, d)
			}
		}
	}
}

// The auditor's access level is unknown if its privileges are not named, apply to some records
// only, or have an unknown depth.
func TestPartialReasons(t *testing.T) {
	t.Parallel()
	const auditor = "dbaudit Auditor"
	for privilege, section := range map[string]snapshot.Section{
		"prvReadTeam": snapshot.SectionTeams, "prvReadRole": snapshot.SectionRoles, "prvReadUser": snapshot.SectionUsers,
	} {
		for name, test := range map[string]struct {
			change func(*simulator.Environment)
			words  string
		}{
			"not named": {func(env *simulator.Environment) { env.UnnamedPrivileges = []string{privilege} }, "do not include " + privilege},
			"filtered":  {func(env *simulator.Environment) { env.Role(auditor).RecordFilters = []string{privilege} }, "for some records only"},
			"of the depth of a filter": {
				func(env *simulator.Environment) {
					env.Role(auditor).DepthWords = map[string]string{privilege: "RecordFilter"}
				}, "for some records only",
			},
			"of another depth": {
				func(env *simulator.Environment) {
					env.Role(auditor).DepthWords = map[string]string{privilege: "Galaxy"}
				}, `"Galaxy"`,
			},
		} {
			t.Run(privilege+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newLab(t, builtinEnvironment(t, "compliant", test.change), labOptions{}).collect(nil)
				wantGaps(t, s, gaps{section: "forbidden"})
				if d := s.Coverage[section].Detail; !strings.Contains(d, test.words) || !strings.Contains(d, "at Organization level") {
					t.Errorf("%q", d)
				}
			})
		}
	}
}

// The coverage says that the user has no role only if all roles and teams were visible.
func TestInvisibleRoles(t *testing.T) {
	t.Parallel()
	s := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
		env.Role("dbaudit Auditor").Privileges["prvReadRole"] = simulator.DepthLocal
		env.ApplicationUser("dbaudit").BusinessUnit = "Europe"
	}), labOptions{}).collect(nil)
	if d := s.Coverage[snapshot.SectionUserViews].Detail; strings.Contains(d, "has no role") {
		t.Errorf("roles are %s, and yet: %q", s.Coverage[snapshot.SectionRoles].State, d)
	}
}

// Rows that are not visible because the auditor's access level is too low do not count as absent. A
// role that is deleted during the read does not either.
func TestInvisibleRows(t *testing.T) {
	t.Parallel()
	rec, o, want := recordSample(t)
	whole, err := snapshot.Decode([]byte(want), nil)
	if err != nil {
		t.Fatal(err)
	}
	root := ""
	for _, r := range whole.Roles {
		if r.Name == "Demandbase Integration" {
			root = r.RootID
		}
	}
	tests := map[string]struct {
		set, has, word string
		section        snapshot.Section
		detail         string
	}{
		"teams":          {"teams", "", "Integrations", snapshot.SectionTeams, "prvReadTeam"},
		"business units": {"businessunits", "", "North America", snapshot.SectionBusinessUnits, "prvReadBusinessUnit"},
		"organization":   {"organizations", "", "Contoso", snapshot.SectionOrganization, "prvReadOrganization"},
		"roles":          {"roles", "", `"roleid":"` + root, snapshot.SectionRolePrivileges, "prvReadRole"},
		"a role, later":  {"roles", "roleid%20eq", "System Customizer", snapshot.SectionRolePrivileges, "System Customizer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustCollect(t, interceptor{
				Reader: rec.replay(),
				rows: func(r dataverse.Request, rows []json.RawMessage) []json.RawMessage {
					if entitySet(r) != test.set || !strings.Contains(r.Path, test.has) {
						return rows
					}
					return slices.DeleteFunc(slices.Clone(rows), func(row json.RawMessage) bool { return strings.Contains(string(row), test.word) })
				},
			}, o)
			if c := s.Coverage[test.section]; c.State != snapshot.StateFailed || !strings.Contains(c.Detail, test.detail) {
				t.Errorf("%s: %s", c.State, c.Detail)
			}
		})
	}
}
