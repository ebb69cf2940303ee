package foreign

import (
	"bufio"
	"flag"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/web"
)

var issuerScript = flag.String("issuer", "", "script that runs npm's oidc-provider: scripts/test-sign-in")

// TestPageWithNode signs in to the fleet's page at npm's oidc-provider, which has forms for the name
// and for the consent.
func TestPageWithNode(t *testing.T) {
	if *issuerScript == "" {
		t.Skip("scripts/test-sign-in runs it")
	}
	for _, tc := range []struct {
		roles string
		want  int
	}{{"", http.StatusForbidden}, {"Reader", http.StatusOK}} {
		t.Run("role "+tc.roles, func(t *testing.T) {
			var handler http.Handler
			page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
			t.Cleanup(page.Close)
			node := exec.CommandContext(t.Context(), "node", *issuerScript, page.URL+"/sign-in/callback", tc.roles)
			out, err := node.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := node.Start(); err != nil {
				t.Fatal(err)
			}
			output := bufio.NewScanner(out)
			for output.Scan() && !strings.HasPrefix(output.Text(), "http://") {
			}
			fleet, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"), store.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = fleet.Close() })
			signIn, err := web.NewSignIn(t.Context(), web.SignInOptions{
				Issuer: output.Text(), ClientID: "the-page", ClientSecret: secret, BaseURL: page.URL, Client: http.DefaultClient, Now: time.Now,
			})
			if err != nil {
				t.Fatal(err)
			}
			if handler, err = web.New(web.Options{Store: fleet, SignIn: signIn}); err != nil {
				t.Fatal(err)
			}
			if got := visit(t, page.URL+"/controls"); got.StatusCode != tc.want || tc.want == http.StatusOK && got.Request.URL.Path != "/controls" {
				t.Errorf("%d at %s", got.StatusCode, got.Request.URL)
			}
		})
	}
}

// visit opens a page in a browser without scripts, and fills in the issuer's forms.
func visit(t *testing.T, address string) *http.Response {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	person := &http.Client{Jar: jar}
	got, err := person.Get(address)
	for range 5 {
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		form := regexp.MustCompile(`<form[^>]* action="([^"]*/interaction/[^"]*)"`).FindStringSubmatch(string(body))
		if form == nil {
			return got
		}
		to, err := got.Request.URL.Parse(html.UnescapeString(form[1]))
		if err != nil {
			t.Fatal(err)
		}
		fields := url.Values{"login": {"jane"}, "password": {"x"}}
		for _, hidden := range regexp.MustCompile(`name="prompt" value="([^"]*)"`).FindAllStringSubmatch(string(body), 1) {
			fields.Set("prompt", hidden[1])
		}
		if got, err = person.PostForm(to.String(), fields); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("the issuer shows more than 5 forms, at %s", got.Request.URL)
	return nil
}
