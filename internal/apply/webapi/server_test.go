package webapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A fakeServer is a transport that responds as configured, and records the requests.
type fakeServer struct {
	respond func(*http.Request, string) (int, string)
	// impersonated returns the user that WhoAmI reports for an impersonated request. Nil stands
	// for the impersonated user, who has the id someID.
	impersonated func(http.Header) string
	requests     []string
	headers      []http.Header
}

func (s *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(data)
	}
	var text string
	status := 200
	if caller := r.Header.Get("CallerObjectId") + r.Header.Get("MSCRMCallerID"); caller != "" && strings.HasSuffix(r.URL.Path, "/WhoAmI") {
		as := someID
		if s.impersonated != nil {
			as = s.impersonated(r.Header)
		}
		text = `{"UserId":"` + as + `","OrganizationId":"` + someID + `"}`
	} else {
		s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI()+" "+body)
		s.headers = append(s.headers, r.Header)
		status, text = s.respond(r, body)
	}
	return &http.Response{
		StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

type fixedToken struct{}

func (fixedToken) Token(context.Context, dataverse.TokenOptions) (dataverse.Token, error) {
	return dataverse.Token{Value: dataverse.NewSecret("token"), ExpiresAt: time.Now().Add(time.Hour)}, nil
}

func (s *fakeServer) environment(t *testing.T) *webapi.Environment {
	t.Helper()
	writer, err := dataverse.NewWriter(dataverse.Options{
		URL: "https://contoso.crm.dynamics.com", Tokens: fixedToken{}, Transport: s, Sleep: noSleep,
	})
	if err != nil {
		t.Fatal(err)
	}
	return webapi.New(writer)
}

const someID = "11111111-1111-4111-8111-111111111111"

// respondAlways returns a server that responds to every request in the same way.
func respondAlways(status int, text string) *fakeServer {
	return &fakeServer{respond: func(*http.Request, string) (int, string) { return status, text }}
}

// shareRequest returns the request that shares a view as a user.
func shareRequest(as *change.Ref) change.Request {
	return change.Request{Method: http.MethodPost, Path: "GrantAccess", As: as, Body: json.RawMessage(
		`{"Target":{},"PrincipalAccess":{"AccessMask":"ReadAccess","Principal":{"systemuserid":"` + someID + `"}}}`)}
}

func errorBody(message string) string {
	data, err := json.Marshal(map[string]any{"error": map[string]string{"code": "0x80048d19", "message": message}})
	if err != nil {
		return ""
	}
	return string(data)
}

// TestAlternativeBody: the environment knows only the other name of RemovePrivilegeRole's parameter.
func TestAlternativeBody(t *testing.T) {
	t.Parallel()
	s := &fakeServer{respond: func(_ *http.Request, body string) (int, string) {
		if strings.Contains(body, `"Privilege"`) {
			return 400, errorBody("The parameter 'Privilege' in the request payload is not a valid parameter for the operation 'RemovePrivilegeRole'.")
		}
		return 204, ""
	}}
	_, err := s.environment(t).Change(t.Context(), change.Request{
		Method: http.MethodPost, Path: "roles(" + someID + ")/Microsoft.Dynamics.CRM.RemovePrivilegeRole",
		Body: json.RawMessage(`{"Privilege":{"@odata.type":"Microsoft.Dynamics.CRM.privilege","privilegeid":"` + someID + `"}}`),
	}, change.Target{}, "remove it")
	if err != nil || len(s.requests) != 2 || !strings.HasSuffix(s.requests[1], ` {"PrivilegeId":"`+someID+`"}`) {
		t.Errorf("%v: %v", err, s.requests)
	}
}

// TestEffects: a request that the environment refuses had no effect. A request that a gateway
// refuses may have had one. Neither is sent again.
func TestEffects(t *testing.T) {
	t.Parallel()
	no, page := errorBody("no"), "<html>Blocked</html>"
	for _, tt := range []struct {
		statuses []int
		text     string
		want     apply.Effect
	}{
		{[]int{400, 403, 404}, no, apply.EffectNone},
		{[]int{412}, no, apply.EffectRaced},
		{[]int{500, 502, 503}, no, apply.EffectUncertain},
		{[]int{400, 403, 404, 409, 413}, page, apply.EffectUncertain},
	} {
		for _, status := range tt.statuses {
			s := respondAlways(status, tt.text)
			_, err := s.environment(t).Change(t.Context(), change.Request{Method: http.MethodDelete, Path: "roles(" + someID + ")"}, change.Target{}, "delete")
			if change, ok := errors.AsType[*apply.ChangeError](err); !ok || change.Effect != tt.want || len(s.requests) != 1 {
				t.Errorf("%d %s: %v, sent %d times", status, tt.text, err, len(s.requests))
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := respondAlways(204, "")
	e := s.environment(t)
	for _, r := range []change.Request{
		{Method: http.MethodPatch, Path: "systemusers(" + someID + ")", IfMatch: `W/"7"`, Body: json.RawMessage(`{}`)},
		shareRequest(&change.Ref{ID: someID}),
		shareRequest(&change.Ref{ID: someID, ObjectID: someID}),
	} {
		if _, err := e.Change(t.Context(), r, change.Target{}, "change"); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.headers[0].Get("If-Match"); got != `W/"7"` {
		t.Errorf("If-Match: %q", got)
	}
	if got := s.headers[1].Get("MSCRMCallerID"); got != someID {
		t.Errorf("MSCRMCallerID: %q", got)
	}
	if got := s.headers[2].Get("CallerObjectId"); got != someID {
		t.Errorf("CallerObjectId: %q", got)
	}
	if _, err := e.Change(t.Context(), change.Request{Method: http.MethodGet, Path: "roles"}, change.Target{}, "read"); err == nil {
		t.Error("a GET was sent as a change")
	}
}

// TestOlderEnvironment: an older environment has no column for soft deletion.
func TestOlderEnvironment(t *testing.T) {
	t.Parallel()
	s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
		if strings.Contains(r.URL.RawQuery, "deletedstate") {
			return 400, errorBody("Could not find a property named 'deletedstate' on type 'Microsoft.Dynamics.CRM.systemuser'.")
		}
		return 200, `{"value":[{"@odata.etag":"W/\"7\"","systemuserid":"` + someID + `","isdisabled":true,"fullname":"x","domainname":null,
			"applicationid":null,"_businessunitid_value":null,"_createdby_value":null,"createdon":null}]}`
	}}
	now, err := s.environment(t).Current(t.Context(), change.Target{Kind: change.TargetUser, User: &change.Ref{ID: someID}}, nil)
	if err != nil || now.State["user"] != change.Disabled || now.IDs[change.SlotTag] != `W/"7"` {
		t.Errorf("%v: %v", err, now)
	}
	if got := s.headers[0].Get("Consistency"); got != "Strong" {
		t.Errorf("Consistency: %q", got)
	}
}

// TestGrantsWithoutNames: the response has only the ids of privileges, as in the published
// $metadata.
func TestGrantsWithoutNames(t *testing.T) {
	t.Parallel()
	const otherID = "22222222-2222-4222-8222-222222222222"
	s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
		if strings.Contains(r.URL.Path, "RetrieveRolePrivilegesRole") {
			return 200, `{"RolePrivileges":[{"Depth":"Local","PrivilegeId":"` + someID + `","BusinessUnitId":"` + someID + `"}]}`
		}
		return 200, `{"value":[{"privilegeid":"` + someID + `","name":"prvReadaccount"` + anyDepth + `},{"privilegeid":"` + otherID + `","name":"prvReadLead"` + anyDepth + `}]}`
	}}
	now, err := s.environment(t).Current(t.Context(), change.Target{Kind: change.TargetGrants, Role: &change.Ref{ID: someID}}, []string{"prvReadAccount", "prvReadLead"})
	if err != nil || now.State["prvReadAccount"] != "local" || now.State["prvReadLead"] != change.None ||
		now.IDs["prvReadAccount"] != someID || now.IDs["prvReadLead"] != otherID || len(s.requests) != 3 {
		t.Errorf("%v: %v, by %v", err, now, s.requests)
	}
}

func shareTarget(owner change.Ref) change.Target {
	return change.Target{
		Kind: change.TargetShare, View: &change.Ref{ID: someID}, Owner: &owner,
		Principal: &change.Ref{Kind: "systemuser", ID: "22222222-2222-4222-8222-222222222222"},
	}
}

// TestClosedShareTable: if the table of shares cannot be read, or has no row, the shares are read as
// the view's owner.
func TestClosedShareTable(t *testing.T) {
	t.Parallel()
	owner := change.Ref{ID: someID, ObjectID: "33333333-3333-4333-8333-333333333333"}
	shares := `{"PrincipalAccesses":[
		{"AccessMask":"ReadAccess,AppendToAccess","Principal":{"@odata.type":"#Microsoft.Dynamics.CRM.systemuser","ownerid":"22222222-2222-4222-8222-222222222222"}},
		{"AccessMask":"WriteAccess","Principal":{"@odata.type":"#Microsoft.Dynamics.CRM.team","teamid":"` + someID + `"}}]}`
	for name, test := range map[string]struct {
		table, view int
		want        string
	}{
		"closed":               {403, 200, "read, append-to"},
		"unknown":              {400, 200, "read, append-to"},
		"empty":                {200, 200, "read, append-to"},
		"empty, and no owner":  {200, 403, change.None},
		"closed, and no owner": {403, 403, ""},
	} {
		s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
			status, body := test.table, `{"value":[]}`
			if strings.Contains(r.URL.Path, "RetrieveSharedPrincipalsAndAccess") {
				status, body = test.view, shares
			}
			if status != 200 {
				return status, errorBody("no")
			}
			return status, body
		}}
		now, err := s.environment(t).Current(t.Context(), shareTarget(owner), nil)
		if got := now.State["access"]; got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got := s.headers[len(s.headers)-1].Get("CallerObjectId"); got != owner.ObjectID {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}

// TestImpersonationBySystemUserID: the environment does not know the header CallerObjectId.
func TestImpersonationBySystemUserID(t *testing.T) {
	t.Parallel()
	s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
		if r.Header.Get("CallerObjectId") != "" {
			return 400, errorBody("a header is not known")
		}
		return 204, ""
	}}
	_, err := s.environment(t).Change(t.Context(), shareRequest(&change.Ref{ID: someID, ObjectID: "33333333-3333-4333-8333-333333333333"}), shareTarget(change.Ref{}), "share it")
	if err != nil || len(s.requests) != 2 || s.headers[1].Get("MSCRMCallerID") != someID {
		t.Errorf("%v: %v", err, s.requests)
	}
}

