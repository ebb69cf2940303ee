package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// userBody has the columns of a user that requests can set. A pointer is nil if the column is missing.
type userBody struct {
	Application *string `json:"applicationid"`
	Mode        *int    `json:"accessmode"`
	Disabled    *bool   `json:"isdisabled"`
	Unit        string  `json:"businessunitid@odata.bind"`
}

func (b userBody) applyTo(u *User) error {
	if b.Mode != nil {
		if *b.Mode < 0 || *b.Mode >= len(accessModes()) {
			return invalidRequest(codeInvalidArgument, "A validation error occurred. The value %d of 'accessmode' on record of type 'systemuser' is outside the valid range.", *b.Mode)
		}
		u.AccessMode = accessModes()[*b.Mode]
	}
	if b.Disabled != nil {
		u.Disabled = *b.Disabled
	}
	return nil
}

// createUser creates an application user. Requests cannot create people, who come from the tenant.
func (c *call) createUser(body userBody) error {
	if body.Application == nil || body.Unit == "" {
		return badRequest("An application user needs an applicationid and a businessunitid; people are added in the tenant.")
	}
	home, err := c.unit(body.Unit)
	if err != nil {
		return err
	}
	u := User{Name: *body.Application, ApplicationID: strings.ToLower(*body.Application), ID: c.newRowID("systemuser"), BusinessUnit: home.ID}
	if err := c.requirePrivilegeOn("prvCreateUser", home.ownership(), "systemuser", u.ID); err != nil {
		return err
	}
	env := c.db.env
	// A soft-deleted user still has its application id.
	if slices.ContainsFunc(env.ApplicationUsers, func(o User) bool { return o.ApplicationID == u.ApplicationID }) {
		return &apiError{http.StatusPreconditionFailed, codeDuplicate, "A record with matching key values already exists. An application user with applicationid " + u.ApplicationID + " is there already, it may be deleted."}
	}
	if client := env.Client(u.ApplicationID); client != nil {
		u.Name = client.Name
	}
	if err := body.applyTo(&u); err != nil {
		return err
	}
	if u.AccessMode == AccessNonInteractive {
		u.AccessMode = "" // the default
	}
	env.ApplicationUsers = append(env.ApplicationUsers, u)
	return nil
}

func (c *call) updateUser(u *user, body userBody) error {
	err := c.checkUserUpdate(u, body)
	if err == nil {
		err = c.moveUser(u, body.Unit)
	}
	if err == nil {
		err = body.applyTo(u.User)
	}
	return err
}

func (c *call) checkUserUpdate(u *user, body userBody) error {
	privileges := []string{"prvWriteUser"}
	if body.Disabled != nil && *body.Disabled != u.Disabled {
		privileges = append(privileges, "prvDisableUser")
	}
	if body.Unit != "" {
		privileges = append(privileges, "prvReparentUser")
	}
	for _, privilege := range privileges {
		if err := c.requirePrivilegeOn(privilege, u.ownership(), "systemuser", u.ID); err != nil {
			return err
		}
	}
	if u.SoftDeleted || body.Application != nil && !strings.EqualFold(*body.Application, u.ApplicationID) {
		return invalidRequest(codeInvalidArgument, "The applicationid of a user cannot be changed, and nothing of one that is deleted.")
	}
	return nil
}

// moveUser moves a user to the business unit at an address. The user loses its roles, even with record
// ownership across business units, unless a setting of the organization keeps them.
func (c *call) moveUser(u *user, address string) error {
	if address == "" {
		return nil
	}
	home, err := c.unit(address)
	if err != nil || home == u.unit {
		return err
	}
	u.BusinessUnit = home.ID
	if c.db.env.Organization.KeepRolesOnMove != On {
		u.Roles = nil
	}
	for i := range u.Roles {
		if u.Roles[i].BusinessUnit == "" {
			u.Roles[i].BusinessUnit = u.unit.ID // the assignments keep the old unit's copies
		}
	}
	return nil
}

// deleteUser deletes a disabled application user: softly the first time, permanently the second time.
func (c *call) deleteUser(u *user, _ noBody) error {
	err := c.requirePrivilegeOn("prvDeleteUser", u.ownership(), "systemuser", u.ID)
	switch {
	case err != nil:
		return err
	case !u.application || !u.Disabled || slices.ContainsFunc(c.db.views, func(v *personalView) bool { return v.Owner == u.ID }):
		return invalidRequest(codeNone, "Only an application user that is disabled and owns no records can be deleted.")
	case !u.SoftDeleted:
		u.SoftDeleted = true
	default:
		purgeUser(c.db.env, u.ID)
	}
	return nil
}

func purgeUser(env *Environment, id string) {
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
