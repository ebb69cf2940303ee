package simulator

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A transaction is a change on its way: an environment of its own, and the world that it makes.
type transaction struct {
	env   *Environment
	world *world
}

// change carries out a change of the environment: do works on a copy, through the world made of it.
// Nothing is left of a change that fails. Inside a change set, the set as a whole is the change.
func (c *call) change(do func(t *transaction) error) error {
	if c.transaction != nil {
		return c.apply(c.transaction, do)
	}
	c.server.writing.Lock()
	defer c.server.writing.Unlock()
	t := c.server.begin()
	if err := c.apply(t, do); err != nil {
		return err
	}
	c.server.replace(t.env)
	return nil
}

// begin starts a transaction on the current state. The caller holds s.writing.
func (s *Server) begin() *transaction {
	before := s.current.Load()
	env := before.env.Clone()
	return &transaction{env, newWorld(env, before, s.options.Now())}
}

func (c *call) apply(t *transaction, do func(t *transaction) error) error {
	c.rebase(t.world)
	if err := do(t); err != nil {
		return err
	}
	if problems := normalise(t.env); len(problems) > 0 {
		return fmt.Errorf("the change left an environment that cannot be used: %w", problems[0])
	}
	pinReferences(t.env)
	t.world = newWorld(t.env, c.server.current.Load(), c.server.options.Now())
	c.rebase(t.world)
	return nil
}

// rebase makes the call see another world, as the same caller.
func (c *call) rebase(w *world) {
	c.world = w
	if u := w.userByID[c.caller.user.ID]; u != nil {
		c.caller.user = u
	}
	if c.caller.impersonator != nil {
		if u := w.userByID[c.caller.impersonator.ID]; u != nil {
			c.caller.impersonator = u
		}
	}
}

// newID makes the id of a row that a request makes.
func (c *call) newID(kind string) string {
	c.server.made++
	return deriveID(c.world.env.Organization.ID, "made", kind, strconv.Itoa(c.server.made))
}

// A payload is the members of a request's JSON object.
type payload map[string]json.RawMessage

// readBody reads the request's JSON object.
func (c *call) readBody() (payload, error) {
	if kind, _, err := mime.ParseMediaType(c.header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &apiError{http.StatusUnsupportedMediaType, codeBadURL, "The Content-Type of the request must be application/json."}
	}
	var p payload
	if err := json.Unmarshal(c.body, &p); err != nil || p == nil {
		return nil, badRequest("Error identified in Payload provided by the user: the body is no JSON object.")
	}
	return p, nil
}

// only refuses members that an operation does not take.
func (p payload) only(operation string, names ...string) error {
	for _, name := range sortedKeys(p) {
		if name != "@odata.type" && !slices.Contains(names, name) {
			return badRequest("The parameter '%s' in the request payload is not a valid parameter for the operation '%s'.", name, operation)
		}
	}
	return nil
}

// read decodes a member into a value, and says whether it is there.
func (p payload) read(name string, into any) (bool, error) {
	raw, ok := p[name]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return true, badRequest("Error identified in Payload provided by the user: the value of '%s' has the wrong type.", name)
	}
	return true, nil
}

func (c *call) post() (answer, error) {
	first := c.path[0]
	if len(c.path) == 1 && !first.hasParens {
		switch first.name {
		case "roles":
			return c.createRole("")
		case "systemusers":
			return c.createUser("")
		case "GrantAccess":
			return c.grantAccess()
		case "ModifyAccess":
			return c.modifyAccess()
		case "RevokeAccess":
			return c.revokeAccess()
		}
	}
	t := c.server.schema.bySet[first.name]
	if t == nil {
		return answer{}, noSegment(first.name)
	}
	if !first.hasParens || len(c.path) < 2 {
		return answer{}, notAllowed(c.method, first.name)
	}
	id, err := keyOf(t, first)
	if err != nil {
		return answer{}, err
	}
	if action, ok := strings.CutPrefix(c.path[1].name, "Microsoft.Dynamics.CRM."); ok && len(c.path) == 2 {
		if t.logicalName == "role" {
			return c.roleAction(action, id)
		}
		return answer{}, noSegment(c.path[1].name)
	}
	if len(c.path) == 3 && c.path[2].name == "$ref" && c.path[1].name == assignmentNav(t) {
		return c.assign(t, id)
	}
	return answer{}, noSegment(c.path[1].name)
}

// assignmentNav is the relationship of a table to the roles that its rows hold.
func assignmentNav(t *entityType) string {
	switch t.logicalName {
	case "systemuser":
		return "systemuserroles_association"
	case "team":
		return "teamroles_association"
	default:
		return ""
	}
}

