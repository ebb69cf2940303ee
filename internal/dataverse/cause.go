package dataverse

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/enum"
)

// A Cause is the cause of a refusal, as far as the environment says.
type Cause string

// The causes.
const (
	CauseUnknown              Cause = ""                                // the environment does not say
	CausePrivilege            Cause = "a privilege is missing"          // the environment names the privilege
	CauseNoRole               Cause = "no security role"                // the user has no security role
	CauseNotMember            Cause = "not a member"                    // the environment has no such user
	CauseUserDisabled         Cause = "the user is disabled"            // the caller, or the impersonated user
	CauseUnitDisabled         Cause = "the business unit is disabled"   // the user's business unit
	CauseUnlicensed           Cause = "no license"                      // the user has no license
	CauseOrganizationDisabled Cause = "the environment is disabled"     // for all users
	CauseAdministrationMode   Cause = "administration mode"             // only administrators are admitted
	CauseApplicationBlocked   Cause = "the application is blocked"      // by the environment
	CauseRestricted           Cause = "access is restricted"            // by a firewall, conditional access or a proxy before the Web API
	CauseClaims               Cause = "more is required of the sign-in" // the token is valid, and conditional access requires more claims
)

func (c Cause) String() string { return enum.String(c) }

// A refusal says how a cause is recognized, and what to do. The code is from Microsoft's "Web service
// error codes". If the response has no code or a general one, the first pattern that matches the
// message decides. In the advice, {who} is the user that is refused, {role} the role to assign, and
// {users} where users are managed. The field impersonated has the advice for impersonated requests,
// if it differs.
type refusal struct {
	cause                               Cause
	code, pattern, advice, impersonated string
}

func refusals() []refusal {
	return []refusal{
		{
			cause: CauseAdministrationMode, code: "0x8004a113", pattern: `admin(istration)?( only)? mode`,
			advice: "the environment is in administration mode, which admits only System Administrators and System Customizers: " +
				"wait until an administrator turns it off (Power Platform admin center, Manage > Environments > (this one) > Edit); a role does not help",
		},
		{
			cause: CauseOrganizationDisabled, code: "0x8004a104", pattern: `(organization|environment)\b.* is (currently )?disabled`,
			advice: "the environment is disabled and cannot be read: a tenant administrator must enable it in the Power Platform admin center, or renew its subscription",
		},
		{
			cause: CauseUnitDisabled, code: "0x8004032c", pattern: `business unit\b.* is disabled`,
			advice: "the business unit of {who} is disabled, so its users cannot sign in: an administrator must enable the unit, or move the user to another ({users} > Business units)",
		},
		{
			cause: CauseUserDisabled, code: "0x80040225", pattern: `user\b.* is disabled`,
			advice:       "this identity's user is disabled: an administrator must enable it ({users} > Application users, or Users)",
			impersonated: "the impersonated user is disabled: enable the user, or make the change manually",
		},
		{
			cause: CauseUnlicensed, code: "0x8004d24b", pattern: `not (been )?(assigned|have) (a|any) licen[cs]e|unlicensed`,
			advice: "a license is missing: a tenant administrator must assign one to {who} in the Microsoft 365 admin center; an application user does not need one",
		},
		{
			cause: CauseApplicationBlocked, code: "0x80095ffc", pattern: `restricted for this application|application\b.* is blocked`,
			advice: "access to the Dataverse API is restricted for this application: an administrator of the Power Platform must allow its application id for this environment; a role does not help",
		},
		{
			cause: CauseNoRole, code: "0x80042f09", pattern: `no roles are assigned|not been assigned any roles`,
			advice:       "this identity's user has no security role: an administrator must assign it {role} ({users})",
			impersonated: "the impersonated user has no security role, so it cannot be impersonated: assign it one",
		},
		{
			cause: CauseRestricted, pattern: `\bip (address|firewall)|firewall|conditional access`,
			advice: "the request was refused before it reached Dataverse, so a role does not help: check the environment's IP firewall (Settings > Product > Privacy + Security), whether it is in administration mode, " +
				"Entra's conditional access policies, and any proxy in between",
		},
		{
			cause: CauseNotMember, code: "0x80072560",
			advice:       "sign-in works, but this identity is not a user of the environment: {users} > Application users, add the app and give it {role}",
			impersonated: "the impersonated user is not a user of the environment, or was deleted: check the user, or make the change manually",
		},
		{
			cause: CauseClaims,
			advice: "the sign-in succeeded, but a conditional access policy requires more: an Entra administrator must look it up under Sign-in logs, " +
				"and allow this identity from this network or exclude it from the policy",
		},
	}
}

// causeOfCode returns the cause of an error code, CauseUnknown if the code is general.
func causeOfCode(code string) Cause {
	for _, r := range refusals() {
		if r.code != "" && r.code == canonicalCode(code) {
			return r.cause
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
	for _, r := range refusals() {
		if r.pattern != "" && regexp.MustCompile("(?i)"+r.pattern).MatchString(e.Message) {
			return r.cause
		}
	}
	if e.notOData {
		return CauseRestricted
	}
	return CauseUnknown
}

// BlocksAllRequests reports whether every request of this identity fails for the same cause.
func (e *Error) BlocksAllRequests() bool {
	switch e.Cause() {
	case CauseOrganizationDisabled, CauseAdministrationMode, CauseApplicationBlocked, CauseClaims:
		return true
	case CauseNoRole, CauseNotMember, CauseUserDisabled, CauseUnitDisabled, CauseUnlicensed:
		return !e.Impersonated && !e.Change
	case CauseUnknown, CausePrivilege, CauseRestricted: // a firewall may refuse some addresses only
	}
	return false
}

// canonicalCode returns an error code in lower-case hexadecimal. Some responses have it as a signed
// number, some in capitals.
func canonicalCode(code string) string {
	if n, err := strconv.ParseInt(code, 10, 32); err == nil && n < 0 {
		return "0x" + strconv.FormatUint(uint64(uint32(n)), 16) //nolint:gosec // the bits are what counts
	}
	return strings.ToLower(code)
}
