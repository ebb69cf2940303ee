package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

func TestCloudOf(t *testing.T) {
	for url, want := range map[string]struct {
		cloud     Cloud
		known     bool
		authority string
		audience  string
	}{
		"https://contoso.crm.dynamics.com":              {Commercial, true, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://contoso.crm4.dynamics.com/":            {Commercial, true, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://contoso.crm21.dynamics.com":            {Commercial, true, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://contoso.api.crm4.dynamics.com":         {Commercial, true, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://contoso.crm9.dynamics.com":             {GCC, true, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://CONTOSO.crm.microsoftdynamics.us":      {GCCHigh, true, "https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"},
		"https://contoso.crm.appsplatform.us":           {DoD, true, "https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"},
		"https://contoso.crm.dynamics.cn":               {China, true, "https://login.chinacloudapi.cn", "api://AzureADTokenExchangeChina"},
		"https://contoso.dynamics.com":                  {UnknownCloud, false, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://crm.dynamics.com":                      {UnknownCloud, false, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://contoso.crmx.dynamics.com":             {UnknownCloud, false, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://contoso.crm.dynamics.com.evil.example": {UnknownCloud, false, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://contoso.crm.dynamics.com:8443":         {UnknownCloud, false, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
		"https://127.0.0.1:8443":                        {UnknownCloud, false, "https://login.microsoftonline.com", "api://AzureADTokenExchange"},
	} {
		cloud, known := CloudOf(url)
		authority, audience := cloud.addresses()
		if cloud != want.cloud || known != want.known || authority != want.authority || audience != want.audience {
			t.Errorf("%s: %v, %v, %s, %s", url, cloud, known, authority, audience)
		}
	}
}

// TestCloudRequests checks the authority and the scope of requests in each cloud.
func TestCloudRequests(t *testing.T) {
	for url, host := range map[string]string{
		"https://contoso.crm11.dynamics.com":       "login.microsoftonline.com",
		"https://contoso.crm9.dynamics.com":        "login.microsoftonline.com",
		"https://contoso.crm.microsoftdynamics.us": "login.microsoftonline.us",
		"https://contoso.crm.appsplatform.us":      "login.microsoftonline.us",
		"https://contoso.crm.dynamics.cn":          "login.chinacloudapi.cn",
	} {
		var requests []string
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			requests = append(requests, r.Method+" "+r.URL.Host+r.URL.Path)
			base := "https://" + r.URL.Host + "/" + tenant
			if r.Method == http.MethodGet {
				writeJSON(w, 200, map[string]string{
					"authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token", "issuer": base + "/v2.0",
				})
			} else {
				_ = r.ParseForm()
				requests = append(requests, r.PostForm.Get("scope"))
				writeJSON(w, 200, map[string]any{"access_token": "x", "expires_in": 3600, "token_type": "Bearer"})
			}
			return w.Result(), nil
		})
		s := open(t, Config{EnvironmentURL: url, TenantID: tenant, ClientID: appID, ClientSecret: dataverse.NewSecret(theSecret), Transport: rt})
		tokenOf(t, s, dataverse.TokenOptions{})
		want := []string{
			"GET " + host + "/" + tenant + "/v2.0/.well-known/openid-configuration",
			"POST " + host + "/" + tenant + "/oauth2/v2.0/token",
			url + "/.default openid offline_access profile", // MSAL adds the last three
		}
		if strings.Join(requests, "\n") != strings.Join(want, "\n") {
			t.Errorf("requests\n%s\nwant\n%s", strings.Join(requests, "\n"), strings.Join(want, "\n"))
		}
		if len(s.Warnings) != 0 {
			t.Errorf("warnings %v", s.Warnings)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestChooseMethod(t *testing.T) {
	secret := dataverse.NewSecret(theSecret)
	for name, c := range map[string]struct {
		config Config
		env    map[string]string
		want   Method
		reason string
	}{
		"explicit":    {Config{Method: AzureCLI, ClientSecret: secret}, nil, AzureCLI, ""},
		"secret":      {Config{ClientSecret: secret}, map[string]string{"IDENTITY_ENDPOINT": "x"}, ClientSecret, ""},
		"both":        {Config{ClientSecret: secret, CertificateFile: "x"}, nil, ClientSecret, "precedence over the certificate"},
		"certificate": {Config{CertificateFile: "x"}, nil, Certificate, ""},
		"kubernetes":  {Config{}, map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "x", "IDENTITY_ENDPOINT": "x"}, WorkloadIdentity, "AZURE_FEDERATED_TOKEN_FILE"},
		"github":      {Config{}, map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "x"}, WorkloadIdentity, "ACTIONS_ID_TOKEN_REQUEST_URL"},
		"devops":      {Config{}, map[string]string{"SYSTEM_OIDCREQUESTURI": "x"}, WorkloadIdentity, "SYSTEM_OIDCREQUESTURI"},
		"azure":       {Config{}, map[string]string{"IDENTITY_ENDPOINT": "x"}, ManagedIdentity, "IDENTITY_ENDPOINT"},
		"azure ml":    {Config{}, map[string]string{"MSI_ENDPOINT": "x"}, ManagedIdentity, "MSI_ENDPOINT"},
	} {
		c.config.Getenv = func(key string) string { return c.env[key] }
		got, reason, err := chooseMethod(c.config.withDefaults())
		if err != nil || got != c.want || !strings.Contains(reason, c.reason) || c.reason == "" && reason != "" {
			t.Errorf("%s: %v, %q, %v", name, got, reason, err)
		}
	}
	none := Config{Getenv: func(string) string { return "" }}
	saved := none
	saved.Cache = &MemoryCache{data: []byte("x")}
	if got, _, err := chooseMethod(saved.withDefaults()); got != DeviceCode || err != nil {
		t.Errorf("a sign-in is stored: %v, %v", got, err)
	}
	installed := none
	installed.RunCommand = func(context.Context, string, ...string) ([]byte, error) { return nil, nil }
	for _, hasAZ := range []bool{true, false} {
		installed.HasProgram = func(name string) bool { return hasAZ && name == "az" }
		if got, _, err := chooseMethod(installed.withDefaults()); (err == nil) != hasAZ || hasAZ && got != AzureCLI {
			t.Errorf("az installed: %t: %v, %v", hasAZ, got, err)
		}
	}
	withoutSecret := installed
	withoutSecret.HasProgram = func(string) bool { return true }
	withoutSecret.ClientID = "11111111-1111-4111-8111-111111111111"
	if _, _, err := chooseMethod(withoutSecret.withDefaults()); err == nil || !strings.Contains(err.Error(), "its secret is not") {
		t.Errorf("a client id without its secret: %v", err)
	}
	for _, terminal := range []bool{true, false} {
		none.Terminal = terminal
		_, _, err := chooseMethod(none.withDefaults())
		var missing *ConfigError
		if !errors.As(err, &missing) || strings.Contains(err.Error(), "device-code") != terminal || !strings.Contains(err.Error(), "DBAUDIT_CLIENT_SECRET") {
			t.Errorf("terminal %v: %v", terminal, err)
		}
	}
}

func TestParseMethod(t *testing.T) {
	for _, m := range Methods() {
		if got, err := ParseMethod(m.String()); err != nil || got != m {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
	if got, err := ParseMethod(""); err != nil || got != Auto {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseMethod("password"); err == nil || !strings.Contains(err.Error(), "client-secret, certificate, workload-identity, managed-identity, device-code, interactive, azure-cli") {
		t.Errorf("%v", err)
	}
}

func TestMissingSettings(t *testing.T) {
	e := newEntra(t)
	for name, c := range map[string]struct {
		change    func(*Config)
		wantError string
	}{
		"url":            {func(c *Config) { c.EnvironmentURL = "" }, "DBAUDIT_URL"},
		"http":           {func(c *Config) { c.EnvironmentURL = "http://contoso.crm.dynamics.com" }, "https://"},
		"client id":      {func(c *Config) { c.ClientID = "" }, "DBAUDIT_CLIENT_ID"},
		"secret":         {func(c *Config) { c.Method, c.ClientSecret = ClientSecret, dataverse.Secret{} }, "DBAUDIT_CLIENT_SECRET"},
		"tenant":         {func(c *Config) { c.TenantID = "../x" }, "GUID or domain"},
		"any tenant":     {func(c *Config) { c.TenantID = "common" }, "does not name a tenant"},
		"authority":      {func(c *Config) { c.Authority = "http://login.example" }, "https://"},
		"authority path": {func(c *Config) { c.Authority = "https://login.example/tenant" }, "--tenant-id"},
		"authority text": {func(c *Config) { c.Authority = "login.example" }, "--authority"},
		"platform":       {func(c *Config) { c.Method = WorkloadIdentity }, "AZURE_FEDERATED_TOKEN_FILE"},
		"person":         {func(c *Config) { c.Method, c.ClientID = DeviceCode, "" }, "public client flows"},
		"az":             {func(c *Config) { c.Method = AzureCLI }, "cannot be run"},
		"transport":      {func(c *Config) { c.Transport = nil }, "transport"},
	} {
		conf := e.withSecret()
		c.change(&conf)
		_, err := Open(t.Context(), conf)
		var missing *ConfigError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), c.wantError) {
			t.Errorf("%s: %v, want %q", name, err, c.wantError)
		}
	}
}

func TestDiscoverTenant(t *testing.T) {
	for name, c := range map[string]struct {
		challenge string // %s stands for another authority
		named     bool   // whether the user names it
		status    int
		tenant    string
		at        string
		wantError string
	}{
		"microsoft":      {"Bearer authorization_uri=https://login.microsoftonline.com/" + tenant + "/oauth2/authorize, resource_id=https://x/", false, 401, tenant, "login.microsoftonline.com", ""},
		"no comma":       {"Bearer authorization_uri=https://login.windows.net/" + tenant + "/oauth2/authorize resource_id=https://x/", false, 401, tenant, "login.microsoftonline.com", ""},
		"quoted":         {`Bearer authorization_uri="https://login.microsoftonline.us/` + tenant + `/oauth2/v2.0/authorize"`, false, 401, tenant, "login.microsoftonline.us", ""},
		"china":          {"Bearer authorization_uri=https://login.partner.microsoftonline.cn/contoso.cn/oauth2/authorize", false, 401, "contoso.cn", "login.chinacloudapi.cn", ""},
		"elsewhere":      {"Bearer authorization_uri=https://login.evil.example/" + tenant + "/oauth2/authorize", false, 401, "", "", "login.evil.example"},
		"look-alike":     {"Bearer authorization_uri=https://login.microsoftonline.com.evil.example/x/oauth2/authorize", false, 401, "", "", "not used"},
		"with port":      {"Bearer authorization_uri=https://login.microsoftonline.com:8443/x/oauth2/authorize", false, 401, "", "", "not used"},
		"userinfo":       {"Bearer authorization_uri=https://login.microsoftonline.com@evil.example/x/oauth2/authorize", false, 401, "", "", "invalid sign-in address"},
		"http":           {"Bearer authorization_uri=http://login.microsoftonline.com/x/oauth2/authorize", false, 401, "", "", "invalid sign-in address"},
		"common":         {"Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize", false, 401, "", "", "--tenant-id"},
		"named by user":  {"Bearer authorization_uri=%s/" + tenant + "/oauth2/authorize", true, 401, tenant, "", ""},
		"not named":      {"Bearer authorization_uri=%s/" + tenant + "/oauth2/authorize", false, 401, "", "", "--authority"},
		"basic":          {"Basic realm=x", false, 401, "", "", "--tenant-id"},
		"no environment": {"", false, 200, "", "", "--tenant-id"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntra(t)
			e.intercept = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Authorization") != "" {
					t.Error("the request has credentials")
				}
				if c.challenge != "" {
					w.Header().Set("WWW-Authenticate", strings.ReplaceAll(c.challenge, "%s", e.URL))
				}
				w.WriteHeader(c.status)
				return true
			}
			conf := e.withSecret()
			conf.EnvironmentURL, conf.TenantID = e.URL, ""
			if !c.named {
				conf.Authority = ""
			}
			s, err := Open(t.Context(), conf)
			if c.wantError != "" {
				var failed *AuthError
				if !errors.As(err, &failed) || !strings.Contains(err.Error(), c.wantError) {
					t.Errorf("%v, want %q", err, c.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if at := strings.TrimPrefix(s.authority, "https://"); s.tenant != c.tenant || c.at != "" && at != c.at || c.named && s.authority != e.URL {
				t.Errorf("tenant %s at %s", s.tenant, at)
			}
			if !strings.Contains(s.Describe(), "named by the environment") || len(e.requests) != 1 || len(s.Warnings) != 0 {
				t.Errorf("%s; requests %v; warnings %v", s.Describe(), e.requests, s.Warnings)
			}
		})
	}
}

func TestKnownHostKeepsItsCloud(t *testing.T) {
	rt := roundTripper(func(*http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		w.Header().Set("WWW-Authenticate", "Bearer authorization_uri=https://login.microsoftonline.us/"+tenant+"/oauth2/authorize")
		w.WriteHeader(401)
		return w.Result(), nil
	})
	s := open(t, Config{EnvironmentURL: "https://contoso.crm9.dynamics.com", ClientID: appID, ClientSecret: dataverse.NewSecret(theSecret), Transport: rt})
	if s.authority != "https://login.microsoftonline.com" {
		t.Errorf("GCC signs in at %s", s.authority)
	}
}

func TestUnreachableEnvironment(t *testing.T) {
	e := newEntra(t)
	e.Close()
	c := e.withSecret()
	c.EnvironmentURL, c.TenantID = e.URL, ""
	_, err := Open(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "nothing answers there") {
		t.Errorf("%v", err)
	}
}

func TestInterruptedSignIn(t *testing.T) {
	e := newEntra(t)
	ctx, cancel := context.WithCancel(t.Context())
	e.intercept = func(http.ResponseWriter, *http.Request) bool { cancel(); panic(http.ErrAbortHandler) }
	c := e.withSecret()
	if _, err := open(t, c).Token(ctx, dataverse.TokenOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestWorkloadIdentity(t *testing.T) {
	const federated = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2ln"
	platform := newEntra(t) // used only as a TLS server
	var request string
	platform.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		request = fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Header.Get("Authorization"))
		writeJSON(w, 200, map[string]string{"value": federated, "oidcToken": federated})
		return true
	}
	for name, c := range map[string]struct {
		env     map[string]string
		request string
	}{
		"kubernetes": {map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "token", "AZURE_CLIENT_ID": appID, "AZURE_TENANT_ID": tenant}, ""},
		"github": {
			map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": platform.URL + "/token?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "gh"},
			"GET /token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange Bearer gh",
		},
		"devops": {
			map[string]string{
				"SYSTEM_OIDCREQUESTURI": platform.URL + "/oidctoken", "SYSTEM_ACCESSTOKEN": "ado", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "conn",
				"AZURESUBSCRIPTION_CLIENT_ID": appID, "AZURESUBSCRIPTION_TENANT_ID": tenant,
			},
			"POST /oidctoken?api-version=7.1&serviceConnectionId=conn Bearer ado",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntra(t)
			e.platform = map[string]bool{federated: true}
			conf := e.config()
			conf.Transport = routeTo(e, platform)
			conf.Getenv = func(key string) string { return c.env[key] }
			reads := 0
			conf.ReadFile = func(string) ([]byte, error) { reads++; return []byte(federated + "\n"), nil }
			if name != "github" {
				conf.ClientID, conf.TenantID = "", ""
			}
			request = ""
			s := open(t, conf)
			tokenOf(t, s, dataverse.TokenOptions{})
			tokenOf(t, s, dataverse.TokenOptions{Refresh: true})
			if s.Method != WorkloadIdentity || request != c.request || name == "kubernetes" && reads != 2 {
				t.Errorf("%v, request %q, %d reads", s.Method, request, reads)
			}
		})
	}
}

