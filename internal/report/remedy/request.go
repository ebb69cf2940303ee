package remedy

import (
	"net/url"
	"strings"
)

// A Request is one Web API request.
type Request struct {
	// Purpose says what the request is for.
	Purpose string
	Method  string
	URL     string
	// Body is indented JSON; empty where there is none.
	Body string
}

// api is the absolute address of a Web API resource.
func (f fix) api(resource string) string {
	return strings.TrimSuffix(f.env.URL, "/") + "/api/data/v9.2/" + resource
}

func (f fix) get(purpose, resource string) Request {
	return Request{Purpose: "find " + purpose, Method: "GET", URL: f.api(resource)}
}

func (f fix) send(purpose, method, resource string, body object) Request {
	r := Request{Purpose: purpose, Method: method, URL: f.api(resource)}
	if body != nil {
		r.Body = body.indented()
	}
	return r
}

// lookUpPrivileges finds the privileges whose id the fix does not carry.
func (f fix) lookUpPrivileges() []Request {
	var terms []string
	for i, g := range f.Privileges {
		if i == listed {
			break
		}
		if g.ID == "" {
			terms = append(terms, "name eq "+quote(g.Name))
		}
	}
	if terms == nil {
		return nil
	}
	return []Request{f.get("the privileges' ids", "privileges?$select=privilegeid,name&$filter="+escape(strings.Join(terms, " or ")))}
}

// row is a row as a parameter of an action.
func row(table, key, id string) object {
	return object{{"@odata.type", "Microsoft.Dynamics.CRM." + table}, {key, id}}
}

// quote makes an OData string literal.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// escape percent-encodes a query option's value; spaces become %20, which, unlike
// a plus sign, every OData server takes for a space.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
