package collector

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The tables, each as its columns and what a row of it comes to.

type organization struct {
	snapshot.Organization
	// unread says why the record-ownership setting is unknown.
	unread string
}

func organizationQuery(without columnSet) dataverse.Query {
	return dataverse.Collection("organizations").Select(without.of("organizationid", "name", "orgdborgsettings")...)
}

func organizationOf(r *row) organization {
	o := organization{Organization: snapshot.Organization{ID: r.id("organizationid"), Name: r.text("name")}}
	if r.without["orgdborgsettings"] {
		o.unread = "this environment does not show orgdborgsettings"
		return o
	}
	var err error
	if o.OwnershipAcrossBusinessUnits, err = ownershipSetting(r.text("orgdborgsettings")); err != nil {
		o.unread = "orgdborgsettings: " + err.Error()
	}
	return o
}

// ownershipSetting finds EnableOwnershipAcrossBusinessUnits in orgdborgsettings,
// an XML document of what has ever been set: absent is off.
func ownershipSetting(settings string) (snapshot.Setting, error) {
	const name = "EnableOwnershipAcrossBusinessUnits"
	setting := snapshot.SettingOff
	dec := xml.NewDecoder(strings.NewReader(settings))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return setting, nil
		}
		if err != nil {
			return snapshot.SettingUnknown, err
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != name {
			continue
		}
		var value string
		if err := dec.DecodeElement(&value, &start); err != nil {
			return snapshot.SettingUnknown, err
		}
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "true", "1":
			setting = snapshot.SettingOn
		case "false", "0", "":
			setting = snapshot.SettingOff
		default:
			return snapshot.SettingUnknown, errors.New(name + " is neither true nor false")
		}
	}
}

type unit struct {
	snapshot.BusinessUnit
	id string
}

func unitQuery(columnSet) dataverse.Query {
	return dataverse.Collection("businessunits").Select("businessunitid", "name", "isdisabled", "_parentbusinessunitid_value")
}

func unitOf(r *row) unit {
	return unit{
		id: r.id("businessunitid"),
		BusinessUnit: snapshot.BusinessUnit{
			Disabled: r.flag("isdisabled"), Name: r.text("name"), ParentID: r.optionalID("_parentbusinessunitid_value"),
		},
	}
}

type definition struct {
	snapshot.Privilege
	name string
}

func privilegeQuery(columnSet) dataverse.Query {
	return dataverse.Collection("privileges").Select("privilegeid", "name", "canbebasic", "canbelocal", "canbedeep", "canbeglobal")
}

func privilegeOf(r *row) definition {
	d := definition{name: r.text("name"), Privilege: snapshot.Privilege{ID: r.id("privilegeid"), Depths: []snapshot.Depth{}}}
	for i, column := range []string{"canbebasic", "canbelocal", "canbedeep", "canbeglobal"} {
		if r.flag(column) {
			d.Depths = append(d.Depths, snapshot.Depths()[i])
		}
	}
	if d.name == "" {
		r.fail("name", "is empty")
	}
	return d
}

type role struct {
	snapshot.Role
	id    string
	stamp stamp
	// void marks a role that is not in force: deleted or not published.
	void bool
}

// A stamp tells one state of a row from another: by the second in which it was
// changed and, where the answer has an ETag, by its version.
type stamp struct{ modified, version string }

func (s stamp) same(as stamp) bool {
	return s.modified == as.modified && (s.version == as.version || s.version == "" || as.version == "")
}

func roleColumns(without columnSet) []string {
	return without.of("roleid", "name", "_businessunitid_value", "_parentrootroleid_value", "_roletemplateid_value",
		"ismanaged", "iscustomizable", "isinherited", "componentstate", "modifiedon")
}

func roleQuery(without columnSet) dataverse.Query {
	return dataverse.Collection("roles").Select(roleColumns(without)...)
}

func roleOf(r *row) role {
	o := role{
		id: r.id("roleid"),
		Role: snapshot.Role{
			BusinessUnitID: r.id("_businessunitid_value"),
			Managed:        r.flag("ismanaged"),
			Name:           r.text("name"),
			RootID:         r.optionalID("_parentrootroleid_value"),
			TemplateID:     r.optionalID("_roletemplateid_value"),
		},
		stamp: stamp{modified: r.text("modifiedon"), version: string(r.columns["@odata.etag"])},
		void:  r.optionalNumber("componentstate") != 0,
	}
	// What is neither 0 nor 1 gives no Basic rights for all that is known.
	o.Inherited = r.optionalNumber("isinherited") == 1
	value, known := r.managed("iscustomizable")
	o.Customizable, o.CustomizableUnknown = value || !known, !known
	if o.RootID == "" {
		o.RootID = o.id
	}
	return o
}

type user struct {
	snapshot.User
	id    string
	roles []role
	teams []team
}

func userColumns(without columnSet) []string {
	return without.of("systemuserid", "fullname", "domainname", "applicationid", "azureactivedirectoryobjectid",
		"isdisabled", "islicensed", "deletedstate", "accessmode", "azurestate", "_businessunitid_value")
}

