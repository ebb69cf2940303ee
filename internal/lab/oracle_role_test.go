package lab

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

func (o *oracle) checkPrivileges() {
	hasRoles := len(o.assignments(o.integrationUser())) > 0
	for _, c := range o.profile.Controls {
		switch {
		case c.Rule != "role/privileges":
		case !hasRoles && o.requiredRole() == nil:
			o.addOutcome(audit.OutcomeNotApplicable, c.ID)
		default:
			o.checkPrivilegeControl(c, hasRoles)
		}
	}
}

// checkPrivilegeControl judges the privileges of a control: those of the user or, if it has no roles, those of
// the required role.
func (o *oracle) checkPrivilegeControl(c profile.Control, hasRoles bool) {
	user, role := o.integrationUser(), o.requiredRole()
	kind, name := "role", o.Requirement.Role
	if role == nil {
		kind, name = "user", user.Name
	}
	failed, unknown := false, false
	for _, p := range c.Privileges {
		if _, ok := o.defined[p]; !ok {
			o.addFinding(c.ID, kind, name, "install-app", map[string]any{
				"privilege": p, "required_depth": "global", "actual_depth": "none", "state": "undefined",
			})
			failed = true
			continue
		}
		required, actual := o.requiredDepth(p), o.grantedDepth(role, p)
		if hasRoles {
			actual = o.effectiveDepth(user, p)
		}
		if actual >= required {
			continue
		}
		state, words := grantState(actual), o.specialDepths(user, p)
		if slices.ContainsFunc(words, func(word string) bool { return word != "RecordFilter" }) {
			unknown = true
			continue
		}
		if len(words) > 0 && actual == simulator.DepthNone {
			state = "filtered"
		}
		failed = true
		fix := o.grantFix(p)
		if o.grantedDepth(role, p) >= required {
			fix = "assign-role"
		}
		o.addFinding(c.ID, kind, name, fix, map[string]any{
			"privilege": p, "required_depth": required.String(), "actual_depth": actual.String(), "state": state,
		})
	}
	if unknown && !failed {
		o.addOutcome(audit.OutcomeUnknown, c.ID)
	}
}

func (o *oracle) checkRole() {
	role := o.requiredRole()
	if role == nil {
		o.addFinding("DB-ROLE-EXISTS", "role", o.Requirement.Role, "create-role", map[string]any{"role": o.Requirement.Role, "state": "missing"})
		o.addOutcome(audit.OutcomeNotApplicable, "DB-ROLE-CUSTOM", "DB-ROLE-COMPLETE", "DB-ROLE-LEAST-PRIVILEGE")
		return
	}
	switch {
	case role.CustomizableUnknown && role.Template == "":
		o.addOutcome(audit.OutcomeUnknown, "DB-ROLE-CUSTOM")
	case role.Template != "" || role.NotCustomizable:
		o.addFinding("DB-ROLE-CUSTOM", "role", role.Name, "replace-role", map[string]any{
			"built_in": role.Template != "", "customizable": !role.NotCustomizable,
		})
	}
	o.checkRoleComplete(role)
	o.checkRoleSurplus(role)
}

// checkRoleComplete finds the privileges that the user has through other roles only.
func (o *oracle) checkRoleComplete(role *simulator.Role) {
	user := o.integrationUser()
	failed, unknown := false, false
	for _, p := range o.profile.Minimum() {
		required, actual := o.requiredDepth(p), o.grantedDepth(role, p)
		if actual >= required || o.effectiveDepth(user, p) < required {
			continue
		}
		state := grantState(actual)
		switch o.specialDepth(role, p) {
		case "":
		case "RecordFilter":
			state = "filtered"
		default:
			unknown = true
			continue
		}
		failed = true
		filledBy := map[string]bool{}
		for _, a := range o.assignments(user) {
			if a.role != role && o.grantedDepth(a.role, p) >= required {
				filledBy[a.role.Name] = true
			}
		}
		o.addFinding("DB-ROLE-COMPLETE", "role", role.Name, o.grantFix(p), map[string]any{
			"privilege": p, "required_depth": required.String(), "actual_depth": actual.String(), "state": state,
			"filled_by": slices.Sorted(maps.Keys(filledBy)),
		})
	}
	if unknown && !failed {
		o.addOutcome(audit.OutcomeUnknown, "DB-ROLE-COMPLETE")
	}
}

// checkRoleSurplus finds the privileges of the role that are not required.
func (o *oracle) checkRoleSurplus(role *simulator.Role) {
	var dangerous, harmless []string
	for p := range role.Privileges {
		_, defined := o.defined[p]
		switch {
		case !defined, slices.Contains(o.profile.Minimum(), p), slices.Contains(o.Requirement.Allow, p), slices.Contains(platformDefaults(), p):
		case strings.HasPrefix(p, "prvDelete"), strings.HasPrefix(p, "prvAssign"), strings.HasPrefix(p, "prvShare"), p == "prvActOnBehalfOfAnotherUser":
			dangerous = append(dangerous, p)
		default:
			harmless = append(harmless, p)
		}
	}
	slices.Sort(dangerous)
	slices.Sort(harmless)
	if surplus := append(dangerous, harmless...); len(surplus) > 0 {
		fix := "remove-privilege"
		if role.Template != "" || role.NotCustomizable {
			fix = "replace-role"
		}
		o.addFinding("DB-ROLE-LEAST-PRIVILEGE", "role", role.Name, fix, map[string]any{
			"surplus": surplus, "count": len(surplus), "dangerous": len(dangerous),
		})
	}
}

// platformDefaults returns the nine privileges that Dataverse gives to each new role.
func platformDefaults() []string {
	return []string{
		"prvReadSdkMessage", "prvReadSdkMessageProcessingStep", "prvReadSdkMessageProcessingStepImage",
		"prvReadPluginAssembly", "prvReadPluginType", "prvReadSharePointData", "prvWriteSharePointData",
		"prvCreateSharePointData", "prvReadSharePointDocument",
	}
}
