package doctor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// readable judges a read that works, whatever it returns.
func readable(rows []row) (Answer, string) {
	return AsAssumed, fmt.Sprintf("it can be read (%s looked at)", text.Count(len(rows), "row"))
}

// canBeGranted is the assumption that a privilege can be granted at exactly some depths.
func canBeGranted(id, name, assumed string, expected ...audit.Depth) assumption {
	flags := []string{"canbebasic", "canbelocal", "canbedeep", "canbeglobal"}
	return assumption{
		id, "at which levels can " + name + " be granted?", assumed,
		"the environment's own levels count: the highest of them is required",
		request{query: dataverse.Collection("privileges").Select(append([]string{"name"}, flags...)...).Filter(dataverse.Eq("name", name))},
		Unanswered,
		func(rows []row) (Answer, string) {
			if len(rows) == 0 {
				return Otherwise, "the environment does not define " + name
			}
			var found []audit.Depth
			var words []string
			for i, column := range flags {
				var can bool
				if _ = json.Unmarshal(rows[0][column], &can); can {
					found = append(found, audit.Depths()[i])
					words = append(words, level(audit.Depths()[i]))
				}
			}
			text := name + " cannot be granted at any level"
			if len(words) > 0 {
				text = name + " can be granted at " + strings.Join(words, ", ")
			}
			if slices.Equal(found, expected) {
				return AsAssumed, text
			}
			return Otherwise, text
		},
	}
}

func (in *assumptionChecker) judgeWhoAmI(whose dataverse.GUID) func([]row) (Answer, string) {
	return func(rows []row) (Answer, string) {
		var id dataverse.GUID
		_ = json.Unmarshal(rows[0]["UserId"], &id)
		switch parsed, err := dataverse.ParseGUID(id.String()); {
		case err != nil:
			return Otherwise, "the response names no user"
		case parsed == whose:
			return AsAssumed, "it names the impersonated user"
		case parsed == in.userID:
			return Otherwise, "it names the identity that signed in: impersonation is silently ignored"
		}
		return Otherwise, "it names another user"
	}
}

// unknownUserID is the id of no user.
const unknownUserID = "d1d1d1d1-0000-4000-8000-00000000d1d1"

