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

// A grant has the data of an access token, a device code, an authorization code or a refresh token.
type grant struct {
	expires  time.Time // zero for never
	identity Identity  // for an access token, which has no other fields

	clientID            string
	person              *Person // nil until a person confirms the device code
	userCode            string  // for a device code
	redirect, challenge string  // for an authorization code
}

func (d *Directory) deviceCode(form url.Values) (any, error) {
	r, err := d.registration(form)
	if err != nil {
		return nil, err
	}
	if err := d.checkScope(form.Get("scope")); err != nil {
		return nil, err
	}
	page, code := d.tenant.Address+"/approve", newUserCode()
	return object{
		"user_code":        code,
		"device_code":      d.issueGrant("device_code", grant{clientID: r.ApplicationID, userCode: code, expires: d.tenant.Now().Add(15 * time.Minute)}),
		"verification_uri": page,
		"expires_in":       900,
		"interval":         1,
		"message":          "To sign in, use a web browser to open the page " + page + " and enter the code " + code + " to authenticate.",
	}, nil
}

// issueGrant stores a grant and returns its new token or code. parameter is the form parameter that the
// client sends it in.
func (d *Directory) issueGrant(parameter string, g grant) string {
	code := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.grants[parameter+"="+code] = &g
	return code
}

func newUserCode() string {
	return strings.NewReplacer("2", "B", "3", "C", "4", "D", "5", "F", "6", "G", "7", "H").Replace(rand.Text()[:9])
}

// approve handles /approve?user_code=CODE[&username=UPN], the page on which a person confirms a sign-in.
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
	person, err := d.findPerson(username)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.grants {
		if strings.EqualFold(g.userCode, code) && d.tenant.Now().Before(g.expires) {
			g.person = &person
			return page("You have signed in as " + html.EscapeString(person.UPN) + ". You may now close this window.\n"), nil
		}
	}
	return nil, invalidRequest(70019, "The code that you entered has expired or is not known.")
}

// findPerson returns the person with a user principal name, or the first one if upn is empty.
func (d *Directory) findPerson(upn string) (Person, error) {
	for _, p := range d.tenant.People {
		if p.UPN != "" && (upn == "" || strings.EqualFold(p.UPN, upn)) {
			return p, nil
		}
	}
	return Person{}, invalidRequest(50034, "The user account %s does not exist in the directory. To sign into this application, the account must be added to the directory.", upn)
}

// redeem returns the tokens of the person who signed in, for the code or refresh token in a form parameter.
func (d *Directory) redeem(r *registration, form url.Values, parameter string) (any, error) {
	g, err := d.takeGrant(r, form, parameter)
	if err != nil {
		return nil, err
	}
	return d.userToken(*g.person, r.ApplicationID)
}

// takeGrant returns the grant of the code or refresh token in a form parameter. It deletes codes, because
// they are valid once.
func (d *Directory) takeGrant(r *registration, form url.Values, parameter string) (*grant, error) {
	invalid := map[string]error{
		"device_code":   invalidGrant(70000, "The provided value for the input parameter 'device_code' is not valid. It may have expired."),
		"code":          invalidGrant(70008, "The provided authorization code has expired, is not known, or was given for another request. Send a new interactive authorization request for this user and resource."),
		"refresh_token": invalidGrant(70008, "The provided refresh token has expired due to inactivity or is not known. Send a new interactive authorization request for this user and resource."),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := parameter + "=" + form.Get(parameter)
	g := d.grants[key]
	if parameter == "code" {
		delete(d.grants, key)
	}
	switch {
	case g == nil, g.clientID != r.ApplicationID, !g.expires.IsZero() && !d.tenant.Now().Before(g.expires), !g.matchesChallenge(form):
		return nil, invalid[parameter]
	case g.person == nil:
		return nil, newRefusal(http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	case parameter == "device_code":
		delete(d.grants, key)
	}
	return g, nil
}

// matchesChallenge reports whether a form proves that its client requested the authorization code (PKCE).
func (g *grant) matchesChallenge(form url.Values) bool {
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	return g.challenge == "" || g.redirect == form.Get("redirect_uri") && g.challenge == base64.RawURLEncoding.EncodeToString(sum[:])
}

func invalidGrant(code int, text string) error {
	return newRefusal(http.StatusBadRequest, "invalid_grant", code, "%s", text)
}

// authorize handles the endpoint that a browser opens. It asks nothing: it signs in the person in login_hint,
// or the first one. The page posts the code to the client.
func (d *Directory) authorize(query url.Values) (any, error) {
	r, err := d.registration(query)
	if err != nil {
		return nil, err
	}
	redirect := query.Get("redirect_uri")
	if target, err := url.Parse(redirect); err != nil || target.Scheme != "http" || target.Hostname() != "localhost" {
		return nil, invalidRequest(50011, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'.", redirect, r.ApplicationID)
	}
	if query.Get("response_type") != "code" || query.Get("response_mode") != "form_post" || query.Get("code_challenge") == "" || query.Get("code_challenge_method") != "S256" {
		return nil, invalidRequest(9002325, "Proof Key for Code Exchange is required for authorization code redemption, and the response mode form_post.")
	}
	if err := d.checkScope(query.Get("scope")); err != nil {
		return nil, err
	}
	person, err := d.findPerson(query.Get("login_hint"))
	if err != nil {
		return nil, err
	}
	code := d.issueGrant("code", grant{
		clientID: r.ApplicationID, person: &person, expires: d.tenant.Now().Add(10 * time.Minute),
		redirect: redirect, challenge: query.Get("code_challenge"),
	})
	return page(fmt.Sprintf(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Working...</title></head>
<body onload="document.forms[0].submit()"><form method="post" action="%s"><input type="hidden" name="code" value="%s">
<input type="hidden" name="state" value="%s"><noscript><button>Continue</button></noscript></form></body></html>`,
		html.EscapeString(redirect), code, html.EscapeString(query.Get("state")))), nil
}

func (d *Directory) userToken(person Person, clientID string) (any, error) {
	now := d.tenant.Now()
	idToken, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"ver": "2.0", "iss": d.tenant.Address + "/" + d.tenant.ID + "/v2.0", "aud": clientID, "tid": d.tenant.ID,
		"sub": person.ObjectID, "oid": person.ObjectID, "preferred_username": person.UPN, "name": person.Name,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
	}).SignedString(d.signingKey)
	if err != nil {
		return nil, fmt.Errorf("signing the id token: %w", err)
	}
	info := fmt.Sprintf(`{"uid":%q,"utid":%q}`, person.ObjectID, d.tenant.ID)
	response := d.tokenResponse(Identity{ObjectID: person.ObjectID})
	response["scope"] = d.tenant.Resource + "/user_impersonation " + d.tenant.Resource + "/.default"
	response["refresh_token"], response["id_token"] = d.issueGrant("refresh_token", grant{clientID: clientID, person: &person}), idToken
	response["client_info"] = base64.RawURLEncoding.EncodeToString([]byte(info))
	return response, nil
}
