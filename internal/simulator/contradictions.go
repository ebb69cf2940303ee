package simulator

import (
	"slices"
	"strings"
)

// A Contradiction is a behavior of an environment that contradicts an assumption of dbaudit. Microsoft does
// not document these points, so the simulator supports both behaviors. docs/simulator.md describes them.
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

// Contradictions returns all contradictions.
func Contradictions() []Contradiction {
	return []Contradiction{
		BulkEditAllDepths, UserSettingsBasic, ViewsOfEverybody, SharesClosed, ShareFilterRefused, ShareCodesNumeric,
		RolePrivilegesClosed, PrincipalsByReference, RecordFilters, ActAsSelfRefused, ActAsUnknownIgnored, ActIgnored,
		NoPrivilegesByNames, NoUserPrivileges, FewNames, NoIntersectSets, SettingsClosed, NoHint,
		SharesInPart, ActAsDisabledIgnored, OtherOrganization, MembersTwice,
	}
}

func (e *Environment) hasContradiction(c Contradiction) bool {
	return slices.Contains(e.Contradictions, c)
}

// privilegeDepths returns the depths at which a privilege can be granted in this environment. usual has the
// letters of the standard depths.
func (e *Environment) privilegeDepths(name, usual string) []Depth {
	if sameRef(name, "prvBulkEdit") && e.hasContradiction(BulkEditAllDepths) || sameRef(name, "prvReadUserSettings") && e.hasContradiction(UserSettingsBasic) {
		usual = "BLDG"
	}
	depths := make([]Depth, len(usual))
	for i, letter := range usual {
		depths[i] = DepthBasic + Depth(strings.IndexRune("BLDG", letter))
	}
	return depths
}

// maxPrivilegeNames is the limit under the contradiction FewNames.
const maxPrivilegeNames = 40

// checkContradictions returns an error for the read of a collection that the environment does not support.
func (c *call) checkContradictions(t *entityType) error {
	env := c.db.env
	shares := t.logicalName == "principalobjectaccess"
	switch {
	case shares && env.hasContradiction(SharesClosed), t.logicalName == "roleprivileges" && env.hasContradiction(RolePrivilegesClosed):
		return forbidden(codeNone, "The table '%s' cannot be read.", t.logicalName)
	case shares && env.hasContradiction(ShareFilterRefused) && strings.Contains(c.query.Get("$filter"), "objecttypecode"):
		return badURL("The filter on 'objecttypecode' is not supported.")
	case t.logicalName == "organization" && env.hasContradiction(SettingsClosed) && strings.Contains(c.query.Get("$select"), "orgdborgsettings"):
		return forbidden(codeNone, "The column 'orgdborgsettings' cannot be read.")
	case env.hasContradiction(NoIntersectSets) && slices.Contains([]string{"systemuserrolescollection", "teamrolescollection", "teammemberships"}, t.entitySet):
		return resourceNotFound(t.entitySet)
	}
	return nil
}

func (c *call) wireValue(t *entityType, v any) any {
	if t.logicalName != "principalobjectaccess" || !c.db.env.hasContradiction(ShareCodesNumeric) {
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

// recordFilterPrivilege returns a grant for the records of a filter. Its privilege is not in the catalogue.
func recordFilterPrivilege(unit string) grantRow {
	return grantRow{
		Depth: "RecordFilter", PrivilegeID: deriveID("", "privilege", "prvReadnew_filtered"), BusinessUnitID: unit,
		PrivilegeName: "prvReadnew_filtered", RecordFilterID: deriveID("", "recordfilter"), RecordFilterUniqueName: "new_filter",
	}
}
