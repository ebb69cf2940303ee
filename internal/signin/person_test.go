package signin

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

func TestDeviceCode(t *testing.T) {
	e := newEntra(t)
	e.pending = 2
	shown := 0
	c := e.config()
	c.Method, c.Cache = DeviceCode, &MemoryCache{}
	c.Prompt = func(p DevicePrompt) {
		shown++
		if p.UserCode != theCode || p.VerificationURL != "https://microsoft.com/devicelogin" || p.ExpiresAt.IsZero() {
			t.Errorf("%+v", p)
		}
	}
	if got := tokenOf(t, open(t, c), dataverse.TokenOptions{}); got != "the-access-token-1" || shown != 1 {
		t.Errorf("%q after %d prompts", got, shown)
	}

	// Another run uses the saved sign-in without a prompt.
	c.Prompt, c.Method = nil, Auto
	s := open(t, c)
	if got := tokenOf(t, s, dataverse.TokenOptions{}); got != "the-access-token-1" || s.Method != DeviceCode {
		t.Errorf("%q by %v", got, s.Method)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{Refresh: true}); got != "the-access-token-2" {
		t.Errorf("a refused token is not replaced: %q", got)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{Refresh: true, Claims: `{"access_token":{"nbf":{"essential":true}}}`}); got != "the-access-token-3" {
		t.Errorf("claims do not request a new token: %q", got)
	}
	if last := e.forms[len(e.forms)-1]; last.Get("grant_type") != "refresh_token" || !strings.Contains(last.Get("claims"), "nbf") {
		t.Errorf("sent %v", last)
	}
	accounts, err := Accounts(t.Context(), c.Cache)
	if err != nil || len(accounts) != 1 || accounts[0].Username != "jane@contoso.com" || accounts[0].Tenant != tenant {
		t.Errorf("%+v, %v", accounts, err)
	}

	// The refresh token is revoked: the person must sign in again.
	e.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		_ = r.ParseForm()
		if r.PostForm.Get("grant_type") == "refresh_token" {
			writeError(w, 400, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.")
			return true
		}
		return false
	}
	if _, err := s.Token(t.Context(), dataverse.TokenOptions{Refresh: true}); err == nil || !strings.Contains(err.Error(), "dbaudit login") {
		t.Errorf("%v", err)
	}
	c.Prompt = func(DevicePrompt) { shown++ }
	tokenOf(t, open(t, c), dataverse.TokenOptions{Refresh: true})
	if shown != 2 {
		t.Errorf("%d prompts", shown)
	}

	removed, err := Logout(t.Context(), c.Cache, "", "")
	if err != nil || len(removed) != 1 {
		t.Errorf("%v, %v", removed, err)
	}
	c.Prompt, c.Method = nil, DeviceCode
	if _, err := open(t, c).Token(t.Context(), dataverse.TokenOptions{}); err == nil || !strings.Contains(err.Error(), "not signed in") {
		t.Errorf("%v", err)
	}
}

func TestInteractive(t *testing.T) {
	e := newEntra(t)
	c := e.config()
	c.Method, c.Username = Interactive, "jane@contoso.com"
	c.OpenBrowser = func(address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		q := u.Query()
		if q.Get("response_mode") != "form_post" || q.Get("code_challenge_method") != "S256" || q.Get("login_hint") != "jane@contoso.com" ||
			q.Get("client_id") != appID || !strings.Contains(q.Get("scope"), theScope) {
			t.Errorf("the browser is sent to %s", address)
		}
		go func() { // the person signs in, and Entra's page posts the code
			resp, err := http.PostForm(q.Get("redirect_uri"), url.Values{"state": {q.Get("state")}, "code": {"the-code"}})
			if err == nil {
				_ = resp.Body.Close()
			}
		}()
		return nil
	}
	account, err := Login(t.Context(), c)
	if err != nil || account.Username != "jane@contoso.com" {
		t.Errorf("%+v, %v", account, err)
	}
	e.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/token") || len(e.forms) > 2 {
			return false
		}
		e.forms = append(e.forms, nil)
		http.Error(w, "busy", 503)
		return true
	}
	if account, err = Login(t.Context(), c); err != nil || account.Username != "jane@contoso.com" {
		t.Errorf("after failed requests: %+v, %v", account, err)
	}
	e.intercept = nil
	c.OpenBrowser = func(string) error { return errors.New("no browser here") }
	if _, err := Login(t.Context(), c); err == nil || !strings.Contains(err.Error(), "no browser here") {
		t.Errorf("%v", err)
	}
	c.OpenBrowser = nil
	if _, err := Login(t.Context(), c); err == nil || !strings.Contains(err.Error(), "in a terminal") {
		t.Errorf("%v", err)
	}
	c.Method = ClientSecret
	if _, err := Login(t.Context(), c); err == nil || !strings.Contains(err.Error(), "for people") {
		t.Errorf("%v", err)
	}
}

func TestFileCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dbaudit", "sign-in")
	keyring.MockInit()
	c := FileCache{path}
	if data, err := c.Load(); err != nil || data != nil {
		t.Errorf("%q, %v", data, err)
	}
	text := []byte(`{"RefreshToken":{"x":{"secret":"the-refresh-token"}}}`)
	for range 2 {
		if err := c.Save(text); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := c.Load(); err != nil || !bytes.Equal(data, text) {
		t.Errorf("%q, %v", data, err)
	}
	encrypted, err := os.ReadFile(path)
	if err != nil || bytes.Contains(encrypted, []byte("refresh")) {
		t.Errorf("the file is not encrypted: %q, %v", encrypted, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for i := range encrypted { // a file with a changed bit counts as absent
		damaged := bytes.Clone(encrypted)
		damaged[i] ^= 1
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if data, err := c.Load(); err != nil || data != nil {
			t.Fatalf("byte %d: %q, %v", i, data, err)
		}
	}
	if err := c.Save(text); err != nil {
		t.Fatal(err)
	}
	keyring.MockInit()
	if data, err := c.Load(); err != nil || data != nil {
		t.Errorf("without its key: %q, %v", data, err)
	}
	keyring.MockInitWithError(errors.New("locked"))
	if _, err := c.Load(); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("%v", err)
	}
	if err := c.Save(nil); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("a key that cannot be removed is not an error: %v", err)
	}
	if err := (FileCache{filepath.Join(t.TempDir(), "x")}).Save(nil); err != nil {
		t.Errorf("without a sign-in and a keyring, signing out fails: %v", err)
	}
	keyring.MockInit()
	if err := errors.Join(c.Save(text), c.Save(nil)); err != nil {
		t.Error(err)
	}
	if key, err := keyring.Get(keyService, keyUser); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("the key is kept: %q, %v", key, err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	if err := c.Save(nil); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}

func TestSeveralPeople(t *testing.T) {
	e := newEntra(t)
	c := e.config()
	c.Method, c.Cache, c.Prompt = DeviceCode, &MemoryCache{}, func(DevicePrompt) {}
	for _, person := range []string{"jane@contoso.com", "joe@contoso.com"} {
		e.person = person
		if account, err := Login(t.Context(), c); err != nil || account.Username != person {
			t.Fatalf("%+v, %v", account, err)
		}
	}
	_, err := open(t, c).Token(t.Context(), dataverse.TokenOptions{})
	if err == nil || !strings.Contains(err.Error(), "jane@contoso.com, joe@contoso.com") {
		t.Errorf("%v", err)
	}
	c.Username = "JOE@contoso.com"
	tokenOf(t, open(t, c), dataverse.TokenOptions{})
	if _, err := Logout(t.Context(), c.Cache, "", "joe@contoso.com"); err == nil {
		t.Error("one of several sign-ins was removed without the app")
	}
	removed, err := Logout(t.Context(), c.Cache, appID, "joe@contoso.com")
	if err != nil || len(removed) != 1 || removed[0].Username != "joe@contoso.com" {
		t.Errorf("%+v, %v", removed, err)
	}
	left, err := Accounts(t.Context(), c.Cache)
	if err != nil || len(left) != 1 || left[0].Username != "jane@contoso.com" {
		t.Errorf("%+v, %v", left, err)
	}
	c.Username, c.Prompt = "", nil
	tokenOf(t, open(t, c), dataverse.TokenOptions{})
}

func TestNoKeyring(t *testing.T) {
	e := newEntra(t)
	var warnings []string
	c := e.config()
	c.Method, c.Prompt = DeviceCode, func(DevicePrompt) {}
	keyring.MockInitWithError(errors.New("no keyring here"))
	c.Cache = FileCache{filepath.Join(t.TempDir(), "x")}
	c.Warn = func(s string) { warnings = append(warnings, s) }
	s := open(t, c)
	tokenOf(t, s, dataverse.TokenOptions{})
	if len(warnings) != 1 || !strings.Contains(warnings[0], "for this run only") || !strings.Contains(warnings[0], "no keyring here") {
		t.Errorf("warnings %q", warnings)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{}); got != "the-access-token-1" {
		t.Errorf("the token is not kept in memory: %q", got)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{Refresh: true}); got != "the-access-token-2" {
		t.Errorf("the refresh token is not kept in memory: %q", got)
	}
}

func TestDamagedCache(t *testing.T) {
	e := newEntra(t)
	c := e.config()
	c.Method, c.Prompt, c.Cache = DeviceCode, func(DevicePrompt) {}, &MemoryCache{}
	if err := c.Cache.Save([]byte("garbage")); err != nil {
		t.Fatal(err)
	}
	tokenOf(t, open(t, c), dataverse.TokenOptions{})
}
