package doctor

import (
	"cmp"
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
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/signin"
)

func (x *examiner) checkConnection(ctx context.Context) {
	x.check(ctx, "address", "name resolution", x.checkAddress)
	x.check(ctx, "tls", "TLS", x.checkTLS)
	x.check(ctx, "tenant", "401 challenge", x.checkTenant)
}

func (x *examiner) checkIdentity(ctx context.Context) {
	x.check(ctx, "sign-in", "sign-in", x.checkSignIn)
	x.checkOnline(ctx, "membership", "member of the organization", x.checkMembership)
}

func (x *examiner) checkClockAndCredential(ctx context.Context) {
	x.check(ctx, "clock", "clock", x.checkClock)
	x.check(ctx, "credential", "credential expiry", x.checkCredential)
}

func (x *examiner) checkAddress(ctx context.Context) (Check, error) {
	u, err := url.Parse(x.SignIn.EnvironmentURL)
	if err != nil {
		return Check{}, err
	}
	host := u.Hostname()
	switch {
	case net.ParseIP(host) != nil:
		return Check{Outcome: Passed, Detail: host + " is an IP address"}, nil
	case x.LookupHost == nil:
		return skipped("name resolution is not available here")
	}
	addresses, err := x.LookupHost(ctx, host)
	if err == nil {
		return Check{Outcome: Passed, Detail: host + " is " + strings.Join(addresses, ", ")}, nil
	}
	c := Check{Outcome: Failed, Detail: dataverse.Printable(err.Error()), Advice: dataverse.ConnectionAdvice(err)}
	if x.Proxied {
		c.Outcome, c.Advice = Warned, "the proxy may resolve the name: see the next check"
	}
	return c, nil
}

// exchangeTimeout limits an exchange that is not repeated.
const exchangeTimeout = 30 * time.Second

// checkTLS sends a request without a token, and checks whether the environment responds over trusted
// TLS.
func (x *examiner) checkTLS(ctx context.Context) (Check, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, x.SignIn.EnvironmentURL+"/api/data/v9.2/", nil)
	if err != nil {
		return Check{}, err
	}
	response, err := x.SignIn.Transport.RoundTrip(request)
	if err != nil {
		// The next checks fail without waiting for a host that does not respond.
		x.SignIn.Sleep = func(context.Context, time.Duration) error { return errors.New("the host does not respond") }
		return Check{Outcome: Failed, Detail: dataverse.Printable(err.Error()), Advice: dataverse.ConnectionAdvice(err)}, nil
	}
	_ = response.Body.Close()
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		skew := date.Sub(x.Now()).Truncate(time.Second)
		x.skew = &skew
	}
	c := Check{Outcome: Passed, Detail: "the certificate is trusted"}
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
	return c, nil
}

func (x *examiner) checkTenant(ctx context.Context) (Check, error) {
	found, err := signin.Discover(ctx, x.SignIn)
	configured := x.SignIn.TenantID
	switch {
	case err != nil && configured != "": // sign-in does not need the challenge then
		return Check{Outcome: Warned}, err
	case err != nil:
		return Check{}, err
	}
	c := Check{Outcome: Passed, Detail: "the environment belongs to tenant " + found.Tenant}
	if cloud, known := signin.CloudOf(x.SignIn.EnvironmentURL); known {
		c.Detail += " in the " + cloud.String() + " cloud"
	}
	if _, err := dataverse.ParseGUID(configured); err == nil && !strings.EqualFold(configured, found.Tenant) {
		c.Outcome = Failed
		c.Detail += ", and " + configured + " is configured"
		c.Advice = "leave --tenant-id (DBAUDIT_TENANT_ID, tenant_id:) out, or set it to " + found.Tenant
	}
	return c, nil
}

func (x *examiner) checkSignIn(ctx context.Context) (Check, error) {
	x.unreachable = "sign-in failed"
	session, err := signin.Open(ctx, x.SignIn)
	if err != nil {
		return Check{}, err
	}
	x.session = session
	token, err := session.Token(ctx, dataverse.TokenOptions{})
	if err != nil {
		return Check{}, err
	}
	c := Check{Outcome: Passed, Detail: session.Describe()}
	if !token.ExpiresAt.IsZero() {
		c.Detail += fmt.Sprintf("; the token is valid for %s", text.Duration(token.ExpiresAt.Sub(x.Now()).Round(time.Minute)))
	}
	if len(session.Warnings) > 0 {
		c.Outcome, c.Advice = Warned, strings.Join(session.Warnings, "; ")
	}
	o := x.Client
	o.URL, o.Tokens = session.Origin, session
	if x.client, err = dataverse.New(o); err != nil {
		return Check{}, err
	}
	x.reader = collector.NewStrictReader(x.client, x.strong)
	x.unreachable = ""
	return c, nil
}

