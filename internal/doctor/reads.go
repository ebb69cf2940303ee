package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A read is one that the collector makes, in its smallest form.
type read struct {
	id, title string
	// needs are the privileges that it takes, the first of them first.
	needs []Privilege
	// query gives what to ask; it is false where there is nothing to ask for.
	query func() (dataverse.Query, bool)
	// row is given what came.
	row func(map[string]json.RawMessage)
	// one marks an answer that is one object.
	one bool
	// without says what a scan leaves out where the read is refused; empty where the scan
	// needs it.
	without string
}

// reads makes the read of each section in turn. Ids that a later one needs come
// out of an earlier one's rows.
func (x *examination) reads(ctx context.Context) {
	var role, team dataverse.GUID
	keep := func(into *dataverse.GUID, column string) func(map[string]json.RawMessage) {
		return func(row map[string]json.RawMessage) { _ = json.Unmarshal(row[column], into) }
	}
	set := func(q dataverse.Query) func() (dataverse.Query, bool) {
		return func() (dataverse.Query, bool) { return q, true }
	}
	for _, r := range []read{
		{
			id: "read-organization", title: "read organization", needs: needs("prvReadOrganization"),
			query: set(dataverse.Collection("organizations").Select("organizationid", "name", "orgdborgsettings")),
		},
		{
			id: "read-users", title: "read users, their roles and teams", needs: needs("prvReadUser", "prvReadRole", "prvReadTeam"),
			query: func() (dataverse.Query, bool) {
				filter := dataverse.NeNull("applicationid")
				if x.self != "" {
					filter = dataverse.EqID("systemuserid", x.self)
				}
				return dataverse.Collection("systemusers").
					Select("systemuserid", "fullname", "domainname", "applicationid", "isdisabled", "islicensed", "_businessunitid_value").Filter(filter).
					Expand("systemuserroles_association", dataverse.Query{}.Select("roleid", "name")).
					Expand("teammembership_association", dataverse.Query{}.Select("teamid", "name")), true
			},
			row: func(map[string]json.RawMessage) { x.users = true },
		},
		{
			id: "read-teams", title: "read teams", needs: needs("prvReadTeam"),
			query: set(dataverse.Collection("teams").Select("teamid", "name").Top(1)),
			row:   keep(&team, "teamid"),
		},
		{
			id: "read-team-roles", title: "read roles of teams", needs: needs("prvReadTeam", "prvReadRole"),
			query: func() (dataverse.Query, bool) {
				return dataverse.Row("teams", team).Nav("teamroles_association").Select("roleid", "name"), team != ""
			},
		},
		{
			id: "read-roles", title: "read roles", needs: needs("prvReadRole"),
			query: set(dataverse.Collection("roles").Select("roleid", "name", "_businessunitid_value", "_parentrootroleid_value",
				"_roletemplateid_value", "ismanaged", "modifiedon").Top(1)),
			row: keep(&role, "roleid"),
		},
		{
			id: "read-role-privileges", title: "read privileges of roles", needs: needs("prvReadRole"), one: true,
			query: func() (dataverse.Query, bool) {
				return dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", role)), role != ""
			},
		},
		{
			id: "read-privileges", title: "read definitions of privileges",
			query: set(dataverse.Collection("privileges").Select("privilegeid", "name", "canbebasic", "canbelocal", "canbedeep", "canbeglobal").
				Filter(dataverse.Eq("name", "prvReadUserQuery"))),
		},
		{
			id: "read-business-units", title: "read business units", needs: needs("prvReadBusinessUnit"),
			query: set(dataverse.Collection("businessunits").Select("businessunitid", "name", "isdisabled", "_parentbusinessunitid_value").Top(1)),
		},
		{
			id: "read-shares", title: "read shares of views", needs: needs("prvReadUser", "prvReadTeam"),
			query: set(dataverse.Collection("principalobjectaccessset").
				Select("principalobjectaccessid", "principalid", "objectid", "objecttypecode", "accessrightsmask", "inheritedaccessrightsmask").
				Filter(dataverse.Eq("objecttypecode", "userquery")).Top(1)),
		},
		{
			id: "read-system-views", title: "read system views", needs: needs("prvReadQuery"),
			query: set(dataverse.Collection("savedqueries").Select("savedqueryid", "name", "returnedtypecode", "statecode").Top(1)),
		},
		{
			id: "read-personal-views", title: "read personal views", needs: needs("prvReadUserQuery"),
			query: set(dataverse.Collection("userqueries").Select("userqueryid", "name", "returnedtypecode", "statecode", "_ownerid_value").Top(1)),
		},
		{
			id: "read-column-security", title: "read column security", needs: needs("prvReadFieldSecurityProfile"),
			query:   set(dataverse.Collection("fieldpermissions").Select("fieldpermissionid", "entityname", "attributelogicalname", "canread").Top(1)),
			without: columnSecurity,
		},
		{
			id: "read-column-security-of-user", title: "read column security profiles of a user", needs: needs("prvReadFieldSecurityProfile"),
			query: func() (dataverse.Query, bool) {
				return dataverse.Row("systemusers", x.self).Nav("systemuserprofiles_association").Select("fieldsecurityprofileid"), x.self != ""
			},
			without: columnSecurity,
		},
		{
			id: "read-column-security-of-team", title: "read column security profiles of a team", needs: needs("prvReadFieldSecurityProfile"),
			query: func() (dataverse.Query, bool) {
				return dataverse.Row("teams", team).Nav("teamprofiles_association").Select("fieldsecurityprofileid"), team != ""
			},
			without: columnSecurity,
		},
	} {
		x.read(ctx, r)
	}
}

