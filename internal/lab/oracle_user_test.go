package lab

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

func (o *oracle) checkUser() {
	user := o.integrationUser()
	if user == nil {
		o.addMissingUser()
		o.addOutcome(audit.OutcomeNotApplicable, "DB-USER-ENABLED", "DB-USER-DEDICATED", "DB-USER-ROLE", "DB-USER-BUSINESS-UNIT", "DB-USER-NO-ADMINISTRATOR")
		return
	}
	o.checkEnabled(user)
	o.checkUserRoles(user)
	o.checkUserUnit(user)
}

func (o *oracle) addMissingUser() {
	id := o.Requirement.ApplicationID
	if active := len(o.activeUsers()); active > 1 {
		o.addFinding("DB-USER-EXISTS", "user", id, "remove-duplicate-user", map[string]any{"found": active, "users": fmt.Sprint(active)})
		return
	}
	softDeleted := []string{}
	for _, u := range o.ApplicationUsers {
		if u.ApplicationID == id {
			softDeleted = append(softDeleted, u.Name)
		}
	}
	fix := "create-application-user"
	if len(softDeleted) > 0 {
		fix = "remove-duplicate-user"
	}
	o.addFinding("DB-USER-EXISTS", "user", id, fix, map[string]any{"found": 0, "soft_deleted": softDeleted})
}

// checkUserRoles judges whether the user has the required role, and whether it is an administrator.
func (o *oracle) checkUserRoles(user *simulator.User) {
	role := o.requiredRole()
	byRole := map[*simulator.Role][]assignment{}
	names := map[string]bool{}
	for _, a := range o.assignments(user) {
		byRole[a.role] = append(byRole[a.role], a)
		names[a.role.Name] = true
	}
	switch {
	case role == nil:
		o.addOutcome(audit.OutcomeNotApplicable, "DB-USER-ROLE")
	case byRole[role] == nil:
		o.addFinding("DB-USER-ROLE", "user", user.Name, "assign-role", map[string]any{
			"role": role.Name, "reaching": append([]string{}, slices.Sorted(maps.Keys(names))...),
		})
	}
	for r, assignments := range byRole {
		template := templateName(r)
		if template != "System Administrator" && template != "System Customizer" {
			continue
		}
		ways, fix := []string{}, "remove-from-team"
		for _, a := range assignments {
			if a.team == nil {
				ways, fix = append(ways, "assigned to the user"), "unassign-role"
			} else {
				ways = append(ways, fmt.Sprintf("through the team %q", a.team.Name))
			}
		}
		slices.Sort(ways)
		o.addFinding("DB-USER-NO-ADMINISTRATOR", "role", r.Name, fix, map[string]any{"template": template, "ways": ways})
	}
}

func (o *oracle) checkUserUnit(user *simulator.User) {
	actual, required := o.BusinessUnit(user.BusinessUnit).Name, o.Requirement.BusinessUnit
	switch {
	case required == "":
		o.addOutcome(audit.OutcomeNotApplicable, "DB-USER-BUSINESS-UNIT")
	case actual != required:
		fix := "move-user"
		if unit := o.BusinessUnit(required); unit == nil || o.disabledUnit(unit.Name) != "" {
			fix = "correct-configuration"
		}
		o.addFinding("DB-USER-BUSINESS-UNIT", "user", user.Name, fix, map[string]any{"required": required, "actual": actual})
	}
}

// checkEnabled judges whether something keeps the user from working.
func (o *oracle) checkEnabled(user *simulator.User) {
	evidence, fixes := map[string]any{"disabled": user.Disabled}, []string{}
	switch user.EntraState {
	case "", simulator.EntraExists:
	case simulator.EntraSoftDeleted, simulator.EntraDeleted:
		evidence["entra_state"], fixes = string(user.EntraState), append(fixes, "restore-identity")
	}
	if disabled := o.disabledUnit(user.BusinessUnit); disabled != "" {
		evidence["disabled_business_unit"], fixes = disabled, append(fixes, "enable-business-unit")
	}
	undocumented := false
	switch user.AccessMode {
	case "", simulator.AccessReadWrite, simulator.AccessNonInteractive:
	case simulator.AccessAdministrative, simulator.AccessRead, simulator.AccessSupport, simulator.AccessDelegatedAdmin:
		evidence["access_mode"], fixes = string(user.AccessMode), append(fixes, "set-access-mode")
	default:
		undocumented = true
	}
	if user.Disabled {
		fixes = append(fixes, "enable-user")
	}
	switch {
	case len(fixes) > 0:
		o.addFinding("DB-USER-ENABLED", "user", user.Name, fixes[0], evidence)
	case undocumented:
		o.addOutcome(audit.OutcomeUnknown, "DB-USER-ENABLED")
	}
}

// canReadViewsAs reports whether the auditor can read the personal views that u sees.
func (o *oracle) canReadViewsAs(u *simulator.User) bool {
	auditor := o.ApplicationUser(o.Suggest.Auditor)
	return u != nil && !slices.Contains(o.Contradictions, simulator.ActIgnored) &&
		!u.Disabled && o.disabledUnit(u.BusinessUnit) == "" && o.effectiveDepth(u, "prvReadUserQuery") > 0 &&
		o.effectiveDepth(auditor, "prvReadUserQuery") > 0 && o.effectiveDepth(auditor, "prvActOnBehalfOfAnotherUser") > 0
}

// seesView reports whether u sees a view: as its owner or through a share.
func (o *oracle) seesView(u *simulator.User, v *simulator.PersonalView) bool {
	return o.ownsView(u, v) || o.viewRights(u, v)&simulator.RightRead != 0
}

func (o *oracle) ownsView(u *simulator.User, v *simulator.PersonalView) bool {
	return o.refersTo(v.Owner, u) || slices.ContainsFunc(o.enabledTeamsOf(u), func(t *simulator.Team) bool { return t.Name == v.Owner })
}

func (o *oracle) refersTo(reference string, u *simulator.User) bool {
	return reference == u.ID || reference == u.Name || reference == u.UPN && u.UPN != "" || reference == u.ApplicationID && u.ApplicationID != ""
}

func (o *oracle) viewRights(u *simulator.User, v *simulator.PersonalView) simulator.Rights {
	var rights simulator.Rights
	for _, s := range v.Shares {
		if o.refersTo(s.Principal, u) || slices.ContainsFunc(o.enabledTeamsOf(u), func(t *simulator.Team) bool { return t.Name == s.Principal }) {
			rights |= s.Access | s.Inherited
		}
	}
	return rights
}
