package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// reads asks the questions of a scan, in their smallest form. Later ones use ids from the rows
// of earlier ones.
func (x *examination) reads(ctx context.Context) {
	x.read(ctx, "read-organization", "read organization", collector.ProbeOrganization(), "prvReadOrganization")
	self := dataverse.NeNull("applicationid")
	if x.self != "" {
		self = dataverse.EqID("systemuserid", x.self)
	}
	x.users = x.read(ctx, "read-users", "read users, their roles and teams", collector.ProbeHolders().Where(self), "prvReadUser", "prvReadRole", "prvReadTeam") != ""
	team := x.read(ctx, "read-teams", "read teams", collector.ProbeTeams().First(), "prvReadTeam")
	x.readOf(ctx, team, "read-team-roles", "read roles of teams", collector.ProbeRolesOfTeam(team), "prvReadTeam", "prvReadRole")
	role := x.read(ctx, "read-roles", "read roles", collector.ProbeRoles().First(), "prvReadRole")
	x.readOf(ctx, role, "read-role-privileges", "read privileges of roles", collector.ProbeGrants(role), "prvReadRole")
	x.read(ctx, "read-privileges", "read definitions of privileges", collector.ProbeDefinitions().Where(dataverse.Eq("name", "prvReadUserQuery")))
	x.read(ctx, "read-business-units", "read business units", collector.ProbeUnits().First(), "prvReadBusinessUnit")
	x.read(ctx, "read-shares", "read shares of views", collector.ProbeShares().First(), "prvReadUser", "prvReadTeam")
	x.read(ctx, "read-system-views", "read system views", collector.ProbeSystemViews().First(), "prvReadQuery")
	x.read(ctx, "read-personal-views", "read personal views", collector.ProbeViews().First(), "prvReadUserQuery")
	x.read(ctx, "read-column-security", "read column security", collector.ProbeColumnSecurity().First(), columnSecurity)
	x.spare()
	x.readOf(ctx, x.self, "read-column-security-of-user", "read column security profiles of a user",
		collector.ProbeColumnSecurityOf(dataverse.Row("systemusers", x.self).Nav("systemuserprofiles_association")), columnSecurity)
	x.spare()
	x.readOf(ctx, team, "read-column-security-of-team", "read column security profiles of a team",
		collector.ProbeColumnSecurityOf(dataverse.Row("teams", team).Nav("teamprofiles_association")), columnSecurity)
	x.spare()
}

// columnSecurity is the privilege to read column security. A scan can do without.
const columnSecurity = "prvReadFieldSecurityProfile"

// needs are privileges of the minimal role, by their names.
func needs(names ...string) []Privilege {
	var picked []Privilege
	for _, name := range names {
		for _, p := range Least() {
			if p.Name == name {
				picked = append(picked, p)
			}
		}
	}
	return picked
}

// readOf reads what belongs to a row, if there is one.
func (x *examination) readOf(ctx context.Context, row dataverse.GUID, id, title string, p collector.Probe, privileges ...string) {
	switch {
	case row != "":
		x.read(ctx, id, title, p, privileges...)
	case !x.skip(id, title):
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: no row was read that could be asked for, see above"})
	}
}

// read asks one question, which requires privileges, and returns the id of the first row.
func (x *examination) read(ctx context.Context, id, title string, p collector.Probe, privileges ...string) (first dataverse.GUID) {
	if x.skip(id, title) {
		return ""
	}
	x.Progress(title)
	found, err := p.Ask(ctx, x.asker, title, dataverse.Caller{})
	if err != nil {
		x.fail(id, title, err)
		x.lacks(err, needs(privileges...))
		return ""
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "works"}
	for _, p := range needs(privileges...) {
		held := x.held[strings.ToLower(p.Name)]
		if x.held == nil || held >= p.Depth {
			continue
		}
		c.Outcome, c.Privilege, c.Advice = Failed, &p, p.advice()
		c.Detail = fmt.Sprintf("works, but this identity has %s only at %s level: it does not see rows of other business units", p.Name, level(held))
		if held == snapshot.DepthNone {
			c.Detail = fmt.Sprintf("works, but this identity does not have %s: it may not see all rows", p.Name)
		}
		break
	}
	x.add(c)
	if len(found) > 0 {
		first = dataverse.GUID(found[0])
	}
	return first
}

// spare makes the last check a warning if it failed, because a scan can do without column
// security.
func (x *examination) spare() {
	if c := &x.checks[len(x.checks)-1]; c.Outcome == Failed {
		c.Outcome = Warned
		c.Detail += ": collect --scope environment does not say which columns are hidden from the integration user; no control depends on it"
	}
}

// lacks names the missing privilege in a refusal: the one that the environment names, or the
// first required one that the identity does not have. A refusal with another cause is not
// about privileges.
func (x *examination) lacks(err error, needed []Privilege) {
	c := &x.checks[len(x.checks)-1]
	var refused *dataverse.Error
	if !errors.As(err, &refused) || refused.Kind != dataverse.Forbidden {
		return
	}
	name := refused.MissingPrivilege()
	if name == "" && (refused.Cause() != dataverse.CauseUnknown || x.held == nil) {
		return
	}
	if who := refused.Principal(); name != "" && who != "" && x.self != "" && who != x.self {
		c.Privilege = &Privilege{Name: name, Depth: snapshot.DepthGlobal}
		return // the advice names them
	}
	for _, p := range append(needed, Least()...) {
		if strings.EqualFold(p.Name, name) || name == "" && x.held[strings.ToLower(p.Name)] < p.Depth {
			c.Privilege, c.Advice = &p, p.advice()
			return
		}
	}
	if name == "" {
		c.Advice = "this identity has every documented privilege, but this environment requires another: without it, the controls that need this read are unknown"
		return
	}
	c.Privilege = &Privilege{Name: name, Depth: snapshot.DepthGlobal}
}

func (p Privilege) advice() string {
	return fmt.Sprintf("grant %s at %s level to a security role of this identity: %s; `dbaudit doctor --role-xml` prints a role with every required privilege",
		p.Name, level(p.Depth), p.Where)
}

// level is a depth in the portal's words.
func level(d snapshot.Depth) string {
	return audit.Level(d.String())
}

func (x *examination) get(ctx context.Context, request dataverse.Request, into any) error {
	data, err := x.client.Get(ctx, request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: the response cannot be read: check --url, and any proxy in between", request.Label)
	}
	return nil
}

// privilegesHeld gives the depth of each privilege of the identity, by its name in lower
// case; nil if that cannot be read. Privileges for some records only, or at an unknown depth,
// do not count.
func (x *examination) privilegesHeld(ctx context.Context) (map[string]snapshot.Depth, error) {
	list, err := collector.AskPrivileges(ctx, x.asker, x.self)
	if err != nil {
		return nil, err
	}
	held := map[string]snapshot.Depth{}
	for _, g := range list {
		if g.Name == "" {
			return nil, errors.New("own privileges: a row has no name")
		}
		if name := strings.ToLower(g.Name); !g.Filtered {
			held[name] = max(held[name], g.Depth)
		}
	}
	return held, nil
}
