package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

// A layout is what every page has.
type layout struct {
	Title    string
	Who      string // empty without a sign-in
	Operator bool
}

func (s *server) layout(r *http.Request, title string) layout {
	who := visitorOf(r)
	f := layout{Title: title, Operator: who.Role >= RoleOperator}
	if s.SignIn != nil {
		f.Who = text.Line(who.Name)
	}
	return f
}

// renderPage writes a page. Its body is one of the templates.
func (s *server) renderPage(w http.ResponseWriter, status int, body string, f layout, data any) {
	var b bytes.Buffer
	err := s.pages.ExecuteTemplate(&b, body, struct {
		layout

		Data any
	}{f, data})
	if err != nil {
		s.Logger.Error("a page cannot be shown", "page", body, "error", err)
		http.Error(w, "this page cannot be shown; the server's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// formatInterval shows a duration without the units in which it is nothing.
func formatInterval(d time.Duration) string {
	shown := d.String()
	for _, end := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(shown, end) {
			shown = shown[:len(shown)-len("0s")]
		}
	}
	return shown
}

func formatTime(t time.Time) string { return formatOrDash(t, "2006-01-02 15:04 UTC") }

func formatDate(t time.Time) string { return formatOrDash(t, time.DateOnly) }

// formatOrDash is a time in UTC; a zero one is a dash.
func formatOrDash(t time.Time, layout string) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format(layout)
}

// age is how long ago something was, in its largest unit.
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
