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
	return Call{Purpose: "find " + what, Method: "GET", URL: f.apiURL(resource)}
}

// lookUpRole finds the role to change: its root copy, which the other copies follow.
func (f fix) lookUpRole() []Call {
	if f.Role == nil || f.Role.ID != "" {
		return nil
	}
	return []Call{f.find("the root copy of the role", "roles", "roleid", nameFilter(f.Role.Name)+escapeQuery(" and _parentroleid_value eq null"))}
}

// lookUpPrivileges finds the ids of privileges that the fix does not contain.
func (f fix) lookUpPrivileges(list ...audit.Grant) []Call {
	var calls []Call
	for _, g := range list {
		if g.ID == "" {
			calls = append(calls, f.lookUp(g.Name, "privilegeid", privilegeID(g), "privileges?$select=privilegeid,name&$filter="+nameFilter(g.Name)))
		}
	}
	return calls
}

// privilegeID is the id of a privilege, or the placeholder for it.
func privilegeID(g audit.Grant) string {
	return escapeIDOr(g.ID, "{privilegeid of "+escapeQuery(g.Name)+"}")
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
		filter = escapeQuery("applicationid eq ") + escapeID(f.ApplicationID) + escapeQuery(" and "+state)
	case f.User != nil:
		filter = escapeQuery("fullname eq " + odataString(f.User.Name))
	default:
		return nil
	}
	return []Call{f.find("the user", "systemusers", "systemuserid", filter)}
}

// lookUpUnit finds the business unit that the fix names, else the root.
func (f fix) lookUpUnit() []Call {
	what, filter := "the root business unit", escapeQuery("_parentbusinessunitid_value eq null")
	switch {
	case f.BusinessUnit == nil:
	case f.BusinessUnit.ID != "":
		return nil
	default:
		what, filter = "the business unit", nameFilter(f.BusinessUnit.Name)
	}
	return []Call{f.find(what, "businessunits", "businessunitid", filter)}
}

func (f fix) lookUpView() []Call {
	if f.View == nil || f.View.ID != "" {
		return nil
	}
	filter := nameFilter(f.View.Name)
	if f.Table != "" {
		filter += escapeQuery(" and returnedtypecode eq " + odataString(f.Table))
	}
	return []Call{f.impersonateOwner(f.find("the view", "userqueries", "userqueryid", filter))}
}

func (f fix) lookUpPrincipal(kind string, p audit.Reference) []Call {
	switch {
	case p.ID != "" || p.Name == "":
		return nil
	case kind == "team":
		return []Call{f.find("the team", "teams", "teamid", nameFilter(p.Name))}
	}
	return []Call{f.find("the user", "systemusers", "systemuserid", escapeQuery("fullname eq "+odataString(p.Name)))}
}

// lookUpOwner finds an owner who is known only by the sign-in name from the configuration.
func (f fix) lookUpOwner() []Call {
	if f.Owner == nil || f.Owner.ID != "" || f.Owner.Kind == "team" {
		return nil
	}
	return []Call{f.lookUp("the view's owner", "systemuserid", ownerID, "systemusers?$select=systemuserid,fullname&$filter="+escapeQuery("domainname eq "+odataString(f.Owner.Name)))}
}

// impersonateOwner makes the request impersonate the view's owner, because nobody else can see or
// share a personal view. A team cannot be impersonated.
func (f fix) impersonateOwner(r Call) Call {
	if f.Owner == nil || f.Owner.Kind == "team" {
		r.Purpose += ", signed in as the view's owner"
		return r
	}
	r.Purpose += ", as its owner"
	r.Headers = append(r.Headers, Header{"MSCRMCallerID", idOr(f.Owner, ownerID)})
	return r
}

// apiURL is the absolute address of a Web API resource.
func (f fix) apiURL(resource string) string { return APIRoot(f.origin()) + "/" + resource }

// origin is the environment's address, or a placeholder if the result has no valid one.
func (f fix) origin() string {
	if !strings.HasPrefix(f.Environment.URL, "https://") || strings.ContainsFunc(f.Environment.URL, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "https://ORG.crmN.dynamics.com"
	}
	return strings.TrimRight(f.Environment.URL, "/")
}

// The placeholders that earlier calls fill in; that of a privilege is [privilegeID].
const (
	roleID  = "{roleid}"
	userID  = "{systemuserid}"
	teamID  = "{teamid}"
	unitID  = "{businessunitid}"
	viewID  = "{userqueryid}"
	ownerID = "{ownerid}"
)

// idOr is the id of a row, or the placeholder for it.
func idOr(r *audit.Reference, placeholder string) string {
	if r == nil {
		return placeholder
	}
	return escapeIDOr(r.ID, placeholder)
}

// odataString makes an OData string literal.
func odataString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// escapeID is an id in an address: a GUID or a placeholder stays unchanged.
func escapeID(id string) string {
	if strings.HasPrefix(id, "{") && regexp.MustCompile(`^\{[\pL ]*\}$`).MatchString(id) {
		return id
	}
	return escapeQuery(id)
}

func escapeIDOr(id, placeholder string) string {
	if id == "" {
		return placeholder
	}
	return escapeID(id)
}

// nameFilter is the filter for rows with a name.
func nameFilter(name string) string { return escapeQuery("name eq " + odataString(name)) }

// escapeQuery percent-encodes a query option's value; not every OData server reads + as a space.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
