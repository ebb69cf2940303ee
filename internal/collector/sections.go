package collector

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// identity learns who the auditor is. Where that fails nothing else can be read.
func (c *collection) identity(ctx context.Context) error {
	var err error
	for range attempts {
		var r *row
		if r, err = c.get(ctx, "who am I", dataverse.Caller{}, dataverse.Function("WhoAmI")); err == nil {
			c.mu.Lock()
			c.auditor = r.id("UserId")
			c.snapshot.Environment.OrganizationID = r.id("OrganizationId")
			c.mu.Unlock()
			err = r.err
		}
		var again *inconsistent
		if !errors.As(err, &again) {
			break
		}
	}
	return err
}

func (c *collection) organization(ctx context.Context) error {
	var found []snapshot.Organization
	err := c.each(ctx, "organization", "organizationid", dataverse.Caller{}, func() dataverse.Query {
		found = nil
		return dataverse.Collection("organizations").Select("organizationid", "name", "orgdborgsettings")
	}, func(r *row) error {
		found = append(found, snapshot.Organization{
			ID: r.id("organizationid"), Name: r.text("name"),
			OwnershipAcrossBusinessUnits: ownershipSetting(r.text("orgdborgsettings")),
		})
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return inconsistentf("organization: there are %d rows where there must be one", len(found))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snapshot.Organization = found[0]
	return nil
}

// ownershipSetting finds EnableOwnershipAcrossBusinessUnits in orgdborgsettings,
// an XML document without a schema. Absent is off, unreadable unknown.
func ownershipSetting(settings string) snapshot.Setting {
	dec := xml.NewDecoder(strings.NewReader(settings))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return snapshot.SettingOff
		}
		if err != nil {
			return snapshot.SettingUnknown
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "EnableOwnershipAcrossBusinessUnits" {
			continue
		}
		var value string
		if err := dec.DecodeElement(&value, &start); err != nil {
			return snapshot.SettingUnknown
		}
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "true", "1":
			return snapshot.SettingOn
		case "false", "0", "":
			return snapshot.SettingOff
		}
		return snapshot.SettingUnknown
	}
}

// roleColumns are what is read of a role, wherever it comes from.
func (c *collection) roleColumns() []string {
	return c.columns("roleid", "name", "_businessunitid_value", "_parentrootroleid_value",
		"_roletemplateid_value", "ismanaged", "iscustomizable", "isinherited", "componentstate", "modifiedon", "versionnumber")
}

