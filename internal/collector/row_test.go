package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func TestOwnershipSetting(t *testing.T) {
	t.Parallel()
	const name = "EnableOwnershipAcrossBusinessUnits"
	in := func(value string) string {
		return `<?xml version="1.0" encoding="utf-8"?><OrgSettings><Other>true</Other><` + name + `>` + value + `</` + name + `></OrgSettings>`
	}
	tests := []struct {
		settings string
		want     snapshot.Setting
	}{
		{"", snapshot.SettingOff},
		{"<OrgSettings/>", snapshot.SettingOff},
		{"<OrgSettings><Other>true</Other></OrgSettings>", snapshot.SettingOff},
		{in("true"), snapshot.SettingOn},
		{in(" TRUE\n"), snapshot.SettingOn},
		{in("1"), snapshot.SettingOn},
		{in("false"), snapshot.SettingOff},
		{in("0"), snapshot.SettingOff},
		{in(""), snapshot.SettingOff},
		{"<o:OrgSettings xmlns:o='urn:x'><o:" + name + ">true</o:" + name + "></o:OrgSettings>", snapshot.SettingOn},
		{in("maybe"), snapshot.SettingUnknown},
		{in("true")[:150], snapshot.SettingUnknown},
		{"<OrgSettings>", snapshot.SettingUnknown},
		{"<!-- " + in("true") + " -->", snapshot.SettingOff},
	}
	for _, test := range tests {
		got, err := ownershipSetting(test.settings)
		if got != test.want || (err != nil) != (test.want == snapshot.SettingUnknown) {
			t.Errorf("%q: %s, %v; want %s", test.settings, got, err, test.want)
		}
	}
}

func TestRow(t *testing.T) {
	t.Parallel()
	const id = "0A1B2C3D-0000-4000-8000-00000000000F"
	tests := []struct {
		json string
		read func(Row) any
		want any // nil if the row is invalid
	}{
		{`{"a":"x"}`, func(r Row) any { return r.Text("a") }, "x"},
		{`{"a":null}`, func(r Row) any { return r.Text("a") }, ""},
		{`{"a":7}`, func(r Row) any { return r.Text("a") }, nil},
		{`{}`, func(r Row) any { return r.Text("a") }, nil},
		{`{}`, func(r Row) any { return r.Text("old") }, ""},
		{`{"A":"x"}`, func(r Row) any { return r.Text("a") }, nil},
		{`{"a":true}`, func(r Row) any { return r.Bool("a") }, true},
		{`{"a":null}`, func(r Row) any { return r.Bool("a") }, nil},
		{`{"a":null}`, func(r Row) any { return r.optionalBool("a") }, false},
		{`{"a":1}`, func(r Row) any { return r.Bool("a") }, nil},
		{`{"a":-3}`, func(r Row) any { return r.Int("a") }, -3},
		{`{"a":1.5}`, func(r Row) any { return r.Int("a") }, nil},
		{`{"a":"1"}`, func(r Row) any { return r.Int("a") }, nil},
		{`{"a":null}`, func(r Row) any { return r.Int("a") }, nil},
		{`{"a":null}`, func(r Row) any { return r.OptionalInt("a") }, 0},
		{`{"a":1e99}`, func(r Row) any { return r.OptionalInt("a") }, nil},
		{`{"a":"` + id + `"}`, func(r Row) any { return r.ID("a") }, strings.ToLower(id)},
		{`{"a":"{` + id + `}"}`, func(r Row) any { return r.ID("a") }, nil},
		{`{"a":""}`, func(r Row) any { return r.OptionalID("a") }, nil},
		{`{"a":null}`, func(r Row) any { return r.ID("a") }, nil},
		{`{"a":null}`, func(r Row) any { return r.OptionalID("a") }, ""},
		{`{"a":"00000000-0000-0000-0000-000000000000"}`, func(r Row) any { return r.OptionalID("a") }, ""},
		{`{"a":"00000000-0000-0000-0000-000000000000"}`, func(r Row) any { return r.ID("a") }, nil},
		{`{"a":{"Value":true,"CanBeChanged":false}}`, managedOf, true},
		{`{"a":{"Value":null}}`, managedOf, "unknown"},
		{`{"a":{}}`, managedOf, nil},
		{`{"a":null}`, managedOf, "unknown"},
		{`{"a":true}`, managedOf, true},
		{`{"a":"true"}`, managedOf, nil},
		{`{"a":"userquery"}`, func(r Row) any { return r.nameOrNumber("a") }, "userquery"},
		{`{"a":4230}`, func(r Row) any { return r.nameOrNumber("a") }, "4230"},
		{`{"a":"4230"}`, func(r Row) any { return r.nameOrNumber("a") }, "4230"},
		{`{"a":null}`, func(r Row) any { return r.nameOrNumber("a") }, ""},
		{`{"a":true}`, func(r Row) any { return r.nameOrNumber("a") }, nil},
		{`{"a":"ReadAccess"}`, func(r Row) any { return r.accessRights("a") }, 1},
		{
			`{"a":"ReadAccess, WriteAccess,AppendAccess, AppendToAccess, CreateAccess, DeleteAccess, ShareAccess, AssignAccess"}`,
			func(r Row) any { return r.accessRights("a") }, 1 | 2 | 4 | 16 | 32 | 65536 | 262144 | 524288,
		},
		{`{"a":"None"}`, func(r Row) any { return r.accessRights("a") }, 0},
		{`{"a":"ReadAccess, AllAccess"}`, func(r Row) any { return r.accessRights("a") }, 1 | 1<<30},
		{`{"a":3}`, func(r Row) any { return r.accessRights("a") }, 3},
		{`{"a":true}`, func(r Row) any { return r.accessRights("a") }, nil},
		{`{"a":null}`, func(r Row) any { return r.accessRights("a") }, nil},
		{`{"a":[{"k":"` + id + `"}]}`, func(r Row) any { return len(objects(r, "a", "k", unkeyed)) }, 1},
		{`{"a":[{"k":"` + id + `"},{"k":"` + strings.ToLower(id) + `"}]}`, func(r Row) any { return len(objects(r, "a", "k", unkeyed)) }, nil},
		{`{"a":[{},{}]}`, func(r Row) any { return len(objects(r, "a", "", unkeyed)) }, 2},
		{`{"a":[null]}`, func(r Row) any { return len(objects(r, "a", "", unkeyed)) }, nil},
		{`{"a":null}`, func(r Row) any { return len(objects(r, "a", "", unkeyed)) }, nil},
		{`{}`, func(r Row) any { return len(objects(r, "a", "", unkeyed)) }, nil},
		{`null`, func(r Row) any { return r.Text("old") }, nil},
		{`[]`, func(r Row) any { return r.Text("old") }, nil},
	}
	for _, test := range tests {
		r := newRow(json.RawMessage(test.json), columnSet{"old": true})
		got := test.read(r)
		var faulty *inconsistentError
		if errors.As(r.err, &faulty) != (test.want == nil) || test.want != nil && fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v, %v; want %v", test.json, got, r.err, test.want)
		}
	}
}

