package simulator

import "slices"

// A principalRef is a user or a team in a request: a row with its type and its key.
type principalRef struct {
	Type string `json:"@odata.type"`
	User string `json:"systemuserid"`
	Team string `json:"teamid"`
}

type viewRef struct {
	Type string `json:"@odata.type"`
	View string `json:"userqueryid"`
}

// A grantBody shares a view, or changes what a share gives.
type grantBody struct {
	Target          viewRef
	PrincipalAccess struct {
		Type       string `json:"@odata.type"`
		AccessMask string
		Principal  principalRef
	}
}

func (c *call) grantAccess(_ string, body grantBody) error {
	return c.setAccess(body, func(before, rights Rights) Rights { return before | rights })
}

func (c *call) modifyAccess(_ string, body grantBody) error {
	return c.setAccess(body, func(_, rights Rights) Rights { return rights })
}

// setAccess sets the rights of a principal to what after returns for those before and the requested ones. A
// caller cannot share rights that it does not have.
func (c *call) setAccess(body grantBody, after func(before, rights Rights) Rights) error {
	rights, ok := parseWireRights(body.PrincipalAccess.AccessMask)
	if !ok {
		return badRequest("Error identified in Payload provided by the user: '%s' is not a valid AccessRights value.", body.PrincipalAccess.AccessMask)
	}
	return c.changeShare(body.Target, body.PrincipalAccess.Principal, rights, func(before Rights) Rights { return after(before, rights) })
}

// revokeAccess removes the rights of a share; inherited ones stay.
func (c *call) revokeAccess(_ string, body struct {
	Target  viewRef
	Revokee principalRef
},
) error {
	return c.changeShare(body.Target, body.Revokee, 0, func(Rights) Rights { return 0 })
}

// changeShare changes the rights of a principal on a view, if the caller may share it and has the
// rights. A share without rights is deleted.
func (c *call) changeShare(target viewRef, principal principalRef, rights Rights, after func(before Rights) Rights) error {
	v, err := find[*personalView](c, "userqueries", target.View)
	if err != nil {
		return err
	}
	have := c.viewRights(v)
	if have&RightShare == 0 || rights&^(have|RightAppend|RightAppendTo|RightCreate) != 0 {
		return c.viewDenied(v, (rights | RightShare).wire())
	}
	share := Share{Principal: principal.User + principal.Team}
	if lookup[user](c.world, principal.User) == nil && lookup[team](c.world, principal.Team) == nil {
		return noRow("systemuser", share.Principal)
	}
	if i := slices.IndexFunc(v.Shares, func(s Share) bool { return s.Principal == share.Principal }); i >= 0 {
		share = v.Shares[i]
		v.Shares = slices.Delete(v.Shares, i, i+1)
	}
	if share.Access = after(share.Access); share.rights() != 0 {
		v.Shares = append(v.Shares, share)
	}
	return nil
}

// updateView makes a personal view active, or inactive.
func (c *call) updateView(v *personalView, body struct {
	State  int `json:"statecode"`
	Status int `json:"statuscode"`
},
) error {
	switch {
	case body.State>>1 != 0 || body.Status != body.State+1:
		return invalid(codeInvalidArgument, "%d is not a valid status code for state code %d on userquery with Id %s.", body.Status, body.State, v.ID)
	case c.viewRights(v)&RightWrite == 0:
		return c.viewDenied(v, "WriteAccess")
	}
	v.Inactive = body.State == 1
	return nil
}
