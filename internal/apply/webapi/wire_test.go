package webapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// A wire answers requests as it is told to, and remembers them.
type wire struct {
	answer func(*http.Request, string) (int, string)
	seen   []string
	header []http.Header
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(data)
	}
	w.seen = append(w.seen, r.Method+" "+r.URL.RequestURI()+" "+body)
	w.header = append(w.header, r.Header)
	status, text := w.answer(r, body)
	return &http.Response{
		StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(text)),
	}, nil
}

type fixed struct{}

func (fixed) Token(context.Context, dataverse.TokenOptions) (dataverse.Token, error) {
	return dataverse.Token{Value: dataverse.NewSecret("token"), ExpiresAt: time.Now().Add(time.Hour)}, nil
}

func (w *wire) environment(t *testing.T) *webapi.Environment {
	t.Helper()
	writer, err := dataverse.NewWriter(dataverse.Options{
		URL: "https://contoso.crm.dynamics.com", Tokens: fixed{}, Transport: w, Sleep: noSleep,
	})
	if err != nil {
		t.Fatal(err)
	}
	return webapi.New(writer)
}

const someID = "11111111-1111-4111-8111-111111111111"

func refusal(message string) string {
	data, err := json.Marshal(map[string]any{"error": map[string]string{"code": "0x80048d19", "message": message}})
	if err != nil {
		return ""
	}
	return string(data)
}

// TestOtherParameter has an environment that knows RemovePrivilegeRole's
// parameter by its other name only.
func TestOtherParameter(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(_ *http.Request, body string) (int, string) {
		if strings.Contains(body, `"Privilege"`) {
			return 400, refusal("The parameter 'Privilege' in the request payload is not a valid parameter for the operation 'RemovePrivilegeRole'.")
		}
		return 204, ""
	}}
	_, err := w.environment(t).Change(t.Context(), plan.Request{
		Method: http.MethodPost, Path: "roles(" + someID + ")/Microsoft.Dynamics.CRM.RemovePrivilegeRole",
		Body: json.RawMessage(`{"Privilege":{"@odata.type":"Microsoft.Dynamics.CRM.privilege","privilegeid":"` + someID + `"}}`),
	}, "take it")
	if err != nil || len(w.seen) != 2 || !strings.HasSuffix(w.seen[1], ` {"PrivilegeId":"`+someID+`"}`) {
		t.Errorf("%v: %v", err, w.seen)
	}
}

func TestEffects(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]apply.Effect{
		400: apply.EffectNone, 403: apply.EffectNone, 404: apply.EffectNone, 412: apply.EffectRaced,
		500: apply.EffectUncertain, 502: apply.EffectUncertain, 503: apply.EffectUncertain,
	} {
		w := &wire{answer: func(*http.Request, string) (int, string) { return status, refusal("no") }}
		_, err := w.environment(t).Change(t.Context(), plan.Request{Method: http.MethodDelete, Path: "roles(" + someID + ")"}, "delete")
		var change *apply.ChangeError
		if !errors.As(err, &change) || change.Effect != want || len(w.seen) != 1 {
			t.Errorf("%d: %v, sent %d times", status, err, len(w.seen))
		}
	}
}

// TestHeaders holds what goes with requests beside their bodies.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(*http.Request, string) (int, string) { return 204, "" }}
	e := w.environment(t)
	for _, r := range []plan.Request{
		{Method: http.MethodPatch, Path: "systemusers(" + someID + ")", IfMatch: `W/"7"`, Body: json.RawMessage(`{}`)},
		{Method: http.MethodPost, Path: "GrantAccess", As: &plan.Ref{ID: someID}, Body: json.RawMessage(`{}`)},
		{Method: http.MethodPost, Path: "GrantAccess", As: &plan.Ref{ID: "x", ObjectID: someID}, Body: json.RawMessage(`{}`)},
	} {
		if _, err := e.Change(t.Context(), r, "change"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.header[0].Get("If-Match"); got != `W/"7"` {
		t.Errorf("If-Match: %q", got)
	}
	if got := w.header[1].Get("MSCRMCallerID"); got != someID {
		t.Errorf("MSCRMCallerID: %q", got)
	}
	if got := w.header[2].Get("CallerObjectId"); got != someID {
		t.Errorf("CallerObjectId: %q", got)
	}
	if _, err := e.Change(t.Context(), plan.Request{Method: http.MethodGet, Path: "roles"}, "read"); err == nil {
		t.Error("a GET passed for a change")
	}
}

// TestOlderEnvironment has no column for soft deletion.
func TestOlderEnvironment(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(r *http.Request, _ string) (int, string) {
		if strings.Contains(r.URL.RawQuery, "deletedstate") {
			return 400, refusal("Could not find a property named 'deletedstate' on type 'Microsoft.Dynamics.CRM.systemuser'.")
		}
		return 200, `{"value":[{"@odata.etag":"W/\"7\"","systemuserid":"` + someID + `","isdisabled":true}]}`
	}}
	now, err := w.environment(t).Current(t.Context(), plan.Target{Kind: plan.KindUser, User: &plan.Ref{ID: someID}}, nil)
	if err != nil || now.State["user"] != plan.Disabled || now.IDs[plan.SlotTag] != `W/"7"` {
		t.Errorf("%v: %v", err, now)
	}
	if got := w.header[0].Get("Consistency"); got != "Strong" {
		t.Errorf("Consistency: %q", got)
	}
}

