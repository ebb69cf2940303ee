package collector

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Table describes how the rows of a table are read: their address, their key column, and the
// function that decodes a row. The columns that this function reads are requested, in the same
// order; see selectionOf.
type Table[T any] struct {
	query  dataverse.Query
	key    string
	decode func(Row) T
	where  []dataverse.Expr // see Where
	// partial is set if only some of the rows are requested, so that they cannot be counted.
	partial bool
}

// NewTable returns the rows at an address. Without a key, the response is one object.
func NewTable[T any](address dataverse.Query, key string, decode func(Row) T) Table[T] {
	return Table[T]{query: address, key: key, decode: decode}
}

func newTable[T any](set, key string, decode func(Row) T) Table[T] {
	return NewTable(dataverse.Collection(set), key, decode)
}

// organizations has one row.
func organizations() Table[organization] {
	return newTable("organizations", "organizationid", decodeOrganization)
}

// BusinessUnits returns the table of business units.
func BusinessUnits() Table[unit] { return newTable("businessunits", "businessunitid", decodeUnit) }

// PrivilegeDefinitions returns the table of the privileges that exist.
func PrivilegeDefinitions() Table[privilegeDefinition] {
	return newTable("privileges", "privilegeid", decodePrivilege)
}

// Roles returns the table of security roles: roots, and their copies in business units.
func Roles() Table[role] { return newTable("roles", "roleid", decodeRole) }

func rolesOfTeam(id dataverse.GUID) Table[role] {
	return Roles().withQuery(dataverse.Row("teams", id).Nav("teamroles_association"))
}

func rolesOfUser(id dataverse.GUID) Table[role] {
	return Roles().withQuery(dataverse.Row("systemusers", id).Nav("systemuserroles_association"))
}

func users() Table[User] { return newTable("systemusers", "systemuserid", decodeUser) }

func teamsOfUser(id dataverse.GUID) Table[team] {
	return Teams().withQuery(dataverse.Row("systemusers", id).Nav("teammembership_association"))
}

// usersWithRoles returns the table of users, with their roles and teams.
func usersWithRoles() Table[User] {
	return newTable("systemusers", "systemuserid", decodeUserWithRoles)
}

// Teams returns the table of teams: owner teams, access teams and Entra groups.
func Teams() Table[team] { return newTable("teams", "teamid", decodeTeam) }

func teamsWithRoles() Table[team] { return newTable("teams", "teamid", decodeTeamWithRoles) }

// Views returns the table of personal views.
func Views() Table[view] { return newTable("userqueries", "userqueryid", decodeView) }

// SystemViews returns the table of the views that everybody sees.
func SystemViews() Table[systemView] {
	return newTable("savedqueries", "savedqueryid", decodeSystemView)
}

// Shares returns the table of the shares of personal views with users and teams.
func Shares() Table[Share] {
	return newTable("principalobjectaccessset", "principalobjectaccessid", decodeShare).Where(dataverse.Eq("objecttypecode", "userquery"))
}

// FieldPermissions returns the table of the permissions for secured columns.
func FieldPermissions() Table[fieldPermission] {
	return newTable("fieldpermissions", "fieldpermissionid", decodeFieldPermission)
}

// ColumnProfiles returns the column security profiles at the address of a user's or a team's
// navigation property. They are read as ids.
func ColumnProfiles(address dataverse.Query) Table[string] {
	const key = "fieldsecurityprofileid"
	return NewTable(address, key, func(r Row) string { return r.ID(key) })
}

// Where limits the table to the rows that meet a condition.
func (t Table[T]) Where(e dataverse.Expr) Table[T] {
	t.where = append(slices.Clip(t.where), e)
	return t
}

// withQuery returns the table at another address, such as the navigation property of a row.
func (t Table[T]) withQuery(query dataverse.Query) Table[T] {
	t.query = query
	return t
}

type organization struct {
	snapshot.Organization
	// unknownReason says why the record-ownership setting is unknown.
	unknownReason string
}

func decodeOrganization(r Row) organization {
	o := organization{Organization: snapshot.Organization{ID: r.ID("organizationid"), Name: r.Text("name")}}
	if r.omitted["orgdborgsettings"] {
		o.unknownReason = "this environment does not show orgdborgsettings"
		return o
	}
	var err error
	if o.OwnershipAcrossBusinessUnits, err = ownershipSetting(r.Text("orgdborgsettings")); err != nil {
		o.unknownReason = "orgdborgsettings: " + err.Error()
	}
	return o
}

// ownershipSetting finds EnableOwnershipAcrossBusinessUnits in orgdborgsettings, an XML document
// of all settings that were ever set. A setting that is absent is off.
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

func decodeUnit(r Row) unit {
	return unit{
		id: r.ID("businessunitid"),
		BusinessUnit: snapshot.BusinessUnit{
			Name: r.Text("name"), Disabled: r.Bool("isdisabled"), ParentID: r.OptionalID("_parentbusinessunitid_value"),
		},
	}
}

type privilegeDefinition struct {
	snapshot.Privilege
	name string
}

func decodePrivilege(r Row) privilegeDefinition {
	d := privilegeDefinition{Privilege: snapshot.Privilege{ID: r.ID("privilegeid"), Depths: []audit.Depth{}}, name: r.Text("name")}
	for _, depth := range audit.Depths() {
		if r.Bool("canbe" + depth.String()) {
			d.Depths = append(d.Depths, depth)
		}
	}
	if d.name == "" {
		r.Reject("name", "is empty")
	}
	return d
}

