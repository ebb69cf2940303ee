// Package web serves the pages of a fleet, which need no script, and its API. Without sign-in it
// answers only requests for a loopback host, and allows them everything.
package web

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/loopback"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

//go:embed pages.gohtml
var pages string

//go:embed web.css
var style string

//go:embed openapi.json
var openAPI []byte

// Options configure what [New] serves.
type Options struct {
	Store  *store.Store
	Fleet  *fleet.Fleet          // enqueues and cancels scans
	SignIn *SignIn               // nil for no sign-in
	Logger *slog.Logger          // nil for none
	Rules  map[string]audit.Rule // by id, for reports
}

type server struct {
	Options

	pages *template.Template
}

// New returns the handler of all pages and the API.
func New(o Options) (http.Handler, error) {
	s := &server{Options: o}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	var err error
	s.pages, err = template.New("pages").Funcs(template.FuncMap{
		"path":     func(v any) string { return url.PathEscape(fmt.Sprint(v)) },
		"line":     func(v any) string { return text.Line(fmt.Sprint(v)) },
		"formats":  resultFormats,
		"age":      s.age,
		"date":     formatDate,
		"time":     formatTime,
		"interval": text.Duration,
		"duration": formatDuration,
	}).Parse(pages)
	if err != nil {
		return nil, fmt.Errorf("the pages: %w", err)
	}
	handler := http.NewCrossOriginProtection().Handler(s.routes())
	if o.SignIn == nil {
		handler = loopbackOnly(handler)
	}
	return securityHeaders(handler), nil
}

func (s *server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]handler{
		"GET /{$}":                 s.fleetPage,
		"GET /environments/{name}": s.environmentPage,
		"GET /environments/{name}/report/{integration}": s.reportPage,
		"GET /controls":                                s.controlsPage,
		"GET /controls/{id}":                           s.controlPage,
		"GET /metrics":                                 s.metrics,
		"GET /api/v1/environments":                     jsonHandler(s.listEnvironments),
		"GET /api/v1/environments/{name}":              jsonHandler(s.listEnvironments),
		"GET /api/v1/environments/{name}/findings":     jsonHandler(s.listFindings),
		"GET /api/v1/environments/{name}/runs":         jsonHandler(s.listRuns),
		"GET /api/v1/runs/{run}":                       jsonHandler(s.getRun),
		"GET /api/v1/runs/{run}/results/{integration}": s.getResult,
		"GET /api/v1/controls/{id}":                    jsonHandler(s.getControl),
		"POST /environments/{name}/scan":               s.scan,
		"POST /runs/{run}/cancel":                      s.cancel,
		"POST /api/v1/environments/{name}/runs":        s.scan,
		"POST /api/v1/runs/{run}/cancel":               s.cancel,
	} {
		role := RoleReader
		if strings.HasPrefix(pattern, http.MethodPost) {
			role = RoleOperator
		}
		mux.Handle(pattern, s.requireRole(role, handle))
	}
	mux.HandleFunc("GET /style.css", static("text/css; charset=utf-8", []byte(report.StyleSheet()+style)))
	mux.HandleFunc("GET /api/v1/openapi.json", static("application/json", openAPI))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	if s.SignIn != nil {
		mux.HandleFunc("GET /sign-in", s.SignIn.start)
		mux.HandleFunc("GET "+callbackPath, func(w http.ResponseWriter, r *http.Request) {
			if err := s.SignIn.callback(w, r); err != nil {
				s.writeError(w, r, err)
			}
		})
		mux.HandleFunc("POST /sign-out", s.SignIn.signOut)
	}
	return mux
}

// static answers with a body that does not change while the process runs.
func static(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = w.Write(body)
	}
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.Store.Ping(r.Context()); err != nil {
		s.Logger.Error("the store does not respond", slog.Any("error", err))
		http.Error(w, "the store does not respond", http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ready")
}

// securityHeaders sets headers that forbid framing, sniffing of content types, caching, and
// referrers to other sites. The content security policy forbids scripts.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// loopbackOnly refuses requests for hosts other than loopback hosts. It protects against DNS
// rebinding: such a page requests its own host, although the name resolves to this machine.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !loopback.IsHost(host) {
			http.Error(w, "without a sign-in, this server accepts only requests for a loopback address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// A handler answers a request of a visitor with the required role. It must not write before it
// returns an error.
type handler func(w http.ResponseWriter, r *http.Request) error

type visitorKey struct{}

func (s *server) requireRole(role Role, next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitor{Name: "local", Role: RoleOperator}
		if s.SignIn != nil {
			var err error
			if v, err = s.SignIn.visitor(r); err != nil {
				s.requestSignIn(w, r, err)
				return
			}
		}
		if v.Role < role {
			s.writeError(w, r, &statusError{http.StatusForbidden, fmt.Sprintf("this needs the role %s; ask the administrator of the sign-in for it", role)})
			return
		}
		if err := next(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))); err != nil {
			s.writeError(w, r, err)
		}
	})
}

// visitorOf returns the visitor of a request that [server.requireRole] has allowed.
func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

// requestSignIn answers a request without a valid sign-in: browsers are redirected to the sign-in.
func (s *server) requestSignIn(w http.ResponseWriter, r *http.Request, err error) {
	if r.Method == http.MethodGet && !isAPIRequest(r) {
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	s.writeError(w, r, &statusError{http.StatusUnauthorized, err.Error()})
}

// A statusError is an error with an HTTP status and a message for the client.
type statusError struct {
	status  int
	message string
}

func (e *statusError) Error() string { return e.message }

func (s *server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var e *statusError
	switch {
	case errors.As(err, &e):
	case errors.Is(err, store.ErrNotFound):
		e = &statusError{http.StatusNotFound, "it does not exist, or no longer exists"}
	case errors.Is(err, store.ErrEnded):
		e = &statusError{http.StatusConflict, "the run has already ended"}
	case r.Context().Err() != nil:
		return // the client has disconnected
	default:
		s.Logger.Error("a request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
		e = &statusError{http.StatusInternalServerError, "this did not work; the server's log says why"}
	}
	if isAPIRequest(r) {
		writeJSON(w, e.status, map[string]string{"error": e.message})
		return
	}
	s.renderPage(w, e.status, "refused", layout{Title: http.StatusText(e.status)}, e.message)
}
