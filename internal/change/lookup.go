package change

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// lookUp asks for one row; its column fills in the placeholder.
func (f fix) lookUp(what, column, placeholder, resource string) Call {
	r := f.list(what, resource)
	r.Column, r.Placeholder = column, placeholder
	return r
}

// find asks for the row that meets a filter; its key fills in the placeholder of that name.
func (f fix) find(what, set, key, filter string) Call {
	name := "name"
	if set == "systemusers" {
		name = "fullname"
	}
	return f.lookUp(what, key, "{"+key+"}", set+"?$select="+key+","+name+"&$filter="+filter)
}

// list asks for rows that a person has to choose from.
func (f fix) list(what, resource string) Call {
	return Call{Purpose: "find " + what, Method: "GET", URL: f.api(resource)}
}

// lookUpRole finds the role to change: its root copy, which the other copies follow.
func (f fix) lookUpRole() []Call {
	if f.Role == nil || f.Role.ID != "" {
		return nil
	}
	return []Call{f.find("the root copy of the role", "roles", "roleid", named(f.Role.Name)+escape(" and _parentroleid_value eq null"))}
}

// lookUpPrivileges finds the ids of privileges that the fix does not contain.
func (f fix) lookUpPrivileges(list ...audit.Grant) []Call {
	var calls []Call
	for _, g := range list {
		if g.ID == "" {
			calls = append(calls, f.lookUp(g.Name, "privilegeid", privilegeOf(g), "privileges?$select=privilegeid,name&$filter="+named(g.Name)))
		}
	}
	return calls
}

// privilegeOf is the id of a privilege, or the placeholder for it.
func privilegeOf(g audit.Grant) string {
	return keyOr(g.ID, "{privilegeid of "+escape(g.Name)+"}")
}

// lookUpUser finds the user, not a deleted one, by what the fix says about it.
func (f fix) lookUpUser() []Call { return f.lookUpUserBy("deletedstate eq 0") }

// lookUpUserBy finds the user; of an application's users, the one in a state.
func (f fix) lookUpUserBy(state string) []Call {
	var filter string
	switch {
	case f.User != nil && f.User.ID != "":
		return nil
	case f.ApplicationID != "":
		filter = escape("applicationid eq ") + key(f.ApplicationID) + escape(" and "+state)
	case f.User != nil:
		filter = escape("fullname eq " + quote(f.User.Name))
	default:
		return nil
	}
	return []Call{f.find("the user", "systemusers", "systemuserid", filter)}
}

// lookUpUnit finds the business unit that the fix names, else the root.
func (f fix) lookUpUnit() []Call {
	what, filter := "the root business unit", escape("_parentbusinessunitid_value eq null")
	switch {
	case f.BusinessUnit == nil:
	case f.BusinessUnit.ID != "":
		return nil
	default:
		what, filter = "the business unit", named(f.BusinessUnit.Name)
	}
	return []Call{f.find(what, "businessunits", "businessunitid", filter)}
}

func (f fix) lookUpView() []Call {
	if f.View == nil || f.View.ID != "" {
		return nil
	}
	filter := named(f.View.Name)
	if f.Table != "" {
		filter += escape(" and returnedtypecode eq " + quote(f.Table))
	}
	return []Call{f.asOwner(f.find("the view", "userqueries", "userqueryid", filter))}
}

func (f fix) lookUpPrincipal(kind string, p audit.Reference) []Call {
	switch {
	case p.ID != "" || p.Name == "":
		return nil
	case kind == "team":
		return []Call{f.find("the team", "teams", "teamid", named(p.Name))}
	}
	return []Call{f.find("the user", "systemusers", "systemuserid", escape("fullname eq "+quote(p.Name)))}
}

// lookUpOwner finds an owner who is known only by the sign-in name from the configuration.
func (f fix) lookUpOwner() []Call {
	if f.Owner == nil || f.Owner.ID != "" || f.Owner.Kind == "team" {
		return nil
	}
	return []Call{f.lookUp("the view's owner", "systemuserid", ownerID, "systemusers?$select=systemuserid,fullname&$filter="+escape("domainname eq "+quote(f.Owner.Name)))}
}

// asOwner makes the request impersonate the view's owner, because nobody else can see or
// share a personal view. A team cannot be impersonated.
func (f fix) asOwner(r Call) Call {
	if f.Owner == nil || f.Owner.Kind == "team" {
		r.Purpose += ", signed in as the view's owner"
		return r
	}
	r.Purpose += ", as its owner"
	r.Headers = append(r.Headers, Header{"MSCRMCallerID", id(f.Owner, ownerID)})
	return r
}

// api is the absolute address of a Web API resource.
func (f fix) api(resource string) string { return API(f.origin()) + "/" + resource }

// origin is the environment's address, or a placeholder if the result has no valid one.
func (f fix) origin() string {
	if !strings.HasPrefix(f.Environment.URL, "https://") || strings.ContainsFunc(f.Environment.URL, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "https://ORG.crmN.dynamics.com"
	}
	return strings.TrimRight(f.Environment.URL, "/")
}

// The placeholders that earlier calls fill in; that of a privilege is [privilegeOf].
const (
	roleID  = "{roleid}"
	userID  = "{systemuserid}"
	teamID  = "{teamid}"
	unitID  = "{businessunitid}"
	viewID  = "{userqueryid}"
	ownerID = "{ownerid}"
)

// id is the id of a row, or the placeholder for it.
func id(r *audit.Reference, placeholder string) string {
	if r == nil {
		return placeholder
	}
	return keyOr(r.ID, placeholder)
}

// quote makes an OData string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// key is an id in an address: a GUID or a placeholder stays unchanged.
func key(id string) string {
	if strings.HasPrefix(id, "{") && regexp.MustCompile(`^\{[\pL ]*\}$`).MatchString(id) {
		return id
	}
	return escape(id)
}

func keyOr(id, placeholder string) string {
	if id == "" {
		return placeholder
	}
	return key(id)
}

// named is the filter for rows with a name.
func named(name string) string { return escape("name eq " + quote(name)) }

// escape percent-encodes a query option's value; not every OData server reads + as a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