// routeTo returns a transport that sends each request to the server with its address.
func routeTo(servers ...*entra) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		for _, s := range servers {
			if s.URL == "https://"+r.URL.Host {
				return s.Client().Transport.RoundTrip(r)
			}
		}
		return nil, errors.New("no such host")
	})
}

func TestWorkloadIdentityErrors(t *testing.T) {
	e := newEntra(t)
	platform := newEntra(t)
	platform.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		writeJSON(w, 403, map[string]string{"message": "no"})
		return true
	}
	for name, c := range map[string]struct {
		env       map[string]string
		wantError string
	}{
		"no file":     {map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "missing"}, "service account"},
		"no token":    {map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "empty"}, "token is invalid"},
		"not trusted": {map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "other"}, "AADSTS700027"},
		"github":      {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": platform.URL}, "id-token: write"},
		"http":        {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "http://x"}, "not https"},
	} {
		conf := e.config()
		conf.Transport = routeTo(e, platform)
		conf.Getenv = func(key string) string { return c.env[key] }
		conf.ReadFile = readFrom(map[string][]byte{"empty": nil, "other": []byte("a.b.c")})
		_, err := open(t, conf).Token(t.Context(), dataverse.TokenOptions{})
		if err == nil || !strings.Contains(err.Error(), c.wantError) {
			t.Errorf("%s: %v, want %q", name, err, c.wantError)
		}
	}
	conf := e.config()
	conf.Getenv = func(key string) string { return map[string]string{"SYSTEM_OIDCREQUESTURI": "https://x"}[key] }
	if _, err := Open(t.Context(), conf); err == nil || !strings.Contains(err.Error(), "SYSTEM_ACCESSTOKEN") {
		t.Errorf("%v", err)
	}
}

