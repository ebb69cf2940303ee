package collector_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The environment does not refuse the rows of other business units, but omits them. A team that
// gives the user System Customizer may be among them.
func TestSight(t *testing.T) {
	t.Parallel()
	const auditing = "dbaudit Auditor"
	depth := func(privilege string, d simulator.Depth) func(*simulator.Environment) {
		return func(env *simulator.Environment) { env.Role(auditing).Privileges[privilege] = d }
	}
	in := func(unit string) func(*simulator.Environment) {
		return func(env *simulator.Environment) { env.ApplicationUser("dbaudit").BusinessUnit = unit }
	}
	alone := func(env *simulator.Environment) {
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
		"all of it":            {},
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
			[]func(*simulator.Environment){depth("prvReadTeam", simulator.DepthDeep), in("Europe")}, gaps{snapshot.SectionTeams: "forbidden"},
		},
		"the only unit": {[]func(*simulator.Environment){alone, depth("prvReadTeam", simulator.DepthLocal), depth("prvReadRole", simulator.DepthLocal)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
				for _, change := range test.changes {
					change(env)
				}
			}), labOptions{})
			s := l.must(nil)
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

// Business units that may be invisible to the auditor do not count as missing.
func TestUnitsInPart(t *testing.T) {
	t.Parallel()
	for depth, want := range map[simulator.Depth]string{
		simulator.DepthLocal: "there may be others that the auditor does not see: give the auditor's role prvReadBusinessUnit at Organization level",
		simulator.DepthDeep:  "", simulator.DepthGlobal: "",
	} {
		s := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
			env.Role("dbaudit Auditor").Privileges["prvReadBusinessUnit"] = depth
		}), labOptions{}).must(nil)
		if c := s.Coverage[snapshot.SectionBusinessUnits]; c.State != snapshot.StateCollected || c.Detail != want {
			t.Errorf("%s: business units are %s: %q", depth, c.State, c.Detail)
		}
	}
}

// The access level is read whatever else is wrong: a missing view may be waived, or matter to no
// control.
func TestSightBesideOtherFaults(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
		env.Role("dbaudit Auditor").Privileges["prvReadTeam"] = simulator.DepthLocal
	}), labOptions{})
	l.options.Requirement.Views = append(l.options.Requirement.Views, snapshot.RequiredView{Table: "account", Name: "Nobody's"})
	s := l.must(nil)
	wantGaps(t, s, gaps{snapshot.SectionTeams: "forbidden"})
}

// Some environments omit the names of the privileges, or the business units.
func TestSightWithoutNames(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtin(t, "compliant", func(env *simulator.Environment) {
		env.Role("dbaudit Auditor").Privileges["prvReadTeam"] = simulator.DepthLocal
	}), labOptions{})
	nameless := func(r dataverse.Request, answer json.RawMessage) json.RawMessage {
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
	s := l.must(func(r collector.Reader) collector.Reader { return filter{Reader: r, object: nameless} })
	wantGaps(t, s, gaps{snapshot.SectionTeams: "forbidden"})
}

// If one function is refused, the other is called. If both are, there may be more rows than were
// returned.
func TestSightUnknown(t *testing.T) {
	t.Parallel()
	hurt := gaps{snapshot.SectionUsers: "forbidden", snapshot.SectionTeams: "forbidden", snapshot.SectionRoles: "forbidden"}
	for function, want := range map[string]gaps{"RetrieveUserPrivileges": {}, "RetrieveUser": hurt} {
		l := newLab(t, builtin(t, "compliant", nil), labOptions{})
		s := l.must(func(r collector.Reader) collector.Reader {
			return filter{Reader: r, before: func(r dataverse.Request) error {
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
