package simulator

import (
	"slices"
	"strings"
)

// A Contradiction is a point in which an environment differs from what dbaudit assumes. These points
// are not documented, so the simulator supports both ways. docs/assumptions.md describes them.
type Contradiction string

// The contradictions.
const (
	BulkEditAllDepths     Contradiction = "bulk-edit-all-depths"
	UserSettingsBasic     Contradiction = "user-settings-basic"
	ViewsOfEverybody      Contradiction = "views-of-everybody"
	SharesClosed          Contradiction = "shares-closed"
	SharesInPart          Contradiction = "shares-in-part"
	ShareFilterRefused    Contradiction = "share-filter-refused"
	ShareCodesNumeric     Contradiction = "share-codes-numeric"
	RolePrivilegesClosed  Contradiction = "role-privileges-closed"
	PrincipalsByReference Contradiction = "principals-by-reference"
	RecordFilters         Contradiction = "record-filters"
	ActAsSelfRefused      Contradiction = "act-as-self-refused"
	ActAsUnknownIgnored   Contradiction = "act-as-unknown-ignored"
	ActAsDisabledIgnored  Contradiction = "act-as-disabled-ignored"
	ActIgnored            Contradiction = "act-ignored"
	NoPrivilegesByNames   Contradiction = "no-privileges-by-names"
	FewNames              Contradiction = "few-names"
	NoUserPrivileges      Contradiction = "no-user-privileges"
	NoIntersectSets       Contradiction = "no-intersect-sets"
	SettingsClosed        Contradiction = "settings-closed"
	NoHint                Contradiction = "no-dop-hint"
	OtherOrganization     Contradiction = "other-organization"
	MembersTwice          Contradiction = "members-twice"
)

// Contradictions lists all of them.
func Contradictions() []Contradiction {
	return []Contradiction{
		BulkEditAllDepths, UserSettingsBasic, ViewsOfEverybody, SharesClosed, ShareFilterRefused, ShareCodesNumeric,
		RolePrivilegesClosed, PrincipalsByReference, RecordFilters, ActAsSelfRefused, ActAsUnknownIgnored, ActIgnored,
		NoPrivilegesByNames, NoUserPrivileges, FewNames, NoIntersectSets, SettingsClosed, NoHint,
		SharesInPart, ActAsDisabledIgnored, OtherOrganization, MembersTwice,
	}
}

func (e *Environment) has(c Contradiction) bool { return slices.Contains(e.Contradictions, c) }

// depths are those at which a privilege can be granted in this environment; usual has the letters of
// the catalogue's.
func (e *Environment) depths(name, usual string) []Depth {
	if same(name, "prvBulkEdit") && e.has(BulkEditAllDepths) || same(name, "prvReadUserSettings") && e.has(UserSettingsBasic) {
		usual = "BLDG"
	}
	depths := make([]Depth, len(usual))
	for i, letter := range usual {
		depths[i] = DepthBasic + Depth(strings.IndexRune("BLDG", letter))
	}
	return depths
}

const fewNames = 40

// contradicted refuses the reads of collections that the environment does not support.
func (c *call) contradicted(t *entityType) error {
	env := c.world.env
	shares := t.logicalName == "principalobjectaccess"
	switch {
	case shares && env.has(SharesClosed), t.logicalName == "roleprivileges" && env.has(RolePrivilegesClosed):
		return forbidden(codeNone, "The table '%s' cannot be read.", t.logicalName)
	case shares && env.has(ShareFilterRefused) && strings.Contains(c.query.Get("$filter"), "objecttypecode"):
		return badURL("The filter on 'objecttypecode' is not supported.")
	case t.logicalName == "organization" && env.has(SettingsClosed) && strings.Contains(c.query.Get("$select"), "orgdborgsettings"):
		return forbidden(codeNone, "The column 'orgdborgsettings' cannot be read.")
	case env.has(NoIntersectSets) && slices.Contains([]string{"systemuserrolescollection", "teamrolescollection", "teammemberships"}, t.entitySet):
		return noSegment(t.entitySet)
	}
	return nil
}

// wireValue is a column's value as this environment sends it.
func (c *call) wireValue(t *entityType, v any) any {
	if t.logicalName != "principalobjectaccess" || !c.world.env.has(ShareCodesNumeric) {
		return v
	}
	switch v {
	case "userquery":
		return 4230
	case "systemuser":
		return 8
	case "team":
		return 9
	}
	return v
}

// filteredRow is a grant for the records of a filter. Its privilege is not in the catalogue.
func filteredRow(unit string) grantRow {
	return grantRow{
		Depth: "RecordFilter", PrivilegeID: deriveID("", "privilege", "prvReadnew_filtered"), BusinessUnitID: unit,
		PrivilegeName: "prvReadnew_filtered", RecordFilterID: deriveID("", "recordfilter"), RecordFilterUniqueName: "new_filter",
	}
}