func userQuery(without columnSet) dataverse.Query {
	return dataverse.Collection("systemusers").Select(userColumns(without)...)
}

// holderQuery asks for users with their roles and teams.
func holderQuery(without columnSet) dataverse.Query {
	return userQuery(without).
		Expand("systemuserroles_association", dataverse.Query{}.Select(roleColumns(without)...)).
		Expand("teammembership_association", dataverse.Query{}.Select(teamColumns()...))
}

func userOf(r *row) user {
	return user{
		id: r.id("systemuserid"),
		User: snapshot.User{
			AccessMode:     snapshot.AccessModeOf(r.numberOr("accessmode", -1)),
			EntraState:     snapshot.EntraStateOf(r.numberOr("azurestate", -1)),
			ApplicationID:  r.optionalID("applicationid"),
			BusinessUnitID: r.optionalID("_businessunitid_value"),
			Deleted:        r.optionalNumber("deletedstate") != 0,
			Disabled:       r.flag("isdisabled"),
			DomainName:     r.text("domainname"),
			Licensed:       r.optionalFlag("islicensed"),
			Name:           r.text("fullname"),
			ObjectID:       r.optionalID("azureactivedirectoryobjectid"),
		},
	}
}

func holderOf(r *row) user {
	u := userOf(r)
	u.roles = list(r, "systemuserroles_association", "roleid", roleOf)
	u.teams = list(r, "teammembership_association", "teamid", teamOf)
	return u
}

type team struct {
	snapshot.Team
	id    string
	roles []role
}

func teamColumns() []string { return []string{"teamid", "name", "teamtype", "_businessunitid_value"} }

// teamQuery asks for teams with their roles.
func teamQuery(without columnSet) dataverse.Query {
	return dataverse.Collection("teams").Select(teamColumns()...).
		Expand("teamroles_association", dataverse.Query{}.Select(roleColumns(without)...))
}

func teamOf(r *row) team {
	return team{
		id: r.id("teamid"),
		Team: snapshot.Team{
			BusinessUnitID: r.id("_businessunitid_value"), Name: r.text("name"), Type: r.number("teamtype"),
		},
	}
}

func teamWithRolesOf(r *row) team {
	t := teamOf(r)
	t.roles = list(r, "teamroles_association", "roleid", roleOf)
	return t
}

type view struct {
	snapshot.View
	id string
}

func viewQuery(without columnSet) dataverse.Query {
	return dataverse.Collection("userqueries").
		Select(without.of("userqueryid", "name", "returnedtypecode", "statecode", "_ownerid_value", "_owningteam_value")...)
}

func viewOf(r *row) view {
	return view{
		id: r.id("userqueryid"),
		View: snapshot.View{
			Active: r.number("statecode") == 0, Name: r.text("name"), Table: r.typeCode("returnedtypecode"),
			OwnerID: r.id("_ownerid_value"), OwnerType: ownerType(r),
		},
	}
}

// ownerType tells a team from a user by the look-up that only a team's row fills.
func ownerType(r *row) snapshot.PrincipalType {
	const team = "_owningteam_value"
	switch {
	case r.without[team]:
		return snapshot.PrincipalUnknown
	case r.optionalID(team) != "":
		return snapshot.PrincipalTeam
	}
	return snapshot.PrincipalUser
}

type systemView struct {
	snapshot.SystemView
	id string
}

func systemViewQuery(columnSet) dataverse.Query {
	return dataverse.Collection("savedqueries").Select("savedqueryid", "name", "returnedtypecode", "statecode")
}

func systemViewOf(r *row) systemView {
	return systemView{
		id: r.id("savedqueryid"),
		SystemView: snapshot.SystemView{
			Active: r.number("statecode") == 0, Name: r.text("name"), Table: r.typeCode("returnedtypecode"),
		},
	}
}

// share is what one principal may do with one personal view.
type share struct {
	principal, view string
	mask            int
	// inherited is what of the mask the share itself does not give.
	inherited int
	// foreign marks a share of something other than a personal view.
	foreign bool
}

func shareQuery(columnSet) dataverse.Query {
	return dataverse.Collection("principalobjectaccessset").Select("principalobjectaccessid",
		"principalid", "objectid", "objecttypecode", "accessrightsmask", "inheritedaccessrightsmask")
}

func shareOf(r *row) share {
	own, inherited := r.optionalNumber("accessrightsmask"), r.optionalNumber("inheritedaccessrightsmask")
	s := share{principal: r.id("principalid"), view: r.id("objectid"), mask: own | inherited, inherited: inherited &^ own}
	// A view's type is userquery, by its number 4230.
	code := r.typeCode("objecttypecode")
	s.foreign = !strings.EqualFold(code, "userquery") && code != "4230"
	return s
}

// roleIDs are the sorted ids of roles that are in force.
func roleIDs(roles []role) []string {
	ids := []string{}
	for _, r := range roles {
		if !r.void {
			ids = append(ids, r.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func teamIDs(teams []team) []string {
	ids := []string{}
	for _, t := range teams {
		ids = append(ids, t.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
