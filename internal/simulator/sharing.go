package simulator

import (
	"cmp"
	"encoding/json"
	"slices"
)

// updateView changes a personal view: its name, or whether it is active.
func (c *call) updateView(t *entityType, id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	if err := c.knownProperties(p, t, "name", "statecode", "statuscode"); err != nil {
		return answer{}, err
	}
	err = c.change(func(tx *transaction) error {
		row, err := c.rowFor(t, id)
		if err != nil {
			return err
		}
		v := row.(*personalView)
		if tx.world.viewRights(c.caller, v)&RightWrite == 0 {
			return c.viewDenied(v, "WriteAccess")
		}
		if err := c.checkMatch(t, v); err != nil {
			return err
		}
		if _, err := p.read("name", &v.Name); err != nil {
			return err
		}
		state, status := asInt(v.Inactive), 0
		if _, err := p.read("statecode", &state); err != nil {
			return err
		}
		if _, err := p.read("statuscode", &status); err != nil {
			return err
		}
		if state < 0 || state > 1 || status != 0 && (status == 1) != (state == 0) {
			return invalid(codeInvalidArgument, "%d is not a valid status code for state code %d on userquery with Id %s.", status, state, id)
		}
		v.Inactive = state == 1
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return c.changed(t, id)
}

func (c *call) viewDenied(v *personalView, right string) error {
	return accessDenied(c.world, c.caller.user, placement{v.ownerUnit(), v.ownerID()}, "userquery", v.ID, right)
}

// A principalAccess is a PrincipalAccess of a request, its members still to be read.
type principalAccess struct {
	AccessMask json.RawMessage `json:"AccessMask"`
	Principal  json.RawMessage `json:"Principal"`
}

func (c *call) grantAccess() (answer, error) {
	return c.setAccess("GrantAccess", func(have, given Rights) Rights { return have | given })
}

func (c *call) modifyAccess() (answer, error) {
	return c.setAccess("ModifyAccess", func(_, given Rights) Rights { return given })
}

// setAccess shares a view, or changes what a share gives.
func (c *call) setAccess(action string, combine func(have, given Rights) Rights) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	if err := p.only(action, "Target", "PrincipalAccess"); err != nil {
		return answer{}, err
	}
	var access principalAccess
	if ok, err := p.read("PrincipalAccess", &access); err != nil {
		return answer{}, err
	} else if !ok {
		return answer{}, badRequest("The parameter 'PrincipalAccess' of the operation '%s' is missing.", action)
	}
	var text string
	if err := json.Unmarshal(access.AccessMask, &text); err != nil {
		return answer{}, badRequest("Error identified in Payload provided by the user: AccessMask is a text.")
	}
	rights, ok := parseWireRights(text)
	if !ok {
		return answer{}, badRequest("Error identified in Payload provided by the user: '%s' is no AccessRights.", text)
	}
	return answer{}, c.change(func(*transaction) error {
		v, err := c.shareable(p)
		if err != nil {
			return err
		}
		principal, err := c.principal(payload{"Principal": access.Principal}, "Principal")
		if err != nil {
			return err
		}
		// Nobody shares more than they have.
		if have := c.world.viewRights(c.caller, v); rights&^(have|RightAppend|RightAppendTo|RightCreate) != 0 {
			return c.viewDenied(v, rights.wire())
		}
		i := slices.IndexFunc(v.Shares, func(s Share) bool { return s.Principal == principal })
		if i < 0 {
			if rights == 0 {
				return nil
			}
			v.Shares = append(v.Shares, Share{Principal: principal, Access: rights})
			return nil
		}
		v.Shares[i].Access = combine(v.Shares[i].Access, rights)
		if v.Shares[i].Access|v.Shares[i].Inherited == 0 {
			v.Shares = slices.Delete(v.Shares, i, i+1)
		}
		return nil
	})
}

func (c *call) revokeAccess() (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	if err := p.only("RevokeAccess", "Target", "Revokee"); err != nil {
		return answer{}, err
	}
	return answer{}, c.change(func(*transaction) error {
		v, err := c.shareable(p)
		if err != nil {
			return err
		}
		principal, err := c.principal(p, "Revokee")
		if err != nil {
			return err
		}
		for i := range v.Shares {
			if v.Shares[i].Principal == principal {
				v.Shares[i].Access = 0 // what it inherits stays
			}
		}
		v.Shares = slices.DeleteFunc(v.Shares, func(s Share) bool { return s.Principal == principal && s.Inherited == 0 })
		return nil
	})
}

// shareable finds the view that a request's Target is, if the caller may share it.
func (c *call) shareable(p payload) (*personalView, error) {
	logicalName, id, err := c.entityParameter(p, "Target", "")
	if err != nil {
		return nil, err
	}
	if logicalName == "savedquery" {
		return nil, invalid(codeViewNotSharable, "The view is not sharable.")
	}
	if logicalName != "userquery" {
		return nil, invalid(codeInvalidArgument, "Rows of '%s' cannot be shared.", logicalName)
	}
	row, err := c.rowFor(c.server.schema.byName["userquery"], id)
	if err != nil {
		return nil, err
	}
	v := row.(*personalView)
	if c.world.viewRights(c.caller, v)&RightShare == 0 {
		return nil, c.viewDenied(v, "ShareAccess")
	}
	return v, nil
}

// principal reads a parameter that is a user or a team, and checks that it is there.
func (c *call) principal(p payload, name string) (string, error) {
	logicalName, id, err := c.entityParameter(p, name, "")
	if err != nil {
		return "", err
	}
	switch {
	case logicalName == "systemuser" && c.world.userByID[id] != nil, logicalName == "team" && c.world.teamByID[id] != nil:
		return id, nil
	default:
		return "", noRow(cmp.Or(logicalName, "systemuser"), id)
	}
}
