package simulator_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

func publicClient(t *testing.T, server *simulator.Server, hc *http.Client) public.Client {
	t.Helper()
	app, err := public.New(publicID, public.WithAuthority(server.AuthorityURL()+"/"+server.TenantID()),
		public.WithHTTPClient(hc), public.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestMSALDeviceCode(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	hc := httpClient(t, server)
	app := publicClient(t, server, hc)
	scopes := []string{server.URL() + "/.default"}
	code, err := app.AcquireTokenByDeviceCode(t.Context(), scopes)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := (&client{t: t, server: server, http: hc}).form("/"+server.TenantID()+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"device_code"}, "client_id": {publicID}, "device_code": {code.Result.DeviceCode},
	}); status != http.StatusBadRequest || body["error"] != "authorization_pending" {
		t.Errorf("before the approval: %d %v", status, body)
	}
	browse(t, hc, code.Result.VerificationURL+"?user_code="+code.Result.UserCode+"&username=jane@contoso.com")
	result, err := code.AuthenticationResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if result.Account.PreferredUsername != "jane@contoso.com" {
		t.Errorf("account %+v", result.Account)
	}
	works(t, server, hc, result.AccessToken, server.Environment().User("jane@contoso.com").ID)
	// A second token comes from the cache, or by the refresh token.
	silent, err := app.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(result.Account))
	if err != nil {
		t.Fatal(err)
	}
	works(t, server, hc, silent.AccessToken, server.Environment().User("jane@contoso.com").ID)
	silent, err = app.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(result.Account), public.WithClaims(`{"access_token":{"nbf":{"essential":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	works(t, server, hc, silent.AccessToken, server.Environment().User("jane@contoso.com").ID)
}

func browse(t *testing.T, hc *http.Client, address string) string {
	t.Helper()
	response, err := hc.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %v %s", address, response.StatusCode, err, body)
	}
	return string(body)
}

func TestMSALInteractive(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	hc := httpClient(t, server)
	field := regexp.MustCompile(`name="(code|state)" value="([^"]*)"`)
	// What a browser does with the page: it posts the form to the address in it.
	open := func(address string) error {
		page := browse(t, hc, address)
		form := url.Values{}
		for _, m := range field.FindAllStringSubmatch(page, -1) {
			form.Set(m[1], m[2])
		}
		action := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(page)
		response, err := http.PostForm(action[1], form)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	result, err := publicClient(t, server, hc).AcquireTokenInteractive(t.Context(), []string{server.URL() + "/.default"},
		public.WithOpenURL(open), public.WithLoginHint("alex@contoso.com"))
	if err != nil {
		t.Fatal(err)
	}
	works(t, server, hc, result.AccessToken, server.Environment().User("alex@contoso.com").ID)
}