// columnSecurity is what a scan leaves out where it may not read column security.
const columnSecurity = "collect --scope environment does not say which columns are hidden from the integration user; no control depends on it"

// needs picks the privileges that a read takes out of the least role.
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

func (x *examination) read(ctx context.Context, r read) {
	if x.skip(r.id, r.title) {
		return
	}
	q, ask := r.query()
	if !ask {
		x.add(Check{ID: r.id, Title: r.title, Outcome: Skipped, Detail: "not checked: there is no row to ask for, see above"})
		return
	}
	x.Progress(r.title)
	err := x.rows(ctx, q.Request(r.title), dataverse.Caller{}, r)
	if err != nil {
		x.fail(r.id, r.title, err)
		x.lacks(err, r.needs)
		x.spare(r)
		return
	}
	c := Check{ID: r.id, Title: r.title, Outcome: Passed, Detail: "works"}
	for _, p := range r.needs {
		if x.held == nil || x.held[strings.ToLower(p.Name)] >= p.Depth {
			continue
		}
		c.Outcome, c.Privilege, c.Advice = Failed, &p, p.advice()
		if held := x.held[strings.ToLower(p.Name)]; held == snapshot.DepthNone {
			c.Detail = fmt.Sprintf("works, but this identity does not hold %s: rows may stay unseen", p.Name)
		} else {
			c.Detail = fmt.Sprintf("works, but %s is held at %s depth only: rows of other business units stay unseen", p.Name, held)
		}
		break
	}
	x.add(c)
	x.spare(r)
}

// spare makes a failed check a warning where a scan can do without the read.
func (x *examination) spare(r read) {
	if c := &x.checks[len(x.checks)-1]; c.Outcome == Failed && r.without != "" {
		c.Outcome = Warned
		c.Detail += ": " + r.without
	}
}

// lacks names the privilege that a refusal is about: the one that the environment
// names, else the first that the read takes and that is known not to be held. What
// has another cause is not about privileges.
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
		c.Advice = "no documented privilege is missing: this environment asks for more; a scan leaves what it needs this for unknown, unless a role grants it"
		return
	}
	c.Privilege = &Privilege{Name: name, Depth: snapshot.DepthGlobal}
}

func (p Privilege) advice() string {
	return fmt.Sprintf("grant %s at %s depth to a security role of this identity: %s; `dbaudit doctor --role-xml` prints a role with all that is needed",
		p.Name, p.Depth, p.Where)
}

// rows reads a request's answer to its end and hands each row on.
func (x *examination) rows(ctx context.Context, request dataverse.Request, as dataverse.Caller, r read) error {
	request.Caller = as
	take := func(data json.RawMessage) error {
		var row map[string]json.RawMessage
		if err := json.Unmarshal(data, &row); err != nil {
			return fmt.Errorf("%s: a row cannot be read: check any proxy in between", r.title)
		}
		if r.row != nil {
			r.row(row)
		}
		return nil
	}
	if r.one {
		data, err := x.client.Get(ctx, request)
		if err != nil {
			return err
		}
		return take(data)
	}
	for data, err := range x.client.Rows(ctx, request) {
		if err != nil {
			return err
		}
		if err := take(data); err != nil {
			return err
		}
	}
	return nil
}

