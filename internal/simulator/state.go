package simulator

import (
	"net/http"
	"slices"
)

// A State says how the environment as a whole responds. With the zero value it handles requests.
type State string

// The states. Microsoft does not document the response of a firewall, so there are several.
const (
	StateNormal         State = ""
	StateDisabled       State = "disabled"
	StateAdministration State = "administration-mode" // admits only System Administrators and System Customizers
	StateFirewall       State = "firewall"            // refuses everyone in the Web API's form, without a code
	StateFirewallPage   State = "firewall-page"       // refuses everyone with an HTML page
	StateFirewallSilent State = "firewall-silent"     // refuses everyone with an empty body
	StateClaims         State = "insufficient-claims" // answers 401 to every token: conditional access requires more claims
)

// claimsChallenge is the example in the documentation of continuous access evaluation.
const claimsChallenge = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNjA0MTA2NjUxIn19fQ=="

// refusedByState writes the response to any request with a valid token if the environment's state admits
// nobody. It reports whether it did.
func (s *Server) refusedByState(w http.ResponseWriter) bool {
	switch s.current.Load().env.Organization.State {
	case StateNormal, StateAdministration:
		return false
	case StateDisabled:
		writeError(w, forbidden(codeOrganizationDisabled, "The Dynamics 365 organization you are attempting to access is currently disabled. Please contact your system administrator."))
	case StateFirewall:
		writeError(w, forbidden(codeNone, "Access from this IP address is not allowed by the IP firewall of the environment."))
	case StateFirewallPage:
		writePage(w, http.StatusForbidden)
	case StateFirewallSilent:
		w.WriteHeader(http.StatusForbidden)
	case StateClaims:
		w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+s.authorityURL+"/"+s.TenantID()+
			`/oauth2/authorize", error="insufficient_claims", claims="`+claimsChallenge+`"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	return true
}

// checkUser returns an error for a user who cannot use the service at all.
func (c *call) checkUser(u *user) error {
	switch {
	case u.Disabled:
		return forbidden(codeAccessDenied, "The user with SystemUserId=%s in OrganizationContext=%s is disabled. Consider enabling this user.", u.ID, c.db.env.Organization.URLName)
	case u.unit.isDisabled():
		return forbidden(codeUnitNotEnabled, "The specified business unit : '%s' is disabled.", u.unit.ID)
	case u.LicenceMissing:
		return forbidden(codeNoLicense, "The user has not been assigned any License")
	}
	assignments := c.db.assignments(u)
	if len(assignments) == 0 {
		return forbidden(codeNoRoles, "SecLib::RetrievePrivilegeForUser failed - no roles are assigned to user. Returned hr = -2147209463, User: %s", u.ID)
	}
	if c.db.env.Organization.State != StateAdministration || slices.ContainsFunc(assignments, func(a assignment) bool {
		return a.role.isAdministrator() || a.role.Template == systemCustomizerTemplate
	}) {
		return nil
	}
	return forbidden(codeAdminModeOnly, "User does not have required privileges (or role membership) to access the org when it is in Admin Only mode.")
}
