package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
)

func (x *examination) address(ctx context.Context) {
	const id, title = "address", "name resolution"
	x.Progress(title)
	origin, err := dataverse.ParseEnvironment(x.SignIn.EnvironmentURL)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	u, err := url.Parse(origin)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	host := u.Hostname()
	switch {
	case net.ParseIP(host) != nil:
		x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: host + " is an IP address"})
		return
	case x.LookupHost == nil:
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "name resolution is not available here"})
		return
	}
	addresses, err := x.LookupHost(ctx, host)
	switch {
	case err == nil:
		x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: host + " is " + strings.Join(addresses, ", ")})
	case x.Proxied:
		x.add(Check{ID: id, Title: title, Outcome: Warned, Detail: dataverse.Printable(err.Error()), Advice: "the proxy may resolve the name: see the next check"})
	default:
		x.add(Check{ID: id, Title: title, Outcome: Failed, Detail: dataverse.Printable(err.Error()), Advice: dataverse.ConnectionAdvice(err)})
	}
}

// patience bounds an exchange that is not repeated.
const patience = 30 * time.Second

// transport sends a request without a token, to see whether the environment responds at all,
// over trusted TLS.
func (x *examination) transport(ctx context.Context) {
	const id, title = "tls", "TLS"
	x.Progress(title)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	origin, err := dataverse.ParseEnvironment(x.SignIn.EnvironmentURL)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+"/api/data/v9.2/", nil)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	response, err := x.SignIn.Transport.RoundTrip(request)
	if err != nil {
		// The checks that follow do not wait for a host that does not respond.
		x.SignIn.Sleep = func(context.Context, time.Duration) error { return errors.New("not worth a wait") }
		x.add(Check{ID: id, Title: title, Outcome: Failed, Detail: dataverse.Printable(err.Error()), Advice: dataverse.ConnectionAdvice(err)})
		return
	}
	_ = response.Body.Close()
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		skew := date.Sub(x.Now()).Truncate(time.Second)
		x.skew = &skew
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "the certificate is trusted"}
	if state := response.TLS; state != nil {
		c.Detail = tls.VersionName(state.Version) + ", the certificate is trusted"
		if state.Version < tls.VersionTLS12 {
			c.Outcome, c.Advice = Failed, "a token is sent over TLS 1.2 or later only: check any proxy in between"
		}
		if len(state.PeerCertificates) > 0 {
			leaf := state.PeerCertificates[0]
			c.Detail += fmt.Sprintf(" (by %s, until %s)", dataverse.Printable(leaf.Issuer.CommonName), leaf.NotAfter.UTC().Format(time.DateOnly))
		}
	}
	x.add(c)
}

// tenant reads the challenge of the 401.
func (x *examination) tenant(ctx context.Context) {
	const id, title = "tenant", "401 challenge"
	x.Progress(title)
	found, err := signin.Discover(ctx, x.SignIn)
	given := x.SignIn.TenantID
	if err != nil {
		x.fail(id, title, err)
		if given != "" { // sign-in works without it
			x.checks[len(x.checks)-1].Outcome = Warned
		}
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "the environment belongs to tenant " + found.Tenant}
	if cloud, known := signin.CloudOf(x.SignIn.EnvironmentURL); known {
		c.Detail += " in the " + cloud.String() + " cloud"
	}
	if _, err := dataverse.ParseGUID(given); err == nil && !strings.EqualFold(given, found.Tenant) {
		c.Outcome = Failed
		c.Detail += ", and " + given + " is configured"
		c.Advice = "leave --tenant-id (DBAUDIT_TENANT_ID, tenant_id:) out, or set it to " + found.Tenant
	}
	x.add(c)
}

func (x *examination) signIn(ctx context.Context) {
	const id, title = "sign-in", "sign-in"
	x.Progress(title)
	x.unreachable = "sign-in failed"
	session, err := signin.Open(ctx, x.SignIn)
	if err != nil {
		x.fail(id, title, err)
		return
	}
	x.session = session
	token, err := session.Token(ctx, dataverse.TokenOptions{})
	if err != nil {
		x.fail(id, title, err)
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: session.Describe()}
	if !token.ExpiresAt.IsZero() {
		c.Detail += fmt.Sprintf("; the token is valid for %s", token.ExpiresAt.Sub(x.Now()).Round(time.Minute))
	}
	if warnings := session.Warnings(); len(warnings) > 0 {
		c.Outcome, c.Advice = Warned, strings.Join(warnings, "; ")
	}
	x.add(c)
	o := x.Client
	o.URL, o.Tokens = session.Origin(), session
	if x.client, err = dataverse.New(o); err != nil {
		x.fail(id, title, err)
		return
	}
	x.asker = collector.NewAsker(x.client, x.fresh)
	x.unreachable = ""
}

