package simulator

import (
	"testing"
	"time"
)

func testDatabase(tb testing.TB) *database {
	tb.Helper()
	env, err := Builtin("sample")
	if err != nil {
		tb.Fatal(err)
	}
	refsToIDs(env)
	return newDatabase(env, newCatalogue(env), nil, time.Now(), "")
}

func TestFilterPrecedence(t *testing.T) {
	db := testDatabase(t)
	users := newEntityTypes()["systemusers"]
	for text, want := range map[string]int{
		"fullname eq 'Jane Doe'": 1,
		"fullname ne 'Jane Doe'": 10,
		"fullname eq 'Jane Doe' or fullname eq 'Kim Park' and isdisabled eq false":   1,
		"(fullname eq 'Jane Doe' or fullname eq 'Kim Park') and isdisabled eq false": 1,
		"(fullname eq 'Jane Doe' or fullname eq 'Kim Park') and isdisabled eq true":  1,
		"applicationid eq null":                        6,
		"_businessunitid_value eq " + db.units[0].ID:   6,
		"contains(fullname,'ANE') or accessmode eq 4":  6,
		"applicationid ne null and isdisabled eq true": 1,
		"fullname eq 'O''Brien'":                       0,
	} {
		pred, err := parseFilter(users, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := 0
		for _, u := range db.users {
			if pred(db, u) {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d users, want %d", text, got, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"name eq 'a' and (b ne 1 or contains(fullname,'x'))", "a eq 'it''s'", "((((", "contains(", "isdisabled eq true)", "fullname eq null and",
	} {
		f.Add(seed)
	}
	db := testDatabase(f)
	users := newEntityTypes()["systemusers"]
	f.Fuzz(func(t *testing.T, text string) {
		pred, err := parseFilter(users, text)
		if err != nil {
			if e := toAPIError(err); e.status != 400 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, u := range db.users {
			pred(db, u)
		}
	})
}

func FuzzURL(f *testing.F) {
	f.Add("roles(11111111-1111-1111-1111-111111111111)/systemuserroles_association", "$select=name&$filter=a eq 'b'")
	f.Add("RetrieveRolePrivilegesRole(RoleId=@r)", "@r=1")
	f.Add("roles('a''b/c')", "$expand=a($select=b,c),d")
	schema := newEntityTypes()
	f.Fuzz(func(t *testing.T, path, query string) {
		if segments, err := parsePath(path); err == nil && len(segments) == 0 {
			t.Errorf("%q has no segments", path)
		}
		q, err := parseQueryString(query)
		if err != nil {
			return
		}
		if _, err := parseQuery(schema["roles"], q); err != nil && toAPIError(err).status != 400 {
			t.Errorf("%q: %v", query, err)
		}
	})
}
