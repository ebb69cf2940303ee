package dataverse

import (
	"net/url"
	"strings"
	"testing"
)

func TestQueryString(t *testing.T) {
	for want, q := range map[string]Query{
		"WhoAmI": Function("WhoAmI"),
		"roles":  Collection("roles"),
		"roles(11111111-2222-3333-4444-555555555555)?$select=name":               Row("roles", idA).Select("name"),
		"organizations?$select=organizationid,name":                              Collection("organizations").Select("organizationid", "name"),
		"roles?$filter=name%20eq%20'O''Brien%20%26%20S%C3%B6hne%3B%20100%25%2B'": Collection("roles").Filter(Eq("name", "O'Brien & Söhne; 100%+")),
		"businessunits?$filter=parentbusinessunitid%20eq%20null":                 Collection("businessunits").Filter(EqNull("parentbusinessunitid")),
		"systemusers?$filter=applicationid%20eq%2011111111-2222-3333-4444-555555555555%20and%20deletedstate%20eq%200": Collection("systemusers").
			Filter(And(EqID("applicationid", idA), EqInt("deletedstate", 0))),
		"systemusers?$select=systemuserid&$filter=applicationid%20ne%20null&$expand=systemuserroles_association($select=roleid,name%3B$filter=componentstate%20eq%200),teammembership_association": Collection("systemusers").
			Select("systemuserid").Filter(NeNull("applicationid")).
			Expand("systemuserroles_association", Query{}.Select("roleid", "name").Filter(EqInt("componentstate", 0))).
			Expand("teammembership_association", Query{}),
		"roles?$filter=(contains(name,'demandbase')%20or%20contains(name,'x'))%20and%20ismanaged%20eq%20false%20and%20isinherited%20eq%201": Collection("roles").
			Filter(And(Or(Contains("name", "demandbase"), Contains("name", "x")), EqBool("ismanaged", false), EqInt("isinherited", 1))),
		"roles?$filter=(a%20eq%20'1'%20or%20a%20eq%20'2')%20and%20b%20eq%20'3'&$top=3": Collection("roles").
			Filter(Or(Eq("a", "1"), Eq("a", "2"))).Filter(Eq("b", "3")).Top(3),
		"roles?$filter=roleid%20eq%2011111111-2222-3333-4444-555555555555%20or%20roleid%20eq%20aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee": Collection("roles").
			Filter(Or(EqID("roleid", idA), EqID("roleid", "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"))),
		"RetrieveRolePrivilegesRole(RoleId=@p1)?@p1=11111111-2222-3333-4444-555555555555":                   Function("RetrieveRolePrivilegesRole", IDArg("RoleId", idA)),
		"systemusers(11111111-2222-3333-4444-555555555555)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()": Row("systemusers", idA).Function("RetrieveUserPrivileges"),
		"systemusers(11111111-2222-3333-4444-555555555555)/systemuserroles_association?$select=roleid":      Row("systemusers", idA).Nav("systemuserroles_association").Select("roleid"),
		"GrantAccess": Collection("GrantAccess"),
		"systemusers(11111111-2222-3333-4444-555555555555)/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@p1)?@p1=%7B%22@odata.id%22:%22userqueries(aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee)%22%7D": Row("systemusers", idA).
			Function("RetrievePrincipalAccess", RefArg("Target", "userqueries", idB)),
		"RetrieveAccess(ObjectId=@p1,Names=@p2)?@p1=11111111-2222-3333-4444-555555555555&@p2=%5B%22user'query%22%5D": Function("RetrieveAccess",
			IDArg("ObjectId", idA), NamesArg("Names", []string{"user'query"})),
	} {
		if q.String() != want {
			t.Errorf("got  %s\nwant %s", q, want)
		}
		if _, err := (origin{"h"}).resolve(want); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestQueriesAreValues(t *testing.T) {
	base := Collection("roles").Select("name")
	a, b := base.Filter(EqInt("a", 1)), base.Filter(EqInt("b", 2))
	_ = a.Filter(EqInt("c", 3))
	if a.String() != "roles?$select=name&$filter=a%20eq%201" || b.String() != "roles?$select=name&$filter=b%20eq%202" || base.String() != "roles?$select=name" {
		t.Errorf("%s\n%s\n%s", base, a, b)
	}
}

func TestInvalidQueries(t *testing.T) {
	for says, q := range map[string]Query{
		"set":                    {},
		`name "roles?x"`:         Collection("roles?x"),
		`name ""`:                Collection(""),
		`name "roles()"`:         Collection("roles()"),
		`column "a,b"`:           Collection("roles").Select("a,b"),
		`column "9a"`:            Collection("roles").Select("9a"),
		"without a column":       Collection("roles").Select(),
		`column "a eq 1 or b"`:   Collection("roles").Filter(EqInt("a eq 1 or b", 1)),
		`"or" without a part`:    Collection("roles").Filter(Or()),
		`"x" is not an id`:       Row("roles", "x"),
		`"" is not an id`:        Row("roles", "").Select("a"),
		`parameter "a=@p1"`:      Function("F", IDArg("a=@p1", idA)),
		`function "F(x)"`:        Function("F(x)", IDArg("a", idA)),
		`property "a($top=1)"`:   Collection("roles").Expand("a($top=1)", Query{}),
		`column "b;$top=1"`:      Collection("roles").Expand("a", Query{}.Select("b;$top=1")),
		"the first 0 rows":       Collection("roles").Top(0),
		`"1)/x(" is not an id`:   Function("F", RefArg("Target", "roles", "1)/x(")),
		`column "(a eq 1) or a"`: Collection("roles").Filter(And(EqInt("b", 1), Or(EqInt("(a eq 1) or a", 1), EqInt("c", 1)))),
	} {
		if !strings.HasPrefix(q.String(), "!") || !strings.Contains(q.String(), says) {
			t.Errorf("%s: got %s", says, q)
		}
	}
}

// FuzzLiterals checks that no name changes what a request means.
func FuzzLiterals(f *testing.F) {
	for _, s := range []string{"Demandbase Integration", "O'Brien", "' or 1 eq 1 or name eq '", "a&$top=1", "a#b", "%27", "ä\u202e\x00\r\n", "+ ;", strings.Repeat("x", 4000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o := origin{"contoso.crm.dynamics.com"}
		u, err := o.resolve(Collection("roles").Select("roleid").Filter(Eq("name", s)).String())
		if err != nil {
			t.Fatal(err)
		}
		// A server that reads like Go splits first, then decodes.
		values, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(values) != 2 || values.Get("$select") != "roleid" || u.Path != "/api/data/v9.2/roles" || u.Fragment != "" {
			t.Fatalf("%q became %s (%v)", s, u, err)
		}
		literal, ok := strings.CutPrefix(values.Get("$filter"), "name eq '")
		if !ok || !strings.HasSuffix(literal, "'") {
			t.Fatalf("%q became %s", s, u)
		}
		literal = strings.TrimSuffix(literal, "'")
		if strings.Contains(strings.ReplaceAll(literal, "''", ""), "'") || strings.ReplaceAll(literal, "''", "'") != s {
			t.Fatalf("%q became %s", s, u)
		}
		if q := Collection(s); !strings.HasPrefix(q.String(), "!") && !isName(s) && !strings.Contains(s, "/") {
			t.Fatalf("%q passes for a name", s)
		}
	})
}

// FuzzPath checks that no path is outside of the environment's Web API.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"roles", "../../x", "//evil.example", "https://evil.example/", "\\evil", "roles?$top=1#x", "@evil.example", ":8443/", "%2e%2e/", "roles\r\nHost: x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		o := origin{"contoso.crm.dynamics.com"}
		base, _ := o.resolve("roles")
		for _, resolve := range []func() (*url.URL, error){
			func() (*url.URL, error) { return o.resolve(path) },
			func() (*url.URL, error) { return o.resolveLink(base, path) },
		} {
			u, err := resolve()
			if err != nil {
				continue
			}
			again, err := url.Parse(u.String())
			if err != nil || again.Scheme != "https" || again.Host != "contoso.crm.dynamics.com" && again.Host != "contoso.crm.dynamics.com:443" && !strings.EqualFold(again.Hostname(), "contoso.crm.dynamics.com") ||
				!strings.HasPrefix(again.Path, "/api/data/") || again.User != nil || strings.ContainsAny(u.RequestURI(), " \r\n\t") {
				t.Fatalf("%q leads to %q (%v)", path, u, err)
			}
		}
	})
}
