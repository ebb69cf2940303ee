package change

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// ofRoles are the kinds of fix that change a role.
func ofRoles() []kind {
	example := func(all audit.Fix) audit.Fix { return audit.Fix{Role: all.Role, Privileges: all.Privileges} }
	return []kind{
		{
			name: CreateRole, example: example,
			summary:  "Create the security role {role|for the integration}[ with {minimum}].",
			portal:   []string{"{settings} > Security roles.", "Choose + New role, name it {role|of the integration}, choose the root business unit, and save.", levels},
			requests: fix.creation,
			act: act{
				target: TargetRole, from: State{AttrRole: Absent}, to: State{AttrRole: Present}, along: Inborn, risk: RiskLow,
				summary: "create the security role {role} in the business unit {unit}",
				note: func(a Action, _ []string) string {
					return fmt.Sprintf("The platform gives %s to each new role.", text.Count(len(a.Along), "privilege"))
				},
			},
		},
		{
			name: AddPrivilege, example: example,
			summary:  "Grant {rights at} to the role {role|of the integration}" + andAssign,
			portal:   editRole(),
			requests: fix.grants, commands: fix.lintFix,
			act: act{
				target: TargetGrants, limit: Limits.grant, risk: RiskMedium,
				legal:   depths(func(from, to audit.Depth) bool { return from == audit.DepthNone && to > from }),
				summary: "grant {privileges} to the role {role}", note: grantNote("Affects everyone who has this role."),
			},
		},
		{
			name: RaiseDepth, example: example,
			summary:  "Raise {rights to} in the role {role|of the integration}" + andAssign,
			portal:   editRole(),
			requests: fix.grants,
			act: act{
				target: TargetGrants, limit: Limits.grant, risk: RiskMedium,
				legal:   depths(func(from, to audit.Depth) bool { return from > audit.DepthNone && to > from }),
				summary: "raise {privileges} in the role {role}", note: grantNote("Widens access for everyone who has this role."),
			},
		},
		{
			name: RemovePrivilege, example: example, flag: "--least-privilege",
			summary:  "Remove {rights} from the role {role|of the integration}.",
			portal:   editRole(),
			requests: fix.removals,
			act: act{
				target: TargetGrants, risk: RiskHigh,
				legal: func(a Action) error {
					if len(a.After) != 1 {
						return errors.New("it removes several privileges at once")
					}
					return depths(func(from, to audit.Depth) bool { return from > audit.DepthNone && to == audit.DepthNone })(a)
				},
				summary: "remove {privilege} from the role {role}", note: grantNote("Whatever depends on this privilege stops working."),
			},
		},
	}
}

// andAssign ends the summary of a grant. Only a grant that also needs the role's assignment names a
// user.
const andAssign = "[, and assign the role to the user {user}: the team that has it does not pass on its User level rights]."

func (f fix) creation() []Call {
	calls := append(f.lookUpUnit(), f.call("create the role", newRole(refName(f.Role))))
	if len(f.Privileges) > 0 {
		made := &calls[len(calls)-1]
		made.Headers = []Header{{"Prefer", "return=representation"}}
		made.Column, made.Placeholder = "roleid", roleID
		calls = append(append(calls, f.lookUpPrivileges(f.Privileges...)...), f.addPrivileges())
	}
	return calls
}

func newRole(name string) Request {
	return post("roles", `{"name":%s,"businessunitid@odata.bind":"/businessunits({unit})"}`, quoted(name))
}

// depths allows an action to take each of its privileges from one depth to another.
func depths(legal func(from, to audit.Depth) bool) func(Action) error {
	isDepth := func(word string) bool { return word == None || Rank(word) > audit.DepthNone }
	return func(a Action) error {
		for _, d := range a.Differences() {
			if !isPrivilege(d.Name) || !isDepth(d.Before) || !isDepth(d.After) || !legal(Rank(d.Before), Rank(d.After)) {
				return fmt.Errorf("%s does not take %s from %s to %s", a.Kind, d.Name, d.Before, d.After)
			}
		}
		return nil
	}
}

// grants are for privileges that a role lacks, or grants at too low a level.
func (f fix) grants() []Call {
	calls := f.lookUpRole()
	if f.BusinessUnit != nil {
		calls = append(calls, f.lookUpUnit()...)
	} else {
		calls = append(calls, f.lookUp("the role's business unit", "_businessunitid_value", unitID, "roles("+id(f.Role, roleID)+")?$select=name,_businessunitid_value"))
	}
	return append(append(calls, f.lookUpPrivileges(f.Privileges...)...), f.addPrivileges())
}