// TestIgnoredImpersonation: a proxy may drop headers, so a change is sent as the owner only after the
// environment confirms the impersonation.
func TestIgnoredImpersonation(t *testing.T) {
	t.Parallel()
	const applyingUser = "44444444-4444-4444-8444-444444444444"
	target := shareTarget(change.Ref{})
	request := shareRequest(&change.Ref{ID: someID, ObjectID: "33333333-3333-4333-8333-333333333333", Name: "Jane"})
	s := respondAlways(204, "")
	s.impersonated = func(http.Header) string { return applyingUser }
	_, err := s.environment(t).Change(t.Context(), request, target, "share it")
	var change *apply.ChangeError
	if !errors.As(err, &change) || change.Effect != apply.EffectNone || len(s.requests) != 0 || !strings.Contains(err.Error(), "impersonate the view's owner Jane") {
		t.Errorf("both dropped: %v: %v", err, s.requests)
	}
	s.impersonated = func(h http.Header) string {
		if h.Get("MSCRMCallerID") == someID {
			return someID
		}
		return applyingUser
	}
	_, err = s.environment(t).Change(t.Context(), request, target, "share it")
	if err != nil || len(s.requests) != 1 || s.headers[0].Get("MSCRMCallerID") != someID {
		t.Errorf("one dropped: %v: %v", err, s.requests)
	}
}

