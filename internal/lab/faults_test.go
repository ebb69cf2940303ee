package lab

import (
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A fault is a change of the compliant environment with the expected deviations: those of the control that
// fails, and of the controls that become unknown or not applicable.
type fault struct {
	name   string
	change func(*Scenario)
	expect []string // the lines of deviations
	// unpaired excludes the fault from pairs. The oracle cannot predict its deviations, for example because the
	// requirement names no user or role to deduce them from.
	unpaired bool
}

func (sc *Scenario) changeView(table, name string, change func(*simulator.PersonalView)) {
	if v := sc.PersonalView(table, name); v != nil {
		change(v)
	}
}

func (sc *Scenario) changeAccountsView(change func(*simulator.PersonalView)) {
	sc.changeView("account", "Demandbase Accounts", change)
}

// removeOwners removes the owners of the required views from the requirement.
func (sc *Scenario) removeOwners() {
	for i := range sc.Requirement.Views {
		sc.Requirement.Views[i].Owner = ""
	}
}

func (sc *Scenario) removeAuditorPrivilege(name string) {
	delete(sc.Role("dbaudit Auditor").Privileges, name)
}

func outcomeLines(outcome audit.Outcome, ids ...string) []string {
	var all []string
	for _, id := range ids {
		all = append(all, id+" "+outcome.String())
	}
	return all
}

func notApplicable(ids ...string) []string { return outcomeLines(audit.OutcomeNotApplicable, ids...) }
func unknown(ids ...string) []string       { return outcomeLines(audit.OutcomeUnknown, ids...) }

func userNotApplicable() []string {
	return notApplicable("DB-USER-ENABLED", "DB-USER-DEDICATED", "DB-USER-ROLE", "DB-USER-BUSINESS-UNIT", "DB-USER-NO-ADMINISTRATOR",
		"DB-VIEW-SHARED", "DB-VIEW-TABLE", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")
}

func roleNotApplicable() []string {
	return notApplicable("DB-ROLE-CUSTOM", "DB-ROLE-COMPLETE", "DB-ROLE-LEAST-PRIVILEGE", "DB-USER-ROLE")
}

func privilegeControls(p profile.Profile) []string {
	var ids []string
	for _, c := range p.Controls {
		if len(c.Privileges) > 0 {
			ids = append(ids, string(c.ID))
		}
	}
	return ids
}

func oneFinding(id, kind, name, fix string, evidence map[string]any) []string {
	return []string{findingLine(audit.ControlID(id), kind, name, fix, evidence)}
}

func viewNotShared(table, name string) []string {
	return oneFinding("DB-VIEW-SHARED", "required-view", name, "share-view",
		map[string]any{"state": "not-shared", "table": table, "view": name, "views": "1"})
}

func viewNotVisible(table, name string) []string {
	return oneFinding("DB-VIEW-SHARED", "required-view", name, "find-view",
		map[string]any{"state": "not-visible", "table": table, "view": name})
}

func inactiveView(table, name string) []string {
	return oneFinding("DB-VIEW-ACTIVE", "view", name, "activate-view", map[string]any{"active": false, "table": table})
}

func surplusShare(name string, principals []string, rights ...string) []string {
	return oneFinding("DB-VIEW-LEAST-ACCESS", "view", name, "reduce-share", map[string]any{"surplus": rights, "principals": principals})
}

func administratorRole(template, fix string, ways ...string) []string {
	return oneFinding("DB-USER-NO-ADMINISTRATOR", "role", template, fix, map[string]any{"template": template, "ways": ways})
}

func missingUser(fix string, softDeleted ...string) []string {
	if softDeleted == nil {
		softDeleted = []string{}
	}
	return oneFinding("DB-USER-EXISTS", "user", appID, fix, map[string]any{"found": 0, "soft_deleted": softDeleted})
}

func missingRole(name string) []string {
	return oneFinding("DB-ROLE-EXISTS", "role", name, "create-role", map[string]any{"role": name, "state": "missing"})
}

func roleNotCustom(builtIn, customizable bool) []string {
	return oneFinding("DB-ROLE-CUSTOM", "role", integrationName, "replace-role", map[string]any{"built_in": builtIn, "customizable": customizable})
}

func surplusPrivileges(dangerous int, names ...string) []string {
	return oneFinding("DB-ROLE-LEAST-PRIVILEGE", "role", integrationName, "remove-privilege",
		map[string]any{"surplus": names, "count": len(names), "dangerous": dangerous})
}

func roleNotAssigned(role string, assigned ...string) []string {
	if assigned == nil {
		assigned = []string{}
	}
	return oneFinding("DB-USER-ROLE", "user", integrationName, "assign-role", map[string]any{"role": role, "reaching": assigned})
}

func controlFaults(p profile.Profile) []fault {
	return slices.Concat(roleFaults(p), userFaults(p), viewFaults(), reportedFaults(p))
}

// isShortRun reports whether the tests check only some of the faults. With the race detector they take several
// times as long, and the first faults run all of the code.
func isShortRun() bool { return raceEnabled || testing.Short() }
