package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// checkReads makes the reads of a scan, for a row each. Later ones use ids of earlier rows.
func (x *examiner) checkReads(ctx context.Context) {
	organization := x.checkRead(ctx, "read-organization", "read organization", collector.ProbeOrganization, "prvReadOrganization")
	if c := &x.checks[len(x.checks)-1]; organization != "" && x.organization != "" && !strings.EqualFold(organization.String(), x.organization.String()) {
		c.Outcome, c.Advice = Failed, "check --url, and any proxy in between"
		c.Detail = fmt.Sprintf("the responses come from two organizations, %s and %s: a scan ends in an error", x.organization, organization)
	}
	self := dataverse.NeNull("applicationid")
	if x.userID != "" {
		self = dataverse.EqID("systemuserid", x.userID)
	}
	x.canReadUsers = x.checkRead(ctx, "read-users", "read users, their roles and teams", collector.UsersWithRoles().Where(self).Probe, "prvReadUser", "prvReadRole", "prvReadTeam") != ""
	if c := &x.checks[len(x.checks)-1]; c.Outcome == Passed && x.asker.LacksColumn("accessmode") {
		c.Outcome, c.Advice = Failed, "check the user's access mode manually, and any proxy in between"
		c.Detail += ", but this environment does not show the column accessmode: DB-USER-ENABLED is unknown"
	}
	team := x.checkRead(ctx, "read-teams", "read teams", collector.Teams().First().Probe, "prvReadTeam")
	x.checkRelatedRead(ctx, team, "read-team-roles", "read roles of teams", collector.RolesOfTeam(team).Probe, "prvReadTeam", "prvReadRole")
	role := x.checkRead(ctx, "read-roles", "read roles", collector.Roles().First().Probe, "prvReadRole")
	x.checkRelatedRead(ctx, role, "read-role-privileges", "read privileges of roles", collector.ProbeRolePrivileges(role), "prvReadRole")
	x.checkRead(ctx, "read-privileges", "read definitions of privileges", collector.PrivilegeDefinitions().Where(dataverse.Eq("name", "prvReadUserQuery")).Probe)
	x.checkRead(ctx, "read-business-units", "read business units", collector.BusinessUnits().First().Probe, "prvReadBusinessUnit")
	x.checkRead(ctx, "read-shares", "read shares of views", collector.Shares().First().Probe, "prvReadUser", "prvReadTeam")
	x.checkRead(ctx, "read-system-views", "read system views", collector.SystemViews().First().Probe, "prvReadQuery")
	x.checkRead(ctx, "read-personal-views", "read personal views", collector.Views().First().Probe, "prvReadUserQuery")
	x.checkRead(ctx, "read-column-security", "read column security", collector.FieldPermissions().First().Probe, columnSecurity)
	x.checkRelatedRead(ctx, x.userID, "read-column-security-of-user", "read column security profiles of a user",
		collector.ColumnProfiles(dataverse.Row("systemusers", x.userID).Nav("systemuserprofiles_association")).Probe, columnSecurity)
	x.checkRelatedRead(ctx, team, "read-column-security-of-team", "read column security profiles of a team",
		collector.ColumnProfiles(dataverse.Row("teams", team).Nav("teamprofiles_association")).Probe, columnSecurity)
}

// columnSecurity is the privilege to read column security, which a scan does not need.
const columnSecurity = "prvReadFieldSecurityProfile"

func pickPrivileges(names ...string) []Privilege {
	least, picked := AuditorPrivileges(), make([]Privilege, len(names))
	for i, name := range names {
		picked[i] = least[slices.IndexFunc(least, func(p Privilege) bool { return p.Name == name })]
	}
	return picked
}

// skipped is a check that cannot be made, or has nothing to check.
func skipped(why string) (Check, error) { return Check{Outcome: Skipped, Detail: why}, nil }

// checkRelatedRead reads what belongs to a row, if there is one.
func (x *examiner) checkRelatedRead(ctx context.Context, row dataverse.GUID, id, title string, p collector.Probe, privileges ...string) {
	if row != "" {
		x.checkRead(ctx, id, title, p, privileges...)
	} else {
		x.onlineStep(id, title, func(context.Context) (Check, error) {
			return skipped("not checked: no row was read that could be asked for, see above")
		})(ctx)
	}
}

// checkRead makes one read, which requires privileges, and returns the id of the first row.
func (x *examiner) checkRead(ctx context.Context, id, title string, p collector.Probe, privileges ...string) (first dataverse.GUID) {
	x.onlineStep(id, title, func(ctx context.Context) (Check, error) {
		found, err := p(ctx, x.asker, title, dataverse.Caller{})
		if err != nil {
			return x.missingPrivilege(err, pickPrivileges(privileges...)), err
		}
		if len(found) > 0 {
			first = dataverse.GUID(found[0])
		}
		return x.checkVisibility(pickPrivileges(privileges...)), nil
	})(ctx)
	if c := &x.checks[len(x.checks)-1]; c.Outcome == Failed && slices.Contains(privileges, columnSecurity) {
		c.Outcome = Warned
		c.Detail += ": collect --scope environment does not say which columns are hidden from the integration user; no control depends on it"
	}
	return first
}

// checkVisibility checks whether a read that works returns every row.
func (x *examiner) checkVisibility(needed []Privilege) Check {
	for _, p := range needed {
		held := x.depthOf(p.Name)
		if x.granted == nil || held >= p.Depth {
			continue
		}
		c := Check{Outcome: Failed, Privilege: &p, Advice: p.advice()}
		c.Detail = fmt.Sprintf("works, but this identity has %s only at %s level: it does not see rows of other business units", p.Name, level(held))
		if held == audit.DepthNone {
			c.Detail = fmt.Sprintf("works, but this identity does not have %s: it may not see all rows", p.Name)
		}
		return c
	}
	return Check{Outcome: Passed, Detail: "works"}
}

// missingPrivilege names the privilege whose lack caused a refusal: the one that the environment names, or
// the first required one that the identity lacks.
func (x *examiner) missingPrivilege(err error, needed []Privilege) Check {
	var refused *dataverse.Error
	if !errors.As(err, &refused) || refused.Kind != dataverse.Forbidden {
		return Check{}
	}
	name := refused.MissingPrivilege()
	if name == "" && (refused.Cause() != dataverse.CauseUnknown || x.granted == nil) {
		return Check{}
	}
	named := Check{Privilege: &Privilege{Name: name, Depth: audit.DepthGlobal}}
	if who := refused.Principal(); name != "" && who != "" && x.userID != "" && who != x.userID {
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
		p.Name, level(p.Depth), p.Where)
}

// level is a depth in the portal's words.
func level(d audit.Depth) string {
	return audit.LevelOf(d.String())
}

func (x *examiner) get(ctx context.Context, request dataverse.Request, into any) error {
	data, err := x.client.Get(ctx, request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: the response cannot be read: check --url, and any proxy in between", request.Label)
	}
	return nil
}

// readPrivileges are the depths of the identity's privileges, by name in lower case.
// Privileges for some records only, or at an unknown depth, do not count.
func (x *examiner) readPrivileges(ctx context.Context) (map[string]audit.Depth, error) {
	list, err := collector.ReadUserGrants(ctx, x.asker, x.userID, x.privilegeNames)
	if err != nil {
		return nil, err
	}
	return collector.GrantedDepths(list), nil
}
