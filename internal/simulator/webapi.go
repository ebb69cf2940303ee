package simulator

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// A call is one request to the Web API.
type call struct {
	server   *Server
	world    *world
	caller   *caller
	method   string
	header   http.Header
	body     []byte
	root     string // URL of the service as the request names it, with its slash
	private  bool   // the call is a change set: only it sees its world
	made     string // the id of the row that the request makes
	path     []segment
	query    url.Values
	rawQuery string
}

// maxBody is more than any request of the Web API needs.
const maxBody = 16 << 20

// An answer is the result of a call.
type answer struct {
	status int // 0: 200 with a body, 204 without
	header http.Header
	body   any
	plain  string // a body that is not JSON, of a batch
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("OData-Version", "4.0")
	header.Set("x-ms-service-request-id", deriveID("request", r.URL.String()))
	if !s.current.Load().env.has(NoHint) {
		header.Set("x-ms-dop-hint", "8")
	}
	// A client that distributes its load over servers does not keep this cookie.
	host, _, _ := strings.Cut(r.Host, ":")
	header.Add("Set-Cookie", "ARRAffinity=simulator; domain="+host+"; path=/; secure; HttpOnly")
	who, ok := s.directory.Bearer(r)
	if !ok {
		s.challenge(w)
		return
	}
	if s.refuses(w) {
		return
	}
	result, err := s.answer(w, r, who)
	if err != nil {
		writeError(w, asAPIError(err))
		return
	}
	result.write(w)
}

// challenge answers a request without a valid token: it names the sign-in host.
func (s *Server) challenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+s.authorityURL+"/"+s.TenantID()+"/oauth2/authorize, resource_id="+s.url+"/")
	w.WriteHeader(http.StatusUnauthorized)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, who entra.Identity) (answer, error) {
	c := &call{server: s, world: s.current.Load(), method: r.Method, header: r.Header}
	const service = "/api/data/v9.2/"
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), service)
	if !ok {
		return answer{}, noSegment(r.URL.Path)
	}
	c.root = "https://" + r.Host + service
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return answer{}, badRequest("The request body cannot be read.")
	}
	c.body = body
	if err := c.identify(who); err != nil {
		return answer{}, err
	}
	if path == "$batch" {
		return c.batch()
	}
	return c.run(path, r.URL.RawQuery)
}

// run answers a request, or a part of a batch, by its path below the service's root.
func (c *call) run(path, rawQuery string) (answer, error) {
	var err error
	if c.path, err = parsePath(path); err != nil {
		return answer{}, err
	}
	if c.query, err = parseQueryString(rawQuery); err != nil {
		return answer{}, err
	}
	c.rawQuery = rawQuery
	if c.method != http.MethodGet && c.caller.user.AccessMode == AccessRead {
		return answer{}, forbidden(codeAccessDenied, "The user with Id %s has read-only access and cannot perform this operation.", c.caller.user.ID)
	}
	if c.method == http.MethodGet {
		return c.get()
	}
	return c.write()
}

// prefers is the value of a preference in the request's Prefer header, or "".
func (c *call) prefers(name string) string {
	for item := range strings.SplitSeq(strings.Join(c.header.Values("Prefer"), ","), ",") {
		if key, value, _ := strings.Cut(strings.TrimSpace(item), "="); strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// identify finds the user of a token, and the one that the request impersonates.
func (c *call) identify(who entra.Identity) error {
	if client := c.world.env.Client(who.ApplicationID); client != nil && client.Blocked {
		return forbidden(codeBlockedClient, "Access to Dataverse API is restricted for this application Id : '%s'. Please contact your administrator for more information.", who.ApplicationID)
	}
	u := c.world.userOf(who)
	if u == nil || u.entraState() != 0 {
		return forbidden(codeNotMember, "The user is not a member of the organization.")
	}
	if err := c.usable(u); err != nil {
		return err
	}
	c.caller = &caller{user: u, permissions: c.server.permissionWorld(c.header, c.world)}
	object, id := c.header.Get("CallerObjectId"), c.header.Get("MSCRMCallerID")
	if object == "" && id == "" || c.world.env.has(ActIgnored) {
		return nil
	}
	return c.impersonate(object, id)
}

// impersonate makes another user the caller. The privilege for it must be in a role that is assigned to
// the impersonator directly.
func (c *call) impersonate(object, id string) error {
	self, env := c.caller.user, c.world.env
	const name = "prvActOnBehalfOfAnotherUser"
	if !slices.ContainsFunc(c.holdings(name), func(h holding) bool { return h.via == nil }) {
		return forbidden(codeActOnBehalf, "User does not have the privilege to act on behalf another user. Principal user (Id=%s, type=8) is missing %s privilege.", self.ID, name)
	}
	target := c.world.userOf(entra.Identity{ObjectID: object})
	if object == "" {
		target = lookup[user](c.world, strings.ToLower(id))
	}
	switch {
	case target == self && env.has(ActAsSelfRefused):
		return forbidden(codeActOnBehalf, "A user cannot act on behalf of itself.")
	case target == nil && env.has(ActAsUnknownIgnored), target != nil && target.Disabled && env.has(ActAsDisabledIgnored):
		return nil
	case target == nil || target.SoftDeleted:
		return forbidden(codeNotMember, "The user to act on behalf of (%s) is not a member of the organization.", cmp.Or(object, id))
	case target.Disabled:
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

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.body != nil {
		writeJSON(w, cmp.Or(a.status, http.StatusOK), a.body)
		return
	}
	status := http.StatusOK
	if a.plain == "" {
		status = http.StatusNoContent
	}
	w.WriteHeader(cmp.Or(a.status, status))
	_, _ = io.WriteString(w, a.plain)
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
