package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Kind is the kind of a target. The zero value is invalid.
type Kind string

// The kinds of target, each with the names in its [State].
const (
	// KindRole is a role by its name in a business unit; "role": absent or present.
	KindRole Kind = "role"
	// KindGrants is what a role grants: the depth of each privilege by its name.
	KindGrants Kind = "role-privileges"
	// KindUser is a user, by its id or its application id; "user": absent, enabled,
	// disabled or deleted (softly).
	KindUser Kind = "user"
	// KindAssignment is a role's assignment to a user; "assigned": no or yes.
	KindAssignment Kind = "role-assignment"
	// KindShare is a principal's rights on a view; "access": none, or rights
	// such as "read, write".
	KindShare Kind = "view-share"
)

// The values in a [State] other than depths and rights.
const (
	Absent   = "absent"
	Present  = "present"
	Enabled  = "enabled"
	Disabled = "disabled"
	Deleted  = "deleted"
	None     = "none"
	No       = "no"
	Yes      = "yes"
)

// The names in a [State] other than those of privileges.
const (
	attrRole     = "role"
	attrUser     = "user"
	attrAssigned = "assigned"
	attrAccess   = "access"
)

// A State is the current or wanted state of a target: values by name.
type State map[string]string

func (s State) names() []string { return slices.Sorted(maps.Keys(s)) }

// Covers reports whether s has the same values for all names in other.
func (s State) Covers(other State) bool {
	for name, value := range other {
		if s[name] != value {
			return false
		}
	}
	return true
}

// A Ref names a row.
type Ref struct {
	// Kind is the row's table if the context does not determine it: systemuser or team.
	Kind string `json:"kind,omitempty"`
	// ID is empty for a row that an earlier action creates, see MadeBy, or that must be
	// looked up.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// ObjectID is the user's Entra object id, which is used to impersonate it.
	ObjectID string `json:"object_id,omitempty"`
	// MadeBy is the action that creates the row.
	MadeBy string `json:"made_by,omitempty"`
}

// A Target is what an action changes.
type Target struct {
	Kind Kind `json:"kind"`
	// Role is the root copy of a role.
	Role *Ref `json:"role,omitempty"`
	// Managed is set if the role comes with a managed solution.
	Managed bool `json:"managed,omitempty"`
	// Copy is the copy of Role to be assigned. Without an id, it is the one in BusinessUnit
	// or, if AnyUnit is set and that one does not exist, the root.
	Copy          *Ref   `json:"copy,omitempty"`
	AnyUnit       bool   `json:"any_unit,omitempty"`
	User          *Ref   `json:"user,omitempty"`
	ApplicationID string `json:"application_id,omitempty"`
	BusinessUnit  *Ref   `json:"business_unit,omitempty"`
	View          *Ref   `json:"view,omitempty"`
	Table         string `json:"table,omitempty"`
	// Principal is the user or team that a view is shared with.
	Principal *Ref `json:"principal,omitempty"`
	// Owner is the view's owner, who is impersonated to share it.
	Owner *Ref `json:"owner,omitempty"`
	// Privileges are the known ids of privileges by name.
	Privileges map[string]string `json:"privileges,omitempty"`
	// Filtered are those of Privileges that are granted for some records only before the
	// change. Such a filter cannot be restored.
	Filtered []string `json:"filtered,omitempty"`
	// Levels are the depths at which a privilege can be granted, if the required one is not
	// among them.
	Levels map[string][]snapshot.Depth `json:"levels,omitempty"`
	// Grants is everything that a role grants when it is assigned, the depths by name: if
	// it grants more by then, it is not assigned. It is empty for a role that an earlier
	// action creates.
	Grants State `json:"grants,omitempty"`
}

// Beyond lists what a role to be assigned grants beyond Grants, sorted. What the platform
// gives to every role does not count.
func (t Target) Beyond(now State) []string {
	meant := map[string]int{}
	for name, depth := range t.Grants {
		meant[strings.ToLower(name)] = rank(depth)
	}
	return slices.DeleteFunc(now.names(), func(name string) bool {
		return rank(now[name]) <= meant[strings.ToLower(name)] || isInborn(name)
	})
}