func (x *examination) get(ctx context.Context, request dataverse.Request, into any) error {
	data, err := x.client.Get(ctx, request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: the answer cannot be read: check --url, and any proxy in between", request.Label)
	}
	return nil
}

// privilegesHeld gives the depth of each privilege that reaches the auditor, by
// its name in lower case; nil where that cannot be read, and then depths are not
// judged.
func (x *examination) privilegesHeld(ctx context.Context) (map[string]snapshot.Depth, error) {
	var answer struct {
		RolePrivileges []struct{ PrivilegeName, Depth, RecordFilterID string }
	}
	q := dataverse.Row("systemusers", x.self).Function("RetrieveUserPrivileges")
	request := q.Request("own privileges")
	request.Strong = x.fresh
	if err := x.get(ctx, request, &answer); err != nil {
		return nil, err
	}
	held := map[string]snapshot.Depth{}
	for _, p := range answer.RolePrivileges {
		if p.PrivilegeName == "" {
			return nil, errors.New("own privileges: a row has no name")
		}
		depth, err := snapshot.ParseDepth(strings.ToLower(p.Depth))
		if err != nil || p.RecordFilterID != "" && !dataverse.GUID(p.RecordFilterID).IsZero() {
			continue // RecordFilter, or what is not known yet: no more than some records
		}
		name := strings.ToLower(p.PrivilegeName)
		held[name] = max(held[name], depth)
	}
	return held, nil
}

// A somebody is a user to impersonate.
type somebody struct {
	who      string // as the configuration names it
	id       dataverse.GUID
	objectID dataverse.GUID
	disabled bool
}

// callers are how requests are made as the user, the one to try first before the other.
func (s somebody) callers() []dataverse.Caller {
	if s.objectID == "" {
		return []dataverse.Caller{{SystemUserID: s.id}}
	}
	return []dataverse.Caller{{ObjectID: s.objectID}, {SystemUserID: s.id}}
}

// impersonation impersonates the integration user and each configured owner of a view,
// because only the owner of a personal view and those it is shared with can see it.
func (x *examination) impersonation(ctx context.Context) {
	const id = "impersonation"
	r := x.Requirement
	who, filter := x.integration()
	x.lookAs(ctx, id, who, filter)
	seen := map[string]bool{}
	for _, v := range r.Views {
		if owner := strings.ToLower(v.Owner); owner != "" && !seen[owner] {
			seen[owner] = true
			x.lookAs(ctx, id, v.Owner, dataverse.Eq("domainname", v.Owner))
		}
	}
}

// integration says who the integration user is, and how it is found.
func (x *examination) integration() (who string, filter dataverse.Expr) {
	switch r := x.Requirement; {
	case r.ApplicationID != "":
		return "the integration user", dataverse.EqID("applicationid", dataverse.GUID(r.ApplicationID))
	case r.User != "":
		return r.User, dataverse.Eq("domainname", r.User)
	}
	return "the integration user", dataverse.And(dataverse.NeNull("applicationid"), dataverse.Contains("fullname", x.Pattern))
}

