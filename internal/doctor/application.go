package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// ApplyPrivileges returns the privileges that any plan may require, sorted by name, without those
// that it grants. The reads are as deep as an auditor's, so that no user with a role is missed. The
// others have the depth deep, for units below the root, except that a new role is created in the
// root.
func ApplyPrivileges() []Privilege {
	all := append(pickPrivileges(privileges.Impersonate, "prvReadBusinessUnit", "prvReadRole", "prvReadTeam", "prvReadUser", "prvReadUserQuery"), []Privilege{
		{"prvAppendRole", audit.DepthDeep, "Business Management > Security Role > Append"},
		{"prvAppendToUser", audit.DepthDeep, "Business Management > User > Append To"},
		{"prvAppendUser", audit.DepthDeep, "Business Management > User > Append"},
		{"prvAssignRole", audit.DepthDeep, "Business Management > Security Role > Assign"},
		{"prvCreateRole", audit.DepthLocal, "Business Management > Security Role > Create"},
		{"prvCreateUser", audit.DepthDeep, "Business Management > User > Create"},
		{"prvDisableUser", audit.DepthDeep, "Business Management > Enable or Disable User"},
		{"prvShareUserQuery", audit.DepthBasic, "Core Records > Saved View > Share"},
		{"prvWriteRole", audit.DepthDeep, "Business Management > Security Role > Write"},
		{"prvWriteUser", audit.DepthDeep, "Business Management > User > Write"},
	}...)
	slices.SortFunc(all, func(a, b Privilege) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// newRolePrivileges returns the privileges that an identity needs to assign a new integration role: the
// profile's minimum at the required depths, and what the platform grants to each new role. A user
// can assign a role only if they have every privilege that it grants.
func (c Config) newRolePrivileges() []Privilege {
	var list []Privilege
	seen := map[string]bool{}
	for _, control := range c.Profile.Controls {
		for _, name := range control.Privileges {
			if seen[name] {
				continue
			}
			seen[name] = true
			p := Privilege{Name: name, Depth: change.RequiredDepth(name, c.Requirement, c.Profile.Depths)}
			if cited := control.Citation; cited != nil && cited.Tab != "" {
				p.Where = cited.Tab + " > " + cited.Line
			}
			list = append(list, p)
		}
	}
	for _, name := range change.NewRolePrivileges() {
		if !seen[name] {
			list = append(list, Privilege{Name: name, Depth: audit.DepthGlobal})
		}
	}
	return list
}

// ExamineApplication checks the connection and the sign-in of the identity that applies a plan, and
// adds a check for each privilege that it lacks for the plan, for its rollback or, if planned is nil,
// for any plan of the profile. It only sends read requests.
func ExamineApplication(ctx context.Context, c Config, planned *plan.Plan) ([]Check, error) {
	x := newExaminer(c)
	x.strong = true
	needs, grants := ApplyPrivileges(), c.newRolePrivileges()
	all := slices.Concat(needs, grants)
	checkPrivileges := func(ctx context.Context) { x.checkAnyPlan(ctx, needs, grants) }
	if planned != nil {
		undo, roles := planned.NeedsToUndo()
		toApply, toRollBack := withPlaces(planned.Needs(), all), withPlaces(undo, all)
		all = slices.Concat(toApply, toRollBack)
		checkPrivileges = func(ctx context.Context) { x.checkPlan(ctx, *planned, toApply, toRollBack, roles) }
	}
	x.privilegeNames = append(x.privilegeNames, namesOf(all)...)
	return x.run(ctx, x.checkConnection, x.checkIdentity, checkPrivileges, x.checkClockAndCredential)
}

// withPlaces returns privileges with their places in the role editor, if they are known.
func withPlaces(depths change.Depths, known []Privilege) []Privilege {
	var list []Privilege
	for _, name := range depths.Names() {
		p := Privilege{Name: name, Depth: depths[name]}
		if i := slices.IndexFunc(known, func(k Privilege) bool { return strings.EqualFold(k.Name, name) }); i >= 0 {
			p.Where = known[i].Where
		}
		list = append(list, p)
	}
	return list
}

// checkAnyPlan checks the privileges that any plan needs, and those that it may grant: no user can
// grant a privilege that it does not have.
func (x *examiner) checkAnyPlan(ctx context.Context, needs, grants []Privilege) {
	needs = x.withoutUndefined(ctx, needs)
	grants, undefined, err := x.fitGrants(ctx, grants)
	// A privilege in both lists is checked once, at the deeper of its two depths.
	grants = withoutCovered(grants, needs, func(grant, need Privilege) bool { return need.Depth >= grant.Depth })
	needs = withoutCovered(needs, grants, func(need, grant Privilege) bool { return grant.Depth > need.Depth })
	x.checkPrivileges("apply-needs", "privileges to carry it out", needs, Failed)
	const id, title = "apply-grants", "privileges to grant"
	if err != nil {
		x.check(ctx, id, title, func(context.Context) (Check, error) { return Check{}, err })
		return
	}
	x.checkPrivileges(id, title, grants, Failed)
	if len(undefined) > 0 {
		x.add(Check{
			ID: id, Title: title, Outcome: Skipped,
			Detail: "this environment does not define " + strings.Join(undefined, ", ") + ": a scan names the app to install",
		})
	}
}

// checkPlan checks the privileges that a plan needs, the owners who share their views in it, and what
// a rollback requires in addition: that is only a warning. roles are the roles that it assigns again.
func (x *examiner) checkPlan(ctx context.Context, p plan.Plan, needs, undo []Privilege, roles []string) {
	x.checkPrivileges("apply-needs", "privileges to carry it out", x.withoutUndefined(ctx, needs), Failed)
	x.canReadUsers = true
	seen := map[string]bool{}
	for _, a := range p.Actions {
		if owner := a.Target.Owner; owner != nil && !seen[owner.ID] {
			seen[owner.ID] = true
			x.checkImpersonation(ctx, cmp.Or(owner.Name, owner.ID), dataverse.EqID("systemuserid", dataverse.GUID(owner.ID)), true)
		}
	}
	const id, title = "apply-undo", "privileges to roll back"
	if len(undo) > 0 {
		x.checkPrivileges(id, title, x.withoutUndefined(ctx, undo), Warned)
	}
	if len(roles) > 0 {
		x.add(Check{
			ID: id, Title: title, Outcome: Skipped,
			Detail: "not checked: to roll back, this identity must have everything that these roles grant: " + strings.Join(roles, ", "),
		})
	}
}

// withoutCovered removes the privileges that another list has too, if covers says so.
func withoutCovered(list, other []Privilege, covers func(p, o Privilege) bool) []Privilege {
	return slices.DeleteFunc(slices.Clone(list), func(p Privilege) bool {
		return slices.ContainsFunc(other, func(o Privilege) bool { return strings.EqualFold(p.Name, o.Name) && covers(p, o) })
	})
}

// fitGrants returns the grants at depths that the environment allows, and the names of those that
// it does not define.
func (x *examiner) fitGrants(ctx context.Context, wanted []Privilege) (grants []Privilege, undefined []string, err error) {
	if x.unreachable != "" || x.granted == nil {
		return wanted, nil, nil
	}
	x.Progress("privileges to grant")
	defined, err := collector.ReadPrivilegeDefinitions(ctx, x.reader, namesOf(wanted))
	if err != nil {
		return nil, nil, fmt.Errorf("reading at which levels privileges can be granted: %w", err)
	}
	for _, p := range wanted {
		if depths := defined[strings.ToLower(p.Name)].Depths; len(depths) > 0 {
			p.Depth = change.ClosestDepth(depths, p.Depth)
			grants = append(grants, p)
		} else {
			undefined = append(undefined, p.Name)
		}
	}
	return grants, undefined, nil
}

// withoutUndefined removes the privileges that no user can have, because the environment does not
// define them.
func (x *examiner) withoutUndefined(ctx context.Context, needed []Privilege) []Privilege {
	missing := slices.DeleteFunc(slices.Clone(needed), func(p Privilege) bool { return x.depthOf(p.Name) > audit.DepthNone })
	if x.unreachable != "" || x.granted == nil || len(missing) == 0 {
		return needed
	}
	defined, err := collector.ReadPrivilegeDefinitions(ctx, x.reader, namesOf(missing))
	if err != nil {
		return needed
	}
	return slices.DeleteFunc(slices.Clone(needed), func(p Privilege) bool {
		_, ok := defined[strings.ToLower(p.Name)]
		return !ok && x.depthOf(p.Name) == audit.DepthNone
	})
}

// checkPrivileges adds a check for each privilege that is missing or granted at too low a level,
// with the given outcome. If no privilege is missing, it adds one check that passes.
func (x *examiner) checkPrivileges(id, title string, needed []Privilege, outcome Outcome) {
	if x.skipIfUnreachable(id, title) {
		return
	}
	if x.granted == nil {
		c := Check{ID: id, Title: title, Outcome: outcome, Detail: "the privileges of this identity could not be read", Advice: "grant it prvReadUser and prvReadRole"}
		if x.grantedErr != nil {
			detail, advice := describe(x.grantedErr)
			c.Detail, c.Advice = c.Detail+": "+detail, cmp.Or(advice, c.Advice)
		}
		x.add(c)
		return
	}
	complete := true
	for _, p := range needed {
		depth := x.depthOf(p.Name)
		if depth >= p.Depth {
			continue
		}
		complete = false
		c := Check{ID: id, Title: p.Name, Outcome: outcome, Detail: fmt.Sprintf("missing; %s level is required", p.Depth.Level()), Privilege: &p}
		if how := x.uncounted(p.Name); how != "" {
			c.Detail = fmt.Sprintf("granted %s; %s level is required", how, p.Depth.Level())
		}
		if depth != audit.DepthNone {
			c.Detail = fmt.Sprintf("granted at %s level; %s is required", depth.Level(), p.Depth.Level())
		}
		if outcome == Warned {
			c.Detail += " to roll back"
		}
		c.Advice = "give this identity a role that grants it, such as System Administrator"
		if p.Where != "" {
			c.Advice += " (" + p.Where + ")"
		}
		x.add(c)
	}
	if complete {
		x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: fmt.Sprintf("has all required privileges: %d", len(needed))})
	}
}

func namesOf(privileges []Privilege) []string {
	names := make([]string, len(privileges))
	for i, p := range privileges {
		names[i] = p.Name
	}
	return names
}
