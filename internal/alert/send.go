package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/loopback"
)

// A Sender sends messages.
type Sender struct {
	Routes map[string]Route
	// ReadSecret reads a secret. It is called for each message.
	ReadSecret func(config.Source) (string, error)
	Transport  http.RoundTripper
	Now        func() time.Time
}

const sendTimeout = 30 * time.Second

// Send sends a message by a route. Its error does not contain secret addresses.
func (s *Sender) Send(ctx context.Context, route string, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	r := s.Routes[route]
	var err error
	switch {
	case r.Teams != nil:
		err = s.sendHook(ctx, r.Teams, teamsMessage(m))
	case r.Slack != nil:
		err = s.sendHook(ctx, r.Slack, slackMessage(m))
	case r.Webhook != nil:
		err = s.sendWebhook(ctx, *r.Webhook, m)
	case r.Email != nil:
		err = s.sendEmail(ctx, *r.Email, m)
	default:
		err = errors.New("the route is not in the file of alerts")
	}
	if err != nil {
		return fmt.Errorf("the route %s: %w", route, err)
	}
	return nil
}

func (s *Sender) sendHook(ctx context.Context, h *Hook, document any) error {
	address, err := s.ReadSecret(h.URL)
	if err != nil {
		return err
	}
	return s.post(ctx, address, document, nil)
}

// The headers of a signed request.
const (
	headerTimestamp = "X-Dbaudit-Timestamp"
	headerSignature = "X-Dbaudit-Signature"
)

// sendWebhook posts a signed message. The signature is the HMAC-SHA-256 of "TIMESTAMP.BODY" in
// hexadecimal.
func (s *Sender) sendWebhook(ctx context.Context, w Webhook, m Message) error {
	key, err := s.ReadSecret(w.Secret)
	if err != nil {
		return err
	}
	return s.post(ctx, w.URL, m, func(header http.Header, body []byte) {
		at := strconv.FormatInt(s.Now().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(at + "."))
		mac.Write(body)
		header.Set(headerTimestamp, at)
		header.Set(headerSignature, "sha256="+hex.EncodeToString(mac.Sum(nil)))
	})
}

// post posts a document as JSON. If sign is not nil, it sets the headers of the signature.
func (s *Sender) post(ctx context.Context, address string, document any, sign func(http.Header, []byte)) error {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" {
		return errors.New("its address is not a URL")
	}
	if u.Scheme != "https" && !loopback.IsHost(u.Hostname()) {
		return errors.New("its address is not https: the message would be sent unencrypted")
	}
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("writing the message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("its address is not a URL")
	}
	request.Header.Set("Content-Type", "application/json")
	if sign != nil {
		sign(request.Header, body)
	}
	// RoundTrip does not follow redirects: the message is for one address.
	response, err := s.Transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("the receiver %s does not respond: %w", u.Host, err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("the receiver %s responded with HTTP %d", u.Host, response.StatusCode)
	}
	return nil
}

type object = map[string]any

// teamsMessage returns a message as an Adaptive Card for a workflow of Microsoft Teams. Its texts are
// text runs, which do not support Markdown:
// https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run
func teamsMessage(m Message) object {
	paragraph := func(text string, style object) object {
		run := object{"type": "TextRun", "text": text}
		maps.Copy(run, style)
		return object{"type": "RichTextBlock", "inlines": []any{run}}
	}
	body := []any{paragraph("dbaudit: "+m.Title, object{"weight": "bolder", "size": "medium"})}
	for _, line := range m.lines() {
		body = append(body, paragraph(line, nil))
	}
	content := object{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"body": body, "msteams": object{"width": "Full"},
	}
	if m.Link != "" {
		content["actions"] = []any{object{"type": "Action.OpenUrl", "title": "Open the page", "url": m.Link}}
	}
	return object{"type": "message", "attachments": []any{object{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}}}
}

// slackMessage returns a message for an incoming webhook of Slack. Its texts are of type plain_text,
// which does not support markup:
// https://docs.slack.dev/reference/block-kit/composition-objects/text-object
func slackMessage(m Message) object {
	const maxHeader, maxSection = 150, 3000 // Slack's limits
	plain := func(text string, limit int) object {
		if r := []rune(text); len(r) > limit {
			text = string(r[:limit-1]) + "…"
		}
		return object{"type": "plain_text", "text": text, "emoji": false}
	}
	blocks := []any{object{"type": "header", "text": plain("dbaudit: "+m.Title, maxHeader)}}
	for _, line := range m.lines() {
		blocks = append(blocks, object{"type": "section", "text": plain(line, maxSection)})
	}
	if m.Link != "" {
		blocks = append(blocks, object{"type": "actions", "elements": []any{object{"type": "button", "text": plain("Open the page", maxHeader), "url": m.Link}}})
	}
	// The text of the notification supports markup, with the control characters & < >.
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace("dbaudit: " + m.Title)
	return object{"text": escaped, "blocks": blocks}
}

func (s *Sender) sendEmail(ctx context.Context, e Email, m Message) error {
	msg := mail.NewMsg()
	if err := msg.From(e.From); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if err := msg.To(e.To...); err != nil {
		return fmt.Errorf("to: %w", err)
	}
	msg.Subject("dbaudit: " + m.Title)
	msg.SetDateWithValue(s.Now())
	msg.SetMessageIDWithValue(m.ID + "@dbaudit")
	lines := m.lines()
	if m.Link != "" {
		lines = append(lines, "", m.Link)
	}
	msg.SetBodyString(mail.TypeTextPlain, strings.Join(lines, "\n")+"\n")
	host, port, found := strings.Cut(e.Server, ":")
	options := []mail.Option{mail.WithTimeout(sendTimeout), mail.WithTLSPolicy(mail.TLSMandatory)}
	if e.TLS == "none" {
		if !loopback.IsHost(host) {
			return errors.New("tls: none is allowed only for a mail server on this machine")
		}
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if found {
		n, err := strconv.Atoi(port)
		if err != nil {
			return fmt.Errorf("server: %w", err)
		}
		options = append(options, mail.WithPort(n))
	}
	if e.Login != nil {
		password, err := s.ReadSecret(e.Login.Password)
		if err != nil {
			return err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(e.Login.Username), mail.WithPassword(password))
	}
	client, err := mail.NewClient(host, options...)
	if err != nil {
		return fmt.Errorf("the mail server %s: %w", host, err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("the mail server %s: %w", host, err)
	}
	return nil
}