// list lists what dbaudit assumes about environments because it is not documented, and
// how each assumption is checked. All requests are reads.
func (in *assumptionChecker) list() []assumption {
	privilege := dataverse.Collection("privileges").Select("name")
	shares := dataverse.Collection("principalobjectaccessset").
		Select("principalobjectaccessid", "principalid", "principaltypecode", "objectid", "objecttypecode", "accessrightsmask", "inheritedaccessrightsmask")
	self := dataverse.Row("systemusers", in.userID)
	whoAmI := func(as dataverse.Caller) request {
		return request{query: dataverse.Function("WhoAmI"), caller: as, isObject: true}
	}
	principals := request{unavailable: "no available identity sees a personal view"}
	if in.view != "" {
		principals = request{query: dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", in.view)), caller: in.viewCaller, isObject: true}
	}
	user := ""
	asUser := request{unavailable: "there is no single enabled integration user to impersonate: pass --integration-app-id or --integration-user"}
	if in.user != nil {
		user, asUser = in.user.ID, whoAmI(in.user.Callers()[0])
	}
	names := []string{"prvReadAccount", "prvReadUserQuery"}
	for i := len(names); i < 44; i++ {
		names = append(names, fmt.Sprintf("prvReadNothing%d", i))
	}
	holders := func(set, column string) assumption {
		return assumption{
			"set-" + set, "does the entity set " + set + " exist, and can it be read?", "yes",
			"a scan does not need it; apply reads separately who has each copy of a role, or is in each team",
			request{query: dataverse.Collection(set).Select(column).Top(1)},
			Otherwise, readable,
		}
	}
	return []assumption{
		canBeGranted("bulk-edit-depth", "prvBulkEdit", "at Organization only", audit.DepthGlobal),
		canBeGranted("user-settings-depth", "prvReadUserSettings", "at all but User", audit.DepthLocal, audit.DepthDeep, audit.DepthGlobal),
		{
			"opportunity-relationship", "does prvReadCustomerOpportunityRole exist, the privilege of the table customeropportunityrole?", "yes, if Dynamics 365 Sales is installed",
			"DB-PRIV-OPPORTUNITY-RELATIONSHIP fails as undefined: no grant can give it",
			request{query: privilege.Filter(dataverse.Eq("name", "prvReadCustomerOpportunityRole"))},
			Unanswered,
			func(rows []row) (Answer, string) {
				if len(rows) == 0 {
					return Otherwise, "the environment does not define it"
				}
				return AsAssumed, "it is defined"
			},
		},
		{
			"own-views-only", "does a read of userqueries show this identity views of others?", "only those that it owns or that are shared with it",
			"nothing: a view counts for the integration user only if that user sees it, or a share includes it",
			request{query: dataverse.Collection("userqueries").Select("userqueryid", "_ownerid_value").Top(200)},
			Unanswered, in.judgeOwners,
		},
		{
			"shares-readable", "can the table principalobjectaccessset be read?", "yes",
			"dbaudit reads the shares of each view that the integration user sees; it then does not see a share without Read, and DB-VIEW-LEAST-ACCESS is unknown",
			request{query: shares.Top(1)},
			Otherwise, readable,
		},
		{
			"shares-filter", "does principalobjectaccessset accept the filter objecttypecode eq 'userquery'?", "yes",
			"as if the table cannot be read; --scope environment does not read the shares",
			request{query: shares.Filter(dataverse.Eq("objecttypecode", "userquery")).Top(1)},
			Otherwise, readable,
		},
		{
			"share-type-codes", "are the type codes of principalobjectaccessset names?", "yes: userquery, systemuser, team",
			"numbers are accepted too: 4230 is a personal view",
			request{query: shares.Top(1)},
			Unanswered, judgeTypeCodes,
		},
		{
			"role-privileges-table", "can the table roleprivilegescollection be read?", "yes",
			"nothing: what roles grant is read by RetrieveRolePrivilegesRole",
			request{query: dataverse.Collection("roleprivilegescollection").Select("roleid", "privilegeid", "privilegedepthmask").Top(1)},
			Otherwise, readable,
		},
		{
			"principal-accesses", "how does RetrieveSharedPrincipalsAndAccess name a principal?", "by systemuserid, teamid or ownerid",
			"a view's shares are not read, and DB-VIEW controls are unknown if the table of shares does not say",
			principals, Otherwise, judgePrincipals,
		},
		{
			"record-filters", "do this identity's privileges include rows with the depth RecordFilter?", "no",
			"such a grant is for some records only: it does not count towards the minimum, and affects nothing else",
			request{query: self.Function("RetrieveUserPrivileges"), isObject: true},
			Unanswered, judgeFilters,
		},
		{
			"act-as-self", "what does WhoAmI return if this identity impersonates itself?", "its own id",
			"nothing: dbaudit does not impersonate itself",
			whoAmI(dataverse.Caller{SystemUserID: in.userID}), Otherwise, in.judgeWhoAmI(in.userID),
		},
		{
			"act-as-user", "what does WhoAmI return if this identity impersonates a user?", "that user's id",
			"dbaudit does not use what it reads that way: which views the integration user sees is unknown",
			asUser, Otherwise, in.judgeWhoAmI(dataverse.GUID(user)),
		},
		{
			"act-as-unknown", "what does WhoAmI return if this identity impersonates an id that does not exist?", "a refusal",
			"nothing: dbaudit impersonates only users that it read",
			whoAmI(dataverse.Caller{SystemUserID: unknownUserID}), AsAssumed,
			func([]row) (Answer, string) { return Otherwise, "the id is silently ignored" },
		},
		{
			"privileges-by-names", "does RetrieveUserSetOfPrivilegesByNames exist, and does it accept 44 names?", "yes",
			"nothing, unless RetrieveUserPrivileges is refused too: then it is unknown how far the auditor can read, and users, teams and roles count as not read",
			request{query: self.Function("RetrieveUserSetOfPrivilegesByNames", dataverse.NamesArg("PrivilegeNames", names)), isObject: true},
			Otherwise, readable,
		},
		holders("systemuserrolescollection", "systemuserid"),
		holders("teamrolescollection", "teamid"),
		holders("teammemberships", "teamid"),
		{
			"organization-settings", "can the column orgdborgsettings be read?", "yes",
			"whether record ownership across business units is on is unknown, and a note says so",
			request{query: dataverse.Collection("organizations").Select("orgdborgsettings")},
			Otherwise,
			func(rows []row) (Answer, string) {
				if len(rows) == 0 {
					return Unanswered, "the organization's row is not visible"
				}
				var text string
				if json.Unmarshal(rows[0]["orgdborgsettings"], &text) != nil || text == "" {
					return Otherwise, "it is empty"
				}
				return AsAssumed, fmt.Sprintf("it has %d bytes", len(text))
			},
		},
		{
			"dop-hint", "do responses have the header x-ms-dop-hint?", "yes",
			"dbaudit sends 8 requests at once",
			whoAmI(dataverse.Caller{}), Unanswered,
			func([]row) (Answer, string) {
				if in.hasHint.Load() {
					return AsAssumed, "it exists"
				}
				return Otherwise, "it does not exist"
			},
		},
	}
}

func (in *assumptionChecker) judgeOwners(rows []row) (Answer, string) {
	others := 0
	for _, row := range rows {
		var owner dataverse.GUID
		if _ = json.Unmarshal(row["_ownerid_value"], &owner); !strings.EqualFold(owner.String(), in.userID.String()) {
			others++
		}
	}
	text := fmt.Sprintf("%d of %d views belong to others", others, len(rows))
	if others > 0 {
		return Otherwise, text + ": shared with this identity, or visible to it without a share"
	}
	return AsAssumed, text
}

func judgeTypeCodes(rows []row) (Answer, string) {
	if len(rows) == 0 {
		return Unanswered, "no row was returned"
	}
	for _, column := range []string{"objecttypecode", "principaltypecode"} {
		if value := rows[0][column]; len(value) == 0 || value[0] != '"' {
			return Otherwise, column + " is not text"
		}
	}
	return AsAssumed, "they are text"
}

func judgePrincipals(rows []row) (Answer, string) {
	var list []struct {
		AccessMask json.RawMessage
		Principal  map[string]any
	}
	if json.Unmarshal(rows[0]["PrincipalAccesses"], &list) != nil {
		return Otherwise, "PrincipalAccesses is not a list of objects"
	}
	if len(list) == 0 {
		return Unanswered, "the view has no share"
	}
	for _, access := range list {
		if len(access.AccessMask) == 0 || access.AccessMask[0] != '"' {
			return Otherwise, "AccessMask is not text"
		}
		known := slices.ContainsFunc([]string{"systemuserid", "teamid", "ownerid"}, func(key string) bool {
			text, _ := access.Principal[key].(string)
			_, err := dataverse.ParseGUID(text)
			return err == nil
		})
		if !known {
			return Otherwise, "a principal has none of these members"
		}
	}
	return AsAssumed, fmt.Sprintf("it does, in %d of %d", len(list), len(list))
}

// judgeFilters looks for grants that are for some records only, and for unknown depths.
func judgeFilters(rows []row) (Answer, string) {
	var list []struct{ Depth, RecordFilterID string }
	if json.Unmarshal(rows[0]["RolePrivileges"], &list) != nil {
		return Unanswered, "RolePrivileges is not a list of objects"
	}
	filtered, unknown := 0, 0
	for _, p := range list {
		_, err := audit.ParseDepth(strings.ToLower(p.Depth))
		switch {
		case p.Depth == "RecordFilter", err == nil && p.RecordFilterID != "" && !dataverse.GUID(p.RecordFilterID).IsZero():
			filtered++
		case err != nil:
			unknown++
		}
	}
	text := fmt.Sprintf("of %d rows, %d are for some records only, and %d have an unknown depth", len(list), filtered, unknown)
	if filtered+unknown > 0 {
		return Otherwise, text
	}
	return AsAssumed, text
}
