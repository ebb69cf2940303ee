package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// A transaction is a change on its way: a world of its own.
type transaction struct{ world *world }

// change carries out a change of the environment: do works on the call's world, which is a copy then.
// Nothing is left of a change that fails. Inside a change set, the set as a whole is the change.
func (c *call) change(do func() error) error {
	if c.transaction != nil {
		return c.apply(c.transaction, do)
	}
	c.server.writing.Lock()
	defer c.server.writing.Unlock()
	t := c.server.begin()
	if err := c.apply(t, do); err != nil {
		return err
	}
	c.server.replace(t.world)
	return nil
}

// begin starts a transaction on the current state. The caller holds s.writing.
func (s *Server) begin() *transaction {
	before := s.current.Load()
	return &transaction{newWorld(before.env.Clone(), before, s.options.Now(), "")}
}

func (c *call) apply(t *transaction, do func() error) error {
	c.rebase(t.world)
	if err := do(); err != nil {
		return err
	}
	env := t.world.env
	if problems := normalise(env); len(problems) > 0 {
		return fmt.Errorf("the change left an environment that cannot be used: %w", problems[0])
	}
	pinReferences(env)
	t.world = newWorld(env, c.server.current.Load(), c.server.options.Now(), c.caller.user.ID)
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
		c.caller.impersonator = w.userByID[c.caller.impersonator.ID]
	}
}

// newID makes the id of a row that a request makes.
func (c *call) newID(kind string) string {
	c.server.made++
	return deriveID(c.world.env.Organization.ID, "made", kind, strconv.Itoa(c.server.made))
}

// readBody decodes the request's JSON object. It is strict: a member that the operation does not take,
// or that this simulator cannot set, is refused.
func (c *call) readBody(into any) error {
	if kind, _, err := mime.ParseMediaType(c.header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &apiError{http.StatusUnsupportedMediaType, codeBadURL, "The Content-Type of the request must be application/json."}
	}
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return badRequest("Error identified in Payload provided by the user: %v", err)
	}
	return nil
}

func (c *call) post() (answer, error) {
	first := c.path[0]
	last := c.path[len(c.path)-1].name
	if len(c.path) > 1 {
		switch first.name + "/" + strings.TrimPrefix(last, "Microsoft.Dynamics.CRM.") {
		case "roles/AddPrivilegesRole":
			return c.onRow(c.addPrivileges)
		case "roles/RemovePrivilegeRole":
			return c.onRow(c.removePrivilege)
		case "systemusers/$ref":
			return c.onRow(c.assign)
		}
		return answer{}, noSegment(last)
	}
	switch first.name {
	case "roles":
		return c.create("role", c.createRole)
	case "systemusers":
		return c.create("systemuser", c.createUser)
	case "GrantAccess", "ModifyAccess":
		return answer{}, c.setAccess(first.name)
	case "RevokeAccess":
		return answer{}, c.revokeAccess()
	}
	return answer{}, notAllowed(c.method, first.name)
}

// create answers for a row that a request makes.
func (c *call) create(logicalName string, do func() (id string, err error)) (answer, error) {
	id, err := do()
	if err != nil {
		return answer{}, err
	}
	return c.wrote(c.server.types.byName[logicalName], id, http.StatusCreated)
}

// onRow carries something out on the row that the first segment of the path names.
func (c *call) onRow(do func(id string) error) (answer, error) {
	first := c.path[0]
	t := c.server.types.bySet[first.name]
	if t == nil {
		return answer{}, noSegment(first.name)
	}
	id, err := keyOf(t, first)
	if err == nil {
		err = do(id)
	}
	if err != nil || c.method != http.MethodPatch {
		return answer{}, err
	}
	return c.wrote(t, id, http.StatusOK)
}

// modify answers a PATCH or a DELETE of a row, or of a role that a user holds.
func (c *call) modify() (answer, error) {
	last := c.path[len(c.path)-1].name
	if c.method == http.MethodDelete && last == "$ref" && len(c.path) == 3 {
		return c.onRow(c.unassign)
	}
	if len(c.path) != 1 {
		return answer{}, noSegment(last)
	}
	set := c.path[0].name
	return c.onRow(func(id string) error {
		if err := c.checkMatch(c.server.types.bySet[set], id); err != nil {
			return err
		}
		switch c.method + " " + set {
		case "PATCH roles":
			return c.updateRole(id)
		case "PATCH systemusers":
			return c.updateUser(id)
		case "PATCH userqueries":
			return c.updateView(id)
		case "DELETE roles":
			return c.deleteRole(id)
		case "DELETE systemusers":
			return c.deleteUser(id)
		}
		return notAllowed(c.method, set)
	})
}

// checkMatch honours If-Match. A row that is missing is not made: clients that write to this simulator
// do not ask for that.
func (c *call) checkMatch(t *entityType, id string) error {
	row := t.find(c.world, id)
	if row == nil {
		return noRow(t.logicalName, id)
	}
	match := c.header.Get("If-Match")
	if match == "" || match == "*" || match == etag(t.stamp(c.world, row)) {
		return nil
	}
	return &apiError{http.StatusPreconditionFailed, codeVersionMismatch, "The version of the existing record doesn't match the RowVersion property provided."}
}

// wrote answers for a row that a request made, with status 201, or changed, with 200.
func (c *call) wrote(t *entityType, id string, status int) (answer, error) {
	var result answer
	if c.prefer.representation {
		var err error
		if result, err = c.single(t, t.find(c.world, id)); err != nil {
			return answer{}, err
		}
		result.status = status
	}
	result.header = http.Header{"OData-EntityId": {c.root + t.entitySet + "(" + id + ")"}}
	return result, nil
}

// unit finds the business unit that an @odata.bind leads to.
func (c *call) unit(address string) (*unit, error) {
	set, id, ok := parseReference(address, c.root)
	u := c.world.unitByID[id]
	if !ok || set != "businessunits" || u == nil {
		return nil, badRequest("Error identified in Payload provided by the user for Entity: 'businessunitid@odata.bind' must be like '/businessunits(id)', and lead to a business unit; it is '%s'.", address)
	}
	return u, nil
}
