package simulator

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// A call is a request to the Web API.
type call struct {
	server      *Server
	db          *database
	caller      *caller
	method      string
	header      http.Header
	body        []byte
	serviceRoot string // the service's URL with the request's host name and a final slash
	inChangeSet bool   // db is visible only in the change set until the set succeeds
	createdID   string // the id of the row that the request creates
	path        []segment
	query       url.Values
	rawQuery    string
}

// maxBody is the size limit of a request's body.
const maxBody = 16 << 20

// A response is the result of a call.
type response struct {
	status int // 0 for 200 with a body or 204 without one
	header http.Header
	body   any    // the JSON body
	text   string // the body of a batch, which is not JSON
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("OData-Version", "4.0")
	header.Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
	header.Set("x-ms-service-request-id", deriveID("request", r.URL.String()))
	if !s.current.Load().env.hasContradiction(NoHint) {
		header.Set("x-ms-dop-hint", "8")
	}
	// A client that distributes its load over servers does not keep this cookie.
	host, _, _ := strings.Cut(r.Host, ":")
	header.Add("Set-Cookie", "ARRAffinity=simulator; domain="+host+"; path=/; secure; HttpOnly")
	identity, ok := s.directory.Authenticate(r)
	if !ok {
		s.writeChallenge(w)
		return
	}
	if s.refusedByState(w) {
		return
	}
	result, err := s.handle(w, r, identity)
	if err != nil {
		writeError(w, toAPIError(err))
		return
	}
	result.write(w)
}

// writeChallenge writes the response to a request without a valid token. It names the sign-in host.
func (s *Server) writeChallenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+s.authorityURL+"/"+s.TenantID()+"/oauth2/authorize, resource_id="+s.url+"/")
	w.WriteHeader(http.StatusUnauthorized)
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request, identity entra.Identity) (response, error) {
	c := &call{server: s, db: s.current.Load(), method: r.Method, header: r.Header}
	const service = "/api/data/v9.2/"
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), service)
	if !ok {
		return response{}, resourceNotFound(r.URL.Path)
	}
	c.serviceRoot = "https://" + r.Host + service
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return response{}, badRequest("The request body cannot be read.")
	}
	c.body = body
	if err := c.identifyCaller(identity); err != nil {
		return response{}, err
	}
	if path == "$batch" {
		return c.batch()
	}
	return c.dispatch(path, r.URL.RawQuery)
}

// dispatch carries out a request, or a part of a batch, by its path below the service root.
func (c *call) dispatch(path, rawQuery string) (response, error) {
	var err error
	if c.path, err = parsePath(path); err != nil {
		return response{}, err
	}
	if c.query, err = parseQueryString(rawQuery); err != nil {
		return response{}, err
	}
	c.rawQuery = rawQuery
	if c.method != http.MethodGet && c.caller.user.AccessMode == AccessRead {
		return response{}, forbidden(codeAccessDenied, "The user with Id %s has read-only access and cannot perform this operation.", c.caller.user.ID)
	}
	if c.method == http.MethodGet {
		return c.get()
	}
	return c.write()
}

// preference returns the value of a preference in the request's Prefer header, or "".
func (c *call) preference(name string) string {
	for item := range strings.SplitSeq(strings.Join(c.header.Values("Prefer"), ","), ",") {
		if key, value, _ := strings.Cut(strings.TrimSpace(item), "="); strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// identifyCaller sets the caller: the user of a token, or the user whom the request impersonates.
func (c *call) identifyCaller(identity entra.Identity) error {
	if client := c.db.env.Client(identity.ApplicationID); client != nil && client.Blocked {
		return forbidden(codeBlockedClient, "Access to Dataverse API is restricted for this application Id : '%s'. Please contact your administrator for more information.", identity.ApplicationID)
	}
	u := c.db.userByIdentity(identity)
	if u == nil || u.entraState() != 0 {
		return forbidden(codeNotMember, "The user is not a member of the organization.")
	}
	if err := c.checkUser(u); err != nil {
		return err
	}
	c.caller = &caller{user: u, permissions: c.server.permissions(c.header, c.db)}
	objectID, userID := c.header.Get("CallerObjectId"), c.header.Get("MSCRMCallerID")
	if objectID == "" && userID == "" || c.db.env.hasContradiction(ActIgnored) {
		return nil
	}
	return c.impersonate(objectID, userID)
}

// impersonate makes another user the caller: the one with an Entra object id or, if that is empty, with a
// user id. The privilege for it must come from a role that is assigned to the impersonator directly.
func (c *call) impersonate(objectID, userID string) error {
	self, env := c.caller.user, c.db.env
	const name = "prvActOnBehalfOfAnotherUser"
	if !slices.ContainsFunc(c.assignmentsGranting(name), func(a assignment) bool { return a.team == nil }) {
		return forbidden(codeActOnBehalf, "User does not have the privilege to act on behalf another user. Principal user (Id=%s, type=8) is missing %s privilege.", self.ID, name)
	}
	target := c.db.userByIdentity(entra.Identity{ObjectID: objectID})
	if objectID == "" {
		target = lookup[user](c.db, strings.ToLower(userID))
	}
	switch {
	case target == self && env.hasContradiction(ActAsSelfRefused):
		return forbidden(codeActOnBehalf, "A user cannot act on behalf of itself.")
	case target == nil && env.hasContradiction(ActAsUnknownIgnored), target != nil && target.Disabled && env.hasContradiction(ActAsDisabledIgnored):
		return nil
	case target == nil || target.SoftDeleted:
		return forbidden(codeNotMember, "The user to act on behalf of (%s) is not a member of the organization.", cmp.Or(objectID, userID))
	case target.Disabled:
		return forbidden(codeUserNotEnabled, "The specified user(Id = %s) is disabled. Consider enabling this user.", target.ID)
	}
	if err := c.checkUser(target); err != nil {
		return err
	}
	c.caller = &caller{user: target, permissions: c.caller.permissions}
	if target != self {
		c.caller.impersonator = self
	}
	return nil
}

func (r response) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	if r.body != nil {
		writeJSON(w, cmp.Or(r.status, http.StatusOK), r.body)
		return
	}
	status := http.StatusOK
	if r.text == "" {
		status = http.StatusNoContent
	}
	w.WriteHeader(cmp.Or(r.status, status))
	_, _ = io.WriteString(w, r.text)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	data := encode(body)
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func writeError(w http.ResponseWriter, e *apiError) {
	writeJSON(w, e.status, object{{"error", object{{"code", e.code}, {"message", e.message}}}})
}
