package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// createUser makes an application user, under a given id where a PATCH asks for one that is not
// there. People come from the tenant, not from here.
func (c *call) createUser(id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	t := c.server.schema.byName["systemuser"]
	if err := c.knownProperties(p, t, "systemuserid", "applicationid", "accessmode", "isdisabled", "businessunitid@odata.bind"); err != nil {
		return answer{}, err
	}
	var application string
	mode, disabled := -1, false
	if _, err := p.read("applicationid", &application); err != nil {
		return answer{}, err
	}
	if _, err := p.read("accessmode", &mode); err != nil {
		return answer{}, err
	}
	if _, err := p.read("isdisabled", &disabled); err != nil {
		return answer{}, err
	}
	application, ok := parseGUID(application)
	if !ok {
		return answer{}, badRequest("A user without an applicationid is a person: people are added in the tenant.")
	}
	err = c.change(func(tx *transaction) error {
		if id, err = c.chosenID(p, t, id); err != nil {
			return err
		}
		unitID, ok, err := c.bind(p, "businessunitid", c.server.schema.byName["businessunit"])
		if err != nil {
			return err
		}
		if !ok {
			return badRequest("Required field 'businessunitid' is missing for application user.")
		}
		home := tx.world.unitByID[unitID]
		if err := c.caller.needAt(tx.world, "prvCreateUser", placement{unit: home}, "systemuser", id); err != nil {
			return err
		}
		// One that is soft-deleted still has its application id.
		if slices.ContainsFunc(tx.env.ApplicationUsers, func(u User) bool { return u.ApplicationID == application }) {
			return &apiError{http.StatusPreconditionFailed, codeDuplicate, "A record with matching key values already exists. An application user with applicationid " + application + " is there already, it may be deleted."}
		}
		u := User{Name: application, ID: id, ApplicationID: application, BusinessUnit: unitID, Disabled: disabled, Created: c.creation()}
		if client := tx.env.Client(application); client != nil {
			u.Name = client.Name
		}
		if mode >= 0 && mode < len(accessModes()) && accessModes()[mode] != AccessNonInteractive {
			u.AccessMode = accessModes()[mode]
		}
		tx.env.ApplicationUsers = append(tx.env.ApplicationUsers, u)
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return c.made(t, id)
}

func (c *call) updateUser(t *entityType, id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	if err := c.knownProperties(p, t, "applicationid", "accessmode", "isdisabled", "businessunitid@odata.bind"); err != nil {
		return answer{}, err
	}
	err = c.change(func(tx *transaction) error {
		row, err := c.rowFor(t, id)
		if err != nil {
			return err
		}
		u := row.(*user)
		at := placement{u.unit, u.ID}
		if err := c.caller.needAt(tx.world, "prvWriteUser", at, "systemuser", id); err != nil {
			return err
		}
		if err := c.checkMatch(t, u); err != nil {
			return err
		}
		return c.setUser(p, u, at)
	})
	if err != nil {
		return answer{}, err
	}
	return c.changed(t, id)
}

// setUser sets a user's columns as a PATCH asks.
func (c *call) setUser(p payload, u *user, at placement) error {
	var application string
	if ok, err := p.read("applicationid", &application); err != nil {
		return err
	} else if ok && !strings.EqualFold(application, u.ApplicationID) {
		return invalid(codeInvalidArgument, "The applicationid of a user cannot be changed.")
	}
	var mode int
	if ok, err := p.read("accessmode", &mode); err != nil {
		return err
	} else if ok {
		if mode < 0 || mode >= len(accessModes()) {
			return invalid(codeInvalidArgument, "A validation error occurred. The value %d of 'accessmode' on record of type 'systemuser' is outside the valid range.", mode)
		}
		u.AccessMode = accessModes()[mode]
	}
	disabled := u.Disabled
	if _, err := p.read("isdisabled", &disabled); err != nil {
		return err
	}
	if disabled != u.Disabled {
		if err := c.caller.needAt(c.world, "prvDisableUser", at, "systemuser", u.ID); err != nil {
			return err
		}
		if !disabled && u.SoftDeleted {
			return invalid(codeUserNotEnabled, "A user that is deleted cannot be enabled.")
		}
		u.Disabled = disabled
	}
	unitID, ok, err := c.bind(p, "businessunitid", c.server.schema.byName["businessunit"])
	if err != nil || !ok || unitID == u.unit.ID {
		return err
	}
	if err := c.caller.needAt(c.world, "prvReparentUser", at, "systemuser", u.ID); err != nil {
		return err
	}
	old := u.unit.ID
	u.BusinessUnit = unitID
	if c.world.env.Organization.KeepRolesOnMove != On {
		u.Roles = nil // with record ownership across business units too
		return nil
	}
	for i := range u.Roles {
		if u.Roles[i].BusinessUnit == "" {
			u.Roles[i].BusinessUnit = old // they stay the copies that they are
		}
	}
	return nil
}

// deleteUser deletes an application user that is disabled: the first time softly, the second for good.
func (c *call) deleteUser(t *entityType, id string) (answer, error) {
	return answer{}, c.change(func(tx *transaction) error {
		row, err := c.rowFor(t, id)
		if err != nil {
			return err
		}
		u := row.(*user)
		if err := c.caller.needAt(tx.world, "prvDeleteUser", placement{u.unit, u.ID}, "systemuser", id); err != nil {
			return err
		}
		if err := c.checkMatch(t, u); err != nil {
			return err
		}
		switch {
		case !u.application:
			return invalid(codeNone, "A person's user row cannot be deleted while the person is in the tenant.")
		case !u.Disabled:
			return invalid(codeNone, "Only a user that is disabled can be deleted.")
		case slices.ContainsFunc(tx.world.views, func(v *personalView) bool { return v.ownerUser == u }):
			return invalid(codeNone, "The user owns records: assign them to somebody else first.")
		case !u.SoftDeleted:
			u.SoftDeleted = true
			return nil
		}
		purge(tx.env, u.ID)
		return nil
	})
}

// purge takes an application user and every mention of it out of the environment.
func purge(env *Environment, id string) {
	isUser := func(ref string) bool { return ref == id }
	env.ApplicationUsers = slices.DeleteFunc(env.ApplicationUsers, func(u User) bool { return u.ID == id })
	for i := range env.Teams {
		env.Teams[i].Members = slices.DeleteFunc(env.Teams[i].Members, isUser)
	}
	for i := range env.ColumnSecurityProfiles {
		env.ColumnSecurityProfiles[i].Members = slices.DeleteFunc(env.ColumnSecurityProfiles[i].Members, isUser)
	}
	for i := range env.PersonalViews {
		v := &env.PersonalViews[i]
		v.Shares = slices.DeleteFunc(v.Shares, func(s Share) bool { return s.Principal == id })
	}
}
