package dataverse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	apiRoot = "/api/data/"
	apiBase = "/api/data/v9.2/"
)

// An origin is the only address to which tokens are sent.
type origin struct {
	host string // lower case, without the default port
}

// ParseEnvironment returns the origin of an environment's URL: https://host[:port], in lower case and
// without the default port. The URL may lack the scheme, and may have a path and a query, like one
// that is copied from a browser. ParseEnvironment refuses an origin that must not receive a secret,
// with advice.
func ParseEnvironment(text string) (string, error) {
	o, err := parseOrigin(text)
	if err != nil {
		return "", err
	}
	return o.String(), nil
}

func parseOrigin(text string) (origin, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return origin{}, errors.New("no environment given: set --url or DBAUDIT_URL to https://ORG.crmN.dynamics.com")
	}
	whole := text
	if !strings.Contains(text, "://") {
		whole = "https://" + text
	}
	u, err := url.Parse(whole)
	switch {
	case err != nil:
		return origin{}, errors.New("the environment's URL cannot be read: pass it as https://ORG.crmN.dynamics.com")
	case u.User != nil:
		return origin{}, errors.New("the environment's URL contains a user name or password: remove it; sign-in has separate settings")
	case u.Scheme == "http":
		return origin{}, fmt.Errorf("%s is not encrypted, and would expose the token: use https://%s", truncate(Printable(text)), truncate(Printable(u.Host)))
	case u.Scheme != "https" || u.Opaque != "" || u.Hostname() == "" || whole != text && !strings.ContainsAny(u.Host, ".:"):
		return origin{}, fmt.Errorf("%s is not an environment URL: want one such as https://ORG.crmN.dynamics.com", truncate(Printable(text)))
	}
	return origin{hostOf(u)}, nil
}

func (o origin) String() string { return "https://" + o.host }

// check returns an error unless u is an address of the environment's Web API.
func (o origin) check(u *url.URL) error {
	switch {
	case u.Scheme != "https":
		return fmt.Errorf("it is not https://%s", o.host)
	case u.User != nil || u.Opaque != "" || hostOf(u) != o.host:
		return fmt.Errorf("it leads to %s, not to %s", truncate(Printable(u.Host)), o.host)
	case !strings.HasPrefix(u.Path, apiRoot) || hasDotSegments(u.Path):
		return errors.New("it leads out of the Web API")
	}
	return nil
}

// resolve returns the URL of a path relative to the Web API's base.
func (o origin) resolve(path string) (*url.URL, error) {
	if reason, invalid := strings.CutPrefix(path, invalidPath); invalid {
		return nil, errors.New(reason)
	}
	if path == "" || path[0] == '/' || path[0] == '\\' || strings.ContainsAny(path, "#") {
		return nil, errors.New("the path is not relative to the Web API")
	}
	u, err := url.Parse(o.String() + apiBase + path)
	if err != nil {
		return nil, errors.New("the path is not encoded")
	}
	if u.RawQuery != encodeQuery(u.RawQuery) {
		return nil, errors.New("the query is not encoded")
	}
	if !strings.HasPrefix(u.Path, apiBase) {
		return nil, errors.New("the path leads out of the Web API")
	}
	return u, o.check(u)
}

// resolveLink returns the URL of a link in a response from base. It does not change the link, except
// that it encodes bytes that a request line cannot contain.
func (o origin) resolveLink(base *url.URL, link string) (*url.URL, error) {
	ref, err := url.Parse(link)
	if err != nil {
		return nil, errors.New("it is not an address")
	}
	u := base.ResolveReference(ref)
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = encodeQuery(u.RawQuery)
	return u, o.check(u)
}

// encodeQuery encodes the bytes that are not allowed in a query, and keeps existing escapes.
func encodeQuery(q string) string {
	return escape(q, func(c byte) bool {
		return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' && c != '{' && c != '|' && c != '}'
	})
}

// hostOf returns a host in lower case and without the default port.
func hostOf(u *url.URL) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":443"), ":")
}

func hasDotSegments(path string) bool {
	parts := strings.Split(path, "/")
	return slices.Contains(parts, ".") || slices.Contains(parts, "..")
}

func locationHost(h http.Header) string {
	u, err := url.Parse(h.Get("Location"))
	if err != nil || u.Host == "" {
		return ""
	}
	return truncate(Printable(u.Hostname()))
}

// A guard sends only requests to the environment's Web API, over TLS 1.2 or later. It is directly
// above the transport, so that no mistake of another layer can send a token elsewhere.
type guard struct {
	origin origin
	next   http.RoundTripper
}

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.origin.check(req.URL); err != nil || req.Host != "" && !strings.EqualFold(req.Host, req.URL.Host) {
		return nil, errors.New("a request to a host other than the environment was blocked")
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.TLS != nil && resp.TLS.Version != 0 && resp.TLS.Version < tls.VersionTLS12 {
		_ = resp.Body.Close()
		return nil, tls.RecordHeaderError{Msg: "the environment speaks a TLS version below 1.2"}
	}
	return resp, nil
}

// CheckTransport returns an error for a transport that does not verify certificates, or that allows
// TLS below 1.2.
func CheckTransport(rt http.RoundTripper) error {
	if rt == nil {
		return errors.New("no transport given")
	}
	t, ok := rt.(*http.Transport)
	if !ok || t.TLSClientConfig == nil {
		return nil
	}
	c := t.TLSClientConfig
	if c.InsecureSkipVerify {
		return errors.New("the transport does not verify certificates: add the CA to SSL_CERT_FILE instead")
	}
	if c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12 {
		return errors.New("the transport allows TLS below 1.2")
	}
	return nil
}