func (c *call) patch() (answer, error) {
	t, id, err := c.rowAddress()
	if err != nil {
		return answer{}, err
	}
	exists := t.find(c.world, id) != nil
	match := c.header.Get("If-Match")
	switch {
	case !exists && match != "":
		return answer{}, noRow(t.logicalName, id)
	case exists && c.header.Get("If-None-Match") == "*":
		return answer{}, &apiError{http.StatusPreconditionFailed, codeDuplicate, "A record with matching key values already exists."}
	case !exists && t.logicalName == "role":
		return c.createRole(id)
	case !exists && t.logicalName == "systemuser":
		return c.createUser(id)
	case !exists:
		return answer{}, noRow(t.logicalName, id)
	}
	switch t.logicalName {
	case "role":
		return c.updateRole(t, id)
	case "systemuser":
		return c.updateUser(t, id)
	case "userquery":
		return c.updateView(t, id)
	default:
		return answer{}, notAllowed(c.method, t.entitySet)
	}
}

// rowAddress reads the address of one row.
func (c *call) rowAddress() (*entityType, string, error) {
	first := c.path[0]
	t := c.server.schema.bySet[first.name]
	if t == nil {
		return nil, "", noSegment(first.name)
	}
	if !first.hasParens || len(c.path) != 1 {
		return nil, "", notAllowed(c.method, first.name)
	}
	id, err := keyOf(t, first)
	return t, id, err
}

// checkMatch honours If-Match, now that the row cannot change any more.
func (c *call) checkMatch(t *entityType, row any) error {
	match := c.header.Get("If-Match")
	if match == "" || match == "*" || match == etag(t.stamp(c.world, row)) {
		return nil
	}
	return &apiError{http.StatusPreconditionFailed, codeVersionMismatch, "The version of the existing record doesn't match the RowVersion property provided."}
}

func (c *call) delete() (answer, error) {
	last := c.path[len(c.path)-1]
	if last.name == "$ref" && len(c.path) == 3 {
		return c.unassign()
	}
	t, id, err := c.rowAddress()
	if err != nil {
		return answer{}, err
	}
	switch t.logicalName {
	case "role":
		return c.deleteRole(t, id)
	case "systemuser":
		return c.deleteUser(t, id)
	default:
		return answer{}, notAllowed(c.method, t.entitySet)
	}
}

// made answers for a row that a request made.
func (c *call) made(t *entityType, id string) (answer, error) {
	result := answer{}
	if c.prefer.representation {
		q, err := parseQuery(t, c.query.options)
		if err != nil {
			return answer{}, err
		}
		row := t.find(c.world, id)
		if result, err = c.single(&q, row); err != nil {
			return answer{}, err
		}
		result.status = http.StatusCreated
	}
	result.set("OData-EntityId", c.root+t.entitySet+"("+id+")")
	return result, nil
}

// changed answers for a row that a request changed.
func (c *call) changed(t *entityType, id string) (answer, error) {
	result, err := c.made(t, id)
	if result.status == http.StatusCreated {
		result.status = http.StatusOK
	}
	return result, err
}

// bind reads a member name@odata.bind that leads to a row of t, and says whether it is there.
func (c *call) bind(p payload, name string, t *entityType) (id string, ok bool, err error) {
	var address string
	ok, err = p.read(name+"@odata.bind", &address)
	if !ok || err != nil {
		return "", ok, err
	}
	set, id, valid := parseReference(address, c.root)
	if !valid || set != t.entitySet {
		return "", true, badRequest("Error identified in Payload provided by the user for Entity: '%s@odata.bind' must be like '/%s(id)'.", name, t.entitySet)
	}
	if t.find(c.world, id) == nil {
		return "", true, noRow(t.logicalName, id)
	}
	return id, true, nil
}

// knownProperties refuses members that are no properties of the type, and those that this simulator
// cannot change.
func (c *call) knownProperties(p payload, t *entityType, writable ...string) error {
	for _, name := range sortedKeys(p) {
		if slices.Contains(writable, name) || strings.HasPrefix(name, "@odata.") {
			continue
		}
		base, _, _ := strings.Cut(name, "@")
		if t.column(base) == nil && t.nav(base) == nil {
			return badRequest("Error identified in Payload provided by the user for Entity :'%s'. ---->  InnerException : An undeclared property '%s' was found in the payload input. All the properties found in the payload must be declared in the model.", t.entitySet, base)
		}
		return badRequest("The property '%s' of %s cannot be set by this simulator.", name, t.logicalName)
	}
	return nil
}
