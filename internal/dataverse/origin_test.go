package dataverse

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} } //nolint:gosec // it must be refused

func TestParseEnvironment(t *testing.T) {
	for in, want := range map[string]string{
		" https://Contoso.CRM4.dynamics.com ":  "https://contoso.crm4.dynamics.com",
		"https://contoso.crm.dynamics.com:443": "https://contoso.crm.dynamics.com",
		"https://127.0.0.1:8443/":              "https://127.0.0.1:8443",
		"https://[::1]:8443":                   "https://[::1]:8443",
		"https://[::1]":                        "https://[::1]",
		// As people copy them.
		"contoso.crm.dynamics.com":  "https://contoso.crm.dynamics.com",
		"Contoso.crm.dynamics.com/": "https://contoso.crm.dynamics.com",
		"localhost:8443":            "https://localhost:8443",
		"contoso.crm.dynamics.com/main.aspx?appid=1&pagetype=dashboard#x":                        "https://contoso.crm.dynamics.com",
		"https://contoso.crm.dynamics.com/main.aspx?appid=6f0c2a51-8b3d-4e0f-9a77-1c5d2e9b4a10":  "https://contoso.crm.dynamics.com",
		"https://contoso.crm.dynamics.com:443/apps/sales?redirect=https://contoso.crm4.example/": "https://contoso.crm.dynamics.com",
		"https://contoso.crm.dynamics.com?x=1":                                                   "https://contoso.crm.dynamics.com",
		"https://contoso.crm.dynamics.com/api/data/v9.2/":                                        "https://contoso.crm.dynamics.com",
		"contoso.crm.dynamics.com/main.aspx?id=jane@contoso.com":                                 "https://contoso.crm.dynamics.com",
	} {
		if got, err := ParseEnvironment(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"": "--url", "contoso": "not an environment URL", "/main.aspx": "not an environment URL", "https://": "not an environment URL",
		"ftp://contoso.crm.dynamics.com": "not an environment URL", "http://contoso.crm.dynamics.com/main.aspx": "use https://contoso.crm.dynamics.com",
		"https://jane:secret@contoso.crm.dynamics.com": "user name", "jane:secret@contoso.crm.dynamics.com": "user name",
		`https://contoso.crm.dynamics.com\@evil.example`: "cannot be read", "javascript:alert(1)": "cannot be read", "https://[x": "cannot be read",
		"contoso.crm.dynamics.com\n::error::x": "cannot be read", "https://contoso.crm dynamics.com": "cannot be read",
	} {
		got, err := ParseEnvironment(in)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%q: %q, %v; want an error that says %q", in, got, err, want)
		}
	}
}

func TestGuardBlocksOtherHosts(t *testing.T) {
	reached := false
	g := guard{origin{"contoso.crm.dynamics.com"}, roundTripper(func(*http.Request) (*http.Response, error) {
		reached = true
		return httptest.NewRecorder().Result(), nil
	})}
	for url, pass := range map[string]bool{
		"https://contoso.crm.dynamics.com/api/data/v9.2/roles":           true,
		"https://CONTOSO.crm.dynamics.com:443/api/data/v9.2/roles":       true,
		"http://contoso.crm.dynamics.com/api/data/v9.2/roles":            false,
		"https://contoso.crm.dynamics.com.evil.example/api/data/v9.2/":   false,
		"https://contoso.crm.dynamics.com:8443/api/data/v9.2/roles":      false,
		"https://contoso.crm.dynamics.com@evil.example/api/data/v9.2/":   false,
		"https://contoso.crm.dynamics.com/api/data/../../main.aspx":      false,
		"https://contoso.crm.dynamics.com/XRMServices/2011/Organization": false,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		reached = false
		resp, err := g.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if reached != pass || (err == nil) != pass {
			t.Errorf("%s: reached %v, want %v (%v)", url, reached, pass, err)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	g := guard{origin{"h"}, roundTripper(func(*http.Request) (*http.Response, error) {
		resp := httptest.NewRecorder().Result()
		resp.TLS = &tls.ConnectionState{Version: tls.VersionTLS11}
		return resp, nil
	})}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://h/api/data/v9.2/roles", nil)
	resp, err := g.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "1.2") {
		t.Errorf("got %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
