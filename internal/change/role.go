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

func roleKinds() []kind {
	example := func(all audit.Fix) audit.Fix { return audit.Fix{Role: all.Role, Privileges: all.Privileges} }
	return []kind{
		{
			name: CreateRole, example: example,
			summary:  "Create the security role {role|for the integration}[ with {minimum}].",
			portal:   []string{"{settings} > Security roles.", "Choose + New role, name it {role|of the integration}, choose the root business unit, and save.", levels},
			requests: fix.createRoleCalls,
			automation: automation{
				target: TargetRole, from: State{AttrRole: Absent}, to: State{AttrRole: Present}, along: NewRolePrivileges, risk: RiskLow,
				summary: "create the security role {role} in the business unit {unit}",
				note: func(a Action, _ []string) string {
					return fmt.Sprintf("The platform gives %s to each new role.", text.Count(len(a.Along), "privilege"))
				},
			},
		},
		{
			name: AddPrivilege, example: example,
			summary:  "Grant {rights at} to the role {role|of the integration}" + andAssignRole,
			portal:   editRole(),
			requests: fix.grantCalls, commands: fix.lintCommand,
			automation: automation{
				target: TargetGrants, limit: Limits.checkGrant, risk: RiskMedium,
				validate: validateDepths(func(from, to audit.Depth) bool { return from == audit.DepthNone && to > from }),
				summary:  "grant {privileges} to the role {role}", note: grantNote("Affects everyone who has this role."),
			},
		},
		{
			name: RaiseDepth, example: example,
			summary:  "Raise {rights to} in the role {role|of the integration}" + andAssignRole,
			portal:   editRole(),
			requests: fix.grantCalls,
			automation: automation{
				target: TargetGrants, limit: Limits.checkGrant, risk: RiskMedium,
				validate: validateDepths(func(from, to audit.Depth) bool { return from > audit.DepthNone && to > from }),
				summary:  "raise {privileges} in the role {role}", note: grantNote("Widens access for everyone who has this role."),
			},
		},
		{
			name: RemovePrivilege, example: example, flag: "--least-privilege",
			summary:  "Remove {rights} from the role {role|of the integration}.",
			portal:   editRole(),
			requests: fix.removeCalls,
			automation: automation{
				target: TargetGrants, risk: RiskHigh,
				validate: func(a Action) error {
					if len(a.After) != 1 {
						return errors.New("it removes several privileges at once")
					}
					return validateDepths(func(from, to audit.Depth) bool { return from > audit.DepthNone && to == audit.DepthNone })(a)
				},
				summary: "remove {privilege} from the role {role}", note: grantNote("Whatever depends on this privilege stops working."),
			},
		},
	}
}

// andAssignRole ends the summary of a grant. It is shown if the fix names a user, to whom the role
// must be assigned too.
const andAssignRole = "[, and assign the role to the user {user}: the team that has it does not pass on its User level rights]."

func (f fix) createRoleCalls() []Call {
	calls := append(f.lookUpUnit(), f.newCall("create the role", createRoleRequest(refName(f.Role))))
	if len(f.Privileges) > 0 {
		made := &calls[len(calls)-1]
		made.Headers = []Header{{"Prefer", "return=representation"}}
		made.Column, made.Placeholder = "roleid", roleID
		calls = append(append(calls, f.lookUpPrivileges(f.Privileges...)...), f.addPrivilegesCall())
	}
	return calls
}

func createRoleRequest(name string) Request {
	return post("roles", `{"name":%s,"businessunitid@odata.bind":"/businessunits({unit})"}`, jsonString(name))
}

// validateDepths returns a validation that allows only some changes of depths.
func validateDepths(allowed func(from, to audit.Depth) bool) func(Action) error {
	isDepth := func(word string) bool { return word == None || DepthOf(word) > audit.DepthNone }
	return func(a Action) error {
		for _, d := range a.Differences() {
			if !isPrivilegeName(d.Name) || !isDepth(d.Before) || !isDepth(d.After) || !allowed(DepthOf(d.Before), DepthOf(d.After)) {
				return fmt.Errorf("%s cannot change %s from %s to %s", a.Kind, d.Name, d.Before, d.After)
			}
		}
		return nil
	}
}

