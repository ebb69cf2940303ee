package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Seal sets the digest.
func (p *Plan) Seal() error {
	digest, err := p.digest()
	if err != nil {
		return err
	}
	p.Digest = digest
	return nil
}

func (p Plan) digest() (string, error) {
	p.Digest = ""
	data, err := p.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Encode returns the plan's file: JSON, two spaces deep, a newline at the end.
// Equal plans give equal bytes.
func (p Plan) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a plan and refuses one that was cut, edited, or whose requests are
// not those that follow from its targets.
func Decode(data []byte) (Plan, error) {
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Plan{}, fmt.Errorf("this is no plan, or one cut short: %w", err)
	}
	if head.Format != Format {
		return Plan{}, fmt.Errorf("this has the format %q, not %q: `dbaudit plan -o plan.json` writes a plan", head.Format, Format)
	}
	var p Plan
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("the plan is broken: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Plan{}, errors.New("the plan is broken: something follows its end")
	}
	digest, err := p.digest()
	if err != nil {
		return Plan{}, err
	}
	if digest != p.Digest {
		return Plan{}, fmt.Errorf("the plan was edited since it was made: its digest is %q, its content's %s; make it again", p.Digest, digest)
	}
	return p, p.check()
}

// check refuses what no Build makes, whatever the digest says: anybody can
// compute one.
func (p Plan) check() error {
	for i, a := range p.Actions {
		if err := p.checkAction(i, a); err != nil {
			return fmt.Errorf("action %s of the plan cannot be carried out: %w; make the plan again", a.ID, err)
		}
	}
	return nil
}

func (p Plan) checkAction(i int, a Action) error {
	earlier := func(id string) bool {
		return id == "" || slices.ContainsFunc(p.Actions[:i], func(e Action) bool { return e.ID == id })
	}
	switch {
	case a.ID != strconv.Itoa(i+1):
		return fmt.Errorf("it should have the number %d", i+1)
	case !a.Kind.Automatic():
		return fmt.Errorf("%s is nothing that apply does", a.Kind)
	case a.Target.Kind != targetOf(a.Kind):
		return fmt.Errorf("%s does not change a %s", a.Kind, a.Target.Kind)
	case !earlier(a.UndoneWith):
		return errors.New("it is undone with a later action")
	}
	if err := a.Target.check(earlier); err != nil {
		return err
	}
	if err := a.checkStates(); err != nil {
		return err
	}
	request, undo := a.requests(p.Environment.URL)
	if !equal(request, a.Request) || !slices.EqualFunc(undo, a.Undo, equal) {
		return errors.New("its requests are not those that its target and states ask for")
	}
	return nil
}

func targetOf(kind audit.FixKind) Kind {
	switch kind {
	case audit.FixCreateRole:
		return KindRole
	case audit.FixAddPrivilege, audit.FixRaiseDepth, audit.FixRemovePrivilege:
		return KindGrants
	case audit.FixCreateApplicationUser, audit.FixEnableUser:
		return KindUser
	case audit.FixAssignRole, audit.FixUnassignRole:
		return KindAssignment
	case audit.FixShareView, audit.FixReduceShare:
		return KindShare
	default:
		return ""
	}
}

func (t Target) check(earlier func(string) bool) error {
	guid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	name := regexp.MustCompile(`^prv[A-Za-z0-9_]+$`)
	for _, ref := range []*Ref{t.Role, t.Copy, t.User, t.BusinessUnit, t.View, t.Principal, t.Owner} {
		if ref == nil {
			continue
		}
		for _, id := range []string{ref.ID, ref.ObjectID} {
			if id != "" && !guid.MatchString(id) {
				return fmt.Errorf("%q is no id", id)
			}
		}
		if ref.MadeBy != "" && (ref.ID != "" || !earlier(ref.MadeBy)) {
			return fmt.Errorf("it refers to what action %q makes", ref.MadeBy)
		}
	}
	if t.ApplicationID != "" && !guid.MatchString(t.ApplicationID) {
		return fmt.Errorf("%q is no application id", t.ApplicationID)
	}
	for privilege, id := range t.Privileges {
		if !name.MatchString(privilege) || !guid.MatchString(id) {
			return fmt.Errorf("%q is no privilege with the id %q", privilege, id)
		}
	}
	needed := map[Kind][]*Ref{
		KindRole:       {t.Role, t.BusinessUnit},
		KindGrants:     {t.Role, t.BusinessUnit},
		KindUser:       {t.User},
		KindAssignment: {t.Role, t.Copy, t.User, t.BusinessUnit},
		KindShare:      {t.View, t.Principal, t.Owner},
	}
	if slices.Contains(needed[t.Kind], nil) {
		return errors.New("its target is not whole")
	}
	if t.Kind == KindShare && t.Principal.Kind != "systemuser" && t.Principal.Kind != "team" {
		return fmt.Errorf("a view cannot be shared with a %q", t.Principal.Kind)
	}
	return nil
}