// TestCreation reads who created a row, and when. An environment may not have these columns.
func TestCreation(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
			for _, column := range []string{"_createdby_value", "createdon"} {
				if !known && strings.Contains(r.URL.RawQuery, column) {
					return 400, errorBody("Could not find a property named '" + column + "' on type 'Microsoft.Dynamics.CRM.role'.")
				}
			}
			return 200, collection(`{"roleid":"` + someID + `","systemuserid":"` + someID + `","name":"x","fullname":"x","domainname":null,"applicationid":null,
				"_businessunitid_value":"` + someID + `","_parentrootroleid_value":"` + someID + `","_roletemplateid_value":null,
				"isdisabled":false,"deletedstate":0,"_createdby_value":"` + someID + `","createdon":"2026-03-01T12:00:00Z"}`)
		}}
		for _, target := range []change.Target{
			{Kind: change.TargetRole, Role: &change.Ref{ID: someID}},
			{Kind: change.TargetUser, User: &change.Ref{ID: someID}},
		} {
			reading, err := s.environment(t).Current(t.Context(), target, nil)
			if err != nil || reading.Row == nil || known != (reading.Row.CreatedBy == someID) || known != reading.Row.CreatedOn.Equal(now()) {
				t.Errorf("%s, known %v: %v, %+v", target.Kind, known, err, reading.Row)
			}
		}
	}
}

