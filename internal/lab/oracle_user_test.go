package lab

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

func (o *oracle) userControls() {
	user, role := o.integrationUser(), o.requiredRole()
	if user == nil {
		id := o.Requirement.ApplicationID
		if live := o.activeUsers(); len(live) > 1 {
			o.addFinding("DB-USER-EXISTS", "user", id, "remove-duplicate-user", map[string]any{
				"found": len(live), "users": fmt.Sprint(len(live)),
			})
		} else {
			ghosts := []string{}
			for _, u := range o.ApplicationUsers {
				if u.ApplicationID == id {
					ghosts = append(ghosts, u.Name)
				}
			}
			fix := "create-application-user"
			if len(ghosts) > 0 {
				fix = "remove-duplicate-user"
			}
			o.addFinding("DB-USER-EXISTS", "user", id, fix, map[string]any{"found": 0, "soft_deleted": ghosts})
		}
		o.addOutcome(audit.OutcomeNotApplicable, "DB-USER-ENABLED", "DB-USER-DEDICATED", "DB-USER-ROLE", "DB-USER-BUSINESS-UNIT", "DB-USER-NO-ADMINISTRATOR")
		return
	}
	o.checkEnabled(user)
	byRole := map[*simulator.Role][]assignment{}
	reaching := map[string]bool{}
	for _, w := range o.assignments(user) {
		byRole[w.role] = append(byRole[w.role], w)
		reaching[w.role.Name] = true
	}
	switch {
	case role == nil:
		o.addOutcome(audit.OutcomeNotApplicable, "DB-USER-ROLE")
	case byRole[role] == nil:
		names := slices.Sorted(maps.Keys(reaching))
		if names == nil {
			names = []string{}
		}
		o.addFinding("DB-USER-ROLE", "user", user.Name, "assign-role", map[string]any{"role": role.Name, "reaching": names})
	}
	switch unit := o.BusinessUnit(user.BusinessUnit); {
	case o.Requirement.BusinessUnit == "":
		o.addOutcome(audit.OutcomeNotApplicable, "DB-USER-BUSINESS-UNIT")
	case unit.Name != o.Requirement.BusinessUnit:
		fix := "move-user"
		if named := o.BusinessUnit(o.Requirement.BusinessUnit); named == nil || o.disabledUnit(named.Name) != "" {
			fix = "correct-configuration"
		}
		o.addFinding("DB-USER-BUSINESS-UNIT", "user", user.Name, fix, map[string]any{"required": o.Requirement.BusinessUnit, "actual": unit.Name})
	}
	for r, ways := range byRole {
		template := templateName(r)
		if template != "System Administrator" && template != "System Customizer" {
			continue
		}
		words, fix := []string{}, "remove-from-team"
		for _, w := range ways {
			if w.team == nil {
				words, fix = append(words, "assigned to the user"), "unassign-role"
			} else {
				words = append(words, fmt.Sprintf("through the team %q", w.team.Name))
			}
		}
		slices.Sort(words)
		o.addFinding("DB-USER-NO-ADMINISTRATOR", "role", r.Name, fix, map[string]any{"template": template, "ways": words})
	}
}

// checkEnabled is that nothing keeps a user from working.
func (o *oracle) checkEnabled(user *simulator.User) {
	evidence, fixes := map[string]any{"disabled": user.Disabled}, []string{}
	switch user.EntraState {
	case "", simulator.EntraExists:
	case simulator.EntraSoftDeleted, simulator.EntraDeleted:
		evidence["entra_state"], fixes = string(user.EntraState), append(fixes, "restore-identity")
	}
	if closed := o.disabledUnit(user.BusinessUnit); closed != "" {
		evidence["disabled_business_unit"], fixes = closed, append(fixes, "enable-business-unit")
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

// canReadViewsAs reports whether the auditor can read personal views as u sees them.
func (o *oracle) canReadViewsAs(u *simulator.User) bool {
	auditor := o.ApplicationUser(o.Suggest.Auditor)
	return u != nil && !slices.Contains(o.Contradictions, simulator.ActIgnored) && !u.Disabled && o.disabledUnit(u.BusinessUnit) == "" && o.effectiveDepth(u, "prvReadUserQuery") > 0 &&
		o.effectiveDepth(auditor, "prvReadUserQuery") > 0 && o.effectiveDepth(auditor, "prvActOnBehalfOfAnotherUser") > 0
}

// seesView reports whether u's own list has a view: as its owner or by a share.
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
