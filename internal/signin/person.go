package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// An Account is a person's saved sign-in.
type Account struct {
	Username string // from Entra, usually the user principal name
	Tenant   string
	Host     string // the sign-in host
}

// A personSource gets tokens for a person, from the cache or by an interactive sign-in.
type personSource struct {
	*Session

	client public.Client
	scopes []string
}

func (s *Session) personSource() (*personSource, error) {
	c := s.config
	if s.clientID == "" {
		return nil, &ConfigError{"sign-in by " + s.Method.String() + " needs an app registration that allows public client flows: set --client-id (DBAUDIT_CLIENT_ID), or use --auth azure-cli"}
	}
	client, err := public.New(s.clientID,
		public.WithAuthority(s.authority+"/"+s.tenant),
		public.WithCache(&msalCache{cache: c.Cache, warn: c.Warn}),
		public.WithHTTPClient(httpClient(restrictedTransport{s.host(), retryingTransport{boundedTransport{Config: c}}})),
		public.WithInstanceDiscovery(false),
		public.WithClientCapabilities([]string{"CP1"}),
	)
	if err != nil {
		return nil, &ConfigError{"the sign-in cannot be set up: check --authority and --tenant-id"}
	}
	return &personSource{s, client, []string{s.scope()}}, nil
}

func (p *personSource) token(ctx context.Context, o dataverse.TokenOptions) (public.AuthResult, error) {
	got, err := p.cachedToken(ctx, o)
	if err != nil && ctx.Err() == nil && needsInteraction(err) && p.canInteract() {
		return p.interact(ctx, o)
	}
	return got, p.explain(ctx, err)
}

var errNotSignedIn = errors.New("not signed in")

// cachedToken returns a token of a saved sign-in, without interaction.
func (p *personSource) cachedToken(ctx context.Context, o dataverse.TokenOptions) (public.AuthResult, error) {
	accounts, err := p.client.Accounts(ctx)
	if err != nil {
		return public.AuthResult{}, err
	}
	account, err := chooseAccount(accounts, p.config.Username, p.tenant)
	if err != nil {
		return public.AuthResult{}, err
	}
	return p.client.AcquireTokenSilent(ctx, p.scopes, public.WithSilentAccount(account), public.WithClaims(requestClaims(o)))
}

// chooseAccount returns the saved sign-in to use: the one with the user name if given, else the only
// one, else the only one of the tenant. A tenant has several names, so a single sign-in is used even
// if its tenant has another name.
func chooseAccount(accounts []public.Account, username, tenant string) (public.Account, error) {
	accounts = slices.DeleteFunc(slices.Clone(accounts), func(a public.Account) bool {
		return username != "" && !strings.EqualFold(a.PreferredUsername, username)
	})
	if len(accounts) > 1 {
		accounts = slices.DeleteFunc(accounts, func(a public.Account) bool { return !strings.EqualFold(a.Realm, tenant) })
	}
	switch len(accounts) {
	case 0:
		return public.Account{}, errNotSignedIn
	case 1:
		return accounts[0], nil
	}
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = dataverse.Printable(a.PreferredUsername)
	}
	slices.Sort(names)
	return public.Account{}, &ConfigError{"several people are signed in (" + strings.Join(names, ", ") + "): sign the others out with dbaudit logout"}
}

// needsInteraction reports whether the person must sign in again, because no sign-in is saved
// or Entra refuses it.
func needsInteraction(err error) bool {
	call, ok := errors.AsType[msal.CallErr](err)
	return isNotSignedIn(err) || ok && call.Resp != nil && call.Resp.StatusCode == http.StatusBadRequest
}

func isNotSignedIn(err error) bool {
	return errors.Is(err, errNotSignedIn) || err != nil && err.Error() == "no token found" // MSAL's error
}

// canInteract reports whether the configuration allows an interactive sign-in.
func (p *personSource) canInteract() bool {
	if p.Method == Interactive {
		return p.config.OpenBrowser != nil
	}
	return p.config.Prompt != nil
}

