package signin

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

func configFor(m Method) Config { return Config{Method: m}.withDefaults() }

// TestAdviceByCode checks that the advice for common codes contains a word.
func TestAdviceByCode(t *testing.T) {
	for code, word := range map[string]string{
		"AADSTS7000215": "DBAUDIT_CLIENT_SECRET", "AADSTS7000222": "expired", "AADSTS700016": "--client-id", "AADSTS90002": "--tenant-id",
		"AADSTS50076": "dbaudit login", "AADSTS65001": "consent", "AADSTS500011": "--url", "AADSTS53003": "conditional access",
		"AADSTS700027": "certificate", "AADSTS50034": "not known in this tenant", "AADSTS700024": "clock", "AADSTS70021": "federated",
		"AADSTS7000112": "disabled", "AADSTS7000218": "public client flows", "AADSTS50011": "http://localhost", "AADSTS700082": "dbaudit login",
		"AADSTS50105": "assigned", "AADSTS50126": "password", "AADSTS50057": "disabled", "AADSTS70020": "expired", "AADSTS90033": "later",
		"AADSTS700025": "public client", "AADSTS7000229": "service principal", "AADSTS70011": "--url",
	} {
		body := fmt.Sprintf(`{"error":"x","error_description":"%s: Something. Trace ID: 6f9619ff-8b86-d011-b42d-00cf4fc964ff Correlation ID: y"}`, code)
		e := configFor(DeviceCode).refusalError(400, nil, []byte(body))
		if e.Code != code || !strings.Contains(e.Advice, word) || e.Message != "Something." {
			t.Errorf("%s: %+v, want advice with %q", code, e, word)
		}
	}
	for oauth, word := range map[string]string{
		"invalid_client": "--client-id", "unauthorized_client": "--auth", "invalid_scope": "--url", "access_denied": "declined",
		"temporarily_unavailable": "later", "expired_token": "start again", "invalid_grant": "dbaudit login",
	} {
		if e := configFor(DeviceCode).refusalError(400, nil, fmt.Appendf(nil, `{"error":%q}`, oauth)); e.Code != oauth || !strings.Contains(e.Advice, word) {
			t.Errorf("%s: %+v, want advice with %q", oauth, e, word)
		}
	}
	unknown := configFor(DeviceCode).refusalError(400, nil, []byte(`{"error":"invalid_request","error_description":"AADSTS123456: Odd.","correlation_id":"7f9619ff-8b86-d011-b42d-00cf4fc964ff"}`))
	if text := unknown.Error(); !strings.Contains(text, "AADSTS123456") || !strings.Contains(text, "Odd") || !strings.Contains(text, "7f9619ff-8b86-d011-b42d-00cf4fc964ff") {
		t.Errorf("unknown codes show code, message and correlation id: %s", text)
	}
	if e := configFor(DeviceCode).refusalError(400, nil, []byte(`{"error":"x","error_codes":[7000215]}`)); e.Code != "AADSTS7000215" {
		t.Errorf("%+v", e)
	}
}