// A Request is one request of the Web API.
type Request struct {
	Method string `json:"method"`
	// Path is relative to the environment's /api/data/v9.2/.
	Path string `json:"path"`
	// IfMatch is the header If-Match; empty for none.
	IfMatch string `json:"if_match,omitempty"`
	// As is the user that the request impersonates; nil for none.
	As   *Ref            `json:"as,omitempty"`
	Body json.RawMessage `json:"body,omitempty"`
}

// A Step is a request and the state of its target after it.
type Step struct {
	Request Request
	After   State
}

// Slots are the placeholders of requests. A privilege's slot is its name.
const (
	SlotRole        = "role"
	SlotCopy        = "copy"
	SlotUser        = "user"
	SlotUnit        = "unit"
	SlotApplication = "application"
	SlotView        = "view"
	SlotPrincipal   = "principal"
	// SlotTag is the ETag of the row as it was read.
	SlotTag = "etag"
	// SlotAPI is the absolute address of the Web API, without a slash at its end.
	SlotAPI = "api"
)

// Fill replaces slots whose values are known.
func (r Request) Fill(values map[string]string) Request {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" {
			pairs = append(pairs, "{"+name+"}", values[name])
		}
	}
	replace := strings.NewReplacer(pairs...)
	r.Path = replace.Replace(r.Path)
	r.IfMatch = replace.Replace(r.IfMatch)
	if r.Body != nil {
		r.Body = json.RawMessage(replace.Replace(string(r.Body)))
	}
	return r
}

