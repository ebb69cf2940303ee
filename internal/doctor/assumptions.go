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

// canBeGranted asks whether a privilege can be granted at exactly these depths.
func canBeGranted(name string, expected ...audit.Depth) probe {
	flags := []string{"canbebasic", "canbelocal", "canbedeep", "canbeglobal"}
	return probe{
		query:   dataverse.Collection("privileges").Select(append([]string{"name"}, flags...)...).Filter(dataverse.Eq("name", name)),
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

// probes returns how each assumption is checked, by its id. All requests are reads.
func (ac *assumptionChecker) probes() map[string]probe {
	privilege := dataverse.Collection("privileges").Select("name")
	shares := dataverse.Collection("principalobjectaccessset").
		Select("principalobjectaccessid", "principalid", "principaltypecode", "objectid", "objecttypecode", "accessrightsmask", "inheritedaccessrightsmask")
	self := dataverse.Row("systemusers", ac.userID)
	readable := func(query dataverse.Query) probe {
		return probe{query: query, refused: Otherwise, judge: judgeReadable}
	}
	first := func(set string, columns ...string) probe {
		return readable(dataverse.Collection(set).Select(columns...).Top(1))
	}
	whoAmI := func(as dataverse.Caller, refused Answer, judge func([]row) (Answer, string)) probe {
		return probe{query: dataverse.Function("WhoAmI"), caller: as, isObject: true, refused: refused, judge: judge}
	}
	principals := probe{unavailable: "no available identity sees a personal view"}
	if ac.view != "" {
		query := dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", ac.view))
		principals = probe{query: query, caller: ac.viewCaller, isObject: true, refused: Otherwise, judge: judgePrincipals}
	}
	asUser := probe{unavailable: "no enabled integration user was found to impersonate: pass --integration-app-id or --integration-user"}
	if ac.user != nil {
		asUser = whoAmI(ac.user.Callers()[0], Otherwise, ac.judgeWhoAmI(dataverse.GUID(ac.user.ID)))
	}
	names := []string{"prvReadAccount", "prvReadUserQuery"}
	for i := len(names); i < 44; i++ {
		names = append(names, fmt.Sprintf("prvReadNothing%d", i))
	}
	byNames := readable(self.Function("RetrieveUserSetOfPrivilegesByNames", dataverse.NamesArg("PrivilegeNames", names)))
	byNames.isObject = true
	return map[string]probe{
		"bulk-edit-depth":          canBeGranted("prvBulkEdit", audit.DepthGlobal),
		"user-settings-depth":      canBeGranted("prvReadUserSettings", audit.DepthLocal, audit.DepthDeep, audit.DepthGlobal),
		"opportunity-relationship": {query: privilege.Filter(dataverse.Eq("name", "prvReadCustomerOpportunityRole")), refused: Unanswered, judge: judgeDefined},
		"own-views-only": {
			query: dataverse.Collection("userqueries").Select("userqueryid", "_ownerid_value").Top(200), refused: Unanswered, judge: ac.judgeOwners,
		},
		"shares-readable":       readable(shares.Top(1)),
		"shares-filter":         readable(shares.Filter(dataverse.Eq("objecttypecode", "userquery")).Top(1)),
		"share-type-codes":      {query: shares.Top(1), refused: Unanswered, judge: judgeTypeCodes},
		"role-privileges-table": first("roleprivilegescollection", "roleid", "privilegeid", "privilegedepthmask"),
		"principal-accesses":    principals,
		"record-filters":        {query: self.Function("RetrieveUserPrivileges"), isObject: true, refused: Unanswered, judge: judgeFilters},
		"act-as-self":           whoAmI(dataverse.Caller{SystemUserID: ac.userID}, Otherwise, ac.judgeWhoAmI(ac.userID)),
		"act-as-user":           asUser,
		"act-as-unknown": whoAmI(dataverse.Caller{SystemUserID: unknownUserID}, AsAssumed,
			func([]row) (Answer, string) { return Otherwise, "the id is silently ignored" }),
		"privileges-by-names":           byNames,
		"set-systemuserrolescollection": first("systemuserrolescollection", "systemuserid"),
		"set-teamrolescollection":       first("teamrolescollection", "teamid"),
		"set-teammemberships":           first("teammemberships", "teamid"),
		"organization-settings":         {query: dataverse.Collection("organizations").Select("orgdborgsettings"), refused: Otherwise, judge: judgeSettings},
		"dop-hint": whoAmI(dataverse.Caller{}, Unanswered, func([]row) (Answer, string) {
			if ac.hasHint.Load() {
				return AsAssumed, "they have it"
			}
			return Otherwise, "they do not have it"
		}),
	}
}

func judgeDefined(rows []row) (Answer, string) {
	if len(rows) == 0 {
		return Otherwise, "the environment does not define it"
	}
	return AsAssumed, "it is defined"
}

func judgeSettings(rows []row) (Answer, string) {
	if len(rows) == 0 {
		return Unanswered, "the organization's row is not visible"
	}
	var settings string
	if json.Unmarshal(rows[0]["orgdborgsettings"], &settings) != nil || settings == "" {
		return Otherwise, "it is empty"
	}
	return AsAssumed, fmt.Sprintf("it can be read (%s)", text.Count(len(settings), "byte"))
}

func (ac *assumptionChecker) judgeOwners(rows []row) (Answer, string) {
	others := 0
	for _, row := range rows {
		var owner dataverse.GUID
		if _ = json.Unmarshal(row["_ownerid_value"], &owner); !strings.EqualFold(owner.String(), ac.userID.String()) {
			others++
		}
	}
	text := fmt.Sprintf("views that belong to others: %d of %d", others, len(rows))
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
	return AsAssumed, fmt.Sprintf("each principal has one of these members (%d)", len(list))
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
	found := fmt.Sprintf("grants for some records only: %d of %d; at an unknown depth: %d", filtered, len(list), unknown)
	if filtered+unknown > 0 {
		return Otherwise, found
	}
	return AsAssumed, found
}
