// Package doctor checks whether a scan will work, from the resolution of the host's name to each
// read of the collector. Each check says what was found, what is missing and where to grant it. A
// cause that blocks every request, such as a disabled environment, is reported once, and the other
// checks are skipped. The package also has the minimal role of an auditor ([AuditorPrivileges],
// [RoleXML]), and checks the privileges of the identity that applies a plan ([ExamineApplication]).
//
// It only sends read requests, most of them for one or two rows.
//
// Sources, of Microsoft's documentation: "Use the Microsoft Dataverse Web API",
// "Impersonate another user using the Web API", "Security roles and privileges",
// "Security role UI to privilege mapping", "Solution component file reference",
// "Assign security roles to users".
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An Outcome is the result of a check.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "pass"
	Warned  Outcome = "warning" // a scan works, but something should be changed
	Failed  Outcome = "fail"    // a scan cannot work, or reads too little
	Skipped Outcome = "skipped" // it could not be checked, or there is nothing to check
)

// A Privilege is a privilege that an identity needs.
type Privilege struct {
	Name  string      `json:"name"`
	Depth audit.Depth `json:"depth"`
	// Where is the row of the security role editor that grants it; empty if unknown.
	Where string `json:"where"`
}

// A Check is the result of one check.
type Check struct {
	// ID is stable: address, tls, tenant, sign-in, membership, version, read-…,
	// impersonation, apply-needs, apply-grants, apply-undo, clock, credential, remaining (the
	// checks that the time was too short for, or that the settings prevent).
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"` // what was found
	Advice  string  `json:"advice"` // what to do, empty if nothing
	// Privilege is missing, or granted at too low a level; may be nil.
	Privilege *Privilege `json:"privilege,omitempty"`
}

// A Config says what to examine, in the same way as for a scan.
type Config struct {
	// SignIn says how to sign in, and has the address as [dataverse.ParseEnvironment] returns it.
	SignIn signin.Config
	// Client configures the reads of the environment; its URL and Tokens are filled in.
	Client dataverse.Options
	// Requirement names the integration user and the views' owners, who are impersonated. If it
	// names no user, the profile's pattern finds the user.
	Requirement snapshot.Requirement
	Profile     profile.Profile
	// LookupHost finds a host's addresses; nil skips the check.
	LookupHost func(ctx context.Context, host string) ([]string, error)
	// Proxied is set if a proxy is used, which resolves names itself.
	Proxied bool
	Now     func() time.Time
	// Progress is called for each check when it begins. May be nil.
	Progress func(title string)
}

// Examine runs all checks in order. It returns early only if the context ends.
func Examine(ctx context.Context, c Config) ([]Check, error) {
	x := newExaminer(c)
	return x.run(ctx, x.checkConnection, x.checkIdentity, x.checkReads, x.checkImpersonations, x.checkClockAndCredential)
}

func newExaminer(c Config) *examiner {
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return &examiner{Config: c, privilegeNames: namesOf(AuditorPrivileges()), principalNames: dataverse.PrincipalNames{}, reported: map[string]string{}}
}

func (x *examiner) run(ctx context.Context, checks ...func(context.Context)) ([]Check, error) {
	for _, check := range checks {
		check(ctx)
		if ctx.Err() != nil {
			return x.checks, fmt.Errorf("examining the environment: %w", context.Cause(ctx))
		}
	}
	return x.checks, nil
}

// An examiner runs checks, and has the state that later checks need.
type examiner struct {
	Config

	checks  []Check
	skew    *time.Duration // of the environment's clock, from its first response
	session *signin.Session
	client  *dataverse.Client
	reader  *collector.StrictReader
	// unreachable says why nothing can be read; empty if reads are possible.
	unreachable    string
	organization   dataverse.GUID           // as WhoAmI returned it
	userID         dataverse.GUID           // the identity's systemuserid
	privilegeNames []string                 // the privileges that matter
	grants         []collector.Grant        // the identity's privileges
	granted        map[string]audit.Depth   // the depths of those that count, by name in lower case; nil if unknown
	grantedErr     error                    // why they are unknown
	principalNames dataverse.PrincipalNames // the users that advice can name
	reported       map[string]string        // titles of checks, by the reason that they reported
	canReadUsers   bool
	strong         bool // whether reads bypass the caches of permissions
}

// depthOf returns the depth at which the identity has a privilege; none if unknown.
func (x *examiner) depthOf(privilege string) audit.Depth {
	return x.granted[strings.ToLower(privilege)]
}

// uncounted says how the identity has a privilege if that does not count, else "".
func (x *examiner) uncounted(privilege string) string {
	i := slices.IndexFunc(x.grants, func(g collector.Grant) bool { return strings.EqualFold(g.Name, privilege) && g.Uncounted() != "" })
	if i < 0 {
		return ""
	}
	return x.grants[i].Uncounted()
}

// check runs one check, unless the context has ended. The check that examine returns with an error
// may have its own outcome and advice. Its detail follows the error's.
func (x *examiner) check(ctx context.Context, id, title string, examine func(context.Context) (Check, error)) {
	if ctx.Err() != nil {
		return
	}
	x.Progress(title)
	c, err := examine(ctx)
	if err != nil {
		detail, advice := x.explain(title, err)
		c.Outcome, c.Detail, c.Advice = cmp.Or(c.Outcome, Failed), detail+c.Detail, cmp.Or(c.Advice, advice)
	}
	c.ID, c.Title = id, title
	x.add(c)
}

// checkOnline runs one check, and skips it if nothing can be read.
func (x *examiner) checkOnline(ctx context.Context, id, title string, examine func(context.Context) (Check, error)) {
	if ctx.Err() == nil && !x.skipIfUnreachable(id, title) {
		x.check(ctx, id, title, examine)
	}
}

func (x *examiner) add(c Check) { x.checks = append(x.checks, c) }

// explain returns what happened and what to do. It notes a cause that blocks every request, and
// explains a reason only once.
func (x *examiner) explain(title string, err error) (detail, advice string) {
	detail, advice = describe(err)
	refused := dataverse.ErrorOf(err)
	if refused.Status == 0 {
		return detail, advice
	}
	if refused.BlocksAllRequests() {
		x.unreachable = refused.Cause().String()
	}
	reason := fmt.Sprint(refused.Status, refused.Code, refused.Message, refused.Impersonated)
	if first, ok := x.reported[reason]; ok && refused.Cause() != dataverse.CausePrivilege {
		return fmt.Sprintf("%s, for the same reason as %q", refused.Kind, first), ""
	}
	x.reported[reason] = title
	return detail, refused.AdviceFor(x.principalNames)
}

// describe separates the advice of an error from what happened.
func describe(err error) (detail, advice string) {
	if auth, ok := errors.AsType[*signin.AuthError](err); ok {
		return strings.TrimSuffix(err.Error(), ": "+auth.Advice), auth.Advice
	}
	if failed := dataverse.ErrorOf(err); failed.Kind != dataverse.Unknown {
		return failed.Summary(), failed.Advice()
	}
	if collector.IsInconsistent(err) {
		return err.Error(), dataverse.UnusableResponseAdvice
	}
	return err.Error(), ""
}

// skipIfUnreachable adds a skipped check if nothing can be read, and reports whether it did.
func (x *examiner) skipIfUnreachable(id, title string) bool {
	if x.unreachable == "" {
		return false
	}
	x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: " + x.unreachable + ", see above"})
	return true
}