// Filled reports whether all slots are filled. Foreign text cannot look like a slot, see
// [text].
func (r Request) Filled() bool {
	slot := regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_]*\}`)
	return !slot.MatchString(r.Path) && !slot.MatchString(r.IfMatch) && !slot.Match(r.Body)
}

// Known are the slot values that the target itself contains.
func (t Target) Known() map[string]string {
	values := map[string]string{SlotApplication: t.ApplicationID}
	for slot, ref := range map[string]*Ref{
		SlotRole: t.Role, SlotCopy: t.Copy, SlotUser: t.User, SlotUnit: t.BusinessUnit, SlotView: t.View, SlotPrincipal: t.Principal,
	} {
		if ref != nil {
			values[slot] = ref.ID
		}
	}
	maps.Copy(values, t.Privileges)
	return values
}

// Next gives the step that leads from one state towards another; ok is false if there is
// none: the goal is reached, or cannot be reached from there.
func (t Target) Next(from, to State) (step Step, ok bool) {
	switch t.Kind {
	case KindRole:
		return t.nextRole(from[attrRole], to[attrRole])
	case KindGrants:
		return t.nextGrants(from, to)
	case KindUser:
		return t.nextUser(from[attrUser], to[attrUser])
	case KindAssignment:
		return t.nextAssignment(from[attrAssigned], to[attrAssigned])
	case KindShare:
		return t.nextShare(from[attrAccess], to[attrAccess])
	}
	return Step{}, false
}

// Path lists the states from one to another, both included as far as there is a path, and
// the requests between them.
func (t Target) Path(from, to State) ([]State, []Request) {
	const longest = 2000
	states := []State{from}
	var requests []Request
	for len(states) < longest {
		step, ok := t.Next(from, to)
		if !ok {
			break
		}
		from = step.After
		states = append(states, from)
		requests = append(requests, step.Request)
	}
	return states, requests
}

// Reached reports whether a state is the wanted one, as far as possible: the platform keeps
// the SharePoint defaults that it added.
func (t Target) Reached(now, goal State) bool {
	for name, want := range goal {
		kept := t.Kind == KindGrants && want != None && IsPlatformDefault(name)
		if now[name] != want && !kept {
			return false
		}
	}
	return true
}

// On reports whether a state is on the path from one state to another. The platform's own
// changes do not count.
func (t Target) On(now, from, to State) bool {
	states, _ := t.Path(from, to)
	return slices.ContainsFunc(states, func(s State) bool {
		for name := range to {
			kept := t.Kind == KindGrants && IsPlatformDefault(name)
			if now[name] != s[name] && !kept {
				return false
			}
		}
		return true
	})
}

// Watched adds to a state's names those that change with them: a request that grants
// privileges restores the platform's SharePoint defaults.
func (t Target) Watched(s State) []string {
	names := s.names()
	if t.Kind == KindGrants {
		for _, name := range PlatformDefaults() {
			if _, there := s[name]; !there {
				names = append(names, name)
			}
		}
	}
	return names
}

// PlatformDefaults are the privileges that AddPrivilegesRole restores in a role each time.
func PlatformDefaults() []string {
	return []string{"prvCreateSharePointData", "prvReadSharePointData", "prvReadSharePointDocument", "prvWriteSharePointData"}
}

// Inborn are the privileges that the platform gives to each new role, sorted.
func Inborn() []string {
	return slices.Sorted(slices.Values(append(PlatformDefaults(),
		"prvReadPluginAssembly", "prvReadPluginType", "prvReadSdkMessage", "prvReadSdkMessageProcessingStep", "prvReadSdkMessageProcessingStepImage")))
}

func isInborn(name string) bool {
	return slices.ContainsFunc(Inborn(), func(d string) bool { return strings.EqualFold(d, name) })
}

// IsPlatformDefault reports whether a privilege is one of [PlatformDefaults].
func IsPlatformDefault(name string) bool {
	return slices.ContainsFunc(PlatformDefaults(), func(d string) bool { return strings.EqualFold(d, name) })
}

func (t Target) nextRole(from, to string) (Step, bool) {
	switch {
	case from == Absent && to == Present:
		return Step{Request{Method: "POST", Path: "roles", Body: body(
			`{"name":%s,"businessunitid@odata.bind":"/businessunits({unit})"}`, quoted(t.Role.Name))}, State{attrRole: Present}}, true
	case from == Present && to == Absent:
		return Step{Request{Method: "DELETE", Path: "roles({role})"}, State{attrRole: Absent}}, true
	}
	return Step{}, false
}

// nextGrants first removes what is too much, one privilege per request, then grants what is
// missing in one request, and finally removes the platform's defaults that the grant
// restored. To lower a depth, it removes the privilege first.
func (t Target) nextGrants(from, to State) (Step, bool) {
	var lower, raise, platform []string
	for _, name := range to.names() {
		have, want := rank(from[name]), rank(to[name])
		switch {
		case IsPlatformDefault(name):
			if have > 0 && want == 0 {
				platform = append(platform, name)
			}
		case have > want:
			lower = append(lower, name)
		case have < want:
			raise = append(raise, name)
		}
	}
	after := maps.Clone(from)
	switch {
	case len(lower) > 0:
		return t.remove(lower[0], after), true
	case len(raise) > 0:
		var list []string
		for _, name := range raise {
			after[name] = to[name]
			list = append(list, fmt.Sprintf(`{"BusinessUnitId":"{unit}","Depth":%q,"PrivilegeId":"{%s}"}`, wireDepth(to[name]), name))
		}
		for name := range from {
			if IsPlatformDefault(name) {
				after[name] = snapshot.DepthGlobal.String()
			}
		}
		return Step{Request{
			Method: "POST", Path: "roles({role})/Microsoft.Dynamics.CRM.AddPrivilegesRole",
			Body: body(`{"Privileges":[%s]}`, strings.Join(list, ",")),
		}, after}, true
	case len(platform) > 0:
		return t.remove(platform[0], after), true
	}
	return Step{}, false
}

func (t Target) remove(name string, after State) Step {
	after[name] = None
	return Step{Request{
		Method: "POST", Path: "roles({role})/Microsoft.Dynamics.CRM.RemovePrivilegeRole",
		Body: body(`{"Privilege":{"@odata.type":"Microsoft.Dynamics.CRM.privilege","privilegeid":"{%s}"}}`, name),
	}, after}
}

// nextUser creates, enables and disables a user, and deletes it permanently: a user must be
// disabled before it can be deleted, first softly and then again.
func (t Target) nextUser(from, to string) (Step, bool) {
	switch {
	case from == Absent && to == Enabled:
		return Step{
			Request{Method: "POST", Path: "systemusers", Body: body(
				`{"accessmode":4,"applicationid":"{application}","businessunitid@odata.bind":"/businessunits({unit})","isdisabled":false}`)},
			State{attrUser: Enabled},
		}, true
	case from == Disabled && to == Enabled:
		return t.patchUser(false, Enabled), true
	case from == Enabled && (to == Disabled || to == Absent):
		return t.patchUser(true, Disabled), true
	case from == Disabled && to == Absent:
		return Step{Request{Method: "DELETE", Path: "systemusers({user})"}, State{attrUser: Deleted}}, true
	case from == Deleted && to == Absent:
		return Step{Request{Method: "DELETE", Path: "systemusers({user})"}, State{attrUser: Absent}}, true
	}
	return Step{}, false
}

func (t Target) patchUser(disabled bool, status string) Step {
	text := body(`{"isdisabled":%t}`, disabled)
	if t.ApplicationID != "" {
		text = body(`{"applicationid":"{application}","isdisabled":%t}`, disabled)
	}
	return Step{Request{Method: "PATCH", Path: "systemusers({user})", IfMatch: "{etag}", Body: text}, State{attrUser: status}}
}

func (t Target) nextAssignment(from, to string) (Step, bool) {
	switch {
	case from == No && to == Yes:
		return Step{Request{
			Method: "POST", Path: "systemusers({user})/systemuserroles_association/$ref",
			Body: body(`{"@odata.id":"{api}/roles({copy})"}`),
		}, State{attrAssigned: Yes}}, true
	case from == Yes && to == No:
		return Step{Request{Method: "DELETE", Path: "systemusers({user})/systemuserroles_association({copy})/$ref"}, State{attrAssigned: No}}, true
	}
	return Step{}, false
}

func (t Target) nextShare(from, to string) (Step, bool) {
	if from == to || t.Principal == nil {
		return Step{}, false
	}
	kind := t.Principal.Kind
	principal := fmt.Sprintf(`{"@odata.type":"Microsoft.Dynamics.CRM.%s","%[1]sid":"{principal}"}`, kind)
	const view = `{"@odata.type":"Microsoft.Dynamics.CRM.userquery","userqueryid":"{view}"}`
	r := Request{Method: "POST", Path: "ModifyAccess", As: t.Owner}
	switch {
	case to == None:
		r.Path = "RevokeAccess"
		r.Body = body(`{"Target":%s,"Revokee":%s}`, view, principal)
		return Step{r, State{attrAccess: to}}, true
	case from == None:
		r.Path = "GrantAccess"
	}
	r.Body = body(`{"Target":%s,"PrincipalAccess":{"AccessMask":%q,"Principal":%s}}`, view, wireRights(to), principal)
	return Step{r, State{attrAccess: to}}, true
}

// body makes a JSON body. The format and its arguments are JSON already.
func body(format string, args ...any) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(format, args...))
}

// quoted is foreign text as a JSON string in which nothing looks like a slot, as in the
// plan's file.
func quoted(s string) string {
	data, err := json.Marshal(s)
	if err != nil { // strings always encode
		return `""`
	}
	return strings.NewReplacer("{", `\u007b`, "}", `\u007d`).Replace(string(text.JSON(data)))
}

func rank(depth string) int {
	d, err := snapshot.ParseDepth(depth)
	if err != nil {
		return 0
	}
	return int(d)
}

// wireDepth is the Web API's name of a depth (PrivilegeDepth).
func wireDepth(depth string) string {
	if depth == "" {
		return ""
	}
	return strings.ToUpper(depth[:1]) + depth[1:]
}

// wireRights is the Web API's text of rights (AccessRights).
func wireRights(access string) string {
	var names []string
	for _, r := range strings.Split(access, ", ") {
		name := ""
		for _, part := range strings.Split(r, "-") {
			name += strings.ToUpper(part[:1]) + part[1:]
		}
		names = append(names, name+"Access")
	}
	return strings.Join(names, ", ")
}

// Access is the value of a share's state for rights.
func Access(rights []snapshot.Right) string {
	if len(rights) == 0 {
		return None
	}
	names := make([]string, len(rights))
	for i, r := range rights {
		names[i] = r.String()
	}
	return strings.Join(names, ", ")
}