func (x *examination) lookAs(ctx context.Context, id, who string, filter dataverse.Expr) {
	title := "impersonate " + dataverse.Printable(who)
	if x.skip(id, title) {
		return
	}
	x.Progress(title)
	if !x.users {
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: users cannot be read, see above"})
		return
	}
	found, err := x.find(ctx, who, filter)
	switch {
	case err != nil:
		x.fail(id, title, err)
		x.lacks(err, needs("prvReadUser"))
		return
	case len(found) == 0:
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "there is no such user: a scan reports that"})
		return
	case found[0].disabled:
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "it is disabled and cannot be impersonated: a scan reports that"})
		return
	}
	x.known[found[0].id] = "the user that is looked as"
	heeded := false
	for _, caller := range found[0].callers() {
		q := dataverse.Collection("userqueries").Select("userqueryid").Top(1)
		if err = x.rows(ctx, q.Request(title), caller, read{title: title}); err != nil {
			var refused *dataverse.Error
			if errors.As(err, &refused) && (refused.Kind == dataverse.BadRequest || refused.Kind == dataverse.NotFound) {
				continue // this way of naming the user is not taken
			}
			break
		}
		// The environment may pass over whom it is to answer as.
		if heeded, err = x.heeds(ctx, title, caller, found[0].id); heeded || err != nil {
			break
		}
	}
	switch {
	case heeded:
		x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: "works, and WhoAmI answers as this user"})
		return
	case err == nil:
		x.add(Check{
			ID: id, Title: title, Outcome: Failed,
			Detail: "the environment ignores the request to impersonate this user, and responds as another user: a scan does not use what it reads that way",
			Advice: "make sure that the user is enabled, and that no proxy drops the headers CallerObjectId and MSCRMCallerID",
		})
		return
	}
	x.fail(id, title, err)
	c := &x.checks[len(x.checks)-1]
	var refused *dataverse.Error
	if errors.As(err, &refused) && refused.Kind == dataverse.Forbidden {
		name, lacking := refused.MissingPrivilege(), refused.Principal()
		held := x.held[strings.ToLower(name)] > snapshot.DepthNone
		if lacking != "" {
			held = lacking == found[0].id && lacking != x.self
		}
		if name != "" && !strings.EqualFold(name, actOnBehalf) && held {
			c.Outcome = Warned
			c.Advice = "the user that is looked as lacks " + name + " itself: what views it sees stays unknown until a role of its own grants it"
			return
		}
		if name == "" && refused.Cause() != dataverse.CauseUnknown {
			c.Outcome = Warned // a state of that user: a scan says what it cannot judge
			return
		}
		if name == "" && x.held[strings.ToLower(actOnBehalf)] > snapshot.DepthNone {
			c.Outcome, c.Advice = Warned, "it is the user that is looked as who is refused: see that it holds a role, and that this identity holds "+actOnBehalf+" in a role assigned to it directly"
			return
		}
	}
	x.lacks(err, needs(actOnBehalf))
}

// heeds reports whether the environment answers as the user that is acted as.
func (x *examination) heeds(ctx context.Context, title string, caller dataverse.Caller, id dataverse.GUID) (bool, error) {
	var answered dataverse.GUID
	request := dataverse.Function("WhoAmI").Request(title)
	err := x.rows(ctx, request, caller, read{title: title, one: true, row: func(row map[string]json.RawMessage) {
		_ = json.Unmarshal(row["UserId"], &answered)
	}})
	return strings.EqualFold(answered.String(), id.String()), err
}

// find gives the live users that fit, enabled ones first. Older environments have
// no soft deletion, and no column for it.
func (x *examination) find(ctx context.Context, who string, filter dataverse.Expr) ([]somebody, error) {
	const deletion = "deletedstate"
	columns := []string{"systemuserid", "azureactivedirectoryobjectid", "isdisabled", deletion}
	found, err := x.somebodies(ctx, who, dataverse.Collection("systemusers").Select(columns...).Filter(filter))
	var refused *dataverse.Error
	if errors.As(err, &refused) && refused.MissingProperty() == deletion {
		columns = slices.DeleteFunc(columns, func(column string) bool { return column == deletion })
		found, err = x.somebodies(ctx, who, dataverse.Collection("systemusers").Select(columns...).Filter(filter))
	}
	return found, err
}

func (x *examination) somebodies(ctx context.Context, who string, q dataverse.Query) ([]somebody, error) {
	var found, disabled []somebody
	err := x.rows(ctx, q.Request("find "+dataverse.Printable(who)), dataverse.Caller{}, read{title: "users", row: func(row map[string]json.RawMessage) {
		s := somebody{who: who}
		deleted := 0
		_ = json.Unmarshal(row["systemuserid"], &s.id)
		_ = json.Unmarshal(row["azureactivedirectoryobjectid"], &s.objectID)
		_ = json.Unmarshal(row["isdisabled"], &s.disabled)
		_ = json.Unmarshal(row["deletedstate"], &deleted)
		switch {
		case s.id == "" || deleted != 0:
		case s.disabled:
			disabled = append(disabled, s)
		default:
			found = append(found, s)
		}
	}})
	return append(found, disabled...), err
}