func managedOf(r Row) any {
	if value, known := r.managedProperty("a"); known {
		return value
	}
	return "unknown"
}

func unkeyed(Row) struct{} { return struct{}{} }

// Shares are decoded in all spellings of a type, a mask or a principal.
func TestShares(t *testing.T) {
	t.Parallel()
	const user, view = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
	table := func(code, rights, inherited string) string {
		return `{"principalobjectaccessid":"33333333-3333-4333-8333-333333333333","principalid":"` + user + `","objectid":"` + view +
			`","objecttypecode":` + code + `,"accessrightsmask":` + rights + `,"inheritedaccessrightsmask":` + inherited + `}`
	}
	for row, want := range map[string]string{
		table(`"userquery"`, "1", "0"):         "[read]",
		table(`4230`, "1", "2"):                "[read write]",
		table(`"UserQuery"`, "null", "524288"): "[assign]",
		table(`"userquery"`, "134217729", "0"): "[read]",
		table(`"userquery"`, "0", "0"):         "[]",
		table(`"account"`, "1", "0"):           "[]",
		table(`1`, "1", "0"):                   "[]",
	} {
		r := newRow(json.RawMessage(row), nil)
		c := &collection{shares: []Share{decodeShare(r)}}
		s := snapshot.New()
		c.assembleShares(s)
		if got := fmt.Sprint(s.Shares[user][view].Rights); r.err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", row, got, r.err, want)
		}
	}
	for answer, want := range map[string]string{
		`[{"AccessMask":"ReadAccess","Principal":{"systemuserid":"` + user + `"}}]`:                              user + " 1",
		`[{"AccessMask":"ReadAccess, WriteAccess","Principal":{"@odata.type":"#team","teamid":"` + user + `"}}]`: user + " 3",
		`[{"AccessMask":"None","Principal":{"ownerid":"` + strings.ToUpper(user) + `"}}]`:                        user + " 0",
		`[{"AccessMask":"ReadAccess","Principal":null}]`:                                                         "",
		`[{"AccessMask":"ReadAccess","Principal":{"name":"x"}}]`:                                                 "",
		`[{"Principal":{"ownerid":"` + user + `"}}]`:                                                             "",
		`{"AccessMask":"ReadAccess"}`:                                                                            "",
	} {
		r := newRow(json.RawMessage(`{"PrincipalAccesses":`+answer+`}`), nil)
		got := ""
		for _, s := range decodePrincipalAccesses(r) {
			got = fmt.Sprint(s.Principal, " ", s.Mask)
		}
		if got != want || (r.err != nil) != (want == "") {
			t.Errorf("%s: %q, %v; want %q", answer, got, r.err, want)
		}
	}
}

