package web

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

type layout struct {
	Title    string
	Who      string // the visitor; empty without sign-in
	Operator bool   // whether the visitor may start and cancel scans
}

func (s *server) layout(r *http.Request, title string) layout {
	v := visitorOf(r)
	l := layout{Title: title, Operator: v.Role >= RoleOperator}
	if s.SignIn != nil {
		l.Who = text.Line(v.Name)
	}
	return l
}

func (s *server) renderPage(w http.ResponseWriter, status int, name string, l layout, data any) {
	var b bytes.Buffer
	err := s.pages.ExecuteTemplate(&b, name, struct {
		layout

		Data any
	}{l, data})
	if err != nil {
		s.Logger.Error("a page cannot be shown", "page", name, "error", err)
		http.Error(w, "this page cannot be shown; the server's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func formatTime(t time.Time) string { return formatOrDash(t, "2006-01-02 15:04 UTC") }

func formatDate(t time.Time) string { return formatOrDash(t, time.DateOnly) }

// formatOrDash formats a time in UTC, or returns a dash for the zero time.
func formatOrDash(t time.Time, layout string) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format(layout)
}

// age returns how long ago a time was, in its largest unit.
func (s *server) age(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := s.Store.Now().Sub(t); {
	case d < -store.StaleMargin:
		return "in the future: a clock is wrong"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}
