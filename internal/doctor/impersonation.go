package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// checkImpersonations impersonates the integration user and each configured owner of a view.
func (x *examiner) checkImpersonations(ctx context.Context) {
	who, condition := x.integrationUser()
	user, caller := x.checkImpersonation(ctx, who, condition, false)
	x.checkOnline(ctx, "read-integration-user", "read the integration user and its roles", func(context.Context) (Check, error) {
		return checkColumns(user)
	})
	x.checkOnline(ctx, "read-shares-of-user", "read shares of the integration user", func(ctx context.Context) (Check, error) {
		if caller == (dataverse.Caller{}) {
			return skipped("not checked: the integration user is not impersonated, see above")
		}
		return x.checkShares(ctx, user, caller)
	})
	seen := map[string]bool{}
	for _, v := range x.Requirement.Views {
		if owner := strings.ToLower(v.Owner); owner != "" && !seen[owner] {
			seen[owner] = true
			x.checkImpersonation(ctx, v.Owner, dataverse.Eq("domainname", v.Owner), false)
		}
	}
}

// integrationUser returns a name of the integration user for messages, and the condition that
// finds it.
func (x *examiner) integrationUser() (who string, condition dataverse.Expr) {
	switch r := x.Requirement; {
	case r.ApplicationID != "":
		return "the integration user", dataverse.EqID("applicationid", dataverse.GUID(r.ApplicationID))
	case r.User != "":
		return r.User, dataverse.Eq("domainname", r.User)
	}
	return "the integration user", dataverse.And(dataverse.NeNull("applicationid"), dataverse.Contains("fullname", x.Profile.Pattern))
}

// checkColumns checks that the columns are shown without which a scan cannot judge the integration
// user and its roles. user is nil if it was not found.
func checkColumns(user *collector.User) (Check, error) {
	if user == nil {
		return skipped("not checked: the integration user was not found, see above")
	}
	controls := map[string]string{"accessmode": "DB-USER-ENABLED", "iscustomizable": "DB-ROLE-CUSTOM"}
	c := Check{Outcome: Passed, Detail: "works"}
	for _, column := range user.UnknownColumns() {
		c.Outcome, c.Advice = Failed, "check it manually, and any proxy in between"
		c.Detail += ", but this environment does not show the column " + column + ": " + controls[column] + " is unknown"
	}
	return c, nil
}

// checkShares compares the table of shares with the views that the integration user sees.
func (x *examiner) checkShares(ctx context.Context, user *collector.User, caller dataverse.Caller) (Check, error) {
	seen, unexplained, err := collector.ReadUnexplainedViews(ctx, x.reader, user, caller)
	switch {
	case err != nil:
		return Check{}, err
	case len(unexplained) == 0:
		return Check{Outcome: Passed, Detail: fmt.Sprintf("they explain each view that the user sees: %d", seen)}, nil
	}
	return Check{
		Outcome: Failed,
		Detail: fmt.Sprintf("the user sees the view %q, which another user owns, and the table of shares does not show why: "+
			"it shows this identity only some shares, or not those of views; DB-VIEW-LEAST-ACCESS is unknown", dataverse.Printable(unexplained[0])),
		Advice: "check manually that no view is shared with the user, or one of its teams, with more than Read",
	}, nil
}

