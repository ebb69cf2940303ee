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

// judgeReadable accepts any response: it is enough that the read works.
func judgeReadable(rows []row) (Answer, string) {
	return AsAssumed, fmt.Sprintf("it can be read (%s looked at)", text.Count(len(rows), "row"))
}

// canBeGranted returns the assumption that a privilege can be granted at exactly these depths.
func canBeGranted(id, name, assumed string, expected ...audit.Depth) assumption {
	flags := []string{"canbebasic", "canbelocal", "canbedeep", "canbeglobal"}
	return assumption{
		id: id, question: "at which levels can " + name + " be granted?", assumed: assumed,
		then:    "the environment's own levels count: the highest of them is required",
		request: request{query: dataverse.Collection("privileges").Select(append([]string{"name"}, flags...)...).Filter(dataverse.Eq("name", name))},
		refused: Unanswered,
		judge: func(rows []row) (Answer, string) {
			if len(rows) == 0 {
				return Otherwise, "the environment does not define " + name
			}
			var found []audit.Depth
			var words []string
			for i, column := range flags {
				var can bool
				if _ = json.Unmarshal(rows[0][column], &can); can {
					found = append(found, audit.Depths()[i])
					words = append(words, audit.Depths()[i].Level())
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

// judgeWhoAmI returns a judge of WhoAmI as the impersonated user.
func (ac *assumptionChecker) judgeWhoAmI(user dataverse.GUID) func([]row) (Answer, string) {
	return func(rows []row) (Answer, string) {
		var id dataverse.GUID
		_ = json.Unmarshal(rows[0]["UserId"], &id)
		switch parsed, err := dataverse.ParseGUID(id.String()); {
		case err != nil:
			return Otherwise, "the response names no user"
		case parsed == user:
			return AsAssumed, "it names the impersonated user"
		case parsed == ac.userID:
			return Otherwise, "it names the identity that signed in: impersonation is silently ignored"
		}
		return Otherwise, "it names another user"
	}
}

// unknownUserID is an id that no user has.
const unknownUserID = "d1d1d1d1-0000-4000-8000-00000000d1d1"

// assumptions lists what dbaudit assumes about environments because it is not documented, and
// how each assumption is checked. All requests are reads.
func (ac *assumptionChecker) assumptions() []assumption {
	privilege := dataverse.Collection("privileges").Select("name")
	shares := dataverse.Collection("principalobjectaccessset").
		Select("principalobjectaccessid", "principalid", "principaltypecode", "objectid", "objecttypecode", "accessrightsmask", "inheritedaccessrightsmask")
	self := dataverse.Row("systemusers", ac.userID)
	whoAmI := func(as dataverse.Caller) request {
		return request{query: dataverse.Function("WhoAmI"), caller: as, isObject: true}
	}
	principals := request{unavailable: "no available identity sees a personal view"}
	if ac.view != "" {
		principals = request{query: dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", ac.view)), caller: ac.viewCaller, isObject: true}
	}
	user := ""
	asUser := request{unavailable: "there is no single enabled integration user to impersonate: pass --integration-app-id or --integration-user"}
	if ac.user != nil {
		user, asUser = ac.user.ID, whoAmI(ac.user.Callers()[0])
	}
	names := []string{"prvReadAccount", "prvReadUserQuery"}
	for i := len(names); i < 44; i++ {
		names = append(names, fmt.Sprintf("prvReadNothing%d", i))
	}
	membershipTable := func(set, column string) assumption {
		return assumption{
			id: "set-" + set, question: "does the entity set " + set + " exist, and can it be read?", assumed: "yes",
			then:    "a scan does not need it; apply reads separately who has each copy of a role, or is in each team",
			request: request{query: dataverse.Collection(set).Select(column).Top(1)},
			refused: Otherwise, judge: judgeReadable,
		}
	}
	return []assumption{
		canBeGranted("bulk-edit-depth", "prvBulkEdit", "at Organization only", audit.DepthGlobal),
		canBeGranted("user-settings-depth", "prvReadUserSettings", "at all but User", audit.DepthLocal, audit.DepthDeep, audit.DepthGlobal),
		{
			id: "opportunity-relationship", question: "does prvReadCustomerOpportunityRole exist, the privilege of the table customeropportunityrole?", assumed: "yes, if Dynamics 365 Sales is installed",
			then:    "DB-PRIV-OPPORTUNITY-RELATIONSHIP fails as undefined: no grant can give it",
			request: request{query: privilege.Filter(dataverse.Eq("name", "prvReadCustomerOpportunityRole"))},
			refused: Unanswered,
			judge: func(rows []row) (Answer, string) {
				if len(rows) == 0 {
					return Otherwise, "the environment does not define it"
				}
				return AsAssumed, "it is defined"
			},
		},
		{
			id: "own-views-only", question: "does a read of userqueries show this identity views of others?", assumed: "only those that it owns or that are shared with it",
			then:    "nothing: a view counts for the integration user only if that user sees it, or a share includes it",
			request: request{query: dataverse.Collection("userqueries").Select("userqueryid", "_ownerid_value").Top(200)},
			refused: Unanswered, judge: ac.judgeOwners,
		},
		{
			id: "shares-readable", question: "can the table principalobjectaccessset be read?", assumed: "yes",
			then:    "dbaudit reads the shares of each view that the integration user sees; it then does not see a share without Read, and DB-VIEW-LEAST-ACCESS is unknown",
			request: request{query: shares.Top(1)},
			refused: Otherwise, judge: judgeReadable,
		},
		{
			id: "shares-filter", question: "does principalobjectaccessset accept the filter objecttypecode eq 'userquery'?", assumed: "yes",
			then:    "as if the table cannot be read; --scope environment does not read the shares",
			request: request{query: shares.Filter(dataverse.Eq("objecttypecode", "userquery")).Top(1)},
			refused: Otherwise, judge: judgeReadable,
		},
		{
			id: "share-type-codes", question: "are the type codes of principalobjectaccessset names?", assumed: "yes: userquery, systemuser, team",
			then:    "numbers are accepted too: 4230 is a personal view",
			request: request{query: shares.Top(1)},
			refused: Unanswered, judge: judgeTypeCodes,
		},
		{
			id: "role-privileges-table", question: "can the table roleprivilegescollection be read?", assumed: "yes",
			then:    "nothing: what roles grant is read by RetrieveRolePrivilegesRole",
			request: request{query: dataverse.Collection("roleprivilegescollection").Select("roleid", "privilegeid", "privilegedepthmask").Top(1)},
			refused: Otherwise, judge: judgeReadable,
		},
		{
			id: "principal-accesses", question: "how does RetrieveSharedPrincipalsAndAccess name a principal?", assumed: "by systemuserid, teamid or ownerid",
			then:    "a view's shares are not read, and DB-VIEW controls are unknown if the table of shares does not say",
			request: principals,
			refused: Otherwise, judge: judgePrincipals,
		},
		{
			id: "record-filters", question: "do this identity's privileges include rows with the depth RecordFilter?", assumed: "no",
			then:    "such a grant is for some records only: it does not count towards the minimum, and affects nothing else",
			request: request{query: self.Function("RetrieveUserPrivileges"), isObject: true},
			refused: Unanswered, judge: judgeFilters,
		},
		{
			id: "act-as-self", question: "what does WhoAmI return if this identity impersonates itself?", assumed: "its own id",
			then:    "nothing: dbaudit does not impersonate itself",
			request: whoAmI(dataverse.Caller{SystemUserID: ac.userID}),
			refused: Otherwise, judge: ac.judgeWhoAmI(ac.userID),
		},
		{
			id: "act-as-user", question: "what does WhoAmI return if this identity impersonates a user?", assumed: "that user's id",
			then:    "dbaudit does not use what it reads that way: which views the integration user sees is unknown",
			request: asUser,
			refused: Otherwise, judge: ac.judgeWhoAmI(dataverse.GUID(user)),
		},
		{
			id: "act-as-unknown", question: "what does WhoAmI return if this identity impersonates an id that does not exist?", assumed: "a refusal",
			then:    "nothing: dbaudit impersonates only users that it read",
			request: whoAmI(dataverse.Caller{SystemUserID: unknownUserID}),
			refused: AsAssumed,
			judge:   func([]row) (Answer, string) { return Otherwise, "the id is silently ignored" },
		},
		{
			id: "privileges-by-names", question: "does RetrieveUserSetOfPrivilegesByNames exist, and does it accept 44 names?", assumed: "yes",
			then:    "nothing, unless RetrieveUserPrivileges is refused too: then it is unknown how far the auditor can read, and users, teams and roles count as not read",
			request: request{query: self.Function("RetrieveUserSetOfPrivilegesByNames", dataverse.NamesArg("PrivilegeNames", names)), isObject: true},
			refused: Otherwise, judge: judgeReadable,
		},
		membershipTable("systemuserrolescollection", "systemuserid"),
		membershipTable("teamrolescollection", "teamid"),
		membershipTable("teammemberships", "teamid"),
		{
			id: "organization-settings", question: "can the column orgdborgsettings be read?", assumed: "yes",
			then:    "whether record ownership across business units is on is unknown, and a note says so",
			request: request{query: dataverse.Collection("organizations").Select("orgdborgsettings")},
			refused: Otherwise,
			judge: func(rows []row) (Answer, string) {
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
			id: "dop-hint", question: "do responses have the header x-ms-dop-hint?", assumed: "yes",
			then:    "dbaudit sends 8 requests at once",
			request: whoAmI(dataverse.Caller{}),
			refused: Unanswered,
			judge: func([]row) (Answer, string) {
				if ac.hasHint.Load() {
					return AsAssumed, "it exists"
				}
				return Otherwise, "it does not exist"
			},
		},
	}
}

func (ac *assumptionChecker) judgeOwners(rows []row) (Answer, string) {
	others := 0
	for _, row := range rows {
		var owner dataverse.GUID
		if _ = json.Unmarshal(row["_ownerid_value"], &owner); !strings.EqualFold(owner.String(), ac.userID.String()) {
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

// judgeFilters looks for grants for some records only, and for unknown depths.
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
