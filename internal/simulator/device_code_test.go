package simulator_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

func TestMSALDeviceCode(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	hc := httpClient(t, server)
	app, err := public.New(publicID, public.WithAuthority(server.AuthorityURL()+"/"+server.TenantID()),
		public.WithHTTPClient(hc), public.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
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
	checkToken(t, server, hc, result.AccessToken, server.Environment().User("jane@contoso.com").ID)
	// Further tokens come from the cache, and with the refresh token.
	silent, err := app.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(result.Account))
	if err != nil {
		t.Fatal(err)
	}
	checkToken(t, server, hc, silent.AccessToken, server.Environment().User("jane@contoso.com").ID)
	silent, err = app.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(result.Account), public.WithClaims(`{"access_token":{"nbf":{"essential":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	checkToken(t, server, hc, silent.AccessToken, server.Environment().User("jane@contoso.com").ID)
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