// addRole keeps a role. Unpublished and deleted ones (componentstate) are not in
// force, and reported by false.
func (c *collection) addRole(r *row) (id string, ok bool) {
	id = r.id("roleid")
	root := r.optionalID("_parentrootroleid_value")
	if root == "" {
		root = id
	}
	role := snapshot.Role{
		BusinessUnitID: r.id("_businessunitid_value"),
		Customizable:   r.managed("iscustomizable"),
		Inherited:      r.number("isinherited") == 1,
		Managed:        r.flag("ismanaged"),
		Name:           r.text("name"),
		RootID:         root,
		TemplateID:     r.optionalID("_roletemplateid_value"),
	}
	stamp := r.text("modifiedon") + " " + fmt.Sprint(r.number("versionnumber"))
	if r.number("componentstate") != 0 || r.err != nil {
		return id, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snapshot.Roles[id] = role
	if _, known := c.stamps[id]; !known {
		c.stamps[id] = stamp
	}
	return id, true
}

// userColumns are what is read of a user.
func (c *collection) userColumns() []string {
	return c.columns("systemuserid", "fullname", "domainname", "applicationid", "azureactivedirectoryobjectid",
		"isdisabled", "islicensed", "deletedstate", "_businessunitid_value")
}

func userOf(r *row) snapshot.User {
	return snapshot.User{
		ApplicationID:  r.optionalID("applicationid"),
		BusinessUnitID: r.id("_businessunitid_value"),
		Deleted:        r.number("deletedstate") != 0,
		Disabled:       r.flag("isdisabled"),
		DomainName:     r.text("domainname"),
		Licensed:       r.flag("islicensed"),
		Name:           r.text("fullname"),
		ObjectID:       r.optionalID("azureactivedirectoryobjectid"),
		Roles:          []string{},
		Teams:          []string{},
	}
}

// users reads those that may be the integration user, with their roles and
// teams.
func (c *collection) users(ctx context.Context) error {
	filter := dataverse.And(dataverse.NeNull("applicationid"), dataverse.Contains("fullname", c.Pattern))
	switch {
	case c.Requirement.ApplicationID != "":
		id, err := dataverse.ParseGUID(c.Requirement.ApplicationID)
		if err != nil {
			return fmt.Errorf("the integration's application id: %w", err)
		}
		filter = dataverse.EqID("applicationid", id)
	case c.Requirement.User != "":
		filter = dataverse.Eq("domainname", c.Requirement.User)
	}
	if c.Scope == snapshot.ScopeEnvironment {
		filter = dataverse.NeNull("applicationid")
		if c.Requirement.User != "" {
			filter = dataverse.Or(filter, dataverse.Eq("domainname", c.Requirement.User))
		}
	}
	return c.each(ctx, "users", "systemuserid", dataverse.Caller{}, func() dataverse.Query {
		return dataverse.Collection("systemusers").Select(c.userColumns()...).Filter(filter).
			Expand("systemuserroles_association", dataverse.Query{}.Select(c.roleColumns()...)).
			Expand("teammembership_association", dataverse.Query{}.Select("teamid", "name", "teamtype", "_businessunitid_value"))
	}, func(r *row) error {
		user := userOf(r)
		for _, inner := range r.rows(c, "systemuserroles_association") {
			if id, ok := c.addRole(inner); ok {
				user.Roles = append(user.Roles, id)
			}
			r.take(inner)
		}
		for _, inner := range r.rows(c, "teammembership_association") {
			id := inner.id("teamid")
			team := snapshot.Team{
				BusinessUnitID: inner.id("_businessunitid_value"), Name: inner.text("name"),
				Roles: []string{}, Type: inner.number("teamtype"),
			}
			r.take(inner)
			user.Teams = append(user.Teams, id)
			c.mu.Lock()
			c.snapshot.Teams[id] = team
			c.mu.Unlock()
		}
		if repeated(user.Roles) || repeated(user.Teams) {
			return inconsistentf("users: a role or a team of a user came twice")
		}
		slices.Sort(user.Roles)
		slices.Sort(user.Teams)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.snapshot.Users[r.id("systemuserid")] = user
		return nil
	})
}

func repeated(ids []string) bool {
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			return true
		}
		seen[id] = true
	}
	return false
}

