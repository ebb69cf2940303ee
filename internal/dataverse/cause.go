package dataverse

import (
	"regexp"
	"strconv"
	"strings"
)

// Cause is the cause of a refusal, as far as the environment says.
type Cause int

// The causes. The codes are those of Microsoft's "Web service error codes".
const (
	CauseUnknown              Cause = iota // the environment does not say
	CausePrivilege                         // a privilege is missing, and named
	CauseNoRole                            // the user has no security role at all
	CauseNotMember                         // the environment has no such user
	CauseUserDisabled                      // the user is disabled
	CauseUnitDisabled                      // the user's business unit is disabled
	CauseUnlicensed                        // the user has no licence
	CauseOrganizationDisabled              // the environment is disabled as a whole
	CauseAdministrationMode                // the environment lets administrators in only
	CauseApplicationBlocked                // the environment blocks this application
	CauseRestricted                        // a gate before the Web API refuses: a firewall, conditional access, a proxy
	CauseClaims                            // the token is good, and conditional access asks for more
)

// String gives the cause's name in lower case.
func (c Cause) String() string {
	switch c {
	case CausePrivilege:
		return "a privilege is missing"
	case CauseNoRole:
		return "no security role"
	case CauseNotMember:
		return "not a member"
	case CauseUserDisabled:
		return "the user is disabled"
	case CauseUnitDisabled:
		return "the business unit is disabled"
	case CauseUnlicensed:
		return "no licence"
	case CauseOrganizationDisabled:
		return "the environment is disabled"
	case CauseAdministrationMode:
		return "administration mode"
	case CauseApplicationBlocked:
		return "the application is blocked"
	case CauseRestricted:
		return "access is restricted"
	case CauseClaims:
		return "more is required of the sign-in"
	case CauseUnknown:
	}
	return "unknown"
}

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

// Total reports whether the cause stands against every request of this identity,
// so that the next one is refused for it too.
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

// causeAdvice says who ends a cause, and where. It is "" for causes that the status
// or the code tells better.
func (e *Error) causeAdvice() string {
	const users = "in the Power Platform admin center, Environments > (this one) > Settings > Users + permissions"
	who := "this identity's user"
	if e.Impersonated {
		who = "the user on whose behalf this is done"
	}
	switch e.Cause() {
	case CauseOrganizationDisabled:
		return "the environment is disabled, and nobody can read it: an administrator of the tenant enables it in the Power Platform admin center, or renews the subscription that it belongs to"
	case CauseAdministrationMode:
		return "the environment is in administration mode, which lets System Administrators and System Customizers in only: " +
			"wait until its administrator ends it (Power Platform admin center, Environments > (this one) > Edit), a role does not help"
	case CauseApplicationBlocked:
		return "access to the Dataverse API is restricted for this application: an administrator of the Power Platform must allow its application id for this environment, a role does not help"
	case CauseRestricted:
		return "a gate before Dataverse refused, and no role helps: an administrator of the environment checks its IP firewall (Settings > Product > Privacy + Security) and whether it is in administration mode, " +
			"an Entra administrator the conditional access policies, you any proxy in between"
	case CauseClaims:
		return "the sign-in is good, and a conditional access policy asks for more of it: an Entra administrator looks it up under Sign-in logs, " +
			"and allows this identity from this network or excludes it from the policy"
	case CauseUnlicensed:
		return "a licence is missing: an administrator of the tenant assigns one to " + who + " in the Microsoft 365 admin center; an application user needs none"
	case CauseUnitDisabled:
		return "the business unit of " + who + " is disabled, which locks its users out: an administrator enables the unit, or moves the user to another (" + users + " > Business units)"
	case CauseUserDisabled:
		switch {
		case e.Impersonated:
			return "the user on whose behalf this is done is disabled: enable the user, or have it done by hand"
		case e.Change:
			return "enable the user first"
		}
		return "this identity's user is disabled: an administrator enables it (" + users + " > Application users, or Users)"
	case CauseNoRole:
		if e.Impersonated {
			return "the user on whose behalf this is done has no security role, and so nobody can act as it: assign it one"
		}
		return "this identity's user has no security role: an administrator assigns it " + e.role() + " (" + users + ")"
	case CauseNotMember:
		if e.Impersonated {
			return "the impersonated user is not a user of the environment, or was deleted: check the user, or make the change manually"
		}
		return "sign-in works, but this identity is not a user of the environment: " + users + " > Application users, add the app and give it " + e.role()
	case CausePrivilege, CauseUnknown:
	}
	return ""
}

// Known names principals by their ids as advice is to name them: "the auditor",
// "the view's owner Jane".
type Known map[GUID]string

// Principal gives the id of the user or team that the environment says lacks a
// privilege, or "". It may be the caller, whoever is acted for, or the target of a
// share.
func (e *Error) Principal() GUID {
	m := regexp.MustCompile(`(?i)principal (?:user|team)?\s*\(id=\{?([0-9a-f-]{36})`).FindStringSubmatch(e.Message)
	if m == nil {
		return ""
	}
	id, err := ParseGUID(m[1])
	if err != nil {
		return ""
	}
	return id
}

// AdviceFor is Advice by one who knows some principals: where the environment says
// who lacks a privilege, the advice names them.
func (e *Error) AdviceFor(known Known) string {
	privilege, lacking := e.MissingPrivilege(), e.Principal()
	name := known[lacking]
	if e.MayHaveHappened || e.Kind != Forbidden || e.Cause() != CausePrivilege || lacking == "" || name == "" {
		return e.Advice()
	}
	if strings.EqualFold(privilege, actOnBehalf) {
		return "give " + privilege + " to a security role that is assigned to " + name + " directly (Business Management > Act on Behalf of Another User)"
	}
	return "it is " + name + " that lacks " + privilege + ": give " + privilege + " to a security role of " + name + ", at organization level where the editor allows it"
}
