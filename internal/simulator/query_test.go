package simulator_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

func TestQueries(t *testing.T) {
	_, admin := startAs(t, "dbaudit apply", "sample")
	tests := []struct {
		path, column string
		want         []any
	}{
		{"roles?$select=name&$filter=name eq 'demandbase INTEGRATION' and _parentroleid_value eq null", "name", []any{"Demandbase Integration"}},
		{"roles?$select=name&$filter=contains(name,'Demand') and _parentroleid_value eq null", "name", []any{"Demandbase Integration", "Demandbase (old)"}},
		{"businessunits?$select=name&$filter=_parentbusinessunitid_value eq null", "name", []any{"Contoso"}},
		{"businessunits?$select=name&$filter=isdisabled eq true", "name", []any{"Fabrikam (closed)"}},
		{"businessunits?$select=name&$top=1", "name", []any{"Contoso"}},
		{"systemusers?$select=fullname&$filter=applicationid eq 5f0c1b52-8f1a-4c62-9c5e-7b8a1d2e3f40 and deletedstate eq 0", "fullname", []any{"Demandbase Integration"}},
		{"systemusers?$select=fullname&$filter=applicationid ne null and isdisabled eq true", "fullname", []any{"Demandbase Integration (deleted)"}},
		{"privileges?$select=name,canbebasic&$filter=name eq 'prvReadAccount' or name eq 'prvBulkEdit'", "canbebasic", []any{false, true}},
		{"savedqueries?$select=name&$filter=returnedtypecode eq 'account' and querytype eq 0 and contains(name,'my')", "name", []any{"My Active Accounts"}},
		{"userqueries?$select=name", "name", []any{}},
		{"organizations?$select=name", "name", []any{"Contoso"}},
		{"teams?$select=name&$filter=teamtype eq 1", "name", []any{"Northwind Pursuit"}},
	}
	for _, tt := range tests {
		if got := column(admin.rows(tt.path), tt.column); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.path, got, tt.want)
		}
	}
}

func TestRefusedQueries(t *testing.T) {
	server, admin := startAs(t, "dbaudit apply", "compliant")
	role := server.Environment().Role("Basic User").ID
	tests := []struct {
		path   string
		status int
		code   string
	}{
		{"roles?$select=nonsense", 400, "0x80060888"},
		{"roles?$filter=nonsense eq 1", 400, "0x80060888"},
		{"roles?$filter=name eq", 400, "0x80060888"},
		{"roles?$filter=name eq 'a", 400, "0x80060888"},
		{"roles?$filter=name in ('a','b')", 400, "0x80060888"},
		{"roles?$filter=roleid eq 'abc'", 400, "0x80060888"},
		{"roles?$filter=isinherited eq true", 400, "0x80060888"},
		{"roles?$filter=not name eq 'a'", 400, "0x80060888"},
		{"roles?$filter=tolower(name) eq 'a'", 400, "0x80060888"},
		{"roles?$expand=nonsense", 400, "0x80060888"},
		{"roles?$expand=businessunitid($filter=name eq 'a')", 400, "0x80060888"},
		{"roles?$skip=1", 400, "0x80060888"},
		{"roles?$top=0", 400, "0x80060888"},
		{"roles?$filter=startswith(name,'a')", 400, "0x80060888"},
		{"roles?$filter=isinherited gt 0", 400, "0x80060888"},
		{"roles?$filter=(name eq 'a'", 400, "0x80060888"},
		{"roles?$orderby=name", 400, "0x80060888"},
		{"roles?$search=a", 400, "0x80060888"},
		{"roles?select=name", 400, "0x80060888"},
		{"roles?$select=name&$select=roleid", 400, "0x80060888"},
		{"roles?$skiptoken=nonsense", 400, "0x80060888"},
		{"roles(nonsense)", 400, "0x80060888"},
		{"role", 404, "0x80060888"},
		{"roleprivileges", 404, "0x80060888"},
		{"roles(" + role + ")/nonsense", 404, "0x80060888"},
		{"roles(00000000-0000-0000-0000-000000000000)", 404, "0x80040217"},
		{"RetrieveRolePrivilegesRole(RoleId=@r)?@r=00000000-0000-0000-0000-000000000000", 404, "0x80040217"},
	}
	for _, tt := range tests {
		admin.get(tt.path).expect(t, tt.path, tt.status, tt.code)
	}
}

// followPages returns the rows of all pages of a collection, and the number of pages.
func followPages(t *testing.T, c *client, path string) (rows []map[string]any, pages int) {
	t.Helper()
	for address := escape(path); address != ""; pages++ {
		r := c.do(http.MethodGet, address, nil)
		if r.status != http.StatusOK {
			t.Fatalf("GET %s: %d %s", address, r.status, r.body)
		}
		rows = append(rows, r.rows(t)...)
		address, _ = r.json(t)["@odata.nextLink"].(string)
	}
	return rows, pages
}

func TestPaging(t *testing.T) {
	_, admin := startAs(t, "dbaudit apply", "compliant")
	all, pages := followPages(t, admin, "privileges?$select=name")
	if pages != 1 {
		t.Errorf("%d pages without a page size, want 1", pages)
	}
	small, pages := followPages(t, admin.with("Prefer", "odata.maxpagesize=100"), "privileges?$select=name")
	if want := (len(all) + 99) / 100; pages != want {
		t.Errorf("%d pages, want %d", pages, want)
	}
	if !slices.Equal(column(all, "name"), column(small, "name")) {
		t.Error("the pages do not have the rows of the collection")
	}
	counted := admin.get("privileges?$count=true&$top=1&$select=name").json(t)
	if counted["@odata.count"] != float64(len(all)) {
		t.Errorf("count %v of %d", counted["@odata.count"], len(all))
	}
}

func TestPagingOfExpandedRows(t *testing.T) {
	server := start(t, "sample", simulator.Options{PageSize: 1}, nil)
	admin := signIn(t, server, "dbaudit apply")
	user := server.Environment().User("juergen@contoso.com").ID
	body := admin.get("systemusers(" + user + ")?$select=fullname&$expand=systemuserroles_association($select=name)").json(t)
	first, _ := body["systemuserroles_association"].([]any)
	link, _ := body["systemuserroles_association@odata.nextLink"].(string)
	if len(first) != 1 || link == "" {
		t.Fatalf("got %v", body)
	}
	rest, _ := followPages(t, admin, link)
	if len(rest) != 1 || rest[0]["name"] != "Works Council (Germany)" {
		t.Errorf("the next page: %v", rest)
	}
}