func TestManagedIdentity(t *testing.T) {
	var requests []string
	fail := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-IDENTITY-HEADER") != "the-header" {
			w.WriteHeader(401)
			return
		}
		requests = append(requests, r.URL.Query().Get("resource")+" "+r.URL.Query().Get("client_id"))
		if fail {
			writeJSON(w, 400, map[string]string{"error": "invalid_request", "error_description": "Identity not found, you sent the-header"})
			return
		}
		writeJSON(w, 200, map[string]any{"access_token": fmt.Sprintf("mi-%d", len(requests)), "expires_in": "86399", "resource": "x", "token_type": "Bearer"})
	}))
	defer server.Close()
	env := map[string]string{"IDENTITY_ENDPOINT": server.URL, "IDENTITY_HEADER": "the-header"}
	for key, value := range env {
		t.Setenv(key, value) // MSAL reads the process's environment variables
	}
	// MSAL caches these tokens in the process, by resource.
	resource := fmt.Sprintf("https://managed%d.crm.dynamics.com", time.Now().UnixNano())
	c := Config{EnvironmentURL: resource, Getenv: func(k string) string { return env[k] }, Transport: server.Client().Transport}
	s := open(t, c)
	for i, o := range []dataverse.TokenOptions{{}, {}, {Refresh: true}} {
		if got := tokenOf(t, s, o); got != fmt.Sprintf("mi-%d", 1+i/2) {
			t.Errorf("%d: token %q", i, got)
		}
	}
	c.ClientID = appID
	tokenOf(t, open(t, c), dataverse.TokenOptions{})
	if want := resource + " ," + resource + " ," + resource + " " + appID; strings.Join(requests, ",") != want {
		t.Errorf("requests %q", requests)
	}
	if s.Method != ManagedIdentity || s.authority != "" || !strings.Contains(s.Describe(), "with a managed identity (IDENTITY_ENDPOINT is set)") {
		t.Errorf("%s", s.Describe())
	}
	fail = true
	c.ClientID = "33333333-2222-3333-4444-555555555555"
	_, err := open(t, c).Token(t.Context(), dataverse.TokenOptions{})
	if err == nil || !strings.Contains(err.Error(), "Identity not found") || !strings.Contains(err.Error(), "user-assigned") || strings.Contains(err.Error(), "the-header") {
		t.Errorf("%v", err)
	}
}

