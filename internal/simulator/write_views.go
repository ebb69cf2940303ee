package simulator

import "slices"

// A principalBody is a user or a team in the body of a request.
type principalBody struct {
	Type string `json:"@odata.type"`
	User string `json:"systemuserid"`
	Team string `json:"teamid"`
}

type viewBody struct {
	Type string `json:"@odata.type"`
	View string `json:"userqueryid"`
}

// A shareBody shares a view, or changes what a share gives.
type shareBody struct {
	Target          viewBody
	PrincipalAccess struct {
		Type       string `json:"@odata.type"`
		AccessMask string
		Principal  principalBody
	}
}

func (c *call) grantAccess(body shareBody) error {
	return c.changeShare(body.Target, body.PrincipalAccess.Principal, body.PrincipalAccess.AccessMask,
		func(present, requested Rights) Rights { return present | requested })
}

func (c *call) modifyAccess(body shareBody) error {
	return c.changeShare(body.Target, body.PrincipalAccess.Principal, body.PrincipalAccess.AccessMask,
		func(_, requested Rights) Rights { return requested })
}

// revokeAccess removes the rights of a share, except the inherited ones.
func (c *call) revokeAccess(body struct {
	Target  viewBody
	Revokee principalBody
},
) error {
	return c.changeShare(body.Target, body.Revokee, "None", func(Rights, Rights) Rights { return 0 })
}

// changeShare sets the rights of a principal on a view to what update returns for the present and the requested
// rights. The caller needs the right to share the view, and the requested rights. A share without rights is
// deleted.
func (c *call) changeShare(target viewBody, principal principalBody, mask string, update func(present, requested Rights) Rights) error {
	requested, ok := parseWireRights(mask)
	if !ok {
		return badRequest("Error identified in Payload provided by the user: '%s' is not a valid AccessRights value.", mask)
	}
	v, err := readableRowOf[*personalView](c, "userqueries", target.View)
	if err != nil {
		return err
	}
	own := c.viewRights(v)
	if own&RightShare == 0 || requested&^(own|RightAppend|RightAppendTo|RightCreate) != 0 {
		return c.viewAccessDenied(v, (requested | RightShare).wireName())
	}
	share := Share{Principal: principal.User + principal.Team}
	if lookup[user](c.db, principal.User) == nil && lookup[team](c.db, principal.Team) == nil {
		return rowNotFound("systemuser", share.Principal)
	}
	if i := slices.IndexFunc(v.Shares, func(s Share) bool { return s.Principal == share.Principal }); i >= 0 {
		share = v.Shares[i]
		v.Shares = slices.Delete(v.Shares, i, i+1)
	}
	if share.Access = update(share.Access, requested); share.rights() != 0 {
		v.Shares = append(v.Shares, share)
	}
	return nil
}

func (c *call) updateView(v *personalView, body struct {
	State  int `json:"statecode"`
	Status int `json:"statuscode"`
},
) error {
	switch {
	case body.State>>1 != 0 || body.Status != body.State+1:
		return invalidRequest(codeInvalidArgument, "%d is not a valid status code for state code %d on userquery with Id %s.", body.Status, body.State, v.ID)
	case c.viewRights(v)&RightWrite == 0:
		return c.viewAccessDenied(v, "WriteAccess")
	}
	v.Inactive = body.State == 1
	return nil
}
