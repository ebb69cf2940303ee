package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// always asks a question that depends on nothing.
func always(q dataverse.Query) func(*inquiry) (question, string) {
	return func(*inquiry) (question, string) { return question{query: q}, "" }
}

// readable expects only that a read works.
func readable(_ *inquiry, rows []columns, err error) (Answer, string) {
	if err != nil {
		return Otherwise, said(err)
	}
	return AsAssumed, fmt.Sprintf("it can be read (%d rows looked at)", len(rows))
}

// depths asks at which depths a privilege can be granted, and expects exactly these.
func depths(name string, expected ...snapshot.Depth) (func(*inquiry) (question, string), func(*inquiry, []columns, error) (Answer, string)) {
	q := dataverse.Collection("privileges").Select("name", "canbebasic", "canbelocal", "canbedeep", "canbeglobal").Filter(dataverse.Eq("name", name))
	return always(q), func(_ *inquiry, rows []columns, err error) (Answer, string) {
		switch {
		case err != nil:
			return Unanswered, said(err)
		case len(rows) == 0:
			return Otherwise, "the environment does not define " + name
		}
		var found []snapshot.Depth
		var words []string
		for i, column := range []string{"canbebasic", "canbelocal", "canbedeep", "canbeglobal"} {
			var can bool
			if _ = json.Unmarshal(rows[0][column], &can); can {
				found = append(found, snapshot.Depths()[i])
				words = append(words, level(snapshot.Depths()[i]))
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
	}
}

// isMe compares WhoAmI's response with the expected user.
func isMe(whose func(*inquiry) dataverse.GUID) func(*inquiry, []columns, error) (Answer, string) {
	return func(in *inquiry, rows []columns, err error) (Answer, string) {
		if err != nil {
			var e *dataverse.Error
			if errors.As(err, &e) && strings.EqualFold(e.MissingPrivilege(), actOnBehalf) {
				return Unanswered, said(err)
			}
			return Otherwise, said(err)
		}
		var id dataverse.GUID
		_ = json.Unmarshal(rows[0]["UserId"], &id)
		switch parsed, err := dataverse.ParseGUID(id.String()); {
		case err != nil:
			return Otherwise, "the response names nobody"
		case parsed == whose(in):
			return AsAssumed, "it names the impersonated user"
		case parsed == in.self:
			return Otherwise, "it names the identity that signed in: impersonation is silently ignored"
		}
		return Otherwise, "it names somebody else"
	}
}

func shareRows() dataverse.Query {
	return dataverse.Collection("principalobjectaccessset").
		Select("principalobjectaccessid", "principalid", "principaltypecode", "objectid", "objecttypecode", "accessrightsmask", "inheritedaccessrightsmask")
}

// nobody is an id that no user has.
const nobody = "d1d1d1d1-0000-4000-8000-00000000d1d1"

// assumptions lists what dbaudit assumes about environments because it is not documented, and
// how each assumption is checked. All requests are reads.
func assumptions(hint *atomic.Bool) []assumption {
	bulkEdit, judgeBulkEdit := depths("prvBulkEdit", snapshot.DepthGlobal)
	settings, judgeSettings := depths("prvReadUserSettings", snapshot.DepthLocal, snapshot.DepthDeep, snapshot.DepthGlobal)
	list := []assumption{
		{
			"bulk-edit-depth", "at which levels can prvBulkEdit be granted?", "at Organization only",
			"the environment's own levels count: the highest of them is required",
			bulkEdit, judgeBulkEdit,
		},
		{
			"user-settings-depth", "at which levels can prvReadUserSettings be granted?", "at all but User",
			"the environment's own levels count: the highest of them is required",
			settings, judgeSettings,
		},
		{
			"opportunity-relationship", "does prvReadCustomerOpportunityRole exist, the privilege of the table customeropportunityrole?", "yes, if Dynamics 365 Sales is installed",
			"DB-PRIV-OPPORTUNITY-RELATIONSHIP fails as undefined: no grant can give it",
			always(dataverse.Collection("privileges").Select("name").Filter(dataverse.Eq("name", "prvReadCustomerOpportunityRole"))),
			func(_ *inquiry, rows []columns, err error) (Answer, string) {
				switch {
				case err != nil:
					return Unanswered, said(err)
				case len(rows) == 0:
					return Otherwise, "the environment does not define it"
				}
				return AsAssumed, "it is defined"
			},
		},
		{
			"own-views-only", "does a read of userqueries show this identity views of others?", "only those that it owns or that are shared with it",
			"nothing: a view counts for the integration user only if that user sees it, or a share includes it",
			always(dataverse.Collection("userqueries").Select("userqueryid", "_ownerid_value").Top(200)),
			func(in *inquiry, rows []columns, err error) (Answer, string) {
				if err != nil {
					return Unanswered, said(err)
				}
				others := 0
				for _, row := range rows {
					var owner dataverse.GUID
					if _ = json.Unmarshal(row["_ownerid_value"], &owner); !strings.EqualFold(owner.String(), in.self.String()) {
						others++
					}
				}
				text := fmt.Sprintf("%d of %d views belong to others", others, len(rows))
				if others > 0 {
					return Otherwise, text + ": shared with this identity, or visible to it without a share"
				}
				return AsAssumed, text
			},
		},
		{
			"shares-readable", "can the table principalobjectaccessset be read?", "yes",
			"dbaudit reads the shares of each view that the integration user sees; it then does not see a share without Read, and DB-VIEW-LEAST-ACCESS is unknown",
			always(shareRows().Top(1)), readable,
		},
		{
			"shares-filter", "does principalobjectaccessset accept the filter objecttypecode eq 'userquery'?", "yes",
			"as if the table cannot be read; --scope environment does not read the shares",
			always(shareRows().Filter(dataverse.Eq("objecttypecode", "userquery")).Top(1)), readable,
		},
		{
			"share-type-codes", "are the type codes of principalobjectaccessset names?", "yes: userquery, systemuser, team",
			"numbers are accepted too: 4230 is a personal view",
			always(shareRows().Top(1)),
			func(_ *inquiry, rows []columns, err error) (Answer, string) {
				switch {
				case err != nil:
					return Unanswered, said(err)
				case len(rows) == 0:
					return Unanswered, "no row was returned"
				}
				for _, column := range []string{"objecttypecode", "principaltypecode"} {
					if value := rows[0][column]; len(value) == 0 || value[0] != '"' {
						return Otherwise, column + " is not text"
					}
				}
				return AsAssumed, "they are text"
			},
		},
		{
			"role-privileges-table", "can the table roleprivilegescollection be read?", "yes",
			"nothing: what roles grant is read by RetrieveRolePrivilegesRole",
			always(dataverse.Collection("roleprivilegescollection").Select("roleid", "privilegeid", "privilegedepthmask").Top(1)), readable,
		},
		{
			"principal-accesses", "how does RetrieveSharedPrincipalsAndAccess name a principal?", "by systemuserid, teamid or ownerid",
			"a view's shares are not read, and DB-VIEW controls are unknown if the table of shares does not say",
			func(in *inquiry) (question, string) {
				if in.view == "" {
					return question{}, "no available identity sees a personal view"
				}
				return question{query: dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", in.view)), as: in.viewSeer, one: true}, ""
			},
			judgePrincipals,
		},
		{
			"record-filters", "do this identity's privileges include rows with the depth RecordFilter?", "no",
			"such a grant is for some records only: it does not count towards the minimum, and affects nothing else",
			func(in *inquiry) (question, string) {
				return question{query: dataverse.Row("systemusers", in.self).Function("RetrieveUserPrivileges"), one: true}, ""
			},
			judgeFilters,
		},
		{
			"act-as-self", "what does WhoAmI return if this identity impersonates itself?", "its own id",
			"nothing: dbaudit does not impersonate itself",
			func(in *inquiry) (question, string) {
				return question{dataverse.Function("WhoAmI"), dataverse.Caller{SystemUserID: in.self}, true}, ""
			},
			isMe(func(in *inquiry) dataverse.GUID { return in.self }),
		},
		{
			"act-as-user", "what does WhoAmI return if this identity impersonates a user?", "that user's id",
			"dbaudit does not use what it reads that way: which views the integration user sees is unknown",
			func(in *inquiry) (question, string) {
				if in.user == nil {
					return question{}, "there is no single enabled integration user to impersonate: pass --integration-app-id or --integration-user"
				}
				return question{dataverse.Function("WhoAmI"), in.user.callers()[0], true}, ""
			},
			isMe(func(in *inquiry) dataverse.GUID { return in.user.id }),
		},
		{
			"act-as-unknown", "what does WhoAmI return if this identity impersonates an id that nobody has?", "a refusal",
			"nothing: dbaudit impersonates only users that it read",
			func(*inquiry) (question, string) {
				return question{dataverse.Function("WhoAmI"), dataverse.Caller{SystemUserID: nobody}, true}, ""
			},
			func(_ *inquiry, _ []columns, err error) (Answer, string) {
				if err == nil {
					return Otherwise, "the id is silently ignored"
				}
				return AsAssumed, said(err)
			},
		},
		{
			"privileges-by-names", "does RetrieveUserSetOfPrivilegesByNames exist, and does it accept 44 names?", "yes",
			"nothing, unless RetrieveUserPrivileges is refused too: then it is unknown how far the auditor can read, and users, teams and roles count as not read",
			func(in *inquiry) (question, string) {
				names := []string{"prvReadAccount", "prvReadUserQuery"}
				for i := len(names); i < 44; i++ {
					names = append(names, fmt.Sprintf("prvReadNothing%d", i))
				}
				return question{query: dataverse.Row("systemusers", in.self).Function("RetrieveUserSetOfPrivilegesByNames", dataverse.NamesArg("PrivilegeNames", names)), one: true}, ""
			},
			readable,
		},
	}
	for _, set := range []struct{ name, column string }{
		{"systemuserrolescollection", "systemuserid"}, {"teamrolescollection", "teamid"}, {"teammemberships", "teamid"},
	} {
		list = append(list, assumption{
			"set-" + set.name, "does the entity set " + set.name + " exist, and can it be read?", "yes",
			"a scan does not need it; apply cannot determine who has a role, and so does not change it",
			always(dataverse.Collection(set.name).Select(set.column).Top(1)), readable,
		})
	}
	return append(list,
		assumption{
			"organization-settings", "can the column orgdborgsettings be read?", "yes",
			"whether record ownership across business units is on is unknown, and a note says so",
			always(dataverse.Collection("organizations").Select("orgdborgsettings")),
			func(_ *inquiry, rows []columns, err error) (Answer, string) {
				switch {
				case err != nil:
					return Otherwise, said(err)
				case len(rows) == 0:
					return Unanswered, "the organization's row is not visible"
				}
				var text string
				if json.Unmarshal(rows[0]["orgdborgsettings"], &text) != nil || text == "" {
					return Otherwise, "it is empty"
				}
				return AsAssumed, fmt.Sprintf("it has %d bytes", len(text))
			},
		},
		assumption{
			"dop-hint", "do responses have the header x-ms-dop-hint?", "yes",
			"dbaudit sends 8 requests at once",
			func(*inquiry) (question, string) { return question{query: dataverse.Function("WhoAmI"), one: true}, "" },
			func(*inquiry, []columns, error) (Answer, string) {
				if hint.Load() {
					return AsAssumed, "it exists"
				}
				return Otherwise, "it does not exist"
			},
		},
	)
}

// judgePrincipals looks at how a response names principals.
func judgePrincipals(_ *inquiry, rows []columns, err error) (Answer, string) {
	if err != nil {
		return Otherwise, said(err)
	}
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
func judgeFilters(_ *inquiry, rows []columns, err error) (Answer, string) {
	if err != nil {
		return Unanswered, said(err)
	}
	var list []struct{ Depth, RecordFilterID string }
	if json.Unmarshal(rows[0]["RolePrivileges"], &list) != nil {
		return Unanswered, "RolePrivileges is not a list of objects"
	}
	filtered, unknown := 0, 0
	for _, p := range list {
		_, err := snapshot.ParseDepth(strings.ToLower(p.Depth))
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
