package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
)

// An operation changes the environment. id is the key at the beginning of the path, if there is one.
type operation func(c *call, id string) error

// operations are all of them, by verb and path without keys.
func operations() map[string]operation {
	return map[string]operation{
		"POST roles":                       writing((*call).createRole),
		"PATCH roles()":                    editing("prvWriteRole", (*call).updateRole),
		"DELETE roles()":                   editing("prvDeleteRole", (*call).deleteRole),
		"POST roles()/AddPrivilegesRole":   editing("prvWriteRole", (*call).addPrivileges),
		"POST roles()/RemovePrivilegeRole": editing("prvWriteRole", (*call).removePrivilege),
		"POST systemusers":                 writing((*call).createUser),
		"PATCH systemusers()":              changing("systemusers", (*call).updateUser),
		"DELETE systemusers()":             changing("systemusers", (*call).deleteUser),
		"POST systemusers()/systemuserroles_association/$ref":     changing("systemusers", (*call).assign),
		"DELETE systemusers()/systemuserroles_association()/$ref": changing("systemusers", (*call).unassign),
		"PATCH userqueries()": changing("userqueries", (*call).updateView),
		"POST GrantAccess":    writing((*call).grantAccess),
		"POST ModifyAccess":   writing((*call).modifyAccess),
		"POST RevokeAccess":   writing((*call).revokeAccess),
	}
}

// writing makes an operation of a function that takes the request's body.
func writing[B any](do func(c *call, id string, body B) error) operation {
	return func(c *call, id string) error {
		var body B
		if err := c.readBody(&body); err != nil {
			return err
		}
		return c.change(func() error { return do(c, id, body) })
	}
}

// changing makes an operation of a function that changes the row at the beginning of the path.
func changing[T, B any](set string, do func(c *call, row T, body B) error) operation {
	return writing(func(c *call, id string, body B) error {
		row, err := find[T](c, set, id)
		if err != nil {
			return err
		}
		return do(c, row, body)
	})
}

// nothing is the body of a request without one.
type nothing struct{}

// readBody decodes the request's JSON object. It is strict: a member that the operation does not
// have, or that this simulator cannot set, is refused.
func (c *call) readBody(into any) error {
	if c.method == http.MethodDelete {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(c.header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &apiError{http.StatusUnsupportedMediaType, codeBadURL, "The Content-Type of the request must be application/json."}
	}
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil && !json.Valid(c.body) {
		err = errors.New("something follows the object")
	}
	if err != nil {
		return badRequest("Error identified in Payload provided by the user: %v", err)
	}
	return nil
}

// write answers a request that is not a GET.
func (c *call) write() (answer, error) {
	first := c.path[0]
	do := operations()[c.method+" "+c.pattern()]
	switch {
	case do == nil && len(c.path) > 1:
		return answer{}, noSegment(c.path[1].name)
	case do == nil:
		return answer{}, notAllowed(c.method, first.name)
	case !first.hasParens:
		if err := do(c, ""); err != nil || c.made == "" {
			return answer{}, err
		}
		return c.wrote(c.server.types[first.name], c.made, http.StatusCreated)
	}
	t := c.server.types[first.name]
	id, err := keyOf(t, first)
	if err == nil {
		err = c.checkMatch(t, id)
	}
	if err == nil {
		err = do(c, id)
	}
	if err != nil || c.method != http.MethodPatch {
		return answer{}, err
	}
	return c.wrote(t, id, http.StatusOK)
}

func (c *call) checkMatch(t *entityType, id string) error {
	row, match := t.find(c.world, id), c.header.Get("If-Match")
	if row == nil || match == "" || match == "*" || match == etag(t.stamp(c.world, row)) {
		return nil
	}
	return &apiError{http.StatusPreconditionFailed, codeVersionMismatch, "The version of the existing record doesn't match the RowVersion property provided."}
}

// wrote answers for a row that a request made, with status 201, or changed, with 200.
func (c *call) wrote(t *entityType, id string, status int) (answer, error) {
	result := answer{header: http.Header{"OData-EntityId": {c.root + t.entitySet + "(" + id + ")"}}}
	if c.prefers("return") != "representation" {
		return result, nil
	}
	row, err := c.single(t, t.find(c.world, id))
	result.status, result.body = status, row.body
	return result, err
}

// change carries out a change of the environment: do works on a copy, the call's world. A failed change
// has no effect. A change set is one change.
func (c *call) change(do func() error) error {
	if c.private {
		return c.apply(do)
	}
	c.server.writing.Lock()
	defer c.server.writing.Unlock()
	c.rebase(c.server.begin())
	if err := c.apply(do); err != nil {
		return err
	}
	c.server.replace(c.world)
	return nil
}

// begin copies the current world, for a change. The caller holds s.writing.
func (s *Server) begin() *world {
	before := s.current.Load()
	return newWorld(before.env.Clone(), before.cat, before, s.options.Now(), "")
}

func (c *call) apply(do func() error) error {
	if err := do(); err != nil {
		return err
	}
	env := c.world.env
	cat, problems := normalise(env)
	if len(problems) > 0 {
		return fmt.Errorf("the change left an environment that cannot be used: %w", problems[0])
	}
	pinReferences(env)
	c.rebase(newWorld(env, cat, c.server.current.Load(), c.server.options.Now(), c.caller.user.ID))
	return nil
}

// copy is a call in another world, by the same caller.
func (c *call) copy(w *world) *call {
	other, who := *c, *c.caller
	other.caller = &who
	other.rebase(w)
	return &other
}

// rebase moves the call to another world, as the same caller.
func (c *call) rebase(w *world) {
	c.world = w
	if u := lookup[user](w, c.caller.user.ID); u != nil {
		c.caller.user = u
	}
	if c.caller.impersonator != nil {
		c.caller.impersonator = lookup[user](w, c.caller.impersonator.ID)
	}
}

func (c *call) newID(kind string) string {
	c.server.made++
	c.made = deriveID(c.world.env.Organization.ID, "made", kind, strconv.Itoa(c.server.made))
	return c.made
}

// unit finds the business unit of an @odata.bind.
func (c *call) unit(address string) (*unit, error) {
	set, id, ok := parseReference(address, c.root)
	u := lookup[unit](c.world, id)
	if !ok || set != "businessunits" || u == nil {
		return nil, badRequest("Error identified in Payload provided by the user for Entity: 'businessunitid@odata.bind' must be like '/businessunits(id)', and lead to a business unit; it is '%s'.", address)
	}
	return u, nil
}
