package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// checkImpersonations impersonates the integration user and each configured owner of a view, because
// only its owner and those it is shared with can read a personal view.
func (x *examiner) checkImpersonations(ctx context.Context) {
	who, filter := x.integrationUser()
	user, as := x.checkImpersonation(ctx, who, filter, false)
	x.onlineStep("read-shares-of-user", "read shares of the integration user", func(ctx context.Context) (Check, error) {
		if user == "" {
			return skipped("not checked: the integration user is not impersonated, see above")
		}
		return x.checkShares(ctx, user, as)
	})(ctx)
	seen := map[string]bool{}
	for _, v := range x.Requirement.Views {
		if owner := strings.ToLower(v.Owner); owner != "" && !seen[owner] {
			seen[owner] = true
			x.checkImpersonation(ctx, v.Owner, dataverse.Eq("domainname", v.Owner), false)
		}
	}
}

func (x *examiner) integrationUser() (who string, filter dataverse.Expr) {
	switch r := x.Requirement; {
	case r.ApplicationID != "":
		return "the integration user", dataverse.EqID("applicationid", dataverse.GUID(r.ApplicationID))
	case r.User != "":
		return r.User, dataverse.Eq("domainname", r.User)
	}
	return "the integration user", dataverse.And(dataverse.NeNull("applicationid"), dataverse.Contains("fullname", x.Pattern))
}

// checkShares compares the table of shares with the views that the integration user sees.
func (x *examiner) checkShares(ctx context.Context, user string, as dataverse.Caller) (Check, error) {
	seen, unexplained, err := collector.ReadUnexplainedViews(ctx, x.asker, user, as)
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

// checkImpersonation impersonates a user, and returns it and the way to name it; none if that does not work.
// A required user who cannot be impersonated is a failure.
func (x *examiner) checkImpersonation(ctx context.Context, who string, filter dataverse.Expr, required bool) (user string, as dataverse.Caller) {
	title := "impersonate " + dataverse.Printable(who)
	x.onlineStep("impersonation", title, func(ctx context.Context) (Check, error) {
		if !x.canReadUsers {
			return skipped("not checked: users cannot be read, see above")
		}
		found, err := x.findUsers(ctx, who, filter)
		switch {
		case err != nil:
			return x.missingPrivilege(err, pickPrivileges("prvReadUser")), err
		case len(found) == 0:
			return absentUser("the user does not exist", required)
		case found[0].Disabled:
			return absentUser("it is disabled and cannot be impersonated", required)
		}
		x.principalNames[dataverse.GUID(found[0].ID)] = "the impersonated user"
		caller, heeded, err := x.impersonate(ctx, title, found[0])
		switch {
		case heeded:
			user, as = found[0].ID, caller
			return Check{Outcome: Passed, Detail: "works, and WhoAmI returns this user"}, nil
		case err == nil:
			return Check{
				Outcome: Failed,
				Detail:  "the environment ignores the request to impersonate this user, and responds as another user: a scan does not use what it reads that way",
				Advice:  "make sure that the user is enabled, and that no proxy drops the headers CallerObjectId and MSCRMCallerID",
			}, nil
		}
		if c, excused := x.impersonatedUserRefusal(err, dataverse.GUID(found[0].ID)); excused {
			return c, err
		}
		return x.missingPrivilege(err, pickPrivileges(actOnBehalf)), err
	})(ctx)
	return user, as
}

func absentUser(why string, required bool) (Check, error) {
	if required {
		return Check{Outcome: Failed, Detail: why, Advice: "enable the user, or make a new plan: a view is shared as its owner"}, nil
	}
	return skipped(why + ": a scan reports that")
}

// impersonate impersonates a user, and reports in which way the environment heeds that.
func (x *examiner) impersonate(ctx context.Context, title string, user collector.User) (caller dataverse.Caller, heeded bool, err error) {
	for _, caller = range user.Callers() {
		if _, err = collector.Views().First().Probe(ctx, x.asker, title, caller); err != nil {
			if refused, ok := errors.AsType[*dataverse.Error](err); ok && (refused.Kind == dataverse.BadRequest || refused.Kind == dataverse.NotFound) {
				continue // the environment does not accept this way to name the user
			}
			return caller, false, err
		}
		question := collector.Read{Label: title, Caller: caller, Query: dataverse.Function("WhoAmI")}
		answered, err := collector.ReadObject(ctx, x.asker, question, func(r collector.Row) string { return r.ID("UserId") })
		if heeded := strings.EqualFold(answered, user.ID); heeded || err != nil {
			return caller, heeded, err
		}
	}
	return caller, false, err
}

// impersonatedUserRefusal is a warning if the environment refuses the impersonated user: no grant to this
// identity helps.
func (x *examiner) impersonatedUserRefusal(err error, user dataverse.GUID) (Check, bool) {
	var refused *dataverse.Error
	if !errors.As(err, &refused) || refused.Kind != dataverse.Forbidden {
		return Check{}, false
	}
	name, lacking := refused.MissingPrivilege(), refused.Principal()
	held := x.depthOf(name) > audit.DepthNone
	if lacking != "" {
		held = lacking == user && lacking != x.userID
	}
	switch {
	case name != "" && !strings.EqualFold(name, actOnBehalf) && held:
		return Check{Outcome: Warned, Advice: "the impersonated user itself lacks " + name + ": the views that it sees are unknown until one of its roles grants it"}, true
	case name != "":
		return Check{}, false
	case refused.Cause() != dataverse.CauseUnknown: // a state of that user: a scan says what it cannot judge
		return Check{Outcome: Warned}, true
	case x.depthOf(actOnBehalf) > audit.DepthNone:
		return Check{Outcome: Warned, Advice: "the environment refuses the impersonated user: make sure that it has a role, and that this identity has " + actOnBehalf + " through a role assigned to it directly"}, true
	}
	return Check{}, false
}

// findUsers returns the users that meet a condition and are not deleted, enabled ones first.
func (x *examiner) findUsers(ctx context.Context, who string, filter dataverse.Expr) ([]collector.User, error) {
	users, err := collector.ReadUsers(ctx, x.asker, "find "+dataverse.Printable(who), filter)
	var found, disabled []collector.User
	for _, u := range users {
		switch {
		case u.Deleted:
		case u.Disabled:
			disabled = append(disabled, u)
		default:
			found = append(found, u)
		}
	}
	return append(found, disabled...), err
}
