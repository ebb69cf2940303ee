package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// CreateRole creates the custom security role with everything that it must grant.
const CreateRole audit.FixKind = "create-role"

func createRole() kind {
	return kind{
		name: CreateRole, remedy: fix.createRole,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{Role: all.Role, Privileges: all.Privileges} },
		act: &act{
			target: TargetRole, from: State{AttrRole: Absent}, to: State{AttrRole: Present}, along: Inborn,
			words: func(a Action, _ []string) (string, Risk, string) {
				return fmt.Sprintf("create the security role %q in the business unit %s", a.Target.Role.Name, a.Target.BusinessUnit.Name), RiskLow,
					fmt.Sprintf("The platform gives %s to each new role.", text.Count(len(a.Along), "privilege"))
			},
		},
	}
}

func (f fix) createRole() Remedy {
	calls := append(f.lookUpUnit(), f.call("create the role", newRole(refName(f.Role))))
	if len(f.Privileges) > 0 {
		made := &calls[len(calls)-1]
		made.Headers = []Header{{"Prefer", "return=representation"}}
		made.Column, made.Placeholder = "roleid", roleID
		calls = append(append(calls, f.lookUpPrivileges()...), f.addPrivileges())
	}
	return Remedy{
		Summary: fmt.Sprintf("Create the security role %s%s.", name(f.Role, "for the integration"), with(f.Privileges)),
		Portal: append([]string{
			f.admin("Security roles"),
			fmt.Sprintf("Choose + New role, name it %s, choose the root business unit, and save.", name(f.Role, "of the integration")),
		}, f.setLevels()...),
		Requests: calls,
	}
}

func (t Target) nextRole(from, to string) (Step, bool) {
	switch {
	case from == Absent && to == Present:
		return Step{newRole(t.Role.Name), State{AttrRole: Present}}, true
	case from == Present && to == Absent:
		return Step{Request{Method: "DELETE", Path: "roles({role})"}, State{AttrRole: Absent}}, true
	}
	return Step{}, false
}

func newRole(name string) Request {
	return Request{Method: "POST", Path: "roles", Body: body(`{"name":%s,"businessunitid@odata.bind":"/businessunits({unit})"}`, quoted(name))}
}