// TestAdviceByMethod checks that advice fits the method: an app cannot sign in manually and has no
// device.
func TestAdviceByMethod(t *testing.T) {
	for _, c := range []struct {
		method      Method
		code, oauth string
		word, never string
	}{
		{ClientSecret, "AADSTS501051", "invalid_grant", "assign it under Enterprise applications", "dbaudit login"},
		{ManagedIdentity, "AADSTS501051", "invalid_grant", "managed identity is not assigned", "dbaudit login"},
		{ClientSecret, "AADSTS530004", "access_denied", "Service principal sign-ins", "declined"},
		{Interactive, "AADSTS530004", "access_denied", "Cross-tenant access settings", "declined"},
		{AzureCLI, "AADSTS530003", "interaction_required", "az login", "dbaudit login"},
		{Certificate, "AADSTS5000811", "invalid_client", "public part of the certificate", "Microsoft's list"},
		{WorkloadIdentity, "AADSTS5000811", "invalid_client", "issuer", "Microsoft's list"},
		{DeviceCode, "AADSTS5000811", "invalid_grant", "identity provider", "Microsoft's list"},
		{ClientSecret, "AADSTS50076", "interaction_required", "Entra requires an interactive sign-in", "dbaudit login"},
		{Certificate, "AADSTS700082", "invalid_grant", "Entra requires an interactive sign-in", "dbaudit login"},
		{DeviceCode, "AADSTS50076", "interaction_required", "dbaudit login", "az login"},
		{AzureCLI, "AADSTS50173", "invalid_grant", "az login", "dbaudit login"},
		{ClientSecret, "", "access_denied", "refused", "declined"},
		{ClientSecret, "", "invalid_grant", "Entra requires an interactive sign-in", "dbaudit login"},
		{Interactive, "", "access_denied", "declined", "Service principal"},
		{ClientSecret, "AADSTS7000215", "invalid_client", "DBAUDIT_CLIENT_SECRET", "dbaudit login"},
		{ClientSecret, "AADSTS500014", "invalid_resource", "Dataverse itself is disabled", "--url"},
	} {
		body := fmt.Sprintf(`{"error":%q,"error_description":"%s: Something."}`, c.oauth, c.code)
		if c.code == "" {
			body = fmt.Sprintf(`{"error":%q}`, c.oauth)
		}
		e := configFor(c.method).refusalError(400, nil, []byte(body))
		if !strings.Contains(e.Advice, c.word) || strings.Contains(e.Advice, c.never) {
			t.Errorf("%s %s%s: %q, want %q and never %q", c.method, c.code, c.oauth, e.Advice, c.word, c.never)
		}
	}
}

func TestSessionAdvice(t *testing.T) {
	e := newEntra(t)
	e.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"interaction_required","error_description":"AADSTS50076: Something."}`))
		return true
	}
	c := e.withSecret()
	_, err := open(t, c).Token(t.Context(), dataverse.TokenOptions{})
	if err == nil || !strings.Contains(err.Error(), "Entra requires an interactive sign-in") {
		t.Errorf("%v", err)
	}
}

// TestNoLoginAdviceForApps checks that no code advises an app to sign in as people do.
func TestNoLoginAdviceForApps(t *testing.T) {
	for _, m := range Methods() {
		if m.IsPersonal() {
			continue
		}
		for code := range 1000 {
			for _, prefix := range []int{50, 51, 53, 65, 70, 90, 500, 501, 530, 700, 5000, 5001, 7000} {
				code := fmt.Sprintf("AADSTS%d%03d", prefix, code)
				if advice := advise(m, code, "invalid_grant"); advice == "" || strings.Contains(advice, "dbaudit login") {
					t.Fatalf("%s %s: %q", m, code, advice)
				}
			}
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(400, `{"error":"invalid_client","error_description":"AADSTS7000215: x. Trace ID: y"}`)
	f.Add(500, `<html>`)
	f.Add(401, `{"error_description":"eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2ln the-secret\u001b[31m"}`)
	x := configFor(ClientSecret)
	x.ClientSecret = dataverse.NewSecret("the-secret")
	f.Fuzz(func(t *testing.T, status int, body string) {
		text := x.refusalError(status, nil, []byte(body)).Error()
		if strings.Contains(text, "the-secret") || strings.Contains(text, "eyJhbGciOi") || strings.ContainsAny(text, "\x00\x1b\r\n") || len(text) > 4000 {
			t.Fatalf("unsafe text: %q", text)
		}
	})
}

func FuzzParseAuthorizationURI(f *testing.F) {
	f.Add("https://login.microsoftonline.com/t/oauth2/authorize")
	f.Add("https://login.microsoftonline.com@evil.example/t")
	f.Add("https://login.microsoftonline.com\\@evil.example/t")
	f.Fuzz(func(t *testing.T, uri string) {
		n, err := parseAuthorizationURI(uri, "")
		if err != nil {
			return
		}
		if _, err := parseTenant(n.Tenant); err != nil || n.Cloud == UnknownCloud {
			t.Fatalf("%q leads to %+v", uri, n)
		}
	})
}

func FuzzCLIToken(f *testing.F) {
	f.Add(`{"accessToken":"x","expires_on":1}`)
	f.Add(`{"accessToken":"x","expiresOn":"2026-01-01 00:00:00.000000"}`)
	f.Fuzz(func(t *testing.T, out string) {
		if token, err := parseCLIToken([]byte(out)); err == nil && (token.AccessToken == "" || token.ExpiresOn.IsZero()) {
			t.Fatalf("%q gives %+v", out, token)
		}
	})
}

// TestRandomFaults checks that a sign-in over an unreliable network returns a token or advice.
func TestRandomFaults(t *testing.T) {
	e := newEntra(t)
	failed := 0
	for seed := range 60 {
		dice := rand.New(rand.NewPCG(uint64(seed), 3))
		rate := 0.3 * dice.Float64()
		e.intercept = func(w http.ResponseWriter, r *http.Request) bool {
			if dice.Float64() >= rate {
				return false
			}
			switch dice.IntN(6) {
			case 0:
				panic(http.ErrAbortHandler)
			case 1:
				w.Header().Set("Retry-After", "2")
				w.WriteHeader(429)
			case 2:
				http.Error(w, "<html>", []int{500, 502, 503, 504}[dice.IntN(4)])
			case 3:
				_, _ = w.Write([]byte(`{"access_token":"the-access-token-x","expi`))
			case 4:
				w.Header().Set("Content-Length", "5000")
				_, _ = w.Write([]byte(`{"token_type":"Bearer"`))
			case 5:
				_, _ = w.Write([]byte("<html>the-access-token-x</html>"))
			}
			return true
		}
		c := e.withSecret()
		c.Jitter = dice.Float64
		token, err := open(t, c).Token(t.Context(), dataverse.TokenOptions{})
		var refused *AuthError
		switch {
		case err == nil && !strings.HasPrefix(token.Value.Reveal(), "the-access-token-"):
			t.Fatalf("seed %d: %q", seed, token.Value.Reveal())
		case err != nil && (!errors.As(err, &refused) || refused.Advice == "" || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "access-token-")):
			t.Fatalf("seed %d: %v", seed, err)
		case err != nil:
			failed++
		}
	}
	if failed > 3 {
		t.Errorf("%d of 60 sign-ins failed", failed)
	}
}

