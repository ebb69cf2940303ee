package simulator

import (
	"cmp"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A call is one request to the Web API, on its way.
type call struct {
	server *Server
	world  *world
	caller *caller
	method string
	header http.Header
	body   []byte
	origin string // the environment's address as the request names it
	root   string // URL of the service, with its slash
	// transaction is set inside a change set of a batch.
	transaction *transaction
	path        []segment
	query       queryString
	prefer      preferences
}

// maxBody is more than any request of the Web API needs.
const maxBody = 16 << 20

// An answer is what a call comes to.
type answer struct {
	status int // 0: 200 with a body, 204 without
	header http.Header
	body   any
	plain  string // a text/plain body, as $count gives
}

// serveAPI answers on the environment's listener.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("OData-Version", "4.0")
	header.Set("x-ms-service-request-id", deriveID("request", r.URL.String()))
	if !s.current.Load().env.has(NoHint) {
		header.Set("x-ms-dop-hint", "8")
	}
	header.Set("x-ms-ratelimit-burst-remaining-xrm-requests", "5999")
	header.Set("x-ms-ratelimit-time-remaining-xrm-requests", "1,200.00")
	// A client that spreads its load over servers does not keep this.
	header.Add("Set-Cookie", "ARRAffinity=simulator; domain="+hostOnly(r.Host)+"; path=/; secure; HttpOnly")
	escaped := r.URL.EscapedPath()
	if escaped != "/api/data" && !strings.HasPrefix(escaped, "/api/data/") {
		writeError(w, &apiError{http.StatusNotFound, codeNone, "The requested resource was not found."})
		return
	}
	who, ok := s.directory.bearer(r, s.apiURL)
	if !ok {
		s.challenge(w)
		return
	}
	if s.refuses(w) {
		return
	}
	result, err := s.answer(w, r, who, escaped)
	if err != nil {
		writeError(w, asAPIError(err))
		return
	}
	result.write(w)
}

func hostOnly(host string) string {
	name, _, found := strings.Cut(host, ":")
	if !found {
		return host
	}
	return name
}

// challenge answers a request without a good token: it says where to get one.
func (s *Server) challenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+s.authorityURL+"/"+s.TenantID()+"/oauth2/authorize, resource_id="+s.apiURL+"/")
	w.WriteHeader(http.StatusUnauthorized)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, who identity, escaped string) (answer, error) {
	c := &call{server: s, world: s.current.Load(), method: r.Method, header: r.Header, prefer: parsePreferences(r.Header)}
	version, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(escaped, "/api/data"), "/"), "/")
	switch version {
	case "v9.0", "v9.1", "v9.2":
	default:
		return answer{}, noSegment(cmp.Or(version, "data"))
	}
	c.origin = "https://" + r.Host
	c.root = c.origin + "/api/data/" + version + "/"
	if r.Method != http.MethodGet {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			return answer{}, badRequest("The request body cannot be read.")
		}
		c.body = body
	}
	if err := c.identify(who); err != nil {
		return answer{}, err
	}
	return c.run(strings.TrimSuffix(rest, "/"), r.URL.RawQuery)
}

// run answers for a path below the service's root, as it does for each part of a batch.
func (c *call) run(path, rawQuery string) (answer, error) {
	var err error
	if path == "" {
		return c.serviceDocument(), nil
	}
	if path == "$batch" {
		return c.batch()
	}
	if c.path, err = parsePath(path); err != nil {
		return answer{}, err
	}
	if c.query, err = parseQueryString(rawQuery); err != nil {
		return answer{}, err
	}
	var result answer
	if c.method != http.MethodGet && c.caller.user.AccessMode == AccessRead {
		return answer{}, forbidden(codeAccessDenied, "The user with Id %s has read-only access and cannot perform this operation.", c.caller.user.ID)
	}
	switch c.method {
	case http.MethodGet:
		result, err = c.get()
	case http.MethodPost:
		result, err = c.post()
	case http.MethodPatch:
		result, err = c.patch()
	case http.MethodDelete:
		result, err = c.delete()
	default:
		return answer{}, &apiError{http.StatusMethodNotAllowed, codeBadURL, "The requested resource does not support http method '" + c.method + "'."}
	}
	if err == nil && len(c.prefer.applied) > 0 {
		result.set("Preference-Applied", strings.Join(c.prefer.applied, ", "))
	}
	return result, err
}