type role struct {
	snapshot.Role
	id      string
	version rowVersion
	// inactive marks a role without effect: it is deleted or not published.
	inactive bool
}

// A rowVersion identifies a state of a row by the second of its last change and, if the response
// has one, by its ETag.
type rowVersion struct{ modifiedOn, etag string }

func (v rowVersion) matches(other rowVersion) bool {
	return v.modifiedOn == other.modifiedOn && (v.etag == other.etag || v.etag == "" || other.etag == "")
}

func decodeRole(r Row) role {
	role := role{
		id: r.ID("roleid"),
		Role: snapshot.Role{
			Name:           r.Text("name"),
			BusinessUnitID: r.ID("_businessunitid_value"),
			RootID:         r.OptionalID("_parentrootroleid_value"),
			TemplateID:     r.OptionalID("_roletemplateid_value"),
			Managed:        r.Bool("ismanaged"),
		},
	}
	value, known := r.managedProperty("iscustomizable")
	role.Customizable, role.CustomizableUnknown = value || !known, !known
	// Only 1 is known to give Basic rights.
	role.Inherited = r.OptionalInt("isinherited") == 1
	role.inactive = r.OptionalInt("componentstate") != 0
	role.version = rowVersion{modifiedOn: r.Text("modifiedon"), etag: string(r.rawColumn("@odata.etag"))}
	if role.RootID == "" {
		role.RootID = role.id
	}
	return role
}

// A User is a user with its id and, if they were read, its roles and teams.
type User struct {
	snapshot.User

	ID    string
	roles []role
	teams []team
}

func decodeUser(r Row) User {
	return User{
		ID: r.ID("systemuserid"),
		User: snapshot.User{
			Name:           r.Text("fullname"),
			DomainName:     r.Text("domainname"),
			ApplicationID:  r.OptionalID("applicationid"),
			ObjectID:       r.OptionalID("azureactivedirectoryobjectid"),
			Disabled:       r.Bool("isdisabled"),
			Licensed:       r.optionalBool("islicensed"),
			Deleted:        r.OptionalInt("deletedstate") != 0,
			AccessMode:     snapshot.AccessModeOf(r.intOr("accessmode", -1)),
			EntraState:     snapshot.EntraStateOf(r.intOr("azurestate", -1)),
			BusinessUnitID: r.OptionalID("_businessunitid_value"),
		},
	}
}

func decodeUserWithRoles(r Row) User {
	u := decodeUser(r)
	u.roles = objects(r, "systemuserroles_association", "roleid", decodeRole)
	u.teams = objects(r, "teammembership_association", "teamid", decodeTeam)
	return u
}

type team struct {
	snapshot.Team
	id    string
	roles []role
}

func decodeTeam(r Row) team {
	return team{
		id: r.ID("teamid"),
		Team: snapshot.Team{
			Name: r.Text("name"), Type: r.Int("teamtype"), BusinessUnitID: r.ID("_businessunitid_value"),
		},
	}
}

func decodeTeamWithRoles(r Row) team {
	t := decodeTeam(r)
	t.roles = objects(r, "teamroles_association", "roleid", decodeRole)
	return t
}

type view struct {
	snapshot.View
	id     string
	caller dataverse.Caller // the identity that it was read as
}

func decodeView(r Row) view {
	return view{
		id: r.ID("userqueryid"),
		View: snapshot.View{
			Name: r.Text("name"), Table: r.requiredNameOrNumber("returnedtypecode"), Active: r.Int("statecode") == 0,
			OwnerID: r.ID("_ownerid_value"), OwnerType: ownerType(r),
		},
	}
}

// ownerType returns the type of a view's owner. Only a view that a team owns has the look-up.
func ownerType(r Row) snapshot.PrincipalType {
	const team = "_owningteam_value"
	switch {
	case r.omitted[team]:
		return snapshot.PrincipalUnknown
	case r.OptionalID(team) != "":
		return snapshot.PrincipalTeam
	}
	return snapshot.PrincipalUser
}

type systemView struct {
	snapshot.SystemView
	id string
}

func decodeSystemView(r Row) systemView {
	return systemView{
		id: r.ID("savedqueryid"),
		SystemView: snapshot.SystemView{
			Name: r.Text("name"), Table: r.requiredNameOrNumber("returnedtypecode"), Active: r.Int("statecode") == 0,
		},
	}
}

// A Share is a share of a personal view with a principal: a user or a team.
type Share struct {
	Principal string
	// Mask has the bits of AccessRights.
	Mask int

	view string
	// inherited has the bits of Mask that do not come from the share itself.
	inherited int
	// otherTable marks a share of a row that is not a personal view.
	otherTable bool
}

func decodeShare(r Row) Share {
	s := Share{Principal: r.ID("principalid"), view: r.ID("objectid")}
	// The type code of personal views is userquery, or the number 4230.
	code := r.requiredNameOrNumber("objecttypecode")
	s.otherTable = !strings.EqualFold(code, "userquery") && code != "4230"
	own, inherited := r.OptionalInt("accessrightsmask"), r.OptionalInt("inheritedaccessrightsmask")
	s.Mask, s.inherited = own|inherited, inherited&^own
	return s
}
