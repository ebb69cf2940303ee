package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// describe says what an action does and its side effects. It depends only on the action's
// target and states, so that no plan can say one thing and do another. allow are the
// privileges that the configuration allows beyond the minimum.
func (a Action) describe(allow []string) (summary string, risk Risk, note string) {
	t := a.Target
	switch a.Kind {
	case change.CreateRole:
		return fmt.Sprintf("create the security role %q in the business unit %s", t.Role.Name, t.BusinessUnit.Name), RiskLow,
			fmt.Sprintf("The platform gives %s to each new role.", plural(len(a.Along), "privilege"))
	case change.AddPrivilege:
		return fmt.Sprintf("grant %s to the role %q", plural(len(a.After), "privilege"), t.Role.Name), RiskMedium,
			a.grantNote("Affects everyone who has this role.")
	case change.RaiseDepth:
		return fmt.Sprintf("raise %s in the role %q", plural(len(a.After), "privilege"), t.Role.Name), RiskMedium,
			a.grantNote("Widens access for everyone who has this role.")
	case change.RemovePrivilege:
		return fmt.Sprintf("remove %s from the role %q", a.After.called(), t.Role.Name), RiskHigh,
			sentences("Whatever depends on this privilege stops working.", t.managedNote())
	case change.CreateApplicationUser:
		return fmt.Sprintf("create the application user for %s in the business unit %s", t.ApplicationID, t.BusinessUnit.Name), RiskMedium,
			"Anyone with the application's credentials can then sign in to the environment. The user's name comes from the app registration."
	case change.EnableUser:
		return fmt.Sprintf("enable the user %q", t.User.Name), RiskMedium, "Somebody may have disabled it on purpose."
	case change.AssignRole:
		return fmt.Sprintf("assign the role %q to the user %q (its copy in the business unit %s)", t.Role.Name, t.User.Name, t.BusinessUnit.Name),
			RiskMedium, t.assignNote(allow)
	case change.UnassignRole:
		return fmt.Sprintf("remove the role %q from the user %q", t.Role.Name, t.User.Name), RiskHigh,
			"Whatever works only because of this role stops working."
	case change.ShareView, change.ReduceShare:
		return a.shareSummary(), RiskLow, a.shareNote()
	default:
		return "", "", ""
	}
}

func sentences(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), " ")
}

func (a Action) grantNote(others string) string {
	along, levels := "", ""
	if a.Target.Role.MadeBy != "" {
		others = ""
	}
	if len(a.Along) > 0 {
		along = "With this request, the platform also restores what it gives to every role."
	}
	for _, name := range slices.Sorted(maps.Keys(a.Target.Levels)) {
		levels = sentences(levels, fmt.Sprintf("%s can be granted at %s level only.", name, levelsOf(a.Target.Levels[name])))
	}
	filtered := ""
	if len(a.Target.Filtered) > 0 {
		filtered = fmt.Sprintf("Granted for some records only until now: %s. Rollback cannot restore that filter.", strings.Join(a.Target.Filtered, ", "))
	}
	return sentences(others, along, levels, filtered, a.Target.managedNote())
}

func levelsOf(list []snapshot.Depth) string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = audit.Level(d.String())
	}
	return strings.Join(names, " or ")
}

// managedNote warns of a role that comes with a solution.
func (t Target) managedNote() string {
	if !t.Managed {
		return ""
	}
	return "The role is managed: an update of its solution may revert the change."
}

func (t Target) assignNote(allow []string) string {
	note := "The user gets everything that the role grants."
	if t.Role.MadeBy != "" {
		return note
	}
	note = fmt.Sprintf("The user gets everything that the role grants: %s.", plural(len(t.Grants), "privilege"))
	allowed := slices.DeleteFunc(t.Grants.names(), func(name string) bool {
		return !slices.ContainsFunc(allow, func(a string) bool { return strings.EqualFold(a, name) })
	})
	if len(allowed) > 0 {
		note += " The configuration allows these beyond the minimum: " + strings.Join(allowed, ", ") + "."
	}
	return note
}

func (a Action) shareSummary() string {
	t := a.Target
	view, principal, owner := cmp.Or(t.View.Name, t.View.ID), t.Principal.Name, cmp.Or(t.Owner.Name, t.Owner.ID)
	switch {
	case a.Kind == change.ReduceShare:
		return fmt.Sprintf("reduce the share of the view %q with %q to %s, as its owner %q", view, principal, a.After[attrAccess], owner)
	case a.Before[attrAccess] == None:
		return fmt.Sprintf("share the view %q with %q, Read only, as its owner %q", view, principal, owner)
	}
	return fmt.Sprintf("add Read to the share of the view %q with %q, which keeps its other rights, as its owner %q", view, principal, owner)
}

func (a Action) shareNote() string {
	note := "The request is made on the owner's behalf, which the environment's audit log shows."
	if a.Target.Owner.Name == "" && len(a.Why) > 0 {
		who := "it is unknown whether the owner is enabled"
		if a.Target.Owner.Kind == "" {
			who = "it is unknown whether the owner is an enabled user or a team"
		}
		note += fmt.Sprintf(" The request may be refused: %s, and only an enabled user can be impersonated. Leave it out with --except %s.", who, a.Why[0].Control)
	}
	return note
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