func (c *collection) privileges(ctx context.Context) error {
	return c.each(ctx, "privileges", "privilegeid", dataverse.Caller{}, func() dataverse.Query {
		q := dataverse.Collection("privileges").Select("privilegeid", "name", "canbebasic", "canbelocal", "canbedeep", "canbeglobal")
		if c.Scope == snapshot.ScopeEnvironment {
			return q
		}
		return q.Filter(dataverse.AnyOf("name", c.Privileges...))
	}, func(r *row) error {
		p := snapshot.Privilege{ID: r.id("privilegeid"), Depths: []snapshot.Depth{}}
		for i, column := range []string{"canbebasic", "canbelocal", "canbedeep", "canbeglobal"} {
			if r.flag(column) {
				p.Depths = append(p.Depths, snapshot.Depths()[i])
			}
		}
		name := c.spell(r.text("name"))
		if name == "" {
			r.fail("name", "is empty")
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if was, ok := c.snapshot.Privileges[name]; ok && was.ID != p.ID {
			return inconsistentf("privileges: %s is defined twice", name)
		}
		c.snapshot.Privileges[name] = p
		return nil
	})
}

// spell gives a privilege's name in the profile's spelling, where the profile
// has it: environments and solutions differ in case.
func (c *collection) spell(name string) string {
	if canonical, ok := c.canonical[strings.ToLower(name)]; ok {
		return canonical
	}
	return name
}

// roles reads the roots of the roles that the requirement's name or the pattern
// fits. A root has a copy in each business unit below its own; the condition on
// the parent keeps the answer small however many there are.
func (c *collection) roles(ctx context.Context) error {
	named := dataverse.Contains("name", c.Pattern)
	switch {
	case c.Requirement.Role != "":
		named = dataverse.Eq("name", c.Requirement.Role)
	case c.Pattern == "":
		return nil
	}
	if c.Scope == snapshot.ScopeEnvironment {
		named = dataverse.Or(dataverse.EqBool("ismanaged", false), named)
	}
	read := func(filter dataverse.Expr) error {
		return c.each(ctx, "roles", "roleid", dataverse.Caller{}, func() dataverse.Query {
			return dataverse.Collection("roles").Select(c.roleColumns()...).Filter(filter)
		}, func(r *row) error {
			c.addRole(r)
			return nil
		})
	}
	err := read(dataverse.And(dataverse.EqNull("_parentroleid_value"), named))
	if refused(err) {
		return read(named)
	}
	return err
}

// required is the condition that a view is one of those required.
func (c *collection) required() dataverse.Expr {
	var parts []dataverse.Expr
	for _, v := range c.Requirement.Views {
		parts = append(parts, dataverse.And(dataverse.Eq("returnedtypecode", strings.ToLower(v.Table)), dataverse.Eq("name", v.Name)))
	}
	return dataverse.Or(parts...)
}

// views reads personal views as somebody sees them.
func (c *collection) views(ctx context.Context, what string, caller dataverse.Caller, viewer snapshot.Viewer, all bool) error {
	found := map[string]snapshot.View{}
	err := c.each(ctx, what, "userqueryid", caller, func() dataverse.Query {
		q := dataverse.Collection("userqueries").Select("userqueryid", "name", "returnedtypecode", "statecode", "_ownerid_value")
		if all {
			return q
		}
		return q.Filter(c.required())
	}, func(r *row) error {
		found[r.id("userqueryid")] = snapshot.View{
			Active: r.number("statecode") == 0, Name: r.text("name"), OwnerID: r.id("_ownerid_value"), Table: r.text("returnedtypecode"),
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, view := range found {
		view.SeenBy = c.snapshot.Views[id].SeenBy
		if !slices.Contains(view.SeenBy, viewer) {
			view.SeenBy = append(slices.Clone(view.SeenBy), viewer)
		}
		slices.SortFunc(view.SeenBy, func(a, b snapshot.Viewer) int { return strings.Compare(a.String(), b.String()) })
		c.snapshot.Views[id] = view
	}
	return nil
}

func (c *collection) auditorViews(ctx context.Context) error {
	return c.views(ctx, "personal views as the auditor", dataverse.Caller{}, snapshot.ViewerAuditor, c.Scope == snapshot.ScopeEnvironment)
}

func (c *collection) systemViews(ctx context.Context) error {
	if len(c.Requirement.Views) == 0 {
		return nil
	}
	// querytype 0 is a view that people choose; others serve forms and look-ups.
	filter := dataverse.And(dataverse.EqInt("querytype", 0), c.required())
	return c.each(ctx, "system views", "savedqueryid", dataverse.Caller{}, func() dataverse.Query {
		return dataverse.Collection("savedqueries").Select("savedqueryid", "name", "returnedtypecode", "statecode").Filter(filter)
	}, func(r *row) error {
		view := snapshot.SystemView{Active: r.number("statecode") == 0, Name: r.text("name"), Table: r.text("returnedtypecode")}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.snapshot.SystemViews[r.id("savedqueryid")] = view
		return nil
	})
}

// ownerUsers finds the owners that the configuration names.
func (c *collection) ownerUsers(ctx context.Context) error {
	return c.each(ctx, "owners of views", "systemuserid", dataverse.Caller{}, func() dataverse.Query {
		return dataverse.Collection("systemusers").Select(c.userColumns()...).Filter(dataverse.AnyOf("domainname", c.owners()...))
	}, func(r *row) error {
		user := userOf(r)
		c.mu.Lock()
		defer c.mu.Unlock()
		id := r.id("systemuserid")
		if _, known := c.snapshot.Users[id]; !known && !user.Deleted {
			c.snapshot.Users[id] = user
		}
		return nil
	})
}

// An owner is a user whose personal views are read by impersonation.
type owner struct {
	name string
	id   string // empty where there is no such user
}

func (c *collection) foundOwners() []owner {
	var found []owner
	for _, name := range c.owners() {
		o := owner{name: name}
		for id, u := range c.snapshot.Users {
			if strings.EqualFold(u.DomainName, name) && (o.id == "" || id < o.id) {
				o.id = id
			}
		}
		found = append(found, o)
	}
	return found
}

func (c *collection) ownerViews(ctx context.Context, o owner) error {
	if o.id == "" {
		return fmt.Errorf("there is no user %s, the configured owner of a view", o.name)
	}
	return c.views(ctx, "personal views as "+o.name, c.caller(o.id), snapshot.ViewerOwner, false)
}

// caller impersonates a user, by its Entra id where that is known.
func (c *collection) caller(id string) dataverse.Caller {
	if id == c.auditor {
		return dataverse.Caller{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if object := c.snapshot.Users[id].ObjectID; object != "" {
		return dataverse.Caller{ObjectID: dataverse.GUID(object)}
	}
	return dataverse.Caller{SystemUserID: dataverse.GUID(id)}
}

// userViews reads the personal views that the integration user itself sees. They
// are what it can use, whoever shared them.
func (c *collection) userViews(ctx context.Context) error {
	if c.user == "" {
		c.skip(snapshot.SectionUserViews, "there is no single integration user")
		return nil
	}
	user := c.snapshotUser()
	switch {
	case user.Disabled:
		c.skip(snapshot.SectionUserViews, fmt.Sprintf("the user %q is disabled, and nobody can look as it", user.Name))
		return nil
	case len(user.Roles) == 0 && len(user.Teams) == 0:
		c.skip(snapshot.SectionUserViews, fmt.Sprintf("the user %q has no role, and nobody can look as it", user.Name))
		return nil
	}
	return c.section(ctx, snapshot.SectionUserViews, func(ctx context.Context) error {
		return c.views(ctx, "personal views as the integration user", c.caller(c.user), snapshot.ViewerIntegrationUser, true)
	})
}

func (c *collection) snapshotUser() snapshot.User {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snapshot.Users[c.user]
}

// businessUnits reads the root, the one that the requirement names, and those of
// users, roles and teams.
func (c *collection) businessUnits(ctx context.Context) error {
	ids := map[string]bool{}
	c.mu.Lock()
	for id, u := range c.snapshot.Users {
		if id == c.user || c.Requirement.Fits(u, c.Pattern) {
			ids[u.BusinessUnitID] = true
		}
	}
	for _, r := range c.snapshot.Roles {
		ids[r.BusinessUnitID] = true
	}
	for _, t := range c.snapshot.Teams {
		ids[t.BusinessUnitID] = true
	}
	c.mu.Unlock()
	parts := []dataverse.Expr{dataverse.EqNull("parentbusinessunitid")}
	if c.Requirement.BusinessUnit != "" {
		parts = append(parts, dataverse.Eq("name", c.Requirement.BusinessUnit))
	}
	return c.inChunks(ctx, sortedKeys(ids), func(ctx context.Context, ids []string) error {
		filter := dataverse.Or(append(slices.Clone(parts), dataverse.AnyID("businessunitid", guids(ids)...))...)
		if len(ids) == 0 {
			filter = dataverse.Or(parts...)
		}
		return c.each(ctx, "business units", "businessunitid", dataverse.Caller{}, func() dataverse.Query {
			return dataverse.Collection("businessunits").
				Select("businessunitid", "name", "isdisabled", "_parentbusinessunitid_value").Filter(filter)
		}, func(r *row) error {
			unit := snapshot.BusinessUnit{
				Disabled: r.flag("isdisabled"), Name: r.text("name"), ParentID: r.optionalID("_parentbusinessunitid_value"),
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.snapshot.BusinessUnits[r.id("businessunitid")] = unit
			return nil
		})
	})
}

// chunk bounds how many ids one condition names, and with it the length of an
// address.
const chunk = 80

// inChunks reads in as many requests as the number of ids needs; in one, with no
// ids, where there are none.
func (c *collection) inChunks(ctx context.Context, ids []string, read func(context.Context, []string) error) error {
	if len(ids) == 0 {
		return read(ctx, nil)
	}
	var parts []func(context.Context) error
	for part := range slices.Chunk(ids, chunk) {
		parts = append(parts, func(ctx context.Context) error { return read(ctx, part) })
	}
	return parallel(ctx, parts...)
}

// teams reads the roles of the teams that candidates are members of.
func (c *collection) teams(ctx context.Context) error {
	c.mu.Lock()
	ids := sortedKeys(c.snapshot.Teams)
	c.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	return c.inChunks(ctx, ids, func(ctx context.Context, ids []string) error {
		found := map[string]bool{}
		err := c.each(ctx, "teams", "teamid", dataverse.Caller{}, func() dataverse.Query {
			return dataverse.Collection("teams").Select("teamid").Filter(dataverse.AnyID("teamid", guids(ids)...)).
				Expand("teamroles_association", dataverse.Query{}.Select(c.roleColumns()...))
		}, func(r *row) error {
			id := r.id("teamid")
			found[id] = true
			return c.setTeamRoles(r, id, r.rows(c, "teamroles_association"))
		})
		if refused(err) {
			return c.teamsOneByOne(ctx, ids)
		}
		if err != nil {
			return err
		}
		for _, id := range ids {
			if !found[id] {
				return inconsistentf("teams: the team %s, of which a user is a member, did not come", id)
			}
		}
		return nil
	})
}

func (c *collection) setTeamRoles(r *row, team string, roles []*row) error {
	ids := []string{}
	for _, inner := range roles {
		if id, ok := c.addRole(inner); ok {
			ids = append(ids, id)
		}
		if r != nil {
			r.take(inner)
		} else if inner.err != nil {
			return inner.err
		}
	}
	if repeated(ids) {
		return inconsistentf("teams: a role of a team came twice")
	}
	slices.Sort(ids)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.snapshot.Teams[team]
	t.Roles = ids
	c.snapshot.Teams[team] = t
	return nil
}

// teamsOneByOne serves environments that do not answer the bulk form.
func (c *collection) teamsOneByOne(ctx context.Context, ids []string) error {
	var parts []func(context.Context) error
	for _, id := range ids {
		parts = append(parts, func(ctx context.Context) error {
			var roles []*row
			err := c.each(ctx, "roles of a team", "roleid", dataverse.Caller{}, func() dataverse.Query {
				return dataverse.Row("teams", dataverse.GUID(id)).Nav("teamroles_association").Select(c.roleColumns()...)
			}, func(r *row) error {
				roles = append(roles, r)
				return nil
			})
			if err != nil {
				return err
			}
			return c.setTeamRoles(nil, id, roles)
		})
	}
	return parallel(ctx, parts...)
}

// shares reads what the user and its teams were given of personal views.
func (c *collection) shares(ctx context.Context) error {
	if c.Scope == snapshot.ScopeEnvironment {
		return c.accessRows(ctx, nil, true)
	}
	if c.user == "" {
		return nil
	}
	principals := append([]string{c.user}, c.snapshotUser().Teams...)
	return c.inChunks(ctx, principals, func(ctx context.Context, ids []string) error {
		err := c.accessRows(ctx, ids, true)
		if refused(err) {
			// Whether the type can be filtered on is not documented for all versions.
			err = c.accessRows(ctx, ids, false)
		}
		return err
	})
}

// accessRows reads rows of principalobjectaccess, of all principals where none is
// given.
func (c *collection) accessRows(ctx context.Context, principals []string, byType bool) error {
	var parts []dataverse.Expr
	if len(principals) > 0 {
		parts = append(parts, dataverse.AnyID("principalid", guids(principals)...))
	}
	if byType {
		parts = append(parts, dataverse.Eq("objecttypecode", "userquery"))
	}
	type key struct{ principal, view string }
	masks := map[key]int{}
	err := c.each(ctx, "shares of views", "principalobjectaccessid", dataverse.Caller{}, func() dataverse.Query {
		return dataverse.Collection("principalobjectaccessset").
			Select("principalobjectaccessid", "principalid", "objectid", "objecttypecode", "accessrightsmask", "inheritedaccessrightsmask").
			Filter(dataverse.And(parts...))
	}, func(r *row) error {
		switch strings.ToLower(r.typeCode("objecttypecode")) {
		case "userquery", "4230":
			masks[key{r.id("principalid"), r.id("objectid")}] |= r.number("accessrightsmask") | r.number("inheritedaccessrightsmask")
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, mask := range masks {
		// A row without rights is what a revoked share leaves behind.
		if rights := snapshot.RightsOf(mask); len(rights) > 0 {
			if c.snapshot.Shares[k.principal] == nil {
				c.snapshot.Shares[k.principal] = map[string]snapshot.Share{}
			}
			c.snapshot.Shares[k.principal][k.view] = snapshot.Share{Rights: rights}
		}
	}
	return nil
}

// grants reads what roles grant, of each root once: those that reach the user,
// those that may be the integration's and, in the wide scope, all that are known.
func (c *collection) grants(ctx context.Context) error {
	c.mu.Lock()
	_, wanted := c.snapshot.Reach(c.Requirement, c.Pattern)
	if c.Scope == snapshot.ScopeEnvironment {
		for _, r := range c.snapshot.Roles {
			wanted[r.RootID] = true
		}
	}
	copies := map[string]string{}
	for id, r := range c.snapshot.Roles {
		if was, ok := copies[r.RootID]; !ok || id == r.RootID || was != r.RootID && id < was {
			copies[r.RootID] = id
		}
	}
	var roots []string
	for root := range wanted {
		if root != "" && !c.asked[root] {
			c.asked[root] = true
			roots = append(roots, root)
		}
	}
	_, begun := c.snapshot.Coverage[snapshot.SectionRolePrivileges]
	c.mu.Unlock()
	if len(roots) == 0 {
		if !begun {
			c.settle(snapshot.SectionRolePrivileges, nil)
		}
		return nil
	}
	slices.Sort(roots)
	var parts []func(context.Context) error
	for _, root := range roots {
		parts = append(parts, func(ctx context.Context) error {
			return c.section(ctx, snapshot.SectionRolePrivileges, func(ctx context.Context) error {
				return c.rolePrivileges(ctx, root, copies[root])
			})
		})
	}
	return parallel(ctx, parts...)
}

// rolePrivileges reads what one role grants. The function answers for the copies
// in business units as well as for the root.
func (c *collection) rolePrivileges(ctx context.Context, root, id string) error {
	what := "privileges of the role " + c.roleName(id)
	r, err := c.get(ctx, what, dataverse.Caller{}, dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", dataverse.GUID(id))))
	if err != nil {
		return err
	}
	if _, ok := r.value("RolePrivileges"); !ok {
		r.fail("RolePrivileges", "is missing")
	}
	grants := map[string]snapshot.Depth{}
	for _, inner := range r.rows(c, "RolePrivileges") {
		name, level := c.spell(inner.text("PrivilegeName")), inner.text("Depth")
		inner.id("PrivilegeId")
		depth, err := snapshot.ParseDepth(strings.ToLower(level))
		switch {
		case inner.err != nil:
		case name == "":
			inner.fail("PrivilegeName", "is empty")
		case err != nil:
			inner.fail("Depth", fmt.Sprintf("holds %q", level))
		case filtered(inner):
			// A grant that a record filter narrows is not the privilege that is asked for.
		default:
			grants[name] = max(grants[name], depth)
		}
		r.take(inner)
	}
	if r.err != nil {
		return r.err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snapshot.RolePrivileges[root] = grants
	return nil
}

// filtered reports whether a grant holds for some records only.
func filtered(r *row) bool {
	if _, there := r.columns["RecordFilterId"]; !there {
		return false
	}
	id := r.optionalID("RecordFilterId")
	return id != "" && !dataverse.GUID(id).IsZero()
}

func (c *collection) roleName(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%q", c.snapshot.Roles[id].Name)
}

// changedRoles reads the roles whose privileges were read once more and returns
// the roots of those that changed meanwhile. In the same request it finds the
// copies of candidate roles in the user's business unit, which a role would be
// assigned by.
func (c *collection) changedRoles(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	var ids, roots []string
	for id, r := range c.snapshot.Roles {
		if c.asked[r.RootID] {
			ids = append(ids, id)
			roots = append(roots, r.RootID)
		}
	}
	unit := c.snapshot.Users[c.user].BusinessUnitID
	c.mu.Unlock()
	if len(ids) == 0 {
		return nil, nil
	}
	slices.Sort(ids)
	slices.Sort(roots)
	roots = slices.Compact(roots)
	seen := map[string]bool{}
	changed := map[string]bool{}
	err := c.inChunks(ctx, ids, func(ctx context.Context, part []string) error {
		filter := dataverse.AnyID("roleid", guids(part)...)
		if unit != "" && part[0] == ids[0] && len(roots) <= chunk {
			filter = dataverse.Or(filter, dataverse.And(
				dataverse.EqID("_businessunitid_value", dataverse.GUID(unit)), dataverse.AnyID("_parentrootroleid_value", guids(roots)...)))
		}
		return c.each(ctx, "roles", "roleid", dataverse.Caller{}, func() dataverse.Query {
			return dataverse.Collection("roles").Select(c.roleColumns()...).Filter(filter)
		}, func(r *row) error {
			id := r.id("roleid")
			stamp := r.text("modifiedon") + " " + fmt.Sprint(r.number("versionnumber"))
			c.mu.Lock()
			was, known := c.stamps[id]
			seen[id] = true
			if known && was != stamp {
				changed[c.snapshot.Roles[id].RootID] = true
				c.stamps[id] = stamp
			}
			c.mu.Unlock()
			c.addRole(r)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !seen[id] {
			return nil, fmt.Errorf("the role %s is gone since it was first read", id)
		}
	}
	return sortedKeys(changed), nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