// collection returns the body of a response with rows.
func collection(rows ...string) string { return `{"value":[` + strings.Join(rows, ",") + `]}` }

// TestStrictReading: a response that lacks a column, or has a row twice, is an error.
func TestStrictReading(t *testing.T) {
	t.Parallel()
	grants := change.Target{Kind: change.TargetGrants, Role: &change.Ref{ID: someID}}
	for name, tt := range map[string]struct {
		target change.Target
		answer string
	}{
		"no column": {change.Target{Kind: change.TargetRole, Role: &change.Ref{ID: someID}}, collection(`{"roleid":"` + someID + `"}`)},
		"twice":     {change.Target{Kind: change.TargetAssignment, Role: &change.Ref{}, Copy: &change.Ref{ID: someID}, User: &change.Ref{ID: someID}}, collection(`{"roleid":"`+someID+`"}`, `{"roleid":"`+someID+`"}`)},
		"no list":   {grants, `{}`},
		"no depth":  {grants, `{"RolePrivileges":[{"PrivilegeId":"` + someID + `","PrivilegeName":"prvReadAccount"}]}`},
		"no status": {change.Target{Kind: change.TargetUser, User: &change.Ref{ID: someID}}, collection(`{"systemuserid":"` + someID + `"}`)},
	} {
		s := respondAlways(200, tt.answer)
		if now, err := s.environment(t).Current(t.Context(), tt.target, []string{"prvReadAccount"}); err == nil {
			t.Errorf("%s: read as %v", name, now)
		}
	}
}

// TestOwnPrivileges: privileges for some records only do not count.
func TestOwnPrivileges(t *testing.T) {
	t.Parallel()
	const row = `{"Depth":%q,"PrivilegeId":"` + someID + `","PrivilegeName":%q,"BusinessUnitId":"` + someID + `","RecordFilterId":%q}`
	s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
		if strings.Contains(r.URL.Path, "WhoAmI") {
			return 200, `{"UserId":"` + someID + `","BusinessUnitId":"` + someID + `","OrganizationId":"` + someID + `"}`
		}
		const none = "00000000-0000-0000-0000-000000000000"
		return 200, `{"RolePrivileges":[` + fmt.Sprintf(row, "Global", "prvReadAccount", someID) + `,` +
			fmt.Sprintf(row, "Local", "prvReadAccount", none) + `,` + fmt.Sprintf(row, "Global", "prvReadLead", someID) + `]}`
	}}
	held, err := s.environment(t).OwnPrivileges(t.Context(), []string{"prvReadAccount", "prvReadLead"})
	if err != nil || held["prvreadaccount"] != audit.DepthLocal || held["prvreadlead"] != audit.DepthNone {
		t.Errorf("got %v, %v", held, err)
	}
}

