package dataverse

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/enum"
)

// Cause is the cause of a refusal, as far as the environment says.
type Cause string

// The causes.
const (
	CauseUnknown              Cause = ""                                // the environment does not say
	CausePrivilege            Cause = "a privilege is missing"          // a privilege is missing, and named
	CauseNoRole               Cause = "no security role"                // the user has no security role at all
	CauseNotMember            Cause = "not a member"                    // the user does not exist there
	CauseUserDisabled         Cause = "the user is disabled"            // the user is disabled
	CauseUnitDisabled         Cause = "the business unit is disabled"   // the user's business unit is disabled
	CauseUnlicensed           Cause = "no license"                      // the user has no license
	CauseOrganizationDisabled Cause = "the environment is disabled"     // the environment is disabled as a whole
	CauseAdministrationMode   Cause = "administration mode"             // the environment admits only administrators
	CauseApplicationBlocked   Cause = "the application is blocked"      // the environment blocks this application
	CauseRestricted           Cause = "access is restricted"            // a gate before the Web API refuses: a firewall, conditional access, a proxy
	CauseClaims               Cause = "more is required of the sign-in" // the token is good, and conditional access asks for more
)

func (c Cause) String() string { return enum.String(c) }

// A refusal is how a cause is recognized, and the next step. The code is that of Microsoft's
// "Web service error codes"; the words, a regular expression, decide if the code is empty
// or general, in this order. In the advice, {who} is the user that is refused, {role} what to
// give to it, and {users} where that is done. The last field is another advice for when the
// request is made on behalf of another user.
type refusal struct {
	cause                               Cause
	code, pattern, advice, impersonated string
}

func refusals() []refusal {
	return []refusal{
		{
			CauseAdministrationMode, "0x8004a113", `admin(istration)?( only)? mode`,
			"the environment is in administration mode, which admits only System Administrators and System Customizers: " +
				"wait until an administrator turns it off (Power Platform admin center, Environments > (this one) > Edit); a role does not help", "",
		},
		{
			CauseOrganizationDisabled, "0x8004a104", `(organization|environment)\b.* is (currently )?disabled`,
			"the environment is disabled and cannot be read: a tenant administrator must enable it in the Power Platform admin center, or renew its subscription", "",
		},
		{
			CauseUnitDisabled, "0x8004032c", `business unit\b.* is disabled`,
			"the business unit of {who} is disabled, so its users cannot sign in: an administrator must enable the unit, or move the user to another ({users} > Business units)", "",
		},
		{
			CauseUserDisabled, "0x80040225", `user\b.* is disabled`,
			"this identity's user is disabled: an administrator must enable it ({users} > Application users, or Users)",
			"the impersonated user is disabled: enable the user, or make the change manually",
		},
		{
			CauseUnlicensed, "0x8004d24b", `not (been )?(assigned|have) (a|any) licen[cs]e|unlicensed`,
			"a license is missing: a tenant administrator must assign one to {who} in the Microsoft 365 admin center; an application user does not need one", "",
		},
		{
			CauseApplicationBlocked, "0x80095ffc", `restricted for this application|application\b.* is blocked`,
			"access to the Dataverse API is restricted for this application: an administrator of the Power Platform must allow its application id for this environment; a role does not help", "",
		},
		{
			CauseNoRole, "0x80042f09", `no roles are assigned|not been assigned any roles`,
			"this identity's user has no security role: an administrator must assign it {role} ({users})",
			"the impersonated user has no security role, so it cannot be impersonated: assign it one",
		},
		{
			CauseRestricted, "", `\bip (address|firewall)|firewall|conditional access`,
			"the request was refused before it reached Dataverse, so a role does not help: check the environment's IP firewall (Settings > Product > Privacy + Security), whether it is in administration mode, " +
				"Entra's conditional access policies, and any proxy in between", "",
		},
		{
			CauseNotMember, "0x80072560", "",
			"sign-in works, but this identity is not a user of the environment: {users} > Application users, add the app and give it {role}",
			"the impersonated user is not a user of the environment, or was deleted: check the user, or make the change manually",
		},
		{
			CauseClaims, "", "",
			"the sign-in succeeded, but a conditional access policy requires more: an Entra administrator must look it up under Sign-in logs, " +
				"and allow this identity from this network or exclude it from the policy", "",
		},
	}
}

// causeOfCode is the cause of an error code, if the code is specific.
func causeOfCode(code string) Cause {
	for _, known := range refusals() {
		if known.code != "" && known.code == canonicalCode(code) {
			return known.cause
		}
	}
	return CauseUnknown
}

// Cause returns the cause of a refusal.
func (e *Error) Cause() Cause {
	cause := causeOfCode(e.Code)
	switch {
	case cause != CauseUnknown:
		return cause
	case e.Kind == Unauthorized && e.needsClaims:
		return CauseClaims
	case e.Kind == NotMember:
		return CauseNotMember
	case e.Kind != Forbidden:
		return CauseUnknown
	case e.MissingPrivilege() != "":
		return CausePrivilege
	}
	for _, known := range refusals() {
		if known.pattern != "" && regexp.MustCompile("(?i)"+known.pattern).MatchString(e.Message) {
			return known.cause
		}
	}
	if e.notOData {
		return CauseRestricted
	}
	return CauseUnknown
}

// BlocksAllRequests reports whether the cause makes every request of this identity fail.
func (e *Error) BlocksAllRequests() bool {
	switch e.Cause() {
	case CauseOrganizationDisabled, CauseAdministrationMode, CauseApplicationBlocked, CauseClaims:
		return true
	case CauseNoRole, CauseNotMember, CauseUserDisabled, CauseUnitDisabled, CauseUnlicensed:
		return !e.Impersonated && !e.Change
	case CauseUnknown, CausePrivilege, CauseRestricted: // a gate may refuse some addresses only
	}
	return false
}

// canonicalCode returns an error code in lower-case hexadecimal: some responses
// have it as a signed number, some in capitals.
func canonicalCode(code string) string {
	if n, err := strconv.ParseInt(code, 10, 32); err == nil && n < 0 {
		return "0x" + strconv.FormatUint(uint64(uint32(n)), 16) //nolint:gosec // the bits are what counts
	}
	return strings.ToLower(code)
}
