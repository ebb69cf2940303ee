package simulator

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// An authError is a refusal of the sign-in host, in the form of Microsoft Entra's.
type authError struct {
	status int
	kind   string // the OAuth error
	code   int    // the number behind AADSTS
	text   string
}

func (e *authError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.code, e.text) }

func refuse(status int, kind string, code int, format string, args ...any) error {
	return &authError{status, kind, code, fmt.Sprintf(format, args...)}
}

// serveAuthority answers on the sign-in host's listener.
func (s *Server) serveAuthority(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	err := s.authority(w, r)
	if err == nil {
		return
	}
	e, ok := err.(*authError) //nolint:errorlint // authority returns it bare
	if !ok {
		e = &authError{http.StatusInternalServerError, "server_error", 90033, err.Error()}
	}
	now := s.options.Now().UTC()
	trace, correlation := deriveID("trace", now.String()), cmp.Or(r.Header.Get("client-request-id"), deriveID("correlation", now.String()))
	writeJSON(w, e.status, object{
		{"error", e.kind},
		{"error_description", fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", e.code, e.text, trace, correlation, now.Format("2006-01-02 15:04:05Z"))},
		{"error_codes", []int{e.code}},
		{"timestamp", now.Format("2006-01-02 15:04:05Z")},
		{"trace_id", trace},
		{"correlation_id", correlation},
		{"error_uri", fmt.Sprintf("%s/error?code=%d", s.authorityURL, e.code)},
	})
}

func writeJSON(w http.ResponseWriter, status int, body object) {
	data, err := encode(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func (s *Server) authority(w http.ResponseWriter, r *http.Request) error {
	switch r.URL.Path {
	case "/common/discovery/instance":
		return s.instanceDiscovery(w)
	case "/approve":
		return s.approve(w, r)
	case "/msi/token":
		return s.managedIdentityToken(w, r)
	}
	tenant, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !s.knownTenant(tenant) {
		return refuse(http.StatusBadRequest, "invalid_request", 90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", tenant)
	}
	switch path {
	case "v2.0/.well-known/openid-configuration":
		return s.openIDConfiguration(w, tenant)
	case "discovery/v2.0/keys":
		return s.signingKeys(w)
	case "oauth2/v2.0/token":
		return s.token(w, r)
	case "oauth2/v2.0/devicecode":
		return s.deviceCode(w, r)
	case "oauth2/v2.0/authorize":
		return s.authorize(w, r)
	default:
		return refuse(http.StatusNotFound, "invalid_request", 900144, "There is nothing at '%s'.", r.URL.Path)
	}
}

func (s *Server) knownTenant(tenant string) bool {
	env := s.current.Load().env
	return slices.ContainsFunc([]string{env.TenantID, env.Organization.URLName + ".onmicrosoft.com", "common", "organizations"},
		func(known string) bool { return strings.EqualFold(known, tenant) })
}

func (s *Server) instanceDiscovery(w http.ResponseWriter) error {
	host := strings.TrimPrefix(s.authorityURL, "https://")
	writeJSON(w, http.StatusOK, object{
		{"tenant_discovery_endpoint", s.authorityURL + "/" + s.TenantID() + "/v2.0/.well-known/openid-configuration"},
		{"api-version", "1.1"},
		{"metadata", []object{{{"preferred_network", host}, {"preferred_cache", host}, {"aliases", []string{host}}}}},
	})
	return nil
}

func (s *Server) openIDConfiguration(w http.ResponseWriter, tenant string) error {
	base := s.authorityURL + "/" + tenant
	writeJSON(w, http.StatusOK, object{
		{"token_endpoint", base + "/oauth2/v2.0/token"},
		{"token_endpoint_auth_methods_supported", []string{"client_secret_post", "private_key_jwt"}},
		{"jwks_uri", base + "/discovery/v2.0/keys"},
		{"response_modes_supported", []string{"query", "form_post"}},
		{"response_types_supported", []string{"code"}},
		{"subject_types_supported", []string{"pairwise"}},
		{"id_token_signing_alg_values_supported", []string{"RS256"}},
		{"scopes_supported", []string{"openid", "profile", "email", "offline_access"}},
		{"issuer", s.authorityURL + "/" + s.TenantID() + "/v2.0"},
		{"authorization_endpoint", base + "/oauth2/v2.0/authorize"},
		{"device_authorization_endpoint", base + "/oauth2/v2.0/devicecode"},
	})
	return nil
}

func (s *Server) signingKeys(w http.ResponseWriter) error {
	k, err := s.directory.signingKey()
	if err != nil {
		return fmt.Errorf("making the signing key: %w", err)
	}
	e := []byte{byte(k.E >> 16), byte(k.E >> 8), byte(k.E)}
	key := object{
		{"kty", "RSA"},
		{"use", "sig"},
		{"kid", "simulator"},
		{"n", base64.RawURLEncoding.EncodeToString(k.N.Bytes())},
		{"e", base64.RawURLEncoding.EncodeToString(e)},
	}
	writeJSON(w, http.StatusOK, object{{"keys", []object{key}}})
	return nil
}

// token answers on the token endpoint, for every grant type.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return refuse(http.StatusBadRequest, "invalid_request", 900561, "The endpoint only accepts POST requests. Received a %s request.", r.Method)
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return refuse(http.StatusBadRequest, "invalid_request", 900144, "The request body cannot be read as a form.")
	}
	form := r.PostForm
	reg, err := s.registration(form.Get("client_id"))
	if err != nil {
		return err
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return s.clientCredentials(w, reg, form)
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code":
		return s.redeemDevice(w, reg, form)
	case "authorization_code":
		return s.redeemCode(w, reg, form)
	case "refresh_token":
		return s.redeemRefresh(w, reg, form)
	case "":
		return refuse(http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
	default:
		return refuse(http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", form.Get("grant_type"))
	}
}

func (s *Server) registration(clientID string) (*registration, error) {
	if clientID == "" {
		return nil, refuse(http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
	}
	reg := s.directory.registrations[strings.ToLower(clientID)]
	if reg == nil {
		return nil, refuse(http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", clientID, s.current.Load().env.Organization.Name)
	}
	return reg, nil
}

func (s *Server) clientCredentials(w http.ResponseWriter, reg *registration, form url.Values) error {
	if err := s.checkCredential(reg, form); err != nil {
		return err
	}
	resource, err := s.scopeResource(form.Get("scope"), true)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, object{
		{"token_type", "Bearer"},
		{"expires_in", int(s.directory.lifetime / time.Second)},
		{"ext_expires_in", int(s.directory.lifetime / time.Second)},
		{"access_token", s.directory.issue(identity{applicationID: reg.ApplicationID}, resource)},
	})
	return nil
}

// scopeResource finds the resource that a scope asks for: only the environment is known
// here. An application asks for all that it has, by /.default; a person may also ask for
// user_impersonation.
func (s *Server) scopeResource(scope string, application bool) (string, error) {
	var wanted string
	for item := range strings.FieldsSeq(scope) {
		switch item {
		case "openid", "profile", "offline_access", "email":
			continue
		}
		if wanted != "" {
			return "", refuse(http.StatusBadRequest, "invalid_request", 28000, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid.", scope)
		}
		wanted = item
	}
	if wanted == "" {
		return "", refuse(http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'scope'.")
	}
	resource, ok := strings.CutSuffix(wanted, "/.default")
	if !ok && !application {
		resource, ok = strings.CutSuffix(wanted, "/user_impersonation")
	}
	if !ok {
		if application {
			return "", refuse(http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", wanted)
		}
		return "", refuse(http.StatusBadRequest, "invalid_scope", 70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", wanted)
	}
	if !s.isResource(strings.TrimSuffix(resource, "/")) {
		return "", refuse(http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", resource, s.current.Load().env.Organization.Name)
	}
	return s.apiURL, nil
}

// isResource reports whether an address is the environment's: its own, or the one that an environment
// of its name has at Microsoft. Some clients take no other, and are led here by their resolver.
func (s *Server) isResource(address string) bool {
	return address == s.apiURL || address == "https://"+s.current.Load().env.Organization.URLName+".crm.dynamics.com"
}

// checkCredential verifies that a request comes from the application that it names.
func (s *Server) checkCredential(reg *registration, form url.Values) error {
	if assertion := form.Get("client_assertion"); assertion != "" {
		if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return refuse(http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'.")
		}
		return s.checkAssertion(reg, assertion)
	}
	secret := form.Get("client_secret")
	switch {
	case secret == "":
		return refuse(http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case reg.Secret == "" || !sameSecret(secret, reg.Secret):
		return refuse(http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", reg.ApplicationID)
	case !reg.secretExpires.IsZero() && !s.options.Now().Before(reg.secretExpires):
		return refuse(http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security.", reg.ApplicationID)
	}
	return nil
}

func badAssertion(format string, args ...any) error {
	return refuse(http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application, or the assertion is not valid. "+format, args...)
}

// checkAssertion verifies a signed assertion: one by the application's own certificate, or the token
// of an issuer that it trusts.
func (s *Server) checkAssertion(reg *registration, assertion string) error {
	parser := jwt.NewParser()
	var claims jwt.RegisteredClaims
	if _, _, err := parser.ParseUnverified(assertion, &claims); err != nil {
		return refuse(http.StatusUnauthorized, "invalid_client", 50027, "JWT token is invalid or malformed.")
	}
	for _, f := range reg.federated {
		if claims.Issuer == f.Issuer {
			return s.checkFederated(f, assertion)
		}
	}
	if claims.Issuer != reg.ApplicationID && len(reg.federated) > 0 {
		return refuse(http.StatusUnauthorized, "invalid_client", 700211, "No matching federated identity record found for presented assertion issuer '%s'.", claims.Issuer)
	}
	return s.checkCertificateAssertion(reg, assertion)
}

func (s *Server) checkCertificateAssertion(reg *registration, assertion string) error {
	var claims jwt.RegisteredClaims
	token, err := jwt.NewParser(
		jwt.WithValidMethods([]string{"PS256", "RS256"}),
		jwt.WithTimeFunc(s.options.Now),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(5*time.Minute),
	).ParseWithClaims(assertion, &claims, func(t *jwt.Token) (any, error) {
		for _, certificate := range []*x509.Certificate{certificateOf(reg), s.issuedCertificate(reg, t)} {
			if certificate != nil && thumbprintMatches(t, certificate.Raw) {
				return certificate.PublicKey, nil
			}
		}
		return nil, errors.New("the key was not found: the thumbprint in the header is that of no registered certificate")
	})
	switch {
	case err != nil:
		return badAssertion("[Reason - %v]", err)
	case !token.Valid || claims.Issuer != reg.ApplicationID || claims.Subject != reg.ApplicationID:
		return badAssertion("[Reason - iss and sub must be the application's id.]")
	case !slices.ContainsFunc(claims.Audience, s.isTokenEndpoint):
		return refuse(http.StatusUnauthorized, "invalid_client", 700023, "Client assertion audience claim does not match Realm issuer.")
	case claims.ID == "":
		return badAssertion("[Reason - jti is missing.]")
	case !s.directory.firstUse(claims.ID, claims.ExpiresAt.Time):
		return badAssertion("[Reason - The assertion was used before.]")
	}
	return nil
}

// issuedCertificate is the certificate that an assertion brings along, if the registration trusts its
// subject's name and its issuer.
func (s *Server) issuedCertificate(reg *registration, t *jwt.Token) *x509.Certificate {
	chain, _ := t.Header["x5c"].([]any)
	if reg.issuers == nil || len(chain) == 0 {
		return nil
	}
	var certificates []*x509.Certificate
	for _, item := range chain {
		text, _ := item.(string)
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil
		}
		certificates = append(certificates, certificate)
	}
	leaf, between := certificates[0], x509.NewCertPool()
	for _, certificate := range certificates[1:] {
		between.AddCert(certificate)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: reg.issuers, Intermediates: between, CurrentTime: s.options.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil || leaf.Subject.CommonName != reg.CertificateSubject && !slices.Contains(leaf.DNSNames, reg.CertificateSubject) {
		return nil
	}
	return leaf
}

// isTokenEndpoint says whether an audience is this tenant's token endpoint, or its issuer.
func (s *Server) isTokenEndpoint(audience string) bool {
	rest, ok := strings.CutPrefix(audience, s.authorityURL+"/")
	if !ok {
		return false
	}
	tenant, path, _ := strings.Cut(rest, "/")
	return s.knownTenant(tenant) && (path == "oauth2/v2.0/token" || path == "v2.0")
}

// thumbprintMatches compares the header's certificate thumbprint: x5t#S256, or x5t by SHA-1 only for
// nobody here. Entra takes base64 of both kinds, padded or not.
func thumbprintMatches(t *jwt.Token, der []byte) bool {
	given, _ := t.Header["x5t#S256"].(string)
	sum := sha256.Sum256(der)
	given = strings.TrimRight(given, "=")
	return given == base64.RawURLEncoding.EncodeToString(sum[:]) || given == base64.RawStdEncoding.EncodeToString(sum[:])
}

func (s *Server) checkFederated(f federation, assertion string) error {
	var lastErr error
	for _, key := range f.keys {
		var claims jwt.RegisteredClaims
		_, err := jwt.NewParser(
			jwt.WithValidMethods([]string{"RS256", "PS256", "ES256"}),
			jwt.WithTimeFunc(s.options.Now),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(5*time.Minute),
		).ParseWithClaims(assertion, &claims, func(*jwt.Token) (any, error) { return key, nil })
		if err != nil {
			lastErr = err
			continue
		}
		if claims.Subject != f.Subject {
			return refuse(http.StatusUnauthorized, "invalid_client", 700213, "No matching federated identity record found for presented assertion subject '%s'.", claims.Subject)
		}
		if want := cmp.Or(f.Audience, "api://AzureADTokenExchange"); !slices.Contains(claims.Audience, want) {
			return refuse(http.StatusUnauthorized, "invalid_client", 700212, "No matching federated identity record found for presented assertion audience '%s'.", strings.Join(claims.Audience, " "))
		}
		return nil
	}
	return refuse(http.StatusUnauthorized, "invalid_client", 700027, "Client assertion failed signature validation. [Reason - %v]", lastErr)
}

// firstUse takes note of an assertion's id, and says whether it is new.
func (d *directory) firstUse(id string, expires time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for known, end := range d.assertions {
		if d.now().After(end.Add(10 * time.Minute)) {
			delete(d.assertions, known)
		}
	}
	if _, used := d.assertions[id]; used {
		return false
	}
	d.assertions[id] = expires
	return true
}

// managedIdentityToken answers as the endpoint does that Azure gives to a machine's own identity.
func (s *Server) managedIdentityToken(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	for _, id := range sortedKeys(s.directory.registrations) {
		reg := s.directory.registrations[id]
		wanted := query.Get("client_id")
		if !reg.ManagedIdentity || wanted != "" && !strings.EqualFold(wanted, id) {
			continue
		}
		if !sameSecret(r.Header.Get("X-IDENTITY-HEADER"), reg.Secret) {
			return refuse(http.StatusUnauthorized, "invalid_request", 7000215, "The identity header is not that of this machine.")
		}
		if strings.TrimSuffix(query.Get("resource"), "/") != s.apiURL {
			return refuse(http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named %s was not found in the tenant.", query.Get("resource"))
		}
		expires := s.options.Now().Add(s.directory.lifetime)
		writeJSON(w, http.StatusOK, object{
			{"access_token", s.directory.issue(identity{applicationID: id}, s.apiURL)},
			{"client_id", id},
			{"expires_on", fmt.Sprint(expires.Unix())},
			{"resource", query.Get("resource")},
			{"token_type", "Bearer"},
		})
		return nil
	}
	return refuse(http.StatusBadRequest, "invalid_request", 700016, "No managed identity was found for specified client id.")
}

// --- people ---

// A device is a sign-in that a person is to confirm elsewhere.
type device struct {
	clientID, userCode, resource string
	expires                      time.Time
	approved                     *person
}

// An authorizationCode is what the authorize endpoint gave, until it is redeemed.
type authorizationCode struct {
	person                                            person
	clientID, redirectURI, challenge, nonce, resource string
	expires                                           time.Time
}

func (s *Server) publicClient(reg *registration, form url.Values) error {
	if reg.Public {
		return nil
	}
	// A confidential client may use these flows too, with its credential.
	return s.checkCredential(reg, form)
}

func (s *Server) deviceCode(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return refuse(http.StatusBadRequest, "invalid_request", 900144, "The request body cannot be read as a form.")
	}
	reg, err := s.registration(r.PostForm.Get("client_id"))
	if err != nil {
		return err
	}
	resource, err := s.scopeResource(r.PostForm.Get("scope"), false)
	if err != nil {
		return err
	}
	code, userCode := randomText(), userCode()
	s.directory.mu.Lock()
	s.directory.devices[code] = &device{clientID: reg.ApplicationID, userCode: userCode, resource: resource, expires: s.options.Now().Add(15 * time.Minute)}
	s.directory.mu.Unlock()
	page := s.authorityURL + "/approve"
	writeJSON(w, http.StatusOK, object{
		{"user_code", userCode},
		{"device_code", code},
		{"verification_uri", page},
		{"expires_in", 900},
		{"interval", 1},
		{"message", "To sign in, use a web browser to open the page " + page + " and enter the code " + userCode + " to authenticate."},
	})
	return nil
}

// userCode is short, and free of letters that look like others.
func userCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	text := []byte(randomText())[:9]
	for i := range text {
		text[i] = letters[int(text[i])%len(letters)]
	}
	return string(text)
}

// approve is the page on which a person confirms a sign-in: GET /approve?user_code=CODE[&username=UPN].
func (s *Server) approve(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	code := strings.ToUpper(query.Get("user_code"))
	if code == "" {
		return approvePage(w, s.directory.people)
	}
	who, err := s.chosen(query.Get("username"))
	if err != nil {
		return err
	}
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	for _, d := range s.directory.devices {
		if d.userCode == code && s.options.Now().Before(d.expires) {
			d.approved = &who
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = fmt.Fprintf(w, "You have signed in as %s. You may now close this window.\n", who.upn)
			return nil
		}
	}
	return refuse(http.StatusBadRequest, "invalid_request", 70019, "The code that you entered has expired or is not known.")
}

func approvePage(w http.ResponseWriter, people []person) error {
	page, err := template.New("approve").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sign in to the simulator</title></head>
<body><form method="get" action="/approve"><label>Code <input name="user_code" autofocus></label>
<label>Sign in as <select name="username">{{range .}}<option>{{.}}</option>{{end}}</select></label><button>Continue</button></form></body></html>`)
	if err != nil {
		return fmt.Errorf("reading the page's template: %w", err)
	}
	var names []string
	for _, p := range people {
		names = append(names, p.upn)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, names); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// chosen finds the person who signs in: the one named, or the first of the environment.
func (s *Server) chosen(upn string) (person, error) {
	for _, p := range s.directory.people {
		if p.upn != "" && (upn == "" || strings.EqualFold(p.upn, upn)) {
			return p, nil
		}
	}
	return person{}, refuse(http.StatusBadRequest, "invalid_grant", 50034, "The user account %s does not exist in the directory. To sign into this application, the account must be added to the directory.", upn)
}

func (s *Server) redeemDevice(w http.ResponseWriter, reg *registration, form url.Values) error {
	if err := s.publicClient(reg, form); err != nil {
		return err
	}
	s.directory.mu.Lock()
	d := s.directory.devices[form.Get("device_code")]
	switch {
	case d == nil || d.clientID != reg.ApplicationID:
		s.directory.mu.Unlock()
		return refuse(http.StatusBadRequest, "invalid_grant", 70000, "The provided value for the input parameter 'device_code' is not valid.")
	case !s.options.Now().Before(d.expires):
		delete(s.directory.devices, form.Get("device_code"))
		s.directory.mu.Unlock()
		return refuse(http.StatusBadRequest, "expired_token", 70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired.")
	case d.approved == nil:
		s.directory.mu.Unlock()
		return refuse(http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	}
	delete(s.directory.devices, form.Get("device_code"))
	s.directory.mu.Unlock()
	return s.userToken(w, grant{*d.approved, reg.ApplicationID, d.resource}, "")
}

// authorize is the endpoint that a browser opens. It asks nothing: the person named by login_hint, or
// the environment's first, is signed in at once, and the code is sent to the redirect address.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	reg, err := s.registration(query.Get("client_id"))
	if err != nil {
		return err
	}
	redirect, err := url.Parse(query.Get("redirect_uri"))
	if err != nil || redirect.Scheme != "http" || redirect.Hostname() != "localhost" {
		return refuse(http.StatusBadRequest, "invalid_request", 50011, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'.", query.Get("redirect_uri"), reg.ApplicationID)
	}
	if query.Get("response_type") != "code" || query.Get("code_challenge") == "" || query.Get("code_challenge_method") != "S256" {
		return refuse(http.StatusBadRequest, "invalid_request", 9002325, "Proof Key for Code Exchange is required for authorization code redemption.")
	}
	resource, err := s.scopeResource(query.Get("scope"), false)
	if err != nil {
		return err
	}
	who, err := s.chosen(query.Get("login_hint"))
	if err != nil {
		return err
	}
	code := randomText()
	s.directory.mu.Lock()
	s.directory.codes[code] = authorizationCode{
		person: who, clientID: reg.ApplicationID, redirectURI: query.Get("redirect_uri"), challenge: query.Get("code_challenge"),
		nonce: query.Get("nonce"), resource: resource, expires: s.options.Now().Add(10 * time.Minute),
	}
	s.directory.mu.Unlock()
	if query.Get("response_mode") == "form_post" {
		return postBack(w, redirect.String(), code, query.Get("state"))
	}
	back := redirect.Query()
	back.Set("code", code)
	back.Set("state", query.Get("state"))
	redirect.RawQuery = back.Encode()
	http.Redirect(w, r, redirect.String(), http.StatusFound)
	return nil
}

// postBack answers with a page that posts the code to the client by itself.
func postBack(w http.ResponseWriter, target, code, state string) error {
	page, err := template.New("post").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Working...</title></head>
<body onload="document.forms[0].submit()"><form method="post" action="{{.Target}}"><input type="hidden" name="code" value="{{.Code}}">
<input type="hidden" name="state" value="{{.State}}"><noscript><button>Continue</button></noscript></form></body></html>`)
	if err != nil {
		return fmt.Errorf("reading the page's template: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, struct{ Target, Code, State string }{target, code, state}); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

func (s *Server) redeemCode(w http.ResponseWriter, reg *registration, form url.Values) error {
	if err := s.publicClient(reg, form); err != nil {
		return err
	}
	s.directory.mu.Lock()
	code, ok := s.directory.codes[form.Get("code")]
	delete(s.directory.codes, form.Get("code"))
	s.directory.mu.Unlock()
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case !ok || code.clientID != reg.ApplicationID || !s.options.Now().Before(code.expires):
		return refuse(http.StatusBadRequest, "invalid_grant", 70008, "The provided authorization code or refresh token has expired or is not known. Send a new interactive authorization request for this user and resource.")
	case code.redirectURI != form.Get("redirect_uri"):
		return refuse(http.StatusBadRequest, "invalid_grant", 50011, "The redirect URI '%s' does not match that of the authorization request.", form.Get("redirect_uri"))
	case base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge:
		return refuse(http.StatusBadRequest, "invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	}
	return s.userToken(w, grant{code.person, reg.ApplicationID, code.resource}, code.nonce)
}

func (s *Server) redeemRefresh(w http.ResponseWriter, reg *registration, form url.Values) error {
	if err := s.publicClient(reg, form); err != nil {
		return err
	}
	s.directory.mu.Lock()
	g, ok := s.directory.refresh[form.Get("refresh_token")]
	s.directory.mu.Unlock()
	if !ok || g.clientID != reg.ApplicationID {
		return refuse(http.StatusBadRequest, "invalid_grant", 70008, "The provided authorization code or refresh token has expired due to inactivity or is not known. Send a new interactive authorization request for this user and resource.")
	}
	if scope := form.Get("scope"); scope != "" {
		if _, err := s.scopeResource(scope, false); err != nil {
			return err
		}
	}
	return s.userToken(w, g, "")
}

// userToken answers with the tokens of a person who has signed in.
func (s *Server) userToken(w http.ResponseWriter, g grant, nonce string) error {
	now := s.options.Now()
	claims := jwt.MapClaims{
		"ver": "2.0", "iss": s.authorityURL + "/" + s.TenantID() + "/v2.0", "aud": g.clientID, "tid": s.TenantID(),
		"sub": deriveID(g.clientID, g.person.objectID), "oid": g.person.objectID,
		"preferred_username": g.person.upn, "name": g.person.name,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(s.directory.lifetime).Unix(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	idToken := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	idToken.Header["kid"] = "simulator"
	key, err := s.directory.signingKey()
	if err != nil {
		return fmt.Errorf("making the signing key: %w", err)
	}
	signed, err := idToken.SignedString(key)
	if err != nil {
		return fmt.Errorf("signing the id token: %w", err)
	}
	info, err := encode(object{{"uid", g.person.objectID}, {"utid", s.TenantID()}})
	if err != nil {
		return err
	}
	refresh := "refresh." + randomText()
	s.directory.mu.Lock()
	s.directory.refresh[refresh] = g
	s.directory.mu.Unlock()
	writeJSON(w, http.StatusOK, object{
		{"token_type", "Bearer"},
		{"scope", g.resource + "/user_impersonation " + g.resource + "/.default"},
		{"expires_in", int(s.directory.lifetime / time.Second)},
		{"ext_expires_in", int(s.directory.lifetime / time.Second)},
		{"access_token", s.directory.issue(identity{objectID: g.person.objectID}, g.resource)},
		{"refresh_token", refresh},
		{"id_token", signed},
		{"client_info", base64.RawURLEncoding.EncodeToString(info)},
	})
	return nil
}
