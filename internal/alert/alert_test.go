package alert_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/alert"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/must"
)

const file = `routes:
  ops: {teams: {url: {env: TEAMS}}}
  chat: {slack: {url: {file: slack}}}
  hook: {webhook: {url: "https://hook.example/x", secret: {env: KEY}}}
  mail: {email: {server: mail.example, from: dbaudit@example.com, to: [ops@example.com]}}
rules:
  - {name: severe, events: [new, fixed, cannot-run], severity: high, labels: {team: sales}, route: ops}
  - {name: quiet, events: [silent], after: 12h, route: mail}
`

func TestParse(t *testing.T) {
	t.Parallel()
	f := must.Get(alert.Parse("alerts.yaml", []byte(file)))
	severe, quiet := f.Rules[0], f.Rules[1]
	if severe.Severity != audit.SeverityHigh || !severe.Reports(alert.EventNew, true) || severe.Reports(alert.EventSilent, false) ||
		!severe.Matches(map[string]string{"team": "sales", "x": "y"}) || severe.Matches(map[string]string{"team": "x"}) || severe.Matches(nil) {
		t.Errorf("%+v", severe)
	}
	if quiet.SilentAfter() != 12*time.Hour || severe.SilentAfter() != 48*time.Hour {
		t.Errorf("%s, %s", quiet.SilentAfter(), severe.SilentAfter())
	}
	for what, tc := range map[string]struct{ old, changed, want string }{
		"unknown route":   {"route: ops", "route: nowhere", "alerts.yaml:7:100: route: nowhere is not among the routes"},
		"two of a name":   {"name: quiet", "name: severe", "two rules are called severe"},
		"unknown event":   {"[silent]", "[loud]", "alerts.yaml:8:"},
		"unknown key":     {"after: 12h", "minutes: 12h", "alerts.yaml:8:"},
		"a secret inline": {"{env: TEAMS}", "https://secret.example", "alerts.yaml:2:"},
		"two receivers":   {"teams: {url: {env: TEAMS}}", "teams: {url: {env: TEAMS}}, slack: {url: {env: S}}", "alerts.yaml:2:"},
	} {
		if _, err := alert.Parse("alerts.yaml", []byte(strings.Replace(file, tc.old, tc.changed, 1))); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestDocumented checks that the example in docs/fleet.md is valid.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page := must.Get(os.ReadFile("../../docs/fleet.md"))
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	f, err := alert.Parse("docs/fleet.md", []byte(example))
	if err != nil || len(f.Rules) != 2 || len(f.Routes) != 4 || len(f.Secrets()) != 4 {
		t.Errorf("%v: %+v", err, f)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(file))
	f.Fuzz(func(t *testing.T, data []byte) {
		if parsed, err := alert.Parse("x", data); err == nil {
			for _, r := range parsed.Rules {
				if _, ok := parsed.Routes[r.Route]; !ok {
					t.Errorf("%s has no route", r.Name)
				}
			}
		}
	})
}

// hostile is a name with a link, a mention, markup and a second line.
const hostile = "[x](https://evil.example) <!channel> <script> **b**\nBcc: evil@example.com\x1b[31m"

func message() alert.Message {
	item := alert.Item{Environment: hostile, Integration: "demandbase", Event: alert.EventNew, Control: "DB-PRIV-LEAD", Severity: audit.SeverityHigh, Text: hostile}
	items := []alert.Item{item}
	for range 30 {
		items = append(items, item)
	}
	return alert.NewMessage("alert-1", "severe", "https://page.example/", items)
}

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

type request struct {
	header http.Header
	body   string
}

// send sends the message by a route to a receiver that answers with a status, and returns the
// request.
func send(t *testing.T, route string, status int) (request, error) {
	t.Helper()
	requests := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r.Header, string(body)}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	f := must.Get(alert.Parse("alerts.yaml", []byte(strings.Replace(file, "https://hook.example/x", server.URL, 1))))
	s := alert.Sender{Routes: f.Routes, Transport: http.DefaultTransport, Now: noon, ReadSecret: func(from config.Source) (string, error) {
		if from.Env == "KEY" {
			return "the-key", nil
		}
		return server.URL + "/secret-path", nil
	}}
	if err := s.Send(t.Context(), route, message()); err != nil {
		return request{}, err
	}
	return <-requests, nil
}