func (f fix) grantCalls() []Call {
	calls := f.lookUpRole()
	if f.BusinessUnit != nil {
		calls = append(calls, f.lookUpUnit()...)
	} else {
		calls = append(calls, f.lookUp("the role's business unit", "_businessunitid_value", unitID,
			"roles("+idOr(f.Role, roleID)+")?$select=name,_businessunitid_value"))
	}
	return append(append(calls, f.lookUpPrivileges(f.Privileges...)...), f.addPrivilegesCall())
}

// lintCommand returns the command that adds the missing privileges to the file of a role.
func (f fix) lintCommand() []string {
	if file := f.Environment.Name; f.Environment.URL == "" && file != "" && !strings.Contains(file, "!/") {
		return []string{"dbaudit lint --fix " + QuoteShell(file)}
	}
	return nil
}

// addPrivilegesCall returns the request that grants all privileges of the fix, with their names.
func (f fix) addPrivilegesCall() Call {
	list := make([]privilegeGrant, len(f.Privileges))
	for i, g := range f.Privileges {
		list[i] = privilegeGrant{privilegeSlot(i), g.Depth, g.Name}
	}
	what := "privileges"
	if len(list) == 1 {
		what = "privilege"
	}
	return f.newCall("grant the "+what, addPrivilegesRequest(list))
}

func (f fix) removeCalls() []Call {
	calls := f.lookUpRole()
	for i, g := range f.Privileges {
		if i == maxListed {
			calls[len(calls)-1].Purpose += fmt.Sprintf(", and the other %d in the same way", len(f.Privileges)-maxListed)
			break
		}
		calls = append(append(calls, f.lookUpPrivileges(g)...), f.newCall("remove "+g.Name+" from the role", removePrivilegeRequest(privilegeSlot(i))))
	}
	return calls
}

// nextGrants returns the next step between two states of a role's privileges. First, each privilege
// at too great a depth is removed by a request of its own. Then one request grants everything
// that is missing. At last, the privileges are removed that the platform restored with it.
func (t Target) nextGrants(from, to State) (Step, bool) {
	var excess, restored []string
	var missing []privilegeGrant
	after := maps.Clone(from)
	for _, name := range to.Names() {
		have, want := DepthOf(from[name]), DepthOf(to[name])
		switch {
		case IsRestoredPrivilege(name):
			if have > 0 && want == 0 {
				restored = append(restored, name)
			}
		case have > want:
			excess = append(excess, name)
		case have < want:
			missing = append(missing, privilegeGrant{slot: name, depth: want})
		}
	}
	if len(excess) == 0 && len(missing) > 0 {
		for _, g := range missing {
			after[g.slot] = to[g.slot]
		}
		for name := range from {
			if IsRestoredPrivilege(name) {
				after[name] = audit.DepthGlobal.String()
			}
		}
		return Step{addPrivilegesRequest(missing), after}, true
	}
	if remove := append(excess, restored...); len(remove) > 0 {
		after[remove[0]] = None
		return Step{removePrivilegeRequest(remove[0]), after}, true
	}
	return Step{}, false
}

// A privilegeGrant is a privilege in a request that grants privileges.
type privilegeGrant struct {
	slot  string // the slot for the privilege's id
	depth audit.Depth
	name  string // may be empty
}

func addPrivilegesRequest(list []privilegeGrant) Request {
	parts := make([]string, len(list))
	for i, g := range list {
		depth := "{Basic, Local, Deep or Global}"
		if g.depth != audit.DepthNone {
			depth = g.depth.Wire()
		}
		parts[i] = fmt.Sprintf(`{"BusinessUnitId":"{unit}","Depth":%q,"PrivilegeId":"{%s}"`, depth, g.slot)
		if g.name != "" {
			parts[i] += `,"PrivilegeName":` + jsonString(g.name)
		}
		parts[i] += "}"
	}
	return post("roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole", `{"Privileges":[%s]}`, strings.Join(parts, ","))
}

func removePrivilegeRequest(slot string) Request {
	return post("roles({role})/Microsoft.Dynamics.CRM.RemovePrivilegeRole",
		`{"Privilege":{"@odata.type":"Microsoft.Dynamics.CRM.privilege","privilegeid":"{%s}"}}`, slot)
}

// grantNote returns the note of a change of a role's privileges. others is the sentence for roles
// that users may already have.
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
			notes = append(notes, fmt.Sprintf("Granted for some records only until now: %s. Rollback cannot restore that filter.",
				strings.Join(a.Target.Filtered, ", ")))
		}
		if a.Target.Managed {
			notes = append(notes, "The role is managed: an update of its solution may revert the change.")
		}
		return strings.Join(notes, " ")
	}
}