func (a Action) checkStates() error {
	if len(a.After) == 0 || !slices.Equal(a.Before.names(), a.After.names()) {
		return errors.New("what it changes is not said")
	}
	kinds := map[audit.FixKind][2]State{
		audit.FixCreateRole:            {{attrRole: Absent}, {attrRole: Present}},
		audit.FixCreateApplicationUser: {{attrUser: Absent}, {attrUser: Enabled}},
		audit.FixEnableUser:            {{attrUser: Disabled}, {attrUser: Enabled}},
		audit.FixAssignRole:            {{attrAssigned: No}, {attrAssigned: Yes}},
		audit.FixUnassignRole:          {{attrAssigned: Yes}, {attrAssigned: No}},
	}
	if want, ok := kinds[a.Kind]; ok {
		if !a.Before.Covers(want[0]) || !a.After.Covers(want[1]) || len(a.After) != 1 {
			return fmt.Errorf("%s is not from %v to %v", a.Kind, a.Before, a.After)
		}
		return nil
	}
	if a.Target.Kind == KindShare {
		for _, s := range []State{a.Before, a.After} {
			if !isAccess(s[attrAccess]) {
				return fmt.Errorf("%q are no rights", s[attrAccess])
			}
		}
		return nil
	}
	privilege := regexp.MustCompile(`^prv[A-Za-z0-9_]+$`)
	for _, d := range a.Differences() {
		from, to := rank(d.Before), rank(d.After)
		legal := map[audit.FixKind]bool{
			audit.FixAddPrivilege:    from == 0 && to > 0,
			audit.FixRaiseDepth:      from > 0 && to > from,
			audit.FixRemovePrivilege: from > 0 && to == 0 && len(a.After) == 1,
		}
		if !privilege.MatchString(d.Name) || !isDepth(d.Before) || !isDepth(d.After) || !legal[a.Kind] {
			return fmt.Errorf("%s does not take %s from %s to %s", a.Kind, d.Name, d.Before, d.After)
		}
	}
	return nil
}

func isDepth(s string) bool { return s == None || rank(s) > 0 }

func isAccess(s string) bool {
	if s == None {
		return true
	}
	var rights []snapshot.Right
	for part := range strings.SplitSeq(s, ", ") {
		var r snapshot.Right
		if r.UnmarshalText([]byte(part)) != nil || r == snapshot.RightOther {
			return false
		}
		rights = append(rights, r)
	}
	return Access(snapshot.SortRights(rights)) == s
}

func equal(a, b Request) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Limits bound what a plan may do. They are on unless somebody lifts them.
type Limits struct {
	// Changes is how many single differences a plan may have; 0 is [MaxChanges].
	Changes int
	// Minimum is what the profile asks for: nothing else may be granted.
	Minimum []string
}

// MaxChanges is the most that a plan changes where nothing else is said.
const MaxChanges = 100

// Within refuses a plan that goes beyond the limits.
func (p Plan) Within(l Limits) error {
	most := l.Changes
	if most == 0 {
		most = MaxChanges
	}
	if n := p.Counts().Total(); n > most {
		return fmt.Errorf("the plan makes %d changes, more than the %d that are allowed at once: make it smaller by --only or --except, or raise --max-changes", n, most)
	}
	for _, a := range p.Actions {
		if a.Kind != audit.FixAddPrivilege && a.Kind != audit.FixRaiseDepth {
			continue
		}
		for name := range a.After {
			if !slices.ContainsFunc(l.Minimum, func(m string) bool { return strings.EqualFold(m, name) }) {
				return fmt.Errorf("action %s grants %s, for which the profile %s does not ask", a.ID, name, p.Profile)
			}
		}
	}
	return nil
}

// Expired reports whether the plan is too old to be applied.
func (p Plan) Expired(now time.Time) bool { return now.After(p.ExpiresAt) }
