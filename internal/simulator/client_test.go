package simulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A client sends requests with net/http. It does not use dbaudit's client.
type client struct {
	t      *testing.T
	server *simulator.Server
	http   *http.Client
	token  string
	header http.Header
}

// start serves a built-in environment. If change is not nil, it changes the environment first.
func start(t *testing.T, name string, o simulator.Options, change func(*simulator.Environment)) *simulator.Server {
	t.Helper()
	env, err := simulator.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(env)
	}
	server, err := simulator.Start(t.Context(), env, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// startAs serves a built-in environment and returns a client that is signed in as one of its applications.
func startAs(t *testing.T, application, name string) (*simulator.Server, *client) {
	t.Helper()
	server := start(t, name, simulator.Options{}, nil)
	return server, signIn(t, server, application)
}

func httpClient(t *testing.T, server *simulator.Server) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(server.CAPEM()) {
		t.Fatal("the CA certificate cannot be read")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// signIn returns a client that is signed in as an application. name is its name in the environment.
func signIn(t *testing.T, server *simulator.Server, name string) *client {
	t.Helper()
	c := &client{t: t, server: server, http: httpClient(t, server), header: http.Header{}}
	reg := server.Environment().Client(name)
	if reg == nil {
		t.Fatalf("no client %q", name)
	}
	status, body := c.form("/"+server.TenantID()+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {reg.ApplicationID}, "client_secret": {reg.Secret},
		"scope": {server.URL() + "/.default"},
	})
	c.token, _ = body["access_token"].(string)
	if status != http.StatusOK || c.token == "" {
		t.Fatalf("signing in as %q: %d %v", name, status, body)
	}
	return c
}

// form posts a form to the sign-in host.
func (c *client) form(path string, values url.Values) (int, map[string]any) {
	c.t.Helper()
	response, err := c.http.PostForm(c.server.AuthorityURL()+path, values)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, body
}

// as returns a client that impersonates a user.
func (c *client) as(header, id string) *client {
	return c.with(header, id)
}

// with returns a client with a further header.
func (c *client) with(name, value string) *client {
	other := *c
	other.header = c.header.Clone()
	other.header.Add(name, value)
	return &other
}

type response struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// do sends a request to a path below /api/data/v9.2/ or to an absolute address.
func (c *client) do(method, path string, body any) response {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	address := path
	if !strings.HasPrefix(path, "https://") {
		address = c.server.URL() + "/api/data/v9.2/" + path
	}
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header = c.header.Clone()
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	reply, err := c.http.Do(request)
	if err != nil {
		return response{err: err}
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	return response{reply.StatusCode, reply.Header, data, err}
}

// escape encodes the characters that a query must not contain.
func escape(query string) string {
	return strings.NewReplacer(" ", "%20", `"`, "%22", "{", "%7B", "}", "%7D", "[", "%5B", "]", "%5D", "<", "%3C", ">", "%3E").Replace(query)
}

func (c *client) get(path string) response {
	c.t.Helper()
	return c.do(http.MethodGet, escape(path), nil)
}

// rows returns the rows of a collection. The request must succeed.
func (c *client) rows(path string) []map[string]any {
	c.t.Helper()
	r := c.get(path)
	if r.status != http.StatusOK || r.err != nil {
		c.t.Fatalf("GET %s: %d %v %s", path, r.status, r.err, r.body)
	}
	return r.rows(c.t)
}

func (r response) json(t *testing.T) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatalf("%v in %q", err, r.body)
	}
	return body
}

func (r response) rows(t *testing.T) []map[string]any {
	t.Helper()
	var body struct {
		Value []map[string]any `json:"value"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatalf("%v in %q", err, r.body)
	}
	return body.Value
}

// refusal returns the code and message of an error.
func (r response) refusal(t *testing.T) (code, message string) {
	t.Helper()
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatalf("%v in %q", err, r.body)
	}
	return body.Error.Code, body.Error.Message
}

// expect checks the status of a response and, unless code is "-", the error's code.
func (r response) expect(t *testing.T, what string, status int, code string) {
	t.Helper()
	if r.err != nil || r.status != status {
		t.Errorf("%s: got %d %v %s, want %d", what, r.status, r.err, r.body, status)
		return
	}
	if code == "-" {
		return
	}
	if got, _ := r.refusal(t); got != code {
		t.Errorf("%s: got %s, want code %s", what, r.body, code)
	}
}

// column returns the values of a column.
func column(rows []map[string]any, name string) []any {
	values := make([]any, len(rows))
	for i, row := range rows {
		values[i] = row[name]
	}
	return values
}

func thumbprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
