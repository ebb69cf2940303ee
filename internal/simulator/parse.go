package simulator

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed environments/*.yaml
var builtinFiles embed.FS

// BuiltinNames lists the environments that come with the package.
func BuiltinNames() []string { return []string{"compliant", "sample"} }

// Builtin gives one of the environments that come with the package: "sample" has about ten faults of
// all kinds, "compliant" has none.
func Builtin(name string) (*Environment, error) {
	if !slices.Contains(BuiltinNames(), name) {
		return nil, fmt.Errorf("no environment %q comes with dbaudit; there are %s", name, strings.Join(BuiltinNames(), ", "))
	}
	data, err := builtinFiles.ReadFile("environments/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("reading built-in environment: %w", err)
	}
	return ParseEnvironment(name+".yaml", data)
}

// ParseEnvironment reads an environment from YAML. It is strict: unknown and duplicate keys, values
// that mean nothing and references to nothing are errors, each with file and line, all of them at
// once. name is the file's name for those. Keys that start with "x-" at the top are the author's own,
// a place for anchors.
//
// The result is complete: what the author may leave out is filled in.
func ParseEnvironment(name string, data []byte) (*Environment, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: the file is empty", name)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is more than one YAML document; an environment is one", name)
	}
	// Decoding first also refuses anchors that contain themselves, which the walk below could not bear.
	env := new(Environment)
	decodeErr := document.Decode(env)
	root := document.Content[0]
	check := keyCheck{file: name, seen: map[*yaml.Node]bool{}}
	if decodeErr == nil || isTypeError(decodeErr) {
		check.walk(root, reflect.TypeFor[Environment](), true)
	}
	if decodeErr != nil {
		check.errs = append(check.errs, located{0, wrapDecode(name, decodeErr)})
	}
	if len(check.errs) > 0 {
		return nil, joinLocated(check.errs)
	}
	problems := normalise(env)
	errs := make([]located, len(problems))
	for i, p := range problems {
		line := lineAt(root, p.path)
		errs[i] = located{line, fmt.Errorf("%s:%d: %s", name, line, p.text)}
	}
	if len(errs) > 0 {
		return nil, joinLocated(errs)
	}
	nameReferences(env)
	return env, nil
}

// A located error knows its line, for sorting.
type located struct {
	line int
	err  error
}

func joinLocated(errs []located) error {
	slices.SortStableFunc(errs, func(a, b located) int { return cmp.Compare(a.line, b.line) })
	all := make([]error, len(errs))
	for i, e := range errs {
		all[i] = e.err
	}
	return errors.Join(all...)
}

func isTypeError(err error) bool {
	var t *yaml.TypeError
	return errors.As(err, &t)
}

// wrapDecode puts the file before each of the decoder's messages, which know the line only.
func wrapDecode(name string, err error) error {
	var t *yaml.TypeError
	if !errors.As(err, &t) {
		return fmt.Errorf("%s: %w", name, err)
	}
	all := make([]error, len(t.Errors))
	for i, text := range t.Errors {
		if rest, ok := strings.CutPrefix(text, "line "); ok {
			all[i] = errors.New(name + ":" + rest)
		} else {
			all[i] = errors.New(name + ": " + text)
		}
	}
	return errors.Join(all...)
}

// lineAt finds the line of a path. Where a step is no key of a mapping it may be a scalar further
// down: privileges stand grouped by depth in the file, and by name in the environment.
func lineAt(root *yaml.Node, path []any) int {
	node := root
	for _, step := range path {
		for node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		var next *yaml.Node
		switch step := step.(type) {
		case int:
			if node.Kind == yaml.SequenceNode && step < len(node.Content) {
				next = node.Content[step]
			}
		case string:
			next = child(node, step)
		}
		if next == nil {
			break
		}
		node = next
	}
	return node.Line
}

func child(node *yaml.Node, key string) *yaml.Node {
	if node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return node.Content[i+1]
			}
		}
		for i := 1; i < len(node.Content); i += 2 {
			if found := child(node.Content[i], key); found != nil && found.Kind == yaml.ScalarNode {
				return found
			}
		}
		return nil
	}
	for _, n := range node.Content {
		if n.Kind == yaml.ScalarNode && n.Value == key {
			return n
		}
	}
	return nil
}

// A keyCheck finds mapping keys that a type does not have, and those that are there twice. The
// decoder could, but not below a type that decodes itself.
type keyCheck struct {
	file string
	seen map[*yaml.Node]bool
	errs []located
}

func (k *keyCheck) fail(n *yaml.Node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	k.errs = append(k.errs, located{n.Line, fmt.Errorf("%s:%d: %s", k.file, n.Line, text)})
}

func (k *keyCheck) walk(n *yaml.Node, t reflect.Type, top bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if k.seen[n] {
		return
	}
	k.seen[n] = true
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, item := range n.Content {
			k.walk(item, t.Elem(), false)
		}
	case n.Kind == yaml.MappingNode:
		k.mapping(n, t, top)
	}
}

func (k *keyCheck) mapping(n *yaml.Node, t reflect.Type, top bool) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			k.walk(value, t, top)
			continue
		}
		if line, twice := lines[key.Value]; twice {
			k.fail(key, "key %q is there twice, first in line %d", key.Value, line)
		}
		lines[key.Value] = key.Line
		if top && strings.HasPrefix(key.Value, "x-") {
			continue
		}
		field, ok := yamlField(t, key.Value)
		switch {
		case ok:
			k.walk(value, field, false)
		case t.Kind() == reflect.Struct:
			k.fail(key, "unknown key %q; known here: %s", key.Value, strings.Join(yamlKeys(t), ", "))
		}
	}
}

// yamlKeys lists the keys that a mapping of type t may have.
func yamlKeys(t reflect.Type) []string {
	if t == reflect.TypeFor[Share]() {
		return []string{"principal", "access"}
	}
	var keys []string
	for f := range t.Fields() {
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}

func yamlField(t reflect.Type, key string) (reflect.Type, bool) {
	if t == reflect.TypeFor[Share]() && slices.Contains(yamlKeys(t), key) {
		return reflect.TypeFor[any](), true
	}
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name == key && key != "" {
			return f.Type, true
		}
	}
	return nil, false
}

// badValue is an error in the form of the decoder's own, so that it is given a file and a line.
func badValue(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", n.Line, fmt.Sprintf(format, args...))}}
}

// UnmarshalYAML reads a depth by its name.
func (d *Depth) UnmarshalYAML(n *yaml.Node) error {
	depth, ok := parseDepth(n.Value)
	if !ok || n.Kind != yaml.ScalarNode {
		return badValue(n, "%q is no depth: basic, local, deep, global or deepest", n.Value)
	}
	*d = depth
	return nil
}

// MarshalYAML writes a depth as its name.
func (d Depth) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalYAML reads grants grouped by depth: {global: [prvReadAccount, …], basic: […]}.
func (g *Grants) UnmarshalYAML(n *yaml.Node) error {
	var groups map[Depth]yaml.Node
	if err := n.Decode(&groups); err != nil {
		return err
	}
	all := Grants{}
	for depth := DepthBasic; depth <= DepthDeepest; depth++ {
		group, ok := groups[depth]
		if !ok {
			continue
		}
		names, err := scalars(&group)
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, twice := all[name.Value]; twice {
				return badValue(name, "%s is granted twice", name.Value)
			}
			all[name.Value] = depth
		}
	}
	*g = all
	return nil
}

// scalars flattens a list of names, in which a list may stand for its items: an alias of another.
func scalars(n *yaml.Node) ([]*yaml.Node, error) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return []*yaml.Node{n}, nil
	case yaml.SequenceNode:
		var all []*yaml.Node
		for _, item := range n.Content {
			names, err := scalars(item)
			if err != nil {
				return nil, err
			}
			all = append(all, names...)
		}
		return all, nil
	default:
		return nil, badValue(n, "expected a list of privilege names")
	}
}

// MarshalYAML writes grants grouped by depth, sorted.
func (g Grants) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for depth := DepthBasic; depth <= DepthDeepest; depth++ {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, name := range sortedKeys(g) {
			if g[name] == depth {
				list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name})
			}
		}
		if len(list.Content) > 0 {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: depth.String()}, list)
		}
	}
	return n, nil
}

// UnmarshalYAML reads a role's name alone, or a mapping with the business unit of the copy.
func (a *RoleAssignment) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*a = RoleAssignment{Role: n.Value}
		return nil
	}
	type plain RoleAssignment
	return n.Decode((*plain)(a))
}

// MarshalYAML writes a role's name alone where nothing else is to say.
func (a RoleAssignment) MarshalYAML() (any, error) {
	if a.BusinessUnit == "" {
		return a.Role, nil
	}
	type plain RoleAssignment
	return plain(a), nil
}

// A yamlShare is a share as it stands in a file.
type yamlShare struct {
	Principal string      `yaml:"principal"`
	Access    []yaml.Node `yaml:"access,flow"`
}

// UnmarshalYAML reads {principal: NAME, access: [read, …]}.
func (s *Share) UnmarshalYAML(n *yaml.Node) error {
	var raw yamlShare
	if err := n.Decode(&raw); err != nil {
		return err
	}
	if raw.Principal == "" {
		return badValue(n, "a share needs a principal")
	}
	s.Principal, s.Access = raw.Principal, 0
	for i := range raw.Access {
		right, ok := parseRight(raw.Access[i].Value)
		if !ok {
			return badValue(&raw.Access[i], "%q is no access right: read, write, append, append-to, create, delete, share or assign", raw.Access[i].Value)
		}
		s.Access |= right
	}
	return nil
}

// MarshalYAML writes {principal: NAME, access: [read, …]}.
func (s Share) MarshalYAML() (any, error) {
	raw := yamlShare{Principal: s.Principal}
	for _, name := range s.Access.Names() {
		raw.Access = append(raw.Access, yaml.Node{Kind: yaml.ScalarNode, Value: name})
	}
	return raw, nil
}

// canonical gives the bytes of an environment's state: the same for the same state, however it was
// reached. References are ids, lists are sorted by id, and Suggest, which is no state, is left out.
func canonical(env *Environment) ([]byte, error) {
	c := env.Clone()
	pinReferences(c)
	c.Suggest = Suggest{}
	slices.SortFunc(c.Clients, func(a, b Client) int { return cmp.Compare(a.ApplicationID, b.ApplicationID) })
	slices.SortFunc(c.BusinessUnits, func(a, b BusinessUnit) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.Roles, func(a, b Role) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.Users, func(a, b User) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.ApplicationUsers, func(a, b User) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.Teams, func(a, b Team) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.PersonalViews, func(a, b PersonalView) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.SystemViews, func(a, b SystemView) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.ColumnSecurityProfiles, func(a, b ColumnSecurityProfile) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(c.UndefinedTables)
	slices.Sort(c.UndefinedPrivileges)
	assignments := func(roles []RoleAssignment) {
		slices.SortFunc(roles, func(a, b RoleAssignment) int {
			return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.BusinessUnit, b.BusinessUnit))
		})
	}
	for i := range c.Users {
		assignments(c.Users[i].Roles)
	}
	for i := range c.ApplicationUsers {
		assignments(c.ApplicationUsers[i].Roles)
	}
	for i := range c.Teams {
		assignments(c.Teams[i].Roles)
		slices.Sort(c.Teams[i].Members)
	}
	for i := range c.PersonalViews {
		slices.SortFunc(c.PersonalViews[i].Shares, func(a, b Share) int { return cmp.Compare(a.Principal, b.Principal) })
	}
	for i := range c.ColumnSecurityProfiles {
		slices.Sort(c.ColumnSecurityProfiles[i].Members)
	}
	data, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("writing the state of the environment: %w", err)
	}
	return data, nil
}
