package entra

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A device is a sign-in that a person is to confirm elsewhere.
type device struct {
	clientID, userCode string
	expires            time.Time
	approved           *Person
}

// An authorizationCode is what the authorize endpoint gave, until it is redeemed.
type authorizationCode struct {
	grant

	redirect, challenge string
	expires             time.Time
}

func (d *Directory) deviceCode(form url.Values) (any, error) {
	r, err := d.registration(form)
	if err != nil {
		return nil, err
	}
	if err := d.checkScope(form.Get("scope")); err != nil {
		return nil, err
	}
	code, page := rand.Text(), d.tenant.Address+"/approve"
	waiting := &device{clientID: r.ApplicationID, userCode: userCode(), expires: d.tenant.Now().Add(15 * time.Minute)}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.devices[code] = waiting
	return object{
		"user_code":        waiting.userCode,
		"device_code":      code,
		"verification_uri": page,
		"expires_in":       900,
		"interval":         1,
		"message":          "To sign in, use a web browser to open the page " + page + " and enter the code " + waiting.userCode + " to authenticate.",
	}, nil
}

// userCode is brief, and free of digits.
func userCode() string {
	return strings.NewReplacer("2", "B", "3", "C", "4", "D", "5", "F", "6", "G", "7", "H").Replace(rand.Text()[:9])
}

// approve is the page on which a person confirms a sign-in: /approve?user_code=CODE[&username=UPN].
func (d *Directory) approve(code, username string) (any, error) {
	if code == "" {
		return d.approvePage(), nil
	}
	who, err := d.person(username)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, waiting := range d.devices {
		if strings.EqualFold(waiting.userCode, code) && d.tenant.Now().Before(waiting.expires) {
			waiting.approved = &who
			return page("You have signed in as " + html.EscapeString(who.UPN) + ". You may now close this window.\n"), nil
		}
	}
	return nil, badRequest(70019, "The code that you entered has expired or is not known.")
}

func (d *Directory) approvePage() page {
	var options strings.Builder
	for _, p := range d.tenant.People {
		options.WriteString("<option>" + html.EscapeString(p.UPN) + "</option>")
	}
	return page(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sign in to the simulator</title></head>
<body><form method="get" action="/approve"><label>Code <input name="user_code" autofocus></label>
<label>Sign in as <select name="username">` + options.String() + `</select></label><button>Continue</button></form></body></html>`)
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

func badGrant(code int, text string) error {
	return refuse(http.StatusBadRequest, "invalid_grant", code, "%s", text)
}

func (d *Directory) redeemDevice(r *registration, form url.Values) (any, error) {
	d.mu.Lock()
	code := form.Get("device_code")
	waiting := d.devices[code]
	switch {
	case waiting == nil || waiting.clientID != r.ApplicationID || !d.tenant.Now().Before(waiting.expires):
		d.mu.Unlock()
		return nil, badGrant(70000, "The provided value for the input parameter 'device_code' is not valid. It may have expired.")
	case waiting.approved == nil:
		d.mu.Unlock()
		return nil, refuse(http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	}
	delete(d.devices, code)
	d.mu.Unlock()
	return d.userToken(grant{*waiting.approved, r.ApplicationID})
}

// authorize is the endpoint that a browser opens. It asks nothing: the person named by login_hint, or
// the environment's first, is signed in at once. The page posts the code to the client by itself.
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
	code := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.codes[code] = authorizationCode{
		grant: grant{who, r.ApplicationID}, redirect: redirect, challenge: query.Get("code_challenge"),
		expires: d.tenant.Now().Add(10 * time.Minute),
	}
	return page(fmt.Sprintf(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Working...</title></head>
<body onload="document.forms[0].submit()"><form method="post" action="%s"><input type="hidden" name="code" value="%s">
<input type="hidden" name="state" value="%s"><noscript><button>Continue</button></noscript></form></body></html>`,
		html.EscapeString(redirect), code, html.EscapeString(query.Get("state")))), nil
}

func (d *Directory) redeemCode(r *registration, form url.Values) (any, error) {
	d.mu.Lock()
	code, ok := d.codes[form.Get("code")]
	delete(d.codes, form.Get("code"))
	d.mu.Unlock()
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if !ok || code.clientID != r.ApplicationID || !d.tenant.Now().Before(code.expires) ||
		code.redirect != form.Get("redirect_uri") || base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge {
		return nil, badGrant(70008, "The provided authorization code has expired, is not known, or was given for another request. Send a new interactive authorization request for this user and resource.")
	}
	return d.userToken(code.grant)
}

func (d *Directory) redeemRefresh(r *registration, form url.Values) (any, error) {
	d.mu.Lock()
	g, ok := d.refresh[form.Get("refresh_token")]
	d.mu.Unlock()
	if !ok || g.clientID != r.ApplicationID {
		return nil, badGrant(70008, "The provided refresh token has expired due to inactivity or is not known. Send a new interactive authorization request for this user and resource.")
	}
	return d.userToken(g)
}

// userToken answers with the tokens of a person who has signed in.
func (d *Directory) userToken(g grant) (any, error) {
	now := d.tenant.Now()
	idToken, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"ver": "2.0", "iss": d.tenant.Address + "/" + d.tenant.ID + "/v2.0", "aud": g.clientID, "tid": d.tenant.ID,
		"sub": g.person.ObjectID, "oid": g.person.ObjectID, "preferred_username": g.person.UPN, "name": g.person.Name,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
	}).SignedString(d.signingKey)
	if err != nil {
		return nil, fmt.Errorf("signing the id token: %w", err)
	}
	info, err := json.Marshal(object{"uid": g.person.ObjectID, "utid": d.tenant.ID})
	if err != nil {
		return nil, fmt.Errorf("writing client_info: %w", err)
	}
	answer := d.bearer(Identity{ObjectID: g.person.ObjectID})
	refresh := rand.Text()
	answer["scope"] = d.tenant.Resource + "/user_impersonation " + d.tenant.Resource + "/.default"
	answer["refresh_token"], answer["id_token"] = refresh, idToken
	answer["client_info"] = base64.RawURLEncoding.EncodeToString(info)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh[refresh] = g
	return answer, nil
}