// Each condition is in exactly one filter, and no URL is too long.
func TestJoinConditions(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 250, 5000} {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)
		}
		conditions := idConditions("teamid", ids)
		conditions = append(conditions, dataverse.Eq("name", strings.Repeat("'%", 3000)))
		whole := ""
		for _, filter := range joinConditions(conditions) {
			query := dataverse.Collection("teams").Select("teamid").Filter(filter)
			if strings.HasPrefix(query.String(), "!") {
				t.Fatal(query)
			}
			if length := len(query.String()); length > 20_000 {
				t.Errorf("%d conditions: a URL of %d bytes", n, length)
			}
			whole += query.String()
		}
		for _, id := range ids {
			if strings.Count(whole, id) != 1 {
				t.Errorf("%d conditions: %s appears %d times", n, id, strings.Count(whole, id))
			}
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		inconsistentf("the row x appears twice"): "the row x appears twice",
		fmt.Errorf("shares: %w", &dataverse.Error{
			Kind: dataverse.Transport, Label: "shares", Message: "read tcp 127.0.0.1:51234: reset", Attempts: 6,
		}): "shares: no answer: the connection broke or took too long: check the network and try again",
		&dataverse.Error{Kind: dataverse.Server, Status: 503, Label: "roles", Code: "0x8", CorrelationID: "c", Attempts: 6}: "roles: server error (HTTP 503, code 0x8): " +
			"the environment failed: try again later; if it fails again, give the correlation id to Microsoft Support",
	} {
		if got := explain(err, nil); got != want {
			t.Errorf("%v:\n got %s\nwant %s", err, got, want)
		}
	}
}

// Decoding any row returns values or an error, and never invents a required value.
func FuzzRows(f *testing.F) {
	const id = `"0a1b2c3d-0000-4000-8000-00000000000f"`
	for _, seed := range []string{
		`{}`, `null`, `{"roleid":` + id + `}`,
		`{"roleid":` + id + `,"name":"x","_businessunitid_value":` + id + `,"_parentrootroleid_value":null,"_roletemplateid_value":null,` +
			`"ismanaged":false,"iscustomizable":{"Value":true},"isinherited":1,"componentstate":0,"modifiedon":"2024-03-14T06:08:49Z"}`,
		`{"RolePrivileges":[{"Depth":"Global","PrivilegeId":` + id + `,"PrivilegeName":"prvReadAccount","RecordFilterId":null}]}`,
		`{"RolePrivileges":[{"Depth":"Global","PrivilegeId":null,"PrivilegeName":"prvReadAccount"},{"Depth":"Global","PrivilegeId":null}]}`,
		`{"PrincipalAccesses":[{"AccessMask":"ReadAccess, WriteAccess","Principal":{"systemuserid":` + id + `}}]}`,
		`{"principalid":` + id + `,"objectid":` + id + `,"objecttypecode":4230,"accessrightsmask":1,"inheritedaccessrightsmask":0}`,
		`{"systemuserid":` + id + `,"systemuserroles_association":[{"roleid":` + id + `}],"teammembership_association":[]}`,
		`{"organizationid":` + id + `,"name":"x","orgdborgsettings":"<OrgSettings><EnableOwnershipAcrossBusinessUnits>1</EnableOwnershipAcrossBusinessUnits></OrgSettings>"}`,
	} {
		f.Add([]byte(seed))
	}
	isID := func(s string) bool {
		_, err := dataverse.ParseGUID(s)
		return err == nil && s == strings.ToLower(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, take := range map[string]func(Row) []string{
			"role":   func(r Row) []string { o := decodeRole(r); return []string{o.id, o.RootID, o.BusinessUnitID} },
			"user":   func(r Row) []string { return []string{decodeUser(r).ID} },
			"holder": func(r Row) []string { return []string{decodeUserWithRoles(r).ID} },
			"team":   func(r Row) []string { o := decodeTeamWithRoles(r); return []string{o.id, o.BusinessUnitID} },
			"view":   func(r Row) []string { o := decodeView(r); return []string{o.id, o.OwnerID} },
			"system": func(r Row) []string { return []string{decodeSystemView(r).id} },
			"share":  func(r Row) []string { o := decodeShare(r); return []string{o.Principal, o.view} },
			"unit":   func(r Row) []string { return []string{decodeUnit(r).id} },
			"privilege": func(r Row) []string {
				return []string{decodePrivilege(r).ID}
			},
			"organization": func(r Row) []string { return []string{decodeOrganization(r).ID} },
			"accesses": func(r Row) (ids []string) {
				for _, a := range decodePrincipalAccesses(r) {
					ids = append(ids, a.Principal)
				}
				return ids
			},
			"grants": func(r Row) (ids []string) {
				for _, g := range decodeRoleGrants(r) {
					if g.ID == "" && g.Name != "" && g.Depth == audit.DepthNone && !g.Filtered {
						continue // only this privilege is unknown
					}
					ids = append(ids, g.ID)
				}
				return ids
			},
		} {
			r := newRow(data, nil)
			ids := take(r)
			if r.err != nil {
				var faulty *inconsistentError
				if !errors.As(r.err, &faulty) {
					t.Errorf("%s: the fault is not in the response: %v", name, r.err)
				}
				continue
			}
			for _, id := range ids {
				if !isID(id) {
					t.Errorf("%s: the id %q was made up from %s", name, id, data)
				}
			}
		}
	})
}