// checkImpersonation impersonates a user that meets a condition. It returns the user, or nil if it was not found or is
// disabled, and the caller that the environment accepts, or none if the impersonation fails. If the
// user is required, its absence is a failure.
func (x *examiner) checkImpersonation(ctx context.Context, who string, condition dataverse.Expr, required bool) (user *collector.User, caller dataverse.Caller) {
	title := "impersonate " + dataverse.Printable(who)
	x.checkOnline(ctx, "impersonation", title, func(ctx context.Context) (Check, error) {
		if !x.canReadUsers {
			return skipped("not checked: users cannot be read, see above")
		}
		found, err := x.findUser(ctx, who, condition)
		switch {
		case err != nil:
			return x.missingPrivilege(err, pickPrivileges("prvReadUser")), err
		case found == nil:
			return absentUser("the user does not exist", required)
		case found.Disabled:
			return absentUser("it is disabled and cannot be impersonated", required)
		}
		user = found
		x.principalNames[dataverse.GUID(found.ID)] = "the impersonated user"
		accepted, ok, err := x.impersonate(ctx, title, found)
		switch {
		case ok:
			caller = accepted
			return Check{Outcome: Passed, Detail: "works, and WhoAmI returns this user"}, nil
		case err == nil:
			return Check{
				Outcome: Failed,
				Detail:  "the environment ignores the request to impersonate this user, and responds as another user: a scan does not use what it reads that way",
				Advice:  dataverse.ImpersonationIgnoredAdvice("user"),
			}, nil
		}
		if c, ok := x.impersonatedUserRefused(err, found); ok {
			return c, err
		}
		return x.missingPrivilege(err, pickPrivileges(privileges.Impersonate)), err
	})
	return user, caller
}

func absentUser(why string, required bool) (Check, error) {
	if required {
		return Check{Outcome: Failed, Detail: why, Advice: "enable the user, or make a new plan: a view is shared as its owner"}, nil
	}
	return skipped(why + ": a scan reports that")
}

// impersonate reads as a user. It returns the caller that it used, and whether the environment
// responds as that user.
func (x *examiner) impersonate(ctx context.Context, label string, user *collector.User) (caller dataverse.Caller, ok bool, err error) {
	for _, caller = range user.Callers() {
		var responded collector.Identity
		if _, err = collector.Views().First().Probe(ctx, x.reader, label, caller); err == nil {
			responded, err = collector.ReadIdentity(ctx, x.reader, collector.Read{Label: label, Caller: caller})
		}
		if ok = responded.User == user.ID; ok || err != nil && !collector.IsUnsupported(err) {
			return caller, ok, err
		}
	}
	return caller, false, err
}

// impersonatedUserRefused returns a check if the environment refuses the impersonated user and not
// this identity. It is a warning if a scan reports the cause.
func (x *examiner) impersonatedUserRefused(err error, user *collector.User) (Check, bool) {
	refused := dataverse.ErrorOf(err)
	if refused.Kind != dataverse.Forbidden {
		return Check{}, false
	}
	name, principal := refused.MissingPrivilege(), refused.Principal()
	userLacksIt := x.depthOf(name) > audit.DepthNone
	if principal != "" {
		userLacksIt = principal == dataverse.GUID(user.ID) && principal != x.userID
	}
	switch {
	case name != "" && !strings.EqualFold(name, privileges.Impersonate) && userLacksIt:
		return Check{Outcome: Warned, Advice: "the impersonated user itself lacks " + name + ": the views that it sees are unknown until one of its roles grants it"}, true
	case name != "":
		return Check{}, false
	case refused.Cause() != dataverse.CauseUnknown: // a state of that user, which a scan reports
		return Check{Outcome: Warned}, true
	case x.depthOf(privileges.Impersonate) > audit.DepthNone:
		c := Check{Outcome: Warned, Advice: "the environment refuses the impersonated user: make sure that it has a role, and that this identity has " + privileges.Impersonate + " through a role assigned to it directly"}
		if user.HasRole() {
			c.Outcome = Failed
		}
		return c, true
	}
	return Check{}, false
}

// findUser returns a user that meets a condition and is not deleted, preferably an enabled one. It
// returns nil if such a user does not exist.
func (x *examiner) findUser(ctx context.Context, who string, condition dataverse.Expr) (user *collector.User, err error) {
	found, err := collector.ReadUsers(ctx, x.reader, "find "+dataverse.Printable(who), condition)
	for i := range found {
		if u := &found[i]; !u.Deleted && (user == nil || user.Disabled && !u.Disabled) {
			user = u
		}
	}
	return user, err
}