// identify finds the user that a token stands for, and the one that the request is to be done as.
func (c *call) identify(who identity) error {
	if client := c.world.env.Client(who.applicationID); client != nil && client.Blocked {
		return forbidden(codeBlockedClient, "Access to Dataverse API is restricted for this application Id : '%s'. Please contact your administrator for more information.", who.applicationID)
	}
	permissions := c.server.permissionWorld(c.header, c.world)
	u := c.world.userByObject(who.objectID)
	if who.applicationID != "" {
		u = c.world.userByApplication(who.applicationID)
	}
	if u == nil {
		return forbidden(codeNotMember, "The user is not a member of the organization.")
	}
	if u.entraState() != 0 {
		return forbidden(codeNotMember, "The user's identity is not in Microsoft Entra any more.")
	}
	if err := c.usable(u); err != nil {
		return err
	}
	c.caller = &caller{user: u, permissions: permissions}
	object, id := c.header.Get("CallerObjectId"), c.header.Get("MSCRMCallerID")
	if object == "" && id == "" || c.world.env.has(ActIgnored) {
		return nil
	}
	return c.impersonate(object, id)
}

// impersonate makes another user the caller. The privilege for it counts only in a role that is
// assigned to the impersonator directly.
func (c *call) impersonate(object, id string) error {
	self := c.caller.user
	const name = "prvActOnBehalfOfAnotherUser"
	direct := false
	if then := c.caller.permissions.userByID[self.ID]; then != nil {
		p := c.caller.permissions.cat.privilege(name)
		for _, r := range then.roles {
			direct = direct || p != nil && r.depth(p) != DepthNone
		}
	}
	if !direct {
		return forbidden(codeActOnBehalf, "User does not have the privilege to act on behalf another user. Principal user (Id=%s, type=8) is missing %s privilege.", self.ID, name)
	}
	var target *user
	if object != "" {
		target = c.world.userByObject(object)
	} else {
		target = c.world.userByID[strings.ToLower(id)]
	}
	if target == self && c.world.env.has(ActAsSelfRefused) {
		return forbidden(codeActOnBehalf, "A user cannot act on behalf of itself.")
	}
	if target == nil && c.world.env.has(ActAsUnknownIgnored) || target != nil && target.Disabled && c.world.env.has(ActAsDisabledIgnored) {
		return nil
	}
	if target == nil || target.SoftDeleted {
		return forbidden(codeNotMember, "The user to act on behalf of (%s) is not a member of the organization.", cmp.Or(object, id))
	}
	if target.Disabled {
		return forbidden(codeUserNotEnabled, "The specified user(Id = %s) is disabled. Consider enabling this user.", target.ID)
	}
	if err := c.usable(target); err != nil {
		return err
	}
	c.caller = &caller{user: target, permissions: c.caller.permissions}
	if target != self {
		c.caller.impersonator = self
	}
	return nil
}

func (a *answer) set(name, value string) {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
}

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	var data []byte
	switch {
	case a.plain != "":
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/plain")
		}
		data = []byte(a.plain)
	case a.body != nil:
		var err error
		if data, err = encode(a.body); err != nil {
			writeError(w, asAPIError(err))
			return
		}
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	case a.status == 0:
		a.status = http.StatusNoContent
	}
	if len(data) > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	}
	w.WriteHeader(cmp.Or(a.status, http.StatusOK))
	_, _ = w.Write(data)
}

func writeError(w http.ResponseWriter, e *apiError) {
	data, err := encode(e.body())
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(e.status)
	_, _ = w.Write(data)
}

func (e *apiError) body() object {
	return object{{"error", object{{"code", e.code}, {"message", e.message}}}}
}

func (c *call) serviceDocument() answer {
	var sets []object
	for _, t := range c.server.schema.types {
		sets = append(sets, object{{"name", t.entitySet}, {"kind", "EntitySet"}, {"url", t.entitySet}})
	}
	return answer{body: object{{"@odata.context", c.root + "$metadata"}, {"value", sets}}}
}