func TestAzureCLI(t *testing.T) {
	var ran string
	out, fail := `{"accessToken":"az-token","expiresOn":"2099-01-01 00:00:00.000000","expires_on":4070908800,"tokenType":"Bearer"}`, error(nil)
	c := Config{
		Method: AzureCLI, EnvironmentURL: envURL, TenantID: tenant, ClientID: appID, Transport: http.DefaultTransport,
		RunCommand: func(_ context.Context, name string, args ...string) ([]byte, error) {
			ran = name + " " + strings.Join(args, " ")
			return []byte(out), fail
		},
	}
	s := open(t, c)
	if got := tokenOf(t, s, dataverse.TokenOptions{}); got != "az-token" || ran != "az account get-access-token --output json --resource "+envURL+" --tenant "+tenant {
		t.Errorf("%q by %q", got, ran)
	}
	out = `{"accessToken":"az-token","expiresOn":"2099-01-01 00:00:00.000000"}`
	tokenOf(t, s, dataverse.TokenOptions{})
	for _, bad := range []string{``, `{}`, `{"accessToken":"az-token"}`, `{"accessToken":"az-token","expiresOn":"soon"}`} {
		out = bad
		if _, err := s.Token(t.Context(), dataverse.TokenOptions{}); err == nil || strings.Contains(err.Error(), "az-token") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	fail = errors.New("ERROR: AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication")
	if _, err := s.Token(t.Context(), dataverse.TokenOptions{}); err == nil || !strings.Contains(err.Error(), "more than a password") {
		t.Errorf("%v", err)
	}
	fail = errors.New("executable file not found in $PATH")
	if _, err := s.Token(t.Context(), dataverse.TokenOptions{}); err == nil || !strings.Contains(err.Error(), "az login") {
		t.Errorf("%v", err)
	}
	if _, err := s.Token(t.Context(), dataverse.TokenOptions{Claims: "{}"}); err == nil || !strings.Contains(err.Error(), "az login") {
		t.Errorf("%v", err)
	}
}

// TestUnknownHostWarning checks the warning about a host that is neither Microsoft's nor this machine.
func TestUnknownHostWarning(t *testing.T) {
	for address, want := range map[string]int{
		"https://crm.example.com": 1, "https://127.0.0.1.example.com": 1,
		"https://localhost:8443": 0, "https://[::1]:8443": 0, "https://contoso.crm4.dynamics.com": 0,
	} {
		conf := newEntra(t).config()
		conf.EnvironmentURL, conf.TenantID, conf.ClientSecret = address, tenant, dataverse.NewSecret(theSecret)
		s, err := Open(t.Context(), conf)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Warnings; len(got) != want {
			t.Errorf("%s: warnings %v", address, got)
		}
	}
}
