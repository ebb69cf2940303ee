package lab

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

func (o *oracle) privileges() {
	user, role := o.integrationUser(), o.requiredRole()
	reached := len(o.assignments(user)) > 0
	for _, c := range o.profile.Controls {
		if c.Rule != "role/privileges" {
			continue
		}
		if !reached && role == nil {
			o.addOutcome(audit.OutcomeNotApplicable, c.ID)
			continue
		}
		kind, name := "role", o.Requirement.Role
		if role == nil {
			kind, name = "user", user.Name
		}
		failed, unread := false, false
		for _, p := range c.Privileges {
			if _, ok := o.defined[p]; !ok {
				o.addFinding(c.ID, kind, name, "install-app", map[string]any{
					"privilege": p, "required_depth": "global", "actual_depth": "none", "state": "undefined",
				})
				failed = true
				continue
			}
			required, actual := o.requiredDepth(p), o.grantedDepth(role, p)
			if reached {
				actual = o.effectiveDepth(user, p)
			}
			if actual >= required {
				continue
			}
			short, words := grantState(actual), o.specialDepths(user, p)
			if slices.ContainsFunc(words, func(word string) bool { return word != "RecordFilter" }) {
				unread = true
				continue
			}
			if len(words) > 0 && actual == simulator.DepthNone {
				short = "filtered"
			}
			failed = true
			fix := o.grantFix(p)
			if o.grantedDepth(role, p) >= required {
				fix = "assign-role"
			}
			o.addFinding(c.ID, kind, name, fix, map[string]any{
				"privilege": p, "required_depth": required.String(), "actual_depth": depthName(actual), "state": short,
			})
		}
		if unread && !failed {
			o.addOutcome(audit.OutcomeUnknown, c.ID)
		}
	}
}

func depthName(d simulator.Depth) string {
	if d == simulator.DepthNone {
		return "none"
	}
	return d.String()
}

func (o *oracle) roleControls() {
	user, role := o.integrationUser(), o.requiredRole()
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
	failed, unread := false, false
	for _, p := range o.profile.Minimum() {
		own := o.grantedDepth(role, p)
		if required := o.requiredDepth(p); required > own && o.effectiveDepth(user, p) >= required {
			short := grantState(own)
			switch o.specialDepth(role, p) {
			case "":
			case "RecordFilter":
				short = "filtered"
			default:
				unread = true
				continue
			}
			failed = true
			fillers := map[string]bool{}
			for _, w := range o.assignments(user) {
				if w.role != role && o.grantedDepth(w.role, p) >= required {
					fillers[w.role.Name] = true
				}
			}
			o.addFinding("DB-ROLE-COMPLETE", "role", role.Name, o.grantFix(p), map[string]any{
				"privilege": p, "required_depth": required.String(), "actual_depth": depthName(own), "state": short,
				"filled_by": slices.Sorted(maps.Keys(fillers)),
			})
		}
	}
	if unread && !failed {
		o.addOutcome(audit.OutcomeUnknown, "DB-ROLE-COMPLETE")
	}
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

// platformDefaults are the nine privileges that Dataverse gives to each new
// role.
func platformDefaults() []string {
	return []string{
		"prvReadSdkMessage", "prvReadSdkMessageProcessingStep", "prvReadSdkMessageProcessingStepImage",
		"prvReadPluginAssembly", "prvReadPluginType", "prvReadSharePointData", "prvWriteSharePointData",
		"prvCreateSharePointData", "prvReadSharePointDocument",
	}
}
