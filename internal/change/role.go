package change

import (
	"errors"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// ofRoles are the kinds of fix that change a role.
func ofRoles() []kind {
	example := func(all audit.Fix) audit.Fix { return audit.Fix{Role: all.Role, Privileges: all.Privileges} }
	return []kind{
		{name: CreateRole, remedy: fix.createRole, example: example, act: act{
			target: TargetRole, from: State{AttrRole: Absent}, to: State{AttrRole: Present}, along: Inborn, risk: RiskLow,
			words: func(a Action, _ []string) (string, string) {
				return fmt.Sprintf("create the security role %q in the business unit %s", a.Target.Role.Name, a.Target.BusinessUnit.Name),
					fmt.Sprintf("The platform gives %s to each new role.", text.Count(len(a.Along), "privilege"))
			},
		}},
		{name: AddPrivilege, remedy: fix.grant, example: example, act: act{
			target: TargetGrants, limit: Limits.grant, risk: RiskMedium,
			legal: depths(func(from, to audit.Depth) bool { return from == audit.DepthNone && to > from }),
			words: func(a Action, _ []string) (string, string) {
				return fmt.Sprintf("grant %s to the role %q", text.Count(len(a.After), "privilege"), a.Target.Role.Name),
					a.grantNote("Affects everyone who has this role.")
			},
		}},
		{name: RaiseDepth, remedy: fix.grant, example: example, act: act{
			target: TargetGrants, limit: Limits.grant, risk: RiskMedium,
			legal: depths(func(from, to audit.Depth) bool { return from > audit.DepthNone && to > from }),
			words: func(a Action, _ []string) (string, string) {
				return fmt.Sprintf("raise %s in the role %q", text.Count(len(a.After), "privilege"), a.Target.Role.Name),
					a.grantNote("Widens access for everyone who has this role.")
			},
		}},
		{name: RemovePrivilege, remedy: fix.removePrivilege, example: example, flag: "--least-privilege", act: act{
			target: TargetGrants, risk: RiskHigh,
			legal: func(a Action) error {
				if len(a.After) != 1 {
					return errors.New("it removes several privileges at once")
				}
				return depths(func(from, to audit.Depth) bool { return from > audit.DepthNone && to == audit.DepthNone })(a)
			},
			words: func(a Action, _ []string) (string, string) {
				return fmt.Sprintf("remove %s from the role %q", a.After.called(), a.Target.Role.Name),
					sentences("Whatever depends on this privilege stops working.", a.Target.managedNote())
			},
		}},
	}
}

func (f fix) createRole() Remedy {
	calls := append(f.lookUpUnit(), f.call("create the role", newRole(refName(f.Role))))
	if len(f.Privileges) > 0 {
		made := &calls[len(calls)-1]
		made.Headers = []Header{{"Prefer", "return=representation"}}
		made.Column, made.Placeholder = "roleid", roleID
		calls = append(append(calls, f.lookUpPrivileges(f.Privileges...)...), f.addPrivileges())
	}
	return Remedy{
		Summary: f.say("Create the security role {role|for the integration}") + with(f.Privileges) + ".",
		Portal: append(f.steps(
			"{settings} > Security roles.",
			"Choose + New role, name it {role|of the integration}, choose the root business unit, and save.",
		), f.setLevels()...),
		Requests: calls,
	}
}

func (t Target) roleSteps() []transition {
	return []transition{
		{Absent, Present, Present, newRole(t.Role.Name)},
		{Present, Absent, Absent, Request{Method: "DELETE", Path: "roles({role})"}},
	}
}

func newRole(name string) Request {
	return Request{Method: "POST", Path: "roles", Body: body(`{"name":%s,"businessunitid@odata.bind":"/businessunits({unit})"}`, quoted(name))}
}