// TestTeams checks that Teams gets an Adaptive Card in which every text is a text run, without
// Markdown.
func TestTeams(t *testing.T) {
	t.Parallel()
	check := func(body string) {
		var envelope struct {
			Type        string
			Attachments []struct {
				ContentType string
				Content     struct {
					Type, Version string
					Body          []struct {
						Type    string
						Inlines []struct{ Type, Text string }
					}
					Actions []struct{ Type, URL string }
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &envelope); err != nil || envelope.Type != "message" || len(envelope.Attachments) != 1 {
			t.Fatalf("%v: %s", err, body)
		}
		card := envelope.Attachments[0]
		if card.ContentType != "application/vnd.microsoft.card.adaptive" || card.Content.Type != "AdaptiveCard" || card.Content.Version == "" || len(card.Content.Actions) != 1 {
			t.Errorf("%+v", card)
		}
		if n := len(card.Content.Body); n != 1+20+1 {
			t.Errorf("%d paragraphs, want a title, 20 items and what was left out", n)
		}
		for _, block := range card.Content.Body {
			if block.Type != "RichTextBlock" || len(block.Inlines) != 1 || block.Inlines[0].Type != "TextRun" || strings.ContainsAny(block.Inlines[0].Text, "\n\x1b") {
				t.Errorf("%+v", block)
			}
		}
		if len(body) > 28<<10 {
			t.Errorf("%d bytes: Teams takes 28 KB", len(body))
		}
	}
	got := must.Get(send(t, "ops", http.StatusOK))
	check(got.body)
}

// TestSlack checks that Slack gets plain text, and that the text of the notification is escaped.
func TestSlack(t *testing.T) {
	t.Parallel()
	got := must.Get(send(t, "chat", http.StatusOK))
	var m struct {
		Text   string
		Blocks []struct {
			Type string
			Text struct{ Type, Text string }
		}
	}
	if err := json.Unmarshal([]byte(got.body), &m); err != nil || len(m.Blocks) < 22 || len(m.Blocks) > 50 || strings.Contains(m.Text, "<!channel>") {
		t.Fatalf("%v %d blocks: %q", err, len(m.Blocks), m.Text)
	}
	for _, b := range m.Blocks {
		if b.Type != "actions" && (b.Text.Type != "plain_text" || b.Text.Text == "" || len([]rune(b.Text.Text)) > 3000) {
			t.Errorf("%+v", b)
		}
	}
	if m.Blocks[0].Type != "header" || len([]rune(m.Blocks[0].Text.Text)) > 150 {
		t.Errorf("%+v", m.Blocks[0])
	}
}

// TestWebhook verifies the signature as docs/fleet.md describes it.
func TestWebhook(t *testing.T) {
	t.Parallel()
	got := must.Get(send(t, "hook", http.StatusOK))
	mac := hmac.New(sha256.New, []byte("the-key"))
	mac.Write([]byte(got.header.Get("X-Dbaudit-Timestamp") + "." + got.body))
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); got.header.Get("X-Dbaudit-Signature") != want || got.header.Get("X-Dbaudit-Timestamp") != fmt.Sprint(noon().Unix()) {
		t.Errorf("%v, want the signature %s", got.header, want)
	}
	var m alert.Message
	if err := json.Unmarshal([]byte(got.body), &m); err != nil || m.Format != alert.Format || m.ID != "alert-1" || len(m.Items) != 20 || m.More != 11 {
		t.Errorf("%v %+v", err, m)
	}
}

// TestRefusals checks that an error names the route, and never a secret address.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusFound, http.StatusBadRequest, http.StatusInternalServerError} {
		if _, err := send(t, "ops", status); err == nil || !strings.Contains(err.Error(), "the route ops") || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%d: %v", status, err)
		}
	}
	s := alert.Sender{Routes: map[string]alert.Route{"x": {Teams: &alert.Hook{}}}, Transport: http.DefaultTransport, Now: noon}
	for _, address := range []string{"http://receiver.example/secret-path", "secret-path", "https://127.0.0.1:1/secret-path", "https://%zz/secret-path"} {
		s.ReadSecret = func(config.Source) (string, error) { return address, nil }
		if err := s.Send(t.Context(), "x", message()); err == nil || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestEmail checks a message at a test mail server: its subject is one line, and its text is plain.
func TestEmail(t *testing.T) {
	t.Parallel()
	listener := must.Get(net.Listen("tcp", "127.0.0.1:0"))
	defer listener.Close()
	mails := make(chan string, 2)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		mails <- receive(conn)
	}()
	f := must.Get(alert.Parse("alerts.yaml", []byte(strings.Replace(file, "server: mail.example", "server: "+listener.Addr().String()+", tls: none", 1))))
	s := alert.Sender{Routes: f.Routes, Now: noon}
	must.Do(t, s.Send(t.Context(), "mail", message()))
	mail := <-mails
	head, body, _ := strings.Cut(mail, "\r\n\r\n")
	for _, want := range []string{"\r\nTo: <ops@example.com>", "\r\nMessage-ID: <alert-1@dbaudit>", "text/plain", "Subject: "} {
		if !strings.Contains("\r\n"+head, want) {
			t.Errorf("the head does not hold %q:\n%s", want, head)
		}
	}
	if strings.Contains(head, "\r\nBcc:") || !strings.Contains(body, "and 11 more") {
		t.Errorf("%s", mail)
	}
	f = must.Get(alert.Parse("alerts.yaml", []byte(strings.Replace(file, "server: mail.example", "server: mail.example, tls: none", 1))))
	s.Routes = f.Routes
	if err := s.Send(t.Context(), "mail", message()); err == nil || !strings.Contains(err.Error(), "on this machine") {
		t.Errorf("unencrypted to another machine: %v", err)
	}
}

// receive acts as a mail server and returns the mail that it gets.
func receive(conn net.Conn) string {
	in := bufio.NewReader(conn)
	reply := func(line string) { _, _ = fmt.Fprint(conn, line+"\r\n") }
	reply("220 test ESMTP")
	var mail strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return mail.String()
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO", "HELO":
			reply("250 test")
		case "DATA":
			reply("354 go on")
			for {
				line, err := in.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				mail.WriteString(line)
			}
			reply("250 taken")
		case "QUIT":
			reply("221 bye")
			return mail.String()
		default:
			reply("250 ok")
		}
	}
}
