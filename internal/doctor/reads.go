package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// checkReads reads the version, then sends each read of a scan for one row. Later reads use ids of
// earlier rows.
func (x *examiner) checkReads(ctx context.Context) {
	x.checkOnline(ctx, "version", "version", x.checkVersion)
	x.checkOrganization(x.checkRead(ctx, "read-organization", "read organization", collector.ProbeOrganization, "prvReadOrganization"))
	self := dataverse.NeNull("applicationid")
	if x.userID != "" {
		self = dataverse.EqID("systemuserid", x.userID)
	}
	user := x.checkRead(ctx, "read-users", "read users, their roles and teams",
		collector.ProbeUsers(self), "prvReadUser", "prvReadRole", "prvReadTeam")
	x.canReadUsers = user != ""
	team := x.checkRead(ctx, "read-teams", "read teams", collector.Teams().First().Probe, "prvReadTeam")
	x.checkRelatedRead(ctx, team, "read-team-roles", "read roles of teams", collector.ProbeTeams(), "prvReadTeam", "prvReadRole")
	role := x.checkRead(ctx, "read-roles", "read roles", collector.Roles().First().Probe, "prvReadRole")
	x.checkRelatedRead(ctx, role, "read-role-privileges", "read privileges of roles", collector.ProbeRolePrivileges(role), "prvReadRole")
	x.checkRead(ctx, "read-privileges", "read definitions of privileges", collector.PrivilegeDefinitions().Where(dataverse.Eq("name", "prvReadUserQuery")).Probe)
	x.checkRead(ctx, "read-business-units", "read business units", collector.BusinessUnits().First().Probe, "prvReadBusinessUnit")
	x.checkRead(ctx, "read-shares", "read shares of views", collector.Shares().First().Probe, "prvReadUser", "prvReadTeam")
	x.checkRead(ctx, "read-system-views", "read system views", collector.SystemViews().First().Probe, "prvReadQuery")
	x.checkRead(ctx, "read-personal-views", "read personal views", collector.Views().First().Probe, "prvReadUserQuery")
	x.checkColumnSecurity(ctx, team)
}

// checkColumnSecurity sends the reads of column security. A failure is only a warning, because no
// control depends on them.
func (x *examiner) checkColumnSecurity(ctx context.Context, team dataverse.GUID) {
	const privilege = "prvReadFieldSecurityProfile"
	first := len(x.checks)
	x.checkRead(ctx, "read-column-security", "read column security", collector.FieldPermissions().First().Probe, privilege)
	x.checkRelatedRead(ctx, x.userID, "read-column-security-of-user", "read column security profiles of a user",
		collector.ColumnProfiles(dataverse.Row("systemusers", x.userID).Nav("systemuserprofiles_association")).Probe, privilege)
	x.checkRelatedRead(ctx, team, "read-column-security-of-team", "read column security profiles of a team",
		collector.ColumnProfiles(dataverse.Row("teams", team).Nav("teamprofiles_association")).Probe, privilege)
	for i := range x.checks[first:] {
		if c := &x.checks[first+i]; c.Outcome == Failed {
			c.Outcome = Warned
			c.Detail += ": collect --scope environment does not say which columns are hidden from the integration user; no control depends on it"
		}
	}
}

// checkOrganization fails the check of the organization's row if its id is not the one of WhoAmI.
func (x *examiner) checkOrganization(id dataverse.GUID) {
	if id != "" && x.organization != "" && id != x.organization {
		c := &x.checks[len(x.checks)-1]
		c.Outcome, c.Advice = Failed, "check --url, and any proxy in between"
		c.Detail = fmt.Sprintf("the responses come from two organizations, %s and %s: a scan ends in an error", x.organization, id)
	}
}

// checkRead sends one read, which requires privileges, and returns the id of the first row.
func (x *examiner) checkRead(ctx context.Context, id, title string, probe collector.Probe, privileges ...string) (first dataverse.GUID) {
	needed := pickPrivileges(privileges...)
	x.checkOnline(ctx, id, title, func(ctx context.Context) (Check, error) {
		ids, err := probe(ctx, x.reader, title, dataverse.Caller{})
		if err != nil {
			return x.missingPrivilege(err, needed), err
		}
		if len(ids) > 0 {
			first = dataverse.GUID(ids[0])
		}
		return x.checkVisibility(needed), nil
	})
	return first
}

// checkRelatedRead is checkRead for rows that belong to another row. It skips the check if
// that row was not read.
func (x *examiner) checkRelatedRead(ctx context.Context, row dataverse.GUID, id, title string, probe collector.Probe, privileges ...string) {
	if row != "" {
		x.checkRead(ctx, id, title, probe, privileges...)
		return
	}
	x.checkOnline(ctx, id, title, func(context.Context) (Check, error) {
		return skipped("not checked: no row was read that could be asked for, see above")
	})
}

// checkVisibility checks whether a read that works returns every row.
func (x *examiner) checkVisibility(needed []Privilege) Check {
	for _, p := range needed {
		depth := x.depthOf(p.Name)
		if x.granted == nil || depth >= p.Depth {
			continue
		}
		c := Check{Outcome: Failed, Privilege: &p, Advice: p.advice()}
		c.Detail = fmt.Sprintf("works, but this identity has %s only at %s level: it does not see rows of other business units", p.Name, depth.Level())
		if depth == audit.DepthNone {
			c.Detail = fmt.Sprintf("works, but this identity does not have %s: it may not see all rows", p.Name)
			if how := x.uncounted(p.Name); how != "" {
				c.Detail = fmt.Sprintf("works, but this identity has %s %s: it may not see all rows", p.Name, how)
			}
		}
		return c
	}
	return Check{Outcome: Passed, Detail: "works"}
}

func pickPrivileges(names ...string) []Privilege {
	all, picked := AuditorPrivileges(), make([]Privilege, len(names))
	for i, name := range names {
		picked[i] = all[slices.IndexFunc(all, func(p Privilege) bool { return p.Name == name })]
	}
	return picked
}

func skipped(why string) (Check, error) { return Check{Outcome: Skipped, Detail: why}, nil }

// missingPrivilege returns a check with the privilege that is missing according to a refusal: the one
// that the environment names, or the first required one that the identity lacks.
func (x *examiner) missingPrivilege(err error, needed []Privilege) Check {
	refused := dataverse.ErrorOf(err)
	if refused.Kind != dataverse.Forbidden {
		return Check{}
	}
	name := refused.MissingPrivilege()
	if name == "" && (refused.Cause() != dataverse.CauseUnknown || x.granted == nil) {
		return Check{}
	}
	named := Check{Privilege: &Privilege{Name: name, Depth: audit.DepthGlobal}}
	if principal := refused.Principal(); name != "" && principal != "" && x.userID != "" && principal != x.userID {
		return named // the advice names the other user
	}
	for _, p := range append(needed, AuditorPrivileges()...) {
		if strings.EqualFold(p.Name, name) || name == "" && x.depthOf(p.Name) < p.Depth {
			return Check{Privilege: &p, Advice: p.advice()}
		}
	}
	if name == "" {
		return Check{Advice: "this identity has every documented privilege, but this environment requires another: without it, the controls that need this read are unknown"}
	}
	return named
}

func (p Privilege) advice() string {
	return fmt.Sprintf("grant %s at %s level to a security role of this identity: %s; `dbaudit doctor --role-xml` prints a role with every required privilege",
		p.Name, p.Depth.Level(), p.Where)
}
