package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// userBody has the columns of a user that can be set; nil if missing.
type userBody struct {
	Application *string `json:"applicationid"`
	Mode        *int    `json:"accessmode"`
	Disabled    *bool   `json:"isdisabled"`
	Unit        string  `json:"businessunitid@odata.bind"`
}

func (b userBody) set(u *User) error {
	if b.Mode != nil {
		if *b.Mode < 0 || *b.Mode >= len(accessModes()) {
			return invalid(codeInvalidArgument, "A validation error occurred. The value %d of 'accessmode' on record of type 'systemuser' is outside the valid range.", *b.Mode)
		}
		u.AccessMode = accessModes()[*b.Mode]
	}
	if b.Disabled != nil {
		u.Disabled = *b.Disabled
	}
	return nil
}

// createUser creates an application user. People come from the tenant.
func (c *call) createUser(_ string, body userBody) error {
	if body.Application == nil || body.Unit == "" {
		return badRequest("An application user needs an applicationid and a businessunitid; people are added in the tenant.")
	}
	home, err := c.unit(body.Unit)
	if err != nil {
		return err
	}
	u := User{Name: *body.Application, ApplicationID: strings.ToLower(*body.Application), ID: c.newID("systemuser"), BusinessUnit: home.ID}
	if err := c.needAt("prvCreateUser", home.place(), "systemuser", u.ID); err != nil {
		return err
	}
	env := c.world.env
	// One that is soft-deleted still has its application id.
	if slices.ContainsFunc(env.ApplicationUsers, func(o User) bool { return o.ApplicationID == u.ApplicationID }) {
		return &apiError{http.StatusPreconditionFailed, codeDuplicate, "A record with matching key values already exists. An application user with applicationid " + u.ApplicationID + " is there already, it may be deleted."}
	}
	if client := env.Client(u.ApplicationID); client != nil {
		u.Name = client.Name
	}
	if err := body.set(&u); err != nil {
		return err
	}
	if u.AccessMode == AccessNonInteractive {
		u.AccessMode = "" // as application users are
	}
	env.ApplicationUsers = append(env.ApplicationUsers, u)
	return nil
}

func (c *call) updateUser(u *user, body userBody) error {
	err := c.mayUpdate(u, body)
	if err == nil {
		err = c.move(u, body.Unit)
	}
	if err == nil {
		err = body.set(u.User)
	}
	return err
}

func (c *call) mayUpdate(u *user, body userBody) error {
	needs := []string{"prvWriteUser"}
	if body.Disabled != nil && *body.Disabled != u.Disabled {
		needs = append(needs, "prvDisableUser")
	}
	if body.Unit != "" {
		needs = append(needs, "prvReparentUser")
	}
	for _, privilege := range needs {
		if err := c.needAt(privilege, u.place(), "systemuser", u.ID); err != nil {
			return err
		}
	}
	if u.SoftDeleted || body.Application != nil && !strings.EqualFold(*body.Application, u.ApplicationID) {
		return invalid(codeInvalidArgument, "The applicationid of a user cannot be changed, and nothing of one that is deleted.")
	}
	return nil
}

// move moves a user to another business unit. The user loses its roles, even with record ownership
// across business units, unless the environment keeps them.
func (c *call) move(u *user, address string) error {
	if address == "" {
		return nil
	}
	home, err := c.unit(address)
	if err != nil || home == u.unit {
		return err
	}
	u.BusinessUnit = home.ID
	if c.world.env.Organization.KeepRolesOnMove != On {
		u.Roles = nil
	}
	for i := range u.Roles {
		if u.Roles[i].BusinessUnit == "" {
			u.Roles[i].BusinessUnit = u.unit.ID // they remain the copies of the old unit
		}
	}
	return nil
}

// deleteUser deletes an application user that is disabled: the first time softly, the second permanently.
func (c *call) deleteUser(u *user, _ nothing) error {
	err := c.needAt("prvDeleteUser", u.place(), "systemuser", u.ID)
	switch {
	case err != nil:
		return err
	case !u.application || !u.Disabled || slices.ContainsFunc(c.world.views, func(v *personalView) bool { return v.Owner == u.ID }):
		return invalid(codeNone, "Only an application user that is disabled and owns no records can be deleted.")
	case !u.SoftDeleted:
		u.SoftDeleted = true
	default:
		purge(c.world.env, u.ID)
	}
	return nil
}

// purge removes an application user and all references to it.
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
