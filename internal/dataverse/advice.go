package dataverse

import (
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/privileges"
)

// Advice returns what to do about the error, or "" if the wrapped error has its own advice.
func (e *Error) Advice() string {
	if e.MayHaveHappened {
		return "the change may have happened: read the current state before sending it again"
	}
	if advice := e.causeAdvice(); advice != "" {
		return advice
	}
	if advice := e.codeAdvice(); advice != "" {
		return advice
	}
	switch e.Kind {
	case Unauthorized:
		if e.cause != nil {
			return ""
		}
		return "the environment refuses the token: check that --url, --tenant-id and the cloud belong together, and that the clock of this machine is right"
	case Forbidden:
		return e.forbiddenAdvice()
	case NotFound:
		return "check that --url names the right environment, and that the app that contains this table is installed"
	case BadRequest:
		if property := e.MissingProperty(); property != "" {
			return fmt.Sprintf("this environment has no column %q: it may be older than the request expects", property)
		}
		if e.Change {
			return "the environment refuses the change for the reason that it gives: fix that, or leave the change out of a new plan with --except"
		}
		return "the environment does not understand this request: report it with the code and the environment's version"
	case Conflict:
		return "it was changed in the meantime, or already exists: read it again and make a new plan"
	case Throttled:
		return "the environment throttles this identity: wait, or run fewer scans at the same time"
	case Server:
		return "the environment failed: try again later; if it fails again, give the correlation id to Microsoft Support"
	case Transport:
		return ConnectionAdvice(e.cause)
	case Protocol:
		return UnusableResponseAdvice
	case Redirected:
		return "redirects are not followed, to protect the token: set --url to the environment's own address"
	case NotMember, Unknown:
	}
	return "see the code and the correlation id"
}

// codeAdvice returns the advice for codes that explain more than the status, else "".
func (e *Error) codeAdvice() string {
	switch canonicalCode(e.Code) {
	case "0x80048306":
		if e.MissingPrivilege() == "" {
			return "the security layer refused and named no privilege: check that the user is enabled and has a security role, then run dbaudit doctor"
		}
	case "0x80041403":
		return "a role with this name was created in the meantime: make a new plan, which uses the existing role"
	case "0x80041102":
		return "this environment does not have the table: the app that contains it may not be installed"
	case "0x80040217", "0x80048d02":
		return "the row does not exist, or is not visible to this identity: read again, because it may have been deleted in the meantime"
	}
	return ""
}

// UnusableResponseAdvice says what to do about a response that does not conform to the Web API.
const UnusableResponseAdvice = "the response does not conform to the Dataverse Web API: check --url, and any proxy in between"

// ImpersonationIgnoredAdvice returns what to do if the environment responds as a different user from the
// impersonated one. who is a word for that user, such as "user".
func ImpersonationIgnoredAdvice(who string) string {
	return "make sure that the " + who + " is enabled, and that no proxy drops the headers CallerObjectId and MSCRMCallerID"
}

// forbiddenAdvice recommends a role only if the environment names a privilege.
func (e *Error) forbiddenAdvice() string {
	privilege := e.MissingPrivilege()
	isImpersonation := strings.EqualFold(privilege, privileges.Impersonate) || privilege == "" && canonicalCode(e.Code) == "0x8004a110"
	switch {
	case isImpersonation && e.Writer:
		return "to act on behalf of another user, the identity that applies needs prvActOnBehalfOfAnotherUser " +
			"(Business Management > Act on Behalf of Another User): give it a role that grants this, or make the change manually"
	case isImpersonation:
		return "reading as another user needs prvActOnBehalfOfAnotherUser: add it to the auditor's role " +
			"(Business Management > Act on Behalf of Another User), or do without impersonation"
	case privilege == "" && e.Impersonated:
		return "no privilege is named: check that the impersonated user is enabled and has a security role, " +
			"and that this identity has prvActOnBehalfOfAnotherUser in a role assigned to it directly"
	case privilege == "" && e.Writer:
		return "no privilege is named, so a role may not help: read the environment's own message; dbaudit doctor --apply names the missing privileges"
	case privilege == "":
		return "no privilege is named, so a role may not help: read the environment's own message; dbaudit doctor names the missing privileges"
	case e.Writer && e.Impersonated:
		return "the impersonated user or the applying identity lacks " + privilege + ": an impersonated action needs it in both"
	case e.Impersonated:
		return "the impersonated user or the auditor lacks " + privilege + ": an impersonated action needs it in both"
	case e.Change && e.Principal() != "":
		return "the user or team " + e.Principal().String() + " lacks " + privilege + "; it may be the target of the change, not the identity that makes it: give " + privilege + " to one of its security roles"
	}
	return "give " + privilege + " to a security role of this identity, at Organization level where the editor allows it"
}

// causeAdvice says who must act, and where. It returns "" for causes that the status or the code
// explains better.
func (e *Error) causeAdvice() string {
	who, role := "this identity's user", "the auditor's role"
	if e.Impersonated {
		who = "the impersonated user"
	}
	if e.Writer {
		role = "a role that may make the plan's changes, such as System Administrator"
	}
	fill := strings.NewReplacer("{who}", who, "{role}", role,
		"{users}", "in the Power Platform admin center, Manage > Environments > (this one) > Settings > Users + permissions")
	cause := e.Cause()
	for _, r := range refusals() {
		switch {
		case r.cause != cause:
		case e.Impersonated && r.impersonated != "":
			return r.impersonated
		case e.Change && cause == CauseUserDisabled:
			return "enable the user first"
		default:
			return fill.Replace(r.advice)
		}
	}
	return ""
}

// PrincipalNames has the names of principals in advice, such as "the auditor", by id.
type PrincipalNames map[GUID]string

// Principal returns the id of the user or team that lacks a privilege, according to the environment,
// or "". It may be the caller, the impersonated user, or the target of a share.
func (e *Error) Principal() GUID {
	id, _ := ParseGUID(e.submatch(`(?i)principal (?:user|team)?\s*\(id=\{?([0-9a-f-]{36})`))
	return id
}

// AdviceFor returns Advice, and names the principal that lacks a privilege if the environment
// identifies it.
func (e *Error) AdviceFor(names PrincipalNames) string {
	privilege, principal := e.MissingPrivilege(), e.Principal()
	name := names[principal]
	if e.MayHaveHappened || e.Kind != Forbidden || e.Cause() != CausePrivilege || principal == "" || name == "" {
		return e.Advice()
	}
	if strings.EqualFold(privilege, privileges.Impersonate) {
		return "give " + privilege + " to a security role that is assigned to " + name + " directly (Business Management > Act on Behalf of Another User)"
	}
	return "it is " + name + " that lacks " + privilege + ": give " + privilege + " to a security role of " + name + ", at Organization level where the editor allows it"
}