func (p *personSource) interact(ctx context.Context, o dataverse.TokenOptions) (got public.AuthResult, err error) {
	if p.Method == Interactive {
		got, err = p.client.AcquireTokenInteractive(ctx, p.scopes,
			public.WithOpenURL(p.config.OpenBrowser), public.WithLoginHint(p.config.Username), public.WithClaims(o.Claims))
		return got, p.explain(ctx, err)
	}
	code, err := p.client.AcquireTokenByDeviceCode(ctx, p.scopes, public.WithClaims(o.Claims))
	if err != nil {
		return got, p.explain(ctx, err)
	}
	p.config.Prompt(DevicePrompt{
		UserCode:        dataverse.Printable(code.Result.UserCode),
		VerificationURL: dataverse.Printable(code.Result.VerificationURL),
		ExpiresAt:       code.Result.ExpiresOn,
	})
	got, err = code.AuthenticationResult(ctx)
	return got, p.explain(ctx, err)
}

func (p *personSource) explain(ctx context.Context, err error) error {
	if isNotSignedIn(err) {
		return &AuthError{
			Message: "not signed in for tenant " + p.tenant,
			Advice:  "run dbaudit login, or sign in as a program with a client secret, a certificate or workload identity",
		}
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return &AuthError{Message: "the sign-in was not completed in time", Advice: advise(p.Method, "AADSTS70020")}
	}
	return p.config.explain(ctx, err)
}

// Login lets a person sign in interactively, even if a sign-in is saved, and saves the new one.
func Login(ctx context.Context, c Config) (Account, error) {
	if !c.Method.IsPersonal() {
		return Account{}, &ConfigError{"dbaudit login is for people: use --auth device-code or --auth interactive"}
	}
	s, err := Open(ctx, c)
	if err != nil {
		return Account{}, err
	}
	p := s.person
	if !p.canInteract() {
		return Account{}, &ConfigError{"dbaudit cannot ask you to sign in here: run dbaudit login in a terminal"}
	}
	got, err := p.interact(ctx, dataverse.TokenOptions{})
	return accountOf(got.Account), err
}

// Accounts returns the saved sign-ins by user name. It sends no request.
func Accounts(ctx context.Context, cache Cache) ([]Account, error) {
	if _, err := cache.Load(); err != nil {
		return nil, err
	}
	_, saved, err := savedAccounts(ctx, cache, "")
	if err != nil {
		return nil, err
	}
	list := make([]Account, len(saved))
	for i, a := range saved {
		list[i] = accountOf(a)
	}
	return list, nil
}

// Logout removes the saved sign-ins with a user name, or all if it is empty, and returns them. If
// none is left, it empties the cache.
func Logout(ctx context.Context, cache Cache, clientID, username string) ([]Account, error) {
	if clientID == "" && username != "" {
		return nil, &ConfigError{"signing out one of several needs the app that signed in: set --client-id (DBAUDIT_CLIENT_ID)"}
	}
	client, saved, err := savedAccounts(ctx, cache, clientID)
	if err != nil {
		return nil, err
	}
	var removed []Account
	for _, a := range saved {
		if username != "" && !strings.EqualFold(a.PreferredUsername, username) {
			continue
		}
		if username != "" {
			if err := client.RemoveAccount(ctx, a); err != nil {
				return removed, fmt.Errorf("signing out %s: %w", dataverse.Printable(a.PreferredUsername), err)
			}
		}
		removed = append(removed, accountOf(a))
	}
	if len(removed) == len(saved) {
		return removed, cache.Save(nil)
	}
	return removed, nil
}

// savedAccounts returns the accounts in a cache, sorted, and a client that can remove them.
func savedAccounts(ctx context.Context, cache Cache, clientID string) (public.Client, []public.Account, error) {
	client, err := public.New(cmp.Or(clientID, "dbaudit"), public.WithCache(&msalCache{cache: cache, warn: func(string) {}}), public.WithInstanceDiscovery(false), public.WithHTTPClient(httpClient(noNetwork{})))
	if err != nil {
		return client, nil, &ConfigError{"the saved sign-ins cannot be opened"}
	}
	saved, err := client.Accounts(ctx)
	if err != nil {
		return client, nil, err
	}
	slices.SortFunc(saved, func(a, b public.Account) int {
		return strings.Compare(a.PreferredUsername+"\x00"+a.Realm, b.PreferredUsername+"\x00"+b.Realm)
	})
	return client, saved, nil
}

func accountOf(a public.Account) Account {
	return Account{dataverse.Printable(a.PreferredUsername), dataverse.Printable(a.Realm), dataverse.Printable(a.Environment)}
}
