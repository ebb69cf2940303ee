package simulator

import (
	"strings"
	"testing"
	"time"
)

func testWorld(tb testing.TB) *world {
	tb.Helper()
	env, err := Builtin("sample")
	if err != nil {
		tb.Fatal(err)
	}
	pinReferences(env)
	return newWorld(env, nil, time.Now())
}

func TestFilterPrecedence(t *testing.T) {
	w := testWorld(t)
	users := newSchema().byName["systemuser"]
	for text, want := range map[string]int{
		"fullname eq 'Jane Doe'": 1,
		"fullname ne 'Jane Doe'": 10,
		"fullname eq 'Jane Doe' or fullname eq 'Kim Park' and isdisabled eq false":               1,
		"(fullname eq 'Jane Doe' or fullname eq 'Kim Park') and isdisabled eq false":             1,
		"(fullname eq 'Jane Doe' or fullname eq 'Kim Park') and isdisabled eq true":              1,
		"not (fullname eq 'Jane Doe') and not (isdisabled eq true)":                              8,
		"not not (fullname eq 'Jane Doe')":                                                       1,
		"not startswith(fullname,'j')":                                                           9,
		"fullname gt 'k'":                                                                        3,
		"accessmode ge 4":                                                                        5,
		"accessmode lt 4":                                                                        6,
		"applicationid eq null":                                                                  6,
		"businessunitid/name eq 'Germany'":                                                       1,
		"businessunitid/parentbusinessunitid/name eq 'Europe'":                                   1,
		"businessunitid eq " + w.root.ID:                                                         6,
		"_businessunitid_value eq " + w.root.ID:                                                  6,
		"createdon ge 2024-01-01":                                                                11,
		"createdon lt 2024-01-01T00:00:00Z":                                                      0,
		"systemuserroles_association/any()":                                                      10,
		"systemuserroles_association/any(r:r/name eq 'Salesperson')":                             3,
		"systemuserroles_association/all(r:r/name eq 'Salesperson')":                             3, // a user without roles as well
		"not systemuserroles_association/any(r:r/name eq 'Salesperson')":                         8,
		"teammembership_association/any(t:t/teamroles_association/any(r:r/ismanaged eq true))":   2,
		"Microsoft.Dynamics.CRM.In(PropertyName='fullname',PropertyValues=[\"jane doe\",\"x\"])": 1,
		"Microsoft.Dynamics.CRM.In(PropertyName='accessmode',PropertyValues=['4'])":              5,
		"fullname eq 'O''Brien'":                                                                 0,
	} {
		pred, err := parseFilter(users, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := 0
		for _, u := range w.users {
			if pred(w, u) {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d users, want %d", text, got, want)
		}
	}
}

func TestFilterNesting(t *testing.T) {
	users := newSchema().byName["systemuser"]
	deep := strings.Repeat("(", 90) + "isdisabled eq true" + strings.Repeat(")", 90)
	if _, err := parseFilter(users, deep); err != nil {
		t.Error(err)
	}
	if _, err := parseFilter(users, "("+strings.Repeat("(", 1000)+deep); err == nil {
		t.Error("an expression without end")
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"name eq 'a' and (b ne 1 or not contains(fullname,'x'))", "systemuserroles_association/any(o:o/name eq 'x')",
		"Microsoft.Dynamics.CRM.In(PropertyName='fullname',PropertyValues=['a','b'])", "a eq 'it''s'", "businessunitid/name eq null",
		"createdon gt 2024-01-01T10:00:00Z", "((((", "not not not (isdisabled eq true)", "iscustomizable/Value eq true", "x/any(a:a/any(b:b/c eq 1))",
	} {
		f.Add(seed)
	}
	w := testWorld(f)
	users := newSchema().byName["systemuser"]
	f.Fuzz(func(t *testing.T, text string) {
		pred, err := parseFilter(users, text)
		if err != nil {
			if e := asAPIError(err); e.status != 400 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, u := range w.users {
			pred(w, u)
		}
	})
}

func FuzzURL(f *testing.F) {
	f.Add("roles(11111111-1111-1111-1111-111111111111)/systemuserroles_association", "$select=name&$filter=a eq 'b'")
	f.Add("RetrieveRolePrivilegesRole(RoleId=@r)", "@r=1")
	f.Add("EntityDefinitions(LogicalName='a''b/c')", "$expand=a($select=b;$expand=c($top=1)),d")
	schema := newSchema()
	f.Fuzz(func(t *testing.T, path, query string) {
		if segments, err := parsePath(path); err == nil && len(segments) == 0 {
			t.Errorf("%q has no segments", path)
		}
		q, err := parseQueryString(query)
		if err != nil {
			return
		}
		if _, err := parseQuery(schema.byName["role"], q.options); err != nil && asAPIError(err).status != 400 {
			t.Errorf("%q: %v", query, err)
		}
	})
}
