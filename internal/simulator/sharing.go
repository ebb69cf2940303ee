package simulator

import "slices"

// A principalRef is a user or a team in a request: a row with its type and its key.
type principalRef struct {
	Type string `json:"@odata.type"`
	User string `json:"systemuserid"`
	Team string `json:"teamid"`
}

// A viewRef is the view in a request.
type viewRef struct {
	Type string `json:"@odata.type"`
	View string `json:"userqueryid"`
}

// setAccess shares a view by GrantAccess, or changes what a share gives by ModifyAccess.
func (c *call) setAccess(action string) error {
	var body struct {
		Target          viewRef
		PrincipalAccess struct {
			Type       string `json:"@odata.type"`
			AccessMask string
			Principal  principalRef
		}
	}
	if err := c.readBody(&body); err != nil {
		return err
	}
	rights, ok := parseWireRights(body.PrincipalAccess.AccessMask)
	if !ok {
		return badRequest("Error identified in Payload provided by the user: '%s' is not a valid AccessRights value.", body.PrincipalAccess.AccessMask)
	}
	return c.changeShare(body.Target, body.PrincipalAccess.Principal, func(v *personalView, s *Share) error {
		// Nobody shares more than they have.
		if have := c.world.viewRights(c.caller, v); rights&^(have|RightAppend|RightAppendTo|RightCreate) != 0 {
			return c.viewDenied(v, rights.wire())
		}
		if action == "GrantAccess" {
			rights |= s.Access
		}
		s.Access = rights
		return nil
	})
}

func (c *call) revokeAccess() error {
	var body struct {
		Target  viewRef
		Revokee principalRef
	}
	if err := c.readBody(&body); err != nil {
		return err
	}
	return c.changeShare(body.Target, body.Revokee, func(_ *personalView, s *Share) error {
		s.Access = 0 // what it inherits stays
		return nil
	})
}

// changeShare changes what a view gives to a principal, if the caller may share it. A share that gives
// nothing is deleted.
func (c *call) changeShare(target viewRef, principal principalRef, do func(v *personalView, s *Share) error) error {
	return c.change(func() error {
		v, err := find[*personalView](c, "userquery", target.View)
		if err != nil {
			return err
		}
		if c.world.viewRights(c.caller, v)&RightShare == 0 {
			return c.viewDenied(v, "ShareAccess")
		}
		share := Share{Principal: principal.User + principal.Team}
		if c.world.userByID[principal.User] == nil && c.world.teamByID[principal.Team] == nil {
			return noRow("systemuser", share.Principal)
		}
		i := slices.IndexFunc(v.Shares, func(s Share) bool { return s.Principal == share.Principal })
		if i >= 0 {
			share = v.Shares[i]
			v.Shares = slices.Delete(v.Shares, i, i+1)
		}
		if err := do(v, &share); err != nil {
			return err
		}
		if share.rights() != 0 {
			v.Shares = append(v.Shares, share)
		}
		return nil
	})
}

// updateView makes a personal view active, or inactive.
func (c *call) updateView(id string) error {
	var body struct {
		State  int `json:"statecode"`
		Status int `json:"statuscode"`
	}
	if err := c.readBody(&body); err != nil {
		return err
	}
	return c.change(func() error {
		v, err := find[*personalView](c, "userquery", id)
		if err != nil {
			return err
		}
		if body.State>>1 != 0 || body.Status != body.State+1 {
			return invalid(codeInvalidArgument, "%d is not a valid status code for state code %d on userquery with Id %s.", body.Status, body.State, id)
		}
		if c.world.viewRights(c.caller, v)&RightWrite == 0 {
			return c.viewDenied(v, "WriteAccess")
		}
		v.Inactive = body.State == 1
		return nil
	})
}

func (c *call) viewDenied(v *personalView, right string) error {
	return accessDenied(c.world, c.caller.user, v.place(), "userquery", v.ID, right)
}