func (x *examiner) checkMembership(ctx context.Context) (Check, error) {
	me, err := collector.ReadIdentity(ctx, x.reader, collector.Read{Label: "who am I"})
	if refused := dataverse.ErrorOf(err); refused.Status != 0 { // WhoAmI requires no privilege
		x.unreachable = "the environment refuses this identity: " + cmp.Or(string(refused.Cause()), string(refused.Kind))
	}
	if err != nil {
		return Check{}, err
	}
	x.userID, x.organization = dataverse.GUID(me.User), dataverse.GUID(me.Organization)
	x.principalNames[x.userID] = "this identity"
	c := Check{Outcome: Passed, Detail: fmt.Sprintf("user %s of organization %s", me.User, me.Organization)}
	grants, err := collector.ReadUserGrants(ctx, x.reader, x.userID, x.privilegeNames)
	if err != nil {
		x.grantedErr = err
		return x.unknownPrivileges(c.Detail)
	}
	x.grants, x.granted = grants, collector.GrantedDepths(grants)
	return c, nil
}

func (x *examiner) unknownPrivileges(identity string) (Check, error) {
	why, advice := describe(x.grantedErr)
	c := x.missingPrivilege(x.grantedErr, pickPrivileges("prvReadUser"))
	c.Outcome, c.Advice = Failed, cmp.Or(c.Advice, advice, "make sure that no proxy in between blocks functions: a scan treats users, teams and roles as not read")
	c.Detail = identity + "; it is not known how far it can read, because its privileges could not be read: " + why
	return c, nil
}

func (x *examiner) checkVersion(ctx context.Context) (Check, error) {
	version, err := x.readVersion(ctx)
	if err != nil { // a scan does not read it
		return Check{Outcome: Warned}, err
	}
	c := Check{Outcome: Passed, Detail: "Dataverse " + dataverse.Printable(version)}
	if !strings.HasPrefix(version, "9.") {
		c.Outcome, c.Advice = Warned, "dbaudit is made for Web API v9.2: check which of the reads below fail"
	}
	return c, nil
}

func (x *examiner) readVersion(ctx context.Context) (string, error) {
	return collector.ReadObject(ctx, x.reader, collector.Read{Label: "version"}, dataverse.Function("RetrieveVersion"),
		func(r collector.Row) string { return r.TextIfPresent("Version") })
}

// Beyond skewFailed, Entra refuses signed tokens; beyond skewWarned, it may do so soon.
const (
	skewWarned = time.Minute
	skewFailed = 5 * time.Minute
)

func (x *examiner) checkClock(context.Context) (Check, error) {
	skew := x.skew
	if x.client != nil {
		if last, ok := x.client.Skew(); ok {
			skew = &last
		}
	}
	if skew == nil {
		return skipped("not checked: the environment did not respond")
	}
	c := Check{Outcome: Passed, Detail: "this machine and the environment agree"}
	off := skew.Abs().Round(time.Second)
	if off > time.Second {
		c.Detail = fmt.Sprintf("this machine is %s %s the environment", off, map[bool]string{true: "behind", false: "ahead of"}[*skew > 0])
	}
	if off > skewWarned {
		c.Outcome, c.Advice = Warned, "set the clock: beyond five minutes Entra refuses what this machine signs"
	}
	if off > skewFailed {
		c.Outcome = Failed
	}
	return c, nil
}

func (x *examiner) checkCredential(context.Context) (Check, error) {
	if x.session == nil {
		return skipped("not checked: sign-in failed")
	}
	until := x.session.CredentialExpiry
	if until.IsZero() {
		c := Check{Outcome: Skipped, Detail: "sign-in by " + x.session.Method.String() + ": its expiry cannot be determined here"}
		if x.session.Method == signin.ClientSecret {
			c.Detail = "Entra does not tell an app when its secret expires"
			c.Advice = "see App registrations > (the app) > Certificates & secrets"
		}
		return c, nil
	}
	days := int(until.Sub(x.Now()).Hours() / 24)
	c := Check{Outcome: Passed, Detail: fmt.Sprintf("the certificate expires in %s, on %s", text.Count(days, "day"), until.UTC().Format(time.DateOnly))}
	if until.Sub(x.Now()) < signin.ExpiryWarning {
		c.Outcome = Warned
		c.Advice = "make a new one, and add its public part under App registrations > (the app) > Certificates & secrets"
	}
	return c, nil
}