// TestOwnPrivilegesWithoutNames: the response has no names, and the environment does not define every
// privilege in it.
func TestOwnPrivilegesWithoutNames(t *testing.T) {
	t.Parallel()
	const unknownID = "22222222-2222-4222-8222-222222222222"
	s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
		switch {
		case strings.Contains(r.URL.Path, "WhoAmI"):
			return 200, `{"UserId":"` + someID + `","BusinessUnitId":"` + someID + `","OrganizationId":"` + someID + `"}`
		case strings.Contains(r.URL.Path, "RetrieveUserPrivileges"):
			const row = `{"Depth":"Global","PrivilegeId":%q,"BusinessUnitId":"` + someID + `"}`
			return 200, `{"RolePrivileges":[` + fmt.Sprintf(row, someID) + `,` + fmt.Sprintf(row, unknownID) + `]}`
		}
		return 200, collection(`{"privilegeid":"` + someID + `","name":"prvReadAccount"` + anyDepth + `}`)
	}}
	held, err := s.environment(t).OwnPrivileges(t.Context(), []string{"prvReadAccount", "prvReadLead"})
	if err != nil || held["prvreadaccount"] != audit.DepthGlobal || held["prvreadlead"] != audit.DepthNone {
		t.Errorf("got %v, %v", held, err)
	}
}

// TestFilteredGrants: a privilege for some records only does not count, and is reported. A privilege
// at an unknown depth is ignored unless it is one of the names.
func TestFilteredGrants(t *testing.T) {
	t.Parallel()
	const row = `{"Depth":%q,"PrivilegeId":"` + someID + `","PrivilegeName":%q,"BusinessUnitId":"` + someID + `","RecordFilterId":%q}`
	for _, tt := range []struct{ depth, name, filter, filtered string }{
		{"Global", "prvReadAccount", someID, "prvReadAccount"},
		{"RecordFilter", "prvReadAccount", "", "prvReadAccount"},
		{"Utter", "prvReadOther", "", ""},
	} {
		s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
			if strings.Contains(r.URL.Path, "RetrieveRolePrivilegesRole") {
				return 200, strings.ReplaceAll(`{"RolePrivileges":[`+fmt.Sprintf(row, tt.depth, tt.name, tt.filter)+`]}`, `"RecordFilterId":""`, `"RecordFilterId":null`)
			}
			return 200, collection(`{"privilegeid":"` + someID + `","name":"prvReadAccount"` + anyDepth + `}`)
		}}
		now, err := s.environment(t).Current(t.Context(), change.Target{Kind: change.TargetGrants, Role: &change.Ref{ID: someID}}, []string{"prvReadAccount"})
		if err != nil || strings.Join(now.Filtered, ",") != tt.filtered || now.State["prvReadAccount"] != change.None {
			t.Errorf("%v: %v, %+v", tt, err, now)
		}
	}
}

// TestSettling: a share may be tried again only if it was refused because the recipient cannot read
// views.
func TestSettling(t *testing.T) {
	t.Parallel()
	const otherID = "22222222-2222-4222-8222-222222222222"
	target := change.Target{Kind: change.TargetShare, Principal: &change.Ref{ID: someID}}
	for id, want := range map[string]bool{someID: true, otherID: false} {
		s := respondAlways(403, errorBody("Principal user (Id="+id+", type=8, roleCount=1) is missing prvReadUserQuery privilege (Id=x) on OTC=4230"))
		_, err := s.environment(t).Change(t.Context(), shareRequest(nil), target, "share it")
		var change *apply.ChangeError
		if !errors.As(err, &change) || change.Effect != apply.EffectNone || change.Settling != want {
			t.Errorf("%s: %+v", id, change)
		}
		if names := strings.Contains(err.Error(), "it is the recipient of the share that lacks prvReadUserQuery"); names != want {
			t.Errorf("%s is named as the recipient: %t: %v", id, names, err)
		}
		if s.headers[0].Get("Consistency") != "Strong" {
			t.Error("sent without Consistency")
		}
	}
}