func TestDiscover(t *testing.T) {
	e := newEntra(t)
	e.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/data/" { // an environment that challenges only here
			w.WriteHeader(404)
			return true
		}
		w.Header().Set("WWW-Authenticate", "Bearer authorization_uri=https://login.microsoftonline.com/"+tenant+"/oauth2/authorize")
		w.WriteHeader(401)
		return true
	}
	d, err := Discover(t.Context(), Config{EnvironmentURL: e.URL, Transport: e.Client().Transport})
	if err != nil || d.Tenant != tenant || d.Cloud != Commercial {
		t.Errorf("%+v, %v", d, err)
	}
	var wrong *ConfigError
	if _, err := Discover(t.Context(), Config{EnvironmentURL: "x"}); !errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
	if _, err := Discover(t.Context(), Config{EnvironmentURL: e.URL, Authority: "x"}); !errors.As(err, &wrong) {
		t.Errorf("%v", err)
	}
}

// TestWithClient checks a session with the client of package dataverse, from the challenge to the rows.
// The token is revoked after the first page.
func TestWithClient(t *testing.T) {
	e := newEntra(t)
	environment := newEntra(t)
	revoked := ""
	environment.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		switch token := r.Header.Get("Authorization"); {
		case token == "":
			w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+e.URL+"/"+tenant+"/oauth2/authorize, resource_id=x")
			w.WriteHeader(401)
		case token == revoked:
			w.WriteHeader(401)
		default:
			if r.URL.Query().Get("$skiptoken") == "" {
				revoked = token
				writeJSON(w, 200, map[string]any{"value": []any{map[string]int{"n": 1}}, "@odata.nextLink": environment.URL + "/api/data/v9.2/roles?$skiptoken=2"})
			} else {
				writeJSON(w, 200, map[string]any{"value": []any{map[string]int{"n": 2}}})
			}
		}
		return true
	}
	c := e.withSecret()
	c.EnvironmentURL, c.TenantID = environment.URL, ""
	c.Transport = routeTo(e, environment)
	e.scope = environment.URL + "/.default"
	s := open(t, c)
	renewed := 0
	client, err := dataverse.New(dataverse.Options{
		URL: environment.URL, Tokens: s, Transport: c.Transport,
		Observe: func(e dataverse.Event) {
			if e.Kind == dataverse.TokenRenewed {
				renewed++
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range client.Rows(t.Context(), dataverse.Collection("roles").Request("roles")) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 || renewed != 1 {
		t.Errorf("%d rows, %d tokens renewed", n, renewed)
	}
}