func (x *examination) membership(ctx context.Context) {
	const id, title = "membership", "member of the organization"
	if x.skip(id, title) {
		return
	}
	x.Progress(title)
	var answer struct{ UserId, OrganizationId, BusinessUnitId dataverse.GUID } //nolint:revive // the Web API's names
	err := x.get(ctx, dataverse.Function("WhoAmI").Request("who am I"), &answer)
	if err != nil {
		x.fail(id, title, err)
		var refused *dataverse.Error
		if x.unreachable == "" && errors.As(err, &refused) && refused.Status != 0 {
			// Every user of the environment may ask this.
			x.unreachable = "the environment refuses this identity: " + refused.Kind.String()
			if cause := refused.Cause(); cause != dataverse.CauseUnknown {
				x.unreachable = "the environment refuses this identity: " + cause.String()
			}
		}
		return
	}
	x.self = answer.UserId
	x.known[x.self] = "this identity"
	x.add(Check{ID: id, Title: title, Outcome: Passed, Detail: fmt.Sprintf("user %s of organization %s", answer.UserId, answer.OrganizationId)})
	x.held, x.heldError = x.privilegesHeld(ctx)
}

func (x *examination) version(ctx context.Context) {
	const id, title = "version", "version"
	if x.skip(id, title) {
		return
	}
	x.Progress(title)
	var answer struct{ Version string }
	if err := x.get(ctx, dataverse.Function("RetrieveVersion").Request("version"), &answer); err != nil {
		x.fail(id, title, err)
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "Dataverse " + dataverse.Printable(answer.Version)}
	if !strings.HasPrefix(answer.Version, "9.") {
		c.Outcome, c.Advice = Warned, "dbaudit is made for Web API v9.2: check which of the reads below fail"
	}
	x.add(c)
}

// With a greater difference between the clocks, signed assertions and tokens are refused, or
// soon will be.
const (
	skewWarned = time.Minute
	skewFailed = 5 * time.Minute
)

func (x *examination) clock(context.Context) {
	const id, title = "clock", "clock"
	skew := x.skew
	if x.client != nil {
		if last, ok := x.client.Skew(); ok {
			skew = &last
		}
	}
	if skew == nil {
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: the environment did not respond"})
		return
	}
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: "this machine and the environment agree"}
	off := skew.Abs().Round(time.Second)
	if off > time.Second {
		c.Detail = fmt.Sprintf("this machine is %s %s the environment", off, map[bool]string{true: "behind", false: "ahead of"}[*skew > 0])
	}
	switch {
	case off > skewFailed:
		c.Outcome, c.Advice = Failed, "set the clock: beyond five minutes Entra refuses what this machine signs"
	case off > skewWarned:
		c.Outcome, c.Advice = Warned, "set the clock: beyond five minutes Entra refuses what this machine signs"
	}
	x.add(c)
}

// expiresSoon is how many days before its expiry a credential is worth a warning.
const expiresSoon = 30

func (x *examination) credential(context.Context) {
	const id, title = "credential", "credential expiry"
	if x.session == nil {
		x.add(Check{ID: id, Title: title, Outcome: Skipped, Detail: "not checked: sign-in failed"})
		return
	}
	until, known := x.session.CredentialExpiry()
	if !known {
		c := Check{ID: id, Title: title, Outcome: Skipped, Detail: "sign-in by " + x.session.Method().String() + ": its expiry cannot be determined here"}
		if x.session.Method() == signin.ClientSecret {
			c.Detail = "Entra does not tell an app when its secret expires"
			c.Advice = "see App registrations > (the app) > Certificates & secrets"
		}
		x.add(c)
		return
	}
	days := int(until.Sub(x.Now()).Hours() / 24)
	c := Check{ID: id, Title: title, Outcome: Passed, Detail: fmt.Sprintf("the certificate expires in %d days, on %s", days, until.UTC().Format(time.DateOnly))}
	if days < expiresSoon {
		c.Outcome = Warned
		c.Advice = "make a new one, and add its public part under App registrations > (the app) > Certificates & secrets"
	}
	x.add(c)
}
