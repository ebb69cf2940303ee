package entra

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A grant is what an access token, a device code, an authorization code or a refresh token grants.
type grant struct {
	expires  time.Time // zero for never
	identity Identity  // of an access token, which has nothing else

	clientID            string
	person              *Person // nil until a person confirms the device code
	userCode            string  // of a device code
	redirect, challenge string  // of an authorization code
}

func (d *Directory) deviceCode(form url.Values) (any, error) {
	r, err := d.registration(form)
	if err != nil {
		return nil, err
	}
	if err := d.checkScope(form.Get("scope")); err != nil {
		return nil, err
	}
	page, code := d.tenant.Address+"/approve", userCode()
	return object{
		"user_code":        code,
		"device_code":      d.give("device_code", grant{clientID: r.ApplicationID, userCode: code, expires: d.tenant.Now().Add(15 * time.Minute)}),
		"verification_uri": page,
		"expires_in":       900,
		"interval":         1,
		"message":          "To sign in, use a web browser to open the page " + page + " and enter the code " + code + " to authenticate.",
	}, nil
}

// give makes a token or a code for a form's parameter.
func (d *Directory) give(parameter string, g grant) string {
	code := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.grants[parameter+"="+code] = &g
	return code
}

// userCode is a short code without digits.
func userCode() string {
	return strings.NewReplacer("2", "B", "3", "C", "4", "D", "5", "F", "6", "G", "7", "H").Replace(rand.Text()[:9])
}

// approve is the page on which a person confirms a sign-in: /approve?user_code=CODE[&username=UPN].
func (d *Directory) approve(code, username string) (any, error) {
	if code == "" {
		var options strings.Builder
		for _, p := range d.tenant.People {
			options.WriteString("<option>" + html.EscapeString(p.UPN) + "</option>")
		}
		return page(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sign in to the simulator</title></head>
<body><form method="get" action="/approve"><label>Code <input name="user_code" autofocus></label>
<label>Sign in as <select name="username">` + options.String() + `</select></label><button>Continue</button></form></body></html>`), nil
	}
	who, err := d.person(username)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.grants {
		if strings.EqualFold(g.userCode, code) && d.tenant.Now().Before(g.expires) {
			g.person = &who
			return page("You have signed in as " + html.EscapeString(who.UPN) + ". You may now close this window.\n"), nil
		}
	}
	return nil, badRequest(70019, "The code that you entered has expired or is not known.")
}

// person finds who signs in: the one named, or the first of the environment.
func (d *Directory) person(upn string) (Person, error) {
	for _, p := range d.tenant.People {
		if p.UPN != "" && (upn == "" || strings.EqualFold(p.UPN, upn)) {
			return p, nil
		}
	}
	return Person{}, badRequest(50034, "The user account %s does not exist in the directory. To sign into this application, the account must be added to the directory.", upn)
}

// redeem answers with the tokens of the person who signed in, for the code or the refresh token in a
// form's parameter.
func (d *Directory) redeem(r *registration, form url.Values, parameter string) (any, error) {
	g, err := d.take(r, form, parameter)
	if err != nil {
		return nil, err
	}
	return d.userToken(*g.person, r.ApplicationID)
}

// take returns a grant. A code can be used once.
func (d *Directory) take(r *registration, form url.Values, parameter string) (*grant, error) {
	refusals := map[string]error{
		"device_code":   badGrant(70000, "The provided value for the input parameter 'device_code' is not valid. It may have expired."),
		"code":          badGrant(70008, "The provided authorization code has expired, is not known, or was given for another request. Send a new interactive authorization request for this user and resource."),
		"refresh_token": badGrant(70008, "The provided refresh token has expired due to inactivity or is not known. Send a new interactive authorization request for this user and resource."),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := parameter + "=" + form.Get(parameter)
	g := d.grants[key]
	if parameter == "code" {
		delete(d.grants, key)
	}
	switch {
	case g == nil, g.clientID != r.ApplicationID, !g.expires.IsZero() && !d.tenant.Now().Before(g.expires), !g.proved(form):
		return nil, refusals[parameter]
	case g.person == nil:
		return nil, refuse(http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	case parameter == "device_code":
		delete(d.grants, key)
	}
	return g, nil
}

// proved reports whether a form proves that the client requested the authorization code.
func (g *grant) proved(form url.Values) bool {
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	return g.challenge == "" || g.redirect == form.Get("redirect_uri") && g.challenge == base64.RawURLEncoding.EncodeToString(sum[:])
}

func badGrant(code int, text string) error {
	return refuse(http.StatusBadRequest, "invalid_grant", code, "%s", text)
}

// authorize is the endpoint that a browser opens. It asks nothing: the person named by login_hint, or
// the environment's first, is signed in at once. The page posts the code to the client.
func (d *Directory) authorize(query url.Values) (any, error) {
	r, err := d.registration(query)
	if err != nil {
		return nil, err
	}
	redirect := query.Get("redirect_uri")
	if target, err := url.Parse(redirect); err != nil || target.Scheme != "http" || target.Hostname() != "localhost" {
		return nil, badRequest(50011, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'.", redirect, r.ApplicationID)
	}
	if query.Get("response_type") != "code" || query.Get("response_mode") != "form_post" || query.Get("code_challenge") == "" || query.Get("code_challenge_method") != "S256" {
		return nil, badRequest(9002325, "Proof Key for Code Exchange is required for authorization code redemption, and the response mode form_post.")
	}
	if err := d.checkScope(query.Get("scope")); err != nil {
		return nil, err
	}
	who, err := d.person(query.Get("login_hint"))
	if err != nil {
		return nil, err
	}
	code := d.give("code", grant{
		clientID: r.ApplicationID, person: &who, expires: d.tenant.Now().Add(10 * time.Minute),
		redirect: redirect, challenge: query.Get("code_challenge"),
	})
	return page(fmt.Sprintf(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Working...</title></head>
<body onload="document.forms[0].submit()"><form method="post" action="%s"><input type="hidden" name="code" value="%s">
<input type="hidden" name="state" value="%s"><noscript><button>Continue</button></noscript></form></body></html>`,
		html.EscapeString(redirect), code, html.EscapeString(query.Get("state")))), nil
}

func (d *Directory) userToken(who Person, clientID string) (any, error) {
	now := d.tenant.Now()
	idToken, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"ver": "2.0", "iss": d.tenant.Address + "/" + d.tenant.ID + "/v2.0", "aud": clientID, "tid": d.tenant.ID,
		"sub": who.ObjectID, "oid": who.ObjectID, "preferred_username": who.UPN, "name": who.Name,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
	}).SignedString(d.signingKey)
	if err != nil {
		return nil, fmt.Errorf("signing the id token: %w", err)
	}
	info := fmt.Sprintf(`{"uid":%q,"utid":%q}`, who.ObjectID, d.tenant.ID)
	answer := d.bearer(Identity{ObjectID: who.ObjectID})
	answer["scope"] = d.tenant.Resource + "/user_impersonation " + d.tenant.Resource + "/.default"
	answer["refresh_token"], answer["id_token"] = d.give("refresh_token", grant{clientID: clientID, person: &who}), idToken
	answer["client_info"] = base64.RawURLEncoding.EncodeToString([]byte(info))
	return answer, nil
}
