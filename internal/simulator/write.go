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

// An operation changes the environment. id is the key in the first segment of the path, or "".
type operation func(c *call, id string) error

// operations returns all operations by their method and their path without keys.
func operations() map[string]operation {
	return map[string]operation{
		"POST roles":                       bodyOperation((*call).createRole),
		"PATCH roles()":                    roleOperation("prvWriteRole", (*call).updateRole),
		"DELETE roles()":                   roleOperation("prvDeleteRole", (*call).deleteRole),
		"POST roles()/AddPrivilegesRole":   roleOperation("prvWriteRole", (*call).addPrivileges),
		"POST roles()/RemovePrivilegeRole": roleOperation("prvWriteRole", (*call).removePrivilege),
		"POST systemusers":                 bodyOperation((*call).createUser),
		"PATCH systemusers()":              rowOperation("systemusers", (*call).updateUser),
		"DELETE systemusers()":             rowOperation("systemusers", (*call).deleteUser),
		"POST systemusers()/systemuserroles_association/$ref":     rowOperation("systemusers", (*call).assignRole),
		"DELETE systemusers()/systemuserroles_association()/$ref": rowOperation("systemusers", (*call).unassignRole),
		"PATCH userqueries()": rowOperation("userqueries", (*call).updateView),
		"POST GrantAccess":    bodyOperation((*call).grantAccess),
		"POST ModifyAccess":   bodyOperation((*call).modifyAccess),
		"POST RevokeAccess":   bodyOperation((*call).revokeAccess),
	}
}

// bodyOperation returns an operation that calls do with the request's body.
func bodyOperation[B any](do func(c *call, body B) error) operation {
	return func(c *call, _ string) error {
		var body B
		if err := c.readBody(&body); err != nil {
			return err
		}
		return c.transaction(func() error { return do(c, body) })
	}
}

// rowOperation returns an operation that calls do with the row in the first segment of the path.
func rowOperation[T, B any](set string, do func(c *call, row T, body B) error) operation {
	return func(c *call, id string) error {
		return bodyOperation(func(c *call, body B) error {
			row, err := readableRowOf[T](c, set, id)
			if err != nil {
				return err
			}
			return do(c, row, body)
		})(c, id)
	}
}

type noBody struct{}

// readBody decodes the request's JSON object. A member that the operation does not have, or that the
// simulator cannot set, is an error.
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

func (c *call) write() (response, error) {
	first := c.path[0]
	do := operations()[c.method+" "+c.pattern()]
	switch {
	case do == nil && len(c.path) > 1:
		return response{}, resourceNotFound(c.path[1].name)
	case do == nil:
		return response{}, methodNotAllowed(c.method, first.name)
	case !first.hasParens:
		if err := do(c, ""); err != nil || c.createdID == "" {
			return response{}, err
		}
		return c.writtenRow(c.server.types[first.name], c.createdID, http.StatusCreated)
	}
	t := c.server.types[first.name]
	id, err := keyOf(t, first)
	if err == nil {
		err = c.checkIfMatch(t, id)
	}
	if err == nil {
		err = do(c, id)
	}
	if err != nil || c.method != http.MethodPatch {
		return response{}, err
	}
	return c.writtenRow(t, id, http.StatusOK)
}

func (c *call) checkIfMatch(t *entityType, id string) error {
	row, match := t.find(c.db, id), c.header.Get("If-Match")
	if row == nil || match == "" || match == "*" || match == etag(t.stamp(c.db, row)) {
		return nil
	}
	return &apiError{http.StatusPreconditionFailed, codeVersionMismatch, "The version of the existing record doesn't match the RowVersion property provided."}
}

// writtenRow returns the response for a row that the request wrote. status is for a response with the row.
func (c *call) writtenRow(t *entityType, id string, status int) (response, error) {
	result := response{header: http.Header{"OData-EntityId": {c.serviceRoot + t.entitySet + "(" + id + ")"}}}
	if c.preference("return") != "representation" {
		return result, nil
	}
	row, err := c.single(t, t.find(c.db, id))
	result.status, result.body = status, row.body
	return result, err
}

// transaction calls do, which changes the call's database, a draft. If do fails, the environment stays as it
// is. All operations of a change set are one transaction.
func (c *call) transaction(do func() error) error {
	if c.inChangeSet {
		return c.applyChange(do)
	}
	c.server.writeMu.Lock()
	defer c.server.writeMu.Unlock()
	c.useDatabase(c.server.draft())
	if err := c.applyChange(do); err != nil {
		return err
	}
	c.server.setCurrent(c.db)
	return nil
}

// draft returns a copy of the current database that can be changed. The caller holds s.writeMu.
func (s *Server) draft() *database {
	before := s.current.Load()
	return newDatabase(before.env.Clone(), before.cat, before, s.options.Now(), "")
}

// applyChange calls do, and rebuilds the call's database from the changed environment.
func (c *call) applyChange(do func() error) error {
	if err := do(); err != nil {
		return err
	}
	env := c.db.env
	cat, problems := normalize(env)
	if len(problems) > 0 {
		return fmt.Errorf("after the change the environment cannot be used: %w", problems[0])
	}
	refsToIDs(env)
	c.useDatabase(newDatabase(env, cat, c.server.current.Load(), c.server.options.Now(), c.caller.user.ID))
	return nil
}

func (c *call) withDatabase(db *database) *call {
	other, caller := *c, *c.caller
	other.caller = &caller
	other.useDatabase(db)
	return &other
}

func (c *call) useDatabase(db *database) {
	c.db = db
	if u := lookup[user](db, c.caller.user.ID); u != nil {
		c.caller.user = u
	}
	if c.caller.impersonator != nil {
		c.caller.impersonator = lookup[user](db, c.caller.impersonator.ID)
	}
}

func (c *call) newRowID(kind string) string {
	c.server.rowsCreated++
	c.createdID = deriveID(c.db.env.Organization.ID, "made", kind, strconv.Itoa(c.server.rowsCreated))
	return c.createdID
}

func (c *call) unit(address string) (*unit, error) {
	set, id, ok := parseReference(address, c.serviceRoot)
	u := lookup[unit](c.db, id)
	if !ok || set != "businessunits" || u == nil {
		return nil, badRequest("Error identified in Payload provided by the user for Entity: 'businessunitid@odata.bind' must be like '/businessunits(id)', and lead to a business unit; it is '%s'.", address)
	}
	return u, nil
}