// lintFix is the command that adds missing privileges to the file of a role.
func (f fix) lintFix() []string {
	if file := f.Environment.Name; f.Environment.URL == "" && file != "" && !strings.Contains(file, "!/") {
		return []string{"dbaudit lint --fix " + Shell(file)}
	}
	return nil
}

// addPrivileges grants all of the fix's privileges in one request, with their names.
func (f fix) addPrivileges() Call {
	list := make([]granting, len(f.Privileges))
	for i, g := range f.Privileges {
		list[i] = granting{slotOf(i), g.Depth, g.Name}
	}
	what := "privileges"
	if len(list) == 1 {
		what = "privilege"
	}
	return f.call("grant the "+what, addPrivileges(list))
}

func (f fix) removals() []Call {
	calls := f.lookUpRole()
	for i, g := range f.Privileges {
		if i == listed {
			calls[len(calls)-1].Purpose += fmt.Sprintf(", and the other %d in the same way", len(f.Privileges)-listed)
			break
		}
		calls = append(append(calls, f.lookUpPrivileges(g)...), f.call("remove "+g.Name+" from the role", takePrivilege(slotOf(i))))
	}
	return calls
}

// nextGrants first removes what is too much, one privilege per request, then grants what is
// missing in one request, and finally removes the platform's defaults that the grant
// restored. To lower a depth, it removes the privilege first.
func (t Target) nextGrants(from, to State) (Step, bool) {
	var lower, platform []string
	var raise []granting
	after := maps.Clone(from)
	for _, name := range to.Names() {
		have, want := Rank(from[name]), Rank(to[name])
		switch {
		case IsPlatformDefault(name):
			if have > 0 && want == 0 {
				platform = append(platform, name)
			}
		case have > want:
			lower = append(lower, name)
		case have < want:
			raise = append(raise, granting{slot: name, depth: want})
		}
	}
	if len(lower) == 0 && len(raise) > 0 {
		for _, g := range raise {
			after[g.slot] = to[g.slot]
		}
		for name := range from {
			if IsPlatformDefault(name) {
				after[name] = audit.DepthGlobal.String()
			}
		}
		return Step{addPrivileges(raise), after}, true
	}
	if remove := append(lower, platform...); len(remove) > 0 {
		after[remove[0]] = None
		return Step{takePrivilege(remove[0]), after}, true
	}
	return Step{}, false
}

// A granting is a privilege to be granted; slot is that of its id, and name may be empty.
type granting struct {
	slot  string
	depth audit.Depth
	name  string
}

func addPrivileges(list []granting) Request {
	parts := make([]string, len(list))
	for i, g := range list {
		depth := "{Basic, Local, Deep or Global}"
		if g.depth != audit.DepthNone {
			depth = g.depth.Wire()
		}
		parts[i] = fmt.Sprintf(`{"BusinessUnitId":"{unit}","Depth":%q,"PrivilegeId":"{%s}"`, depth, g.slot)
		if g.name != "" {
			parts[i] += `,"PrivilegeName":` + quoted(g.name)
		}
		parts[i] += "}"
	}
	return post("roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole", `{"Privileges":[%s]}`, strings.Join(parts, ","))
}

func takePrivilege(slot string) Request {
	return post("roles({role})/Microsoft.Dynamics.CRM.RemovePrivilegeRole",
		`{"Privilege":{"@odata.type":"Microsoft.Dynamics.CRM.privilege","privilegeid":"{%s}"}}`, slot)
}

// grantNote says what else happens when the privileges of a role change: others is for those who
// have the role already.
func grantNote(others string) func(Action, []string) string {
	return func(a Action, _ []string) string {
		var notes []string
		if a.Target.Role.MadeBy == "" {
			notes = append(notes, others)
		}
		if len(a.Along) > 0 {
			notes = append(notes, "With this request, the platform also restores what it gives to every role.")
		}
		for _, name := range slices.Sorted(maps.Keys(a.Target.Levels)) {
			var levels []string
			for _, d := range a.Target.Levels[name] {
				levels = append(levels, d.Level())
			}
			notes = append(notes, fmt.Sprintf("%s can be granted at %s level only.", name, strings.Join(levels, " or ")))
		}
		if len(a.Target.Filtered) > 0 {
			notes = append(notes, fmt.Sprintf("Granted for some records only until now: %s. Rollback cannot restore that filter.", strings.Join(a.Target.Filtered, ", ")))
		}
		if a.Target.Managed {
			notes = append(notes, "The role is managed: an update of its solution may revert the change.")
		}
		return strings.Join(notes, " ")
	}
}
