package dataverse

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestWritesOnTheWire(t *testing.T) {
	var got *http.Request
	var body string
	s := newFixture(t, nil)
	s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got, body = r, string(text)
		w.Header().Set("OData-EntityId", s.server.URL+"/api/data/v9.2/roles(AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee)")
		w.WriteHeader(204)
	})
	check := func(line, sent string, headers map[string]string) {
		t.Helper()
		if got.Method+" "+got.RequestURI != line || body != sent {
			t.Errorf("sent %s %s %s, want %s %s", got.Method, got.RequestURI, body, line, sent)
		}
		for name, value := range headers {
			if got.Header.Get(name) != value {
				t.Errorf("%s: %q, want %q", name, got.Header.Get(name), value)
			}
		}
	}
	standard := map[string]string{"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0", "Prefer": "", "Authorization": "Bearer token-1"}

	const made = `{"businessunitid@odata.bind":"/businessunits(11111111-2222-3333-4444-555555555555)","name":"Demandbase Integration"}`
	done, err := s.writer.Change(t.Context(), "POST", Collection("roles").Request("making the role"), []byte(made), "")
	if err != nil || done != idB {
		t.Errorf("%+v, %v", done, err)
	}
	check("POST /api/data/v9.2/roles", made, standard)
	check(got.Method+" "+got.RequestURI, body, map[string]string{"Content-Type": "application/json", "If-Match": ""})

	link := s.server.URL + "/api/data/v9.2/roles(" + string(idB) + ")"
	roles := Row("systemusers", idA).Nav("systemuserroles_association").String()
	r := Request{Path: roles + "/$ref", Label: "assigning the role", Caller: Caller{ObjectID: idB}}
	if _, err := s.writer.Change(t.Context(), "POST", r, []byte(`{"@odata.id":"`+link+`"}`), ""); err != nil {
		t.Fatal(err)
	}
	check("POST /api/data/v9.2/systemusers(11111111-2222-3333-4444-555555555555)/systemuserroles_association/$ref", `{"@odata.id":"`+link+`"}`, map[string]string{"CallerObjectId": string(idB)})

	if _, err := s.writer.Change(t.Context(), "PATCH", Row("systemusers", idA).Request("enabling the user"), []byte(`{"isdisabled":false}`), ""); err != nil {
		t.Fatal(err)
	}
	check("PATCH /api/data/v9.2/systemusers(11111111-2222-3333-4444-555555555555)", `{"isdisabled":false}`, map[string]string{"If-Match": "*", "If-None-Match": ""})
	if _, err := s.writer.Change(t.Context(), "PATCH", Row("systemusers", idA).Request(""), []byte(`{"isdisabled":false}`), `W/"7"`); err != nil {
		t.Fatal(err)
	}
	check("PATCH /api/data/v9.2/systemusers(11111111-2222-3333-4444-555555555555)", `{"isdisabled":false}`, map[string]string{"If-Match": `W/"7"`})

	if _, err := s.writer.Change(t.Context(), "DELETE", Request{Path: roles + "(" + string(idB) + ")/$ref"}, nil, ""); err != nil {
		t.Fatal(err)
	}
	check("DELETE /api/data/v9.2/systemusers(11111111-2222-3333-4444-555555555555)/systemuserroles_association(aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee)/$ref", "", map[string]string{"Content-Type": ""})
}

func TestUncertainWritesAreNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, n int)
		kind   ErrorKind
		may    bool
		tries  int
	}{
		"500":      {func(w http.ResponseWriter, _ int) { writeError(w, 500, "", "x") }, Server, true, 1},
		"503":      {func(w http.ResponseWriter, _ int) { writeError(w, 503, "", "x") }, Server, true, 1},
		"408":      {func(w http.ResponseWriter, _ int) { w.WriteHeader(408) }, Server, true, 1},
		"reset":    {func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) }, Transport, true, 1},
		"400":      {func(w http.ResponseWriter, _ int) { writeError(w, 400, "0x80060888", "x") }, BadRequest, false, 1},
		"412":      {func(w http.ResponseWriter, _ int) { writeError(w, 412, "", "x") }, Conflict, false, 1},
		"cut 403":  {func(w http.ResponseWriter, _ int) { w.Header().Set("Content-Length", "99"); w.WriteHeader(403) }, Transport, false, 1},
		"302":      {func(w http.ResponseWriter, _ int) { w.WriteHeader(302) }, Redirected, false, 1},
		"404 html": {func(w http.ResponseWriter, _ int) { http.Error(w, "x", 404) }, Protocol, true, 1},
		"403 html": {func(w http.ResponseWriter, _ int) { http.Error(w, "x", 403) }, Forbidden, true, 1},
		"cut 200": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, "{")
		}, Transport, true, 1},
		"odd 200": {func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, "<html>") }, Protocol, true, 1},
		"cut 429": {func(w http.ResponseWriter, n int) {
			if n > 1 {
				w.WriteHeader(204)
				return
			}
			w.Header().Set("Content-Length", "99")
			w.WriteHeader(429)
		}, Unknown, false, 2},
		"401": {func(w http.ResponseWriter, n int) {
			if n > 1 {
				w.WriteHeader(204)
				return
			}
			w.WriteHeader(401)
		}, Unknown, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
				n++
				c.answer(w, n)
			})
			_, err := s.writer.Change(t.Context(), "POST", Collection("roles").Request("making the role"), []byte(`{"name":"x"}`), "")
			if c.kind == Unknown {
				if err != nil || n != c.tries {
					t.Errorf("%v after %d tries", err, n)
				}
				return
			}
			e := asError(t, err)
			if e.Kind != c.kind || e.MayHaveHappened != c.may || n != c.tries || strings.Contains(e.Error(), "may have happened") != c.may {
				t.Errorf("%v (may %v) after %d tries", e, e.MayHaveHappened, n)
			}
		})
	}
}

func TestFailedConnectionsAreRepeated(t *testing.T) {
	tries := 0
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, func(o *Options) {
		next := o.Transport
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if tries++; tries < 3 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}
			return next.RoundTrip(r)
		})
	})
	if _, err := s.writer.Change(t.Context(), "DELETE", Row("roles", idA).Request(""), nil, ""); err != nil || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestUnknownHostsAreNotRepeated(t *testing.T) {
	tries := 0
	s := newFixture(t, nil, func(o *Options) {
		o.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			tries++
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}
		})
	})
	_, err := s.client.Get(t.Context(), Function("WhoAmI").Request("who am I"))
	if e := asError(t, err); e.Kind != Transport || tries != 1 || !strings.Contains(err.Error(), "spelling") {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	s := newFixture(t, nil, func(o *Options) { o.Transport = &http.Transport{} })
	_, err := s.client.Get(t.Context(), Function("WhoAmI").Request("who am I"))
	if e := asError(t, err); e.Attempts != 1 || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("%v", err)
	}
}
