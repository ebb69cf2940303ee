package dataverse

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// The status, the code or the message identify the cause. Advice recommends a role only if a privilege
// or a role is missing.
func TestCauses(t *testing.T) {
	const user = "af6d214e-90b6-ec11-983f-00224883c651"
	for _, c := range []struct {
		name          string
		status        int
		kind          string // content type, JSON where it is empty
		code, message string
		cause         Cause
		want          ErrorKind
		total         bool
		advice        string
	}{
		{"disabled organization", 403, "", "0x8004a104", "The organization is currently disabled.", CauseOrganizationDisabled, Forbidden, true, "must enable it"},
		{"its code in capitals, as 400", 400, "", "0x8004A104", "x", CauseOrganizationDisabled, Forbidden, true, "must enable it"},
		{"its code as a number", 503, "", "-2147180284", "x", CauseOrganizationDisabled, Forbidden, true, "must enable it"},
		{"administration mode", 403, "", "0x8004A113", "User does not have required privileges to access the org when it is in Admin Only mode.", CauseAdministrationMode, Forbidden, true, "administration mode"},
		{"administration mode in words", 403, "", "", "The environment is in administration mode.", CauseAdministrationMode, Forbidden, true, "wait until"},
		{"a gate's page", 403, "text/html", "", "<html><title>Forbidden</title></html>", CauseRestricted, Forbidden, false, "IP firewall"},
		{"a gate without a text", 403, "text/plain", "", "", CauseRestricted, Forbidden, false, "conditional access"},
		{"a gate's own JSON", 403, "application/problem+json", "", `{"title":"Forbidden"}`, CauseRestricted, Forbidden, false, "IP firewall"},
		{"a firewall in words", 403, "", "", "Access from this IP address is not allowed.", CauseRestricted, Forbidden, false, "IP firewall"},
		{"blocked application", 403, "", "0x80095ffc", "Access to Dataverse API is restricted for this application Id : 'x'.", CauseApplicationBlocked, Forbidden, true, "restricted for this application"},
		{"no member", 403, "", "0x80072560", "The user is not a member of the organization.", CauseNotMember, NotMember, true, "Application users"},
		{"no license", 403, "", "0x8004D24B", "The user has not been assigned any License", CauseUnlicensed, Forbidden, true, "license"},
		{"disabled user", 403, "", "0x80048306", "The user with SystemUserId=x is disabled. Consider enabling this user.", CauseUserDisabled, Forbidden, true, "must enable it"},
		{"disabled unit", 403, "", "0x8004032c", "The specified business unit is disabled.", CauseUnitDisabled, Forbidden, true, "business unit"},
		{"no role", 403, "", "0x80042f09", "The user has not been assigned any roles.", CauseNoRole, Forbidden, true, "no security role"},
		{"a privilege", 403, "", "0x80040220", "Principal user (Id=" + user + ", type=8), is missing prvReadRole privilege", CausePrivilege, Forbidden, false, "give prvReadRole"},
		{"no message", 403, "", "", "", CauseUnknown, Forbidden, false, "no privilege is named"},
		{"access denied", 403, "", "0x80048306", "denied", CauseUnknown, Forbidden, false, "enabled"},
		{"claims", 401, "", "", "", CauseClaims, Unauthorized, true, "conditional access"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
				switch {
				case c.status == 401:
					w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="`)
					w.WriteHeader(401)
				case c.kind != "":
					w.Header().Set("Content-Type", c.kind)
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.message)
				default:
					writeError(w, c.status, c.code, c.message)
				}
			})
			_, err := s.client.Get(t.Context(), Row("roles", idA).Request("a role"))
			e := asError(t, err)
			if e.Kind != c.want || e.Cause() != c.cause || e.BlocksAllRequests() != c.total {
				t.Errorf("%s, because %s, total %v: %v", e.Kind, e.Cause(), e.BlocksAllRequests(), e)
			}
			if !strings.Contains(e.Advice(), c.advice) {
				t.Errorf("advice %q lacks %q", e.Advice(), c.advice)
			}
			role := strings.Contains(e.Advice(), "give ") || strings.Contains(e.Advice(), "grant ")
			if role && c.cause != CausePrivilege && c.cause != CauseNoRole && c.cause != CauseNotMember {
				t.Errorf("a role is advised: %q", e.Advice())
			}
		})
	}
}

// The environment names the principal that lacks a privilege, which may be another than the caller.
func TestPrincipal(t *testing.T) {
	auditor, owner, stranger := GUID("11111111-1111-4111-8111-111111111111"), GUID("22222222-2222-4222-8222-222222222222"), GUID("33333333-3333-4333-8333-333333333333")
	known := PrincipalNames{auditor: "the auditor", owner: "the view's owner"}
	refusal := func(id GUID) *Error {
		return &Error{Kind: Forbidden, Message: "Principal user (Id=" + strings.ToUpper(id.String()) + ", type=8, roleCount=1), is missing prvReadUserQuery privilege (Id=" + stranger.String() + ")"}
	}
	for id, want := range map[GUID]string{auditor: "the auditor that lacks prvReadUserQuery", owner: "the view's owner that lacks prvReadUserQuery", stranger: "give prvReadUserQuery"} {
		e := refusal(id)
		if e.Principal() != id || !strings.Contains(e.AdviceFor(known), want) {
			t.Errorf("%s: %s: %q", id, e.Principal(), e.AdviceFor(known))
		}
	}
	e := refusal(stranger)
	e.Change = true
	if advice := e.Advice(); !strings.Contains(advice, stranger.String()) {
		t.Errorf("a change's target is not named: %q", advice)
	}
	if e := (&Error{Kind: Forbidden, Message: "is missing prvReadRole privilege"}); e.Principal() != "" || e.AdviceFor(known) != e.Advice() {
		t.Errorf("%q of nobody: %q", e.Principal(), e.AdviceFor(known))
	}
}
