// Package web serves a fleet's pages, which need no script, and its API. Without a sign-in it
// answers only requests for a loopback host, and these may do everything.
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

// Options say what is served.
type Options struct {
	Store  *store.Store
	Fleet  *fleet.Fleet // takes requests for scans
	SignIn *SignIn      // nil for none
	Logger *slog.Logger
	Rules  map[string]audit.Rule // the rules of a report by id
}

type server struct {
	Options

	pages *template.Template
}

// New makes the handler of everything that is served.
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
		"interval": formatInterval,
		"duration": formatDuration,
	}).Parse(pages)
	if err != nil {
		return nil, fmt.Errorf("the pages: %w", err)
	}
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
		least := RoleReader
		if strings.HasPrefix(pattern, http.MethodPost) {
			least = RoleOperator
		}
		mux.Handle(pattern, s.requireRole(least, handle))
	}
	mux.HandleFunc("GET /style.css", static("text/css; charset=utf-8", []byte(report.StyleSheet()+style)))
	mux.HandleFunc("GET /api/v1/openapi.json", static("application/json", openAPI))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	if o.SignIn != nil {
		mux.HandleFunc("GET /sign-in", o.SignIn.start)
		mux.HandleFunc("GET "+callbackPath, func(w http.ResponseWriter, r *http.Request) {
			if err := o.SignIn.callback(w, r); err != nil {
				s.writeError(w, r, err)
			}
		})
		mux.HandleFunc("POST /sign-out", o.SignIn.signOut)
	}
	guarded := http.NewCrossOriginProtection().Handler(mux)
	if o.SignIn == nil {
		guarded = loopbackOnly(guarded)
	}
	return securityHeaders(guarded), nil
}

// static answers with what stays the same while the process runs.
func static(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = w.Write(body)
	}
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.Store.Ping(r.Context()); err != nil {
		s.Logger.Error("the store does not answer", slog.Any("error", err))
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ready")
}

// securityHeaders keeps every answer from being framed, guessed at, cached or sent along.
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

// loopbackOnly answers requests for a loopback host. A page of another site whose name
// resolves to this machine requests another host.
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

// A handler answers a request that is allowed. It returns an error only before it writes.
type handler func(w http.ResponseWriter, r *http.Request) error

type visitorKey struct{}

// requireRole lets a handler answer those who have a role.
func (s *server) requireRole(least Role, next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := visitor{Name: "local", Role: RoleOperator}
		if s.SignIn != nil {
			var err error
			if who, err = s.SignIn.visitor(r); err != nil {
				s.requestSignIn(w, r, err)
				return
			}
		}
		if who.Role < least {
			s.writeError(w, r, &statusError{http.StatusForbidden, fmt.Sprintf("this needs the role %s; ask the administrator of the sign-in for it", least)})
			return
		}
		if err := next(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, who))); err != nil {
			s.writeError(w, r, err)
		}
	})
}

func visitorOf(r *http.Request) visitor {
	who, _ := r.Context().Value(visitorKey{}).(visitor)
	return who
}

// requestSignIn answers a request without a sign-in: it sends a person to the sign-in.
func (s *server) requestSignIn(w http.ResponseWriter, r *http.Request, err error) {
	if r.Method == http.MethodGet && !isAPIRequest(r) {
		http.Redirect(w, r, "/sign-in?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	s.writeError(w, r, &statusError{http.StatusUnauthorized, err.Error()})
}

// A statusError is an answer other than success. Its message is public.
type statusError struct {
	status  int
	message string
}

func (e *statusError) Error() string { return e.message }

// writeError reports an error: to programs as JSON, to people as a page.
func (s *server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var known *statusError
	switch {
	case errors.As(err, &known):
	case errors.Is(err, store.ErrNotFound):
		known = &statusError{http.StatusNotFound, "it does not exist, or no longer"}
	case errors.Is(err, store.ErrEnded):
		known = &statusError{http.StatusConflict, "the run has ended before"}
	case r.Context().Err() != nil:
		return // the client has gone
	default:
		s.Logger.Error("a request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
		known = &statusError{http.StatusInternalServerError, "this did not work; the server's log says why"}
	}
	if isAPIRequest(r) {
		writeJSON(w, known.status, map[string]string{"error": known.message})
		return
	}
	s.renderPage(w, known.status, "refused", layout{Title: http.StatusText(known.status)}, known.message)
}
