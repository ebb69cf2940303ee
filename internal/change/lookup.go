package change

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// lookUp returns the request for one row, with a column that fills in the placeholder.
func (f fix) lookUp(what, column, placeholder, resource string) Call {
	r := f.list(what, resource)
	r.Column, r.Placeholder = column, placeholder
	return r
}

// find returns the request for the row that meets a filter. The row's key fills in the
// placeholder of that name.
func (f fix) find(what, set, key, filter string) Call {
	name := "name"
	if set == "systemusers" {
		name = "fullname"
	}
	return f.lookUp(what, key, "{"+key+"}", set+"?$select="+key+","+name+"&$filter="+filter)
}

// list returns the request for rows from which a person has to choose.
func (f fix) list(what, resource string) Call {
	return Call{Purpose: "find " + what, Method: "GET", URL: f.apiURL(resource)}
}

// lookUpRole finds the root copy of the role: a change of it applies to all copies.
func (f fix) lookUpRole() []Call {
	if f.Role == nil || f.Role.ID != "" {
		return nil
	}
	return []Call{f.find("the root copy of the role", "roles", "roleid", nameFilter(f.Role.Name)+escapeQuery(" and _parentroleid_value eq null"))}
}

// lookUpPrivileges finds the ids of the privileges that have none in the fix.
func (f fix) lookUpPrivileges(list ...audit.Grant) []Call {
	var calls []Call
	for _, g := range list {
		if g.ID == "" {
			calls = append(calls, f.lookUp(g.Name, "privilegeid", privilegeID(g), "privileges?$select=privilegeid,name&$filter="+nameFilter(g.Name)))
		}
	}
	return calls
}

func privilegeID(g audit.Grant) string {
	return escapeIDOr(g.ID, "{privilegeid of "+escapeQuery(g.Name)+"}")
}

// lookUpUser finds the user of the fix, unless it is deleted.
func (f fix) lookUpUser() []Call { return f.lookUpUserBy("deletedstate eq 0") }

// lookUpUserBy finds the user of the fix. An application can have several: state is a filter.
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

// lookUpUnit finds the business unit that the fix names, or else the root.
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

// lookUpOwner finds an owner for whom the fix has only the sign-in name of the configuration.
func (f fix) lookUpOwner() []Call {
	if f.Owner == nil || f.Owner.ID != "" || f.Owner.Kind == "team" {
		return nil
	}
	filter := escapeQuery("domainname eq " + odataString(f.Owner.Name))
	return []Call{f.lookUp("the view's owner", "systemuserid", ownerID, "systemusers?$select=systemuserid,fullname&$filter="+filter)}
}

// impersonateOwner makes the request impersonate the view's owner, because nobody else can see
// or share a personal view. A team cannot be impersonated.
func (f fix) impersonateOwner(r Call) Call {
	if f.Owner == nil || f.Owner.Kind == "team" {
		r.Purpose += ", signed in as the view's owner"
		return r
	}
	r.Purpose += ", as its owner"
	r.Headers = append(r.Headers, Header{"MSCRMCallerID", idOr(f.Owner, ownerID)})
	return r
}

func (f fix) apiURL(resource string) string { return APIRoot(f.origin()) + "/" + resource }

// origin returns the environment's URL, or a placeholder if the result has no valid one.
func (f fix) origin() string {
	if !strings.HasPrefix(f.Environment.URL, "https://") || strings.ContainsFunc(f.Environment.URL, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "https://ORG.crmN.dynamics.com"
	}
	return strings.TrimRight(f.Environment.URL, "/")
}

// The placeholders that earlier calls fill in. [privilegeID] returns the one of a privilege.
const (
	roleID  = "{roleid}"
	userID  = "{systemuserid}"
	teamID  = "{teamid}"
	unitID  = "{businessunitid}"
	viewID  = "{userqueryid}"
	ownerID = "{ownerid}"
)

func idOr(r *audit.Reference, placeholder string) string {
	return escapeIDOr(cmp.Or(r, &audit.Reference{}).ID, placeholder)
}

func odataString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// escapeID escapes an id for a URL. A GUID or a placeholder stays unchanged.
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

func nameFilter(name string) string { return escapeQuery("name eq " + odataString(name)) }

// escapeQuery percent-encodes the value of a query option. Not every OData server reads + as a
// space.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
