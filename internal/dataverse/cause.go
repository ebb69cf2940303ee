package dataverse

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/enum"
)

// Cause is the cause of a refusal, as far as the environment says.
type Cause string

// The causes. The codes are those of Microsoft's "Web service error codes".
const (
	CauseUnknown              Cause = ""                                // the environment does not say
	CausePrivilege            Cause = "a privilege is missing"          // a privilege is missing, and named
	CauseNoRole               Cause = "no security role"                // the user has no security role at all
	CauseNotMember            Cause = "not a member"                    // the user does not exist there
	CauseUserDisabled         Cause = "the user is disabled"            // the user is disabled
	CauseUnitDisabled         Cause = "the business unit is disabled"   // the user's business unit is disabled
	CauseUnlicensed           Cause = "no licence"                      // the user has no licence
	CauseOrganizationDisabled Cause = "the environment is disabled"     // the environment is disabled as a whole
	CauseAdministrationMode   Cause = "administration mode"             // the environment lets administrators in only
	CauseApplicationBlocked   Cause = "the application is blocked"      // the environment blocks this application
	CauseRestricted           Cause = "access is restricted"            // a gate before the Web API refuses: a firewall, conditional access, a proxy
	CauseClaims               Cause = "more is required of the sign-in" // the token is good, and conditional access asks for more
)

func (c Cause) String() string { return enum.Word(c) }

// Cause gives the cause of a refusal.
func (e *Error) Cause() Cause {
	switch canonicalCode(e.Code) {
	case "0x8004a104":
		return CauseOrganizationDisabled
	case "0x8004a113":
		return CauseAdministrationMode
	case "0x80095ffc":
		return CauseApplicationBlocked
	case "0x80072560":
		return CauseNotMember
	case "0x8004032c":
		return CauseUnitDisabled
	case "0x8004d24b":
		return CauseUnlicensed
	case "0x80042f09":
		return CauseNoRole
	case "0x80040225":
		return CauseUserDisabled
	}
	switch e.Kind {
	case Unauthorized:
		if e.claims {
			return CauseClaims
		}
		return CauseUnknown
	case NotMember:
		return CauseNotMember
	case Forbidden:
	case Unknown, NotFound, BadRequest, Conflict, Throttled, Server, Transport, Protocol, Redirected:
		return CauseUnknown
	}
	if e.MissingPrivilege() != "" {
		return CausePrivilege
	}
	// Where the code is empty or general, the words decide.
	for _, c := range []struct {
		cause Cause
		words string
	}{
		{CauseAdministrationMode, `admin(istration)?( only)? mode`},
		{CauseOrganizationDisabled, `(organization|environment)\b.* is (currently )?disabled`},
		{CauseUnitDisabled, `business unit\b.* is disabled`},
		{CauseUserDisabled, `user\b.* is disabled`},
		{CauseUnlicensed, `not (been )?(assigned|have) (a|any) licen[cs]e|unlicensed`},
		{CauseApplicationBlocked, `restricted for this application|application\b.* is blocked`},
		{CauseNoRole, `no roles are assigned|not been assigned any roles`},
		{CauseRestricted, `\bip (address|firewall)|firewall|conditional access`},
	} {
		if regexp.MustCompile("(?i)" + c.words).MatchString(e.Message) {
			return c.cause
		}
	}
	if e.bare {
		return CauseRestricted
	}
	return CauseUnknown
}

// Total reports whether the cause makes every request of this identity fail.
func (e *Error) Total() bool {
	switch cause := e.Cause(); cause {
	case CauseUnknown, CausePrivilege, CauseRestricted:
		// A gate may refuse some addresses only.
		return false
	case CauseOrganizationDisabled, CauseAdministrationMode, CauseApplicationBlocked, CauseClaims:
		return true
	case CauseNoRole, CauseNotMember, CauseUserDisabled, CauseUnitDisabled, CauseUnlicensed:
		return !e.Impersonated && !e.Change
	}
	return false
}

// canonicalCode gives an error code in lower-case hexadecimal: some answers have it
// as a signed number, some in capitals.
func canonicalCode(code string) string {
	if n, err := strconv.ParseInt(code, 10, 32); err == nil && n < 0 {
		return "0x" + strconv.FormatUint(uint64(uint32(n)), 16) //nolint:gosec // the bits are what counts
	}
	return strings.ToLower(code)
}