// TestHiddenHolders: an empty intersect table does not prove that nobody has the role.
func TestHiddenHolders(t *testing.T) {
	t.Parallel()
	const user = "33333333-3333-4333-8333-333333333333"
	s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "WhoAmI"):
			return 200, `{"OrganizationId":"` + someID + `","UserId":"` + someID + `","BusinessUnitId":"` + someID + `"}`
		case strings.Contains(path, "RetrieveUserPrivileges"):
			return 200, `{"RolePrivileges":[]}`
		case strings.HasSuffix(path, "roles("+someID+")/systemuserroles_association"):
			return 200, collection(`{"systemuserid":"` + user + `"}`)
		case strings.HasSuffix(path, "/systemusers"):
			return 200, collection(`{"systemuserid":"` + user + `","fullname":"Sofia"}`)
		}
		return 200, collection()
	}}
	held, err := s.environment(t).Holders(t.Context(), someID)
	if err != nil || len(held.Holders) != 1 || held.Holders[0].Name != "Sofia" {
		t.Errorf("%v, %+v", err, held)
	}
}

// TestHoldersOfACopy: the holders of a copy are the holders of all copies. They include a team
// without members. If the table of assignments cannot be read, each copy is read. If the
// identity does not see all users, the result is incomplete.
func TestHoldersOfACopy(t *testing.T) {
	t.Parallel()
	const root, user, team = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
	role := `{"roleid":"` + someID + `","name":"x","_businessunitid_value":"` + someID + `","_parentrootroleid_value":"` + root + `",
		"_roletemplateid_value":null,"_createdby_value":null,"createdon":null}`
	for depth, incomplete := range map[string]bool{"Global": false, "Deep": false, "Local": true} { // deep from the root unit is everything
		s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
			query := r.URL.RawQuery
			switch path := r.URL.Path; {
			case strings.HasSuffix(path, "WhoAmI"):
				return 200, `{"OrganizationId":"` + someID + `","UserId":"` + someID + `","BusinessUnitId":"` + someID + `"}`
			case strings.Contains(path, "RetrieveUserPrivileges"):
				var list []string
				for _, name := range []string{"prvReadUser", "prvReadTeam", "prvReadRole"} {
					list = append(list, `{"Depth":"`+depth+`","PrivilegeId":"`+someID+`","PrivilegeName":"`+name+`","BusinessUnitId":"`+someID+`","RecordFilterId":null}`)
				}
				return 200, `{"RolePrivileges":[` + strings.Join(list, ",") + `]}`
			case strings.HasSuffix(path, "/roles"):
				return 200, collection(role)
			case strings.HasSuffix(path, "/systemuserrolescollection") && depth == "Deep":
				return 403, `{"error":{"code":"0x80040220","message":"no"}}`
			case strings.Contains(path, root) && strings.HasSuffix(path, "/systemuserroles_association"):
				return 200, collection(`{"systemuserid":"` + user + `"}`)
			case strings.HasSuffix(path, "/teamrolescollection"):
				return 200, collection(`{"teamroleid":"` + someID + `","roleid":"` + root + `","teamid":"` + team + `"}`)
			case strings.HasSuffix(path, "/teams"):
				return 200, collection(`{"teamid":"` + team + `","name":"Sales"}`)
			case strings.HasSuffix(path, "/systemuserrolescollection") && strings.Contains(query, root):
				return 200, collection(`{"systemuserroleid":"` + someID + `","roleid":"` + root + `","systemuserid":"` + user + `"}`)
			case strings.HasSuffix(path, "/systemusers"):
				return 200, collection(`{"systemuserid":"` + user + `","fullname":"Sofia"}`)
			case strings.HasSuffix(path, "/businessunits"):
				return 200, collection(`{"businessunitid":"` + someID + `"}`)
			}
			return 200, collection()
		}}
		held, err := s.environment(t).Holders(t.Context(), someID)
		if err != nil || fmt.Sprint(held.Holders) != `[the team "Sales" "Sofia"]` || (held.Incomplete != "") != incomplete {
			t.Errorf("%s: %v, %+v", depth, err, held)
		}
	}
}

// anyDepth is the end of the definition of a privilege that allows all depths.
const anyDepth = `,"canbebasic":true,"canbelocal":true,"canbedeep":true,"canbeglobal":true`