// TestGrantsWithoutNames has an environment whose answer gives ids of privileges
// alone, as the published $metadata has it.
func TestGrantsWithoutNames(t *testing.T) {
	t.Parallel()
	const otherID = "22222222-2222-4222-8222-222222222222"
	w := &wire{answer: func(r *http.Request, _ string) (int, string) {
		if strings.Contains(r.URL.Path, "RetrieveRolePrivilegesRole") {
			return 200, `{"RolePrivileges":[{"Depth":"Local","PrivilegeId":"` + someID + `","BusinessUnitId":"` + someID + `"}]}`
		}
		return 200, `{"value":[{"privilegeid":"` + someID + `","name":"prvReadaccount"},{"privilegeid":"` + otherID + `","name":"prvReadLead"}]}`
	}}
	now, err := w.environment(t).Current(t.Context(), plan.Target{Kind: plan.KindGrants, Role: &plan.Ref{ID: someID}}, []string{"prvReadAccount", "prvReadLead"})
	if err != nil || now.State["prvReadAccount"] != "local" || now.State["prvReadLead"] != plan.None ||
		now.IDs["prvReadAccount"] != someID || now.IDs["prvReadLead"] != otherID || len(w.seen) != 2 {
		t.Errorf("%v: %v, by %v", err, now, w.seen)
	}
	if _, err := w.environment(t).Held(t.Context()); err == nil {
		t.Error("privileges without names passed for held")
	}
}

func shareOf(owner plan.Ref) plan.Target {
	return plan.Target{
		Kind: plan.KindShare, View: &plan.Ref{ID: someID}, Owner: &owner,
		Principal: &plan.Ref{Kind: "systemuser", ID: "22222222-2222-4222-8222-222222222222"},
	}
}

// TestClosedShareTable has a table of shares that refuses to answer, or answers
// with nothing: the view's owner is asked then.
func TestClosedShareTable(t *testing.T) {
	t.Parallel()
	owner := plan.Ref{ID: someID, ObjectID: "33333333-3333-4333-8333-333333333333"}
	told := `{"PrincipalAccesses":[
		{"AccessMask":"ReadAccess,AppendToAccess","Principal":{"@odata.type":"#Microsoft.Dynamics.CRM.systemuser","ownerid":"22222222-2222-4222-8222-222222222222"}},
		{"AccessMask":"WriteAccess","Principal":{"@odata.type":"#Microsoft.Dynamics.CRM.team","teamid":"` + someID + `"}}]}`
	for name, test := range map[string]struct {
		table, view int
		want        string
	}{
		"closed":               {403, 200, "read, append-to"},
		"unknown":              {400, 200, "read, append-to"},
		"shows nothing":        {200, 200, "read, append-to"},
		"nobody may ask":       {200, 403, plan.None},
		"closed, and no owner": {403, 403, ""},
	} {
		w := &wire{answer: func(r *http.Request, _ string) (int, string) {
			status, body := test.table, `{"value":[]}`
			if strings.Contains(r.URL.Path, "RetrieveSharedPrincipalsAndAccess") {
				status, body = test.view, told
			}
			if status != 200 {
				return status, refusal("no")
			}
			return status, body
		}}
		now, err := w.environment(t).Current(t.Context(), shareOf(owner), nil)
		if got := now.State["access"]; got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got := w.header[len(w.header)-1].Get("CallerObjectId"); got != owner.ObjectID {
			t.Errorf("%s: asked as %q", name, got)
		}
	}
}

// TestOtherImpersonation has an environment that knows no CallerObjectId.
func TestOtherImpersonation(t *testing.T) {
	t.Parallel()
	w := &wire{answer: func(r *http.Request, _ string) (int, string) {
		if r.Header.Get("CallerObjectId") != "" {
			return 400, refusal("a header is not known")
		}
		return 204, ""
	}}
	_, err := w.environment(t).Change(t.Context(), plan.Request{
		Method: http.MethodPost, Path: "GrantAccess", As: &plan.Ref{ID: someID, ObjectID: "33333333-3333-4333-8333-333333333333"}, Body: json.RawMessage(`{}`),
	}, "share it")
	if err != nil || len(w.seen) != 2 || w.header[1].Get("MSCRMCallerID") != someID {
		t.Errorf("%v: %v", err, w.seen)
	}
}

// TestAuthor reads who made a row, where the environment says so.
func TestAuthor(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		w := &wire{answer: func(r *http.Request, _ string) (int, string) {
			if !known && strings.Contains(r.URL.RawQuery, "_createdby_value") {
				return 400, refusal("Could not find a property named '_createdby_value' on type 'Microsoft.Dynamics.CRM.role'.")
			}
			return 200, `{"value":[{"roleid":"` + someID + `","systemuserid":"` + someID + `","_createdby_value":"` + someID + `"}]}`
		}}
		for _, target := range []plan.Target{
			{Kind: plan.KindRole, Role: &plan.Ref{ID: someID}},
			{Kind: plan.KindUser, User: &plan.Ref{ID: someID}},
		} {
			now, err := w.environment(t).Current(t.Context(), target, nil)
			if err != nil || known && now.Author != someID {
				t.Errorf("%s, known %v: %v, made by %q", target.Kind, known, err, now.Author)
			}
		}
	}
}
