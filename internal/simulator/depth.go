package simulator

import (
	"maps"
	"slices"
	"strings"
)

// A Depth is how far a privilege reaches from its holder. The zero value is not granted.
type Depth uint8

// The depths, from the caller's own rows to the whole organization. DepthDeepest is the deepest that a
// privilege allows; it is resolved when an environment is read or started.
const (
	DepthNone Depth = iota
	DepthBasic
	DepthLocal
	DepthDeep
	DepthGlobal
	DepthDeepest
)

func depthNames() []string { return []string{"none", "basic", "local", "deep", "global", "deepest"} }

// String is the name that environment files use.
func (d Depth) String() string { return depthNames()[d] }

// wire is the PrivilegeDepth enumeration's name in the Web API.
func (d Depth) wire() string {
	name := d.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

// parseDepth reads a depth as files and requests name it; DepthNone means no depth.
func parseDepth(s string) Depth {
	return Depth(max(slices.Index(depthNames(), strings.ToLower(s)), 0))
}

// UnmarshalText reads a depth's name; the schema knows which there are.
func (d *Depth) UnmarshalText(name []byte) error {
	*d = parseDepth(string(name))
	return nil
}

// MarshalText writes a depth as its name.
func (d Depth) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Grants are a role's privileges by name, each with its depth. In YAML they are grouped by depth.
type Grants map[string]Depth

// UnmarshalYAML reads grants grouped by depth: {global: [prvReadAccount, …], basic: […]}. A list may
// contain lists, so that a long one can be written in groups.
func (g *Grants) UnmarshalYAML(decode func(any) error) error {
	var groups map[string]any
	if err := decode(&groups); err != nil {
		return err
	}
	*g = Grants{}
	for name, list := range groups {
		depth := parseDepth(name) // the schema knows the names
		eachText(list, nil, func(privilege string, _ []any) { (*g)[privilege] = depth })
	}
	return nil
}

// eachText visits the texts of a list, and of lists in it, each with its path.
func eachText(value any, path []any, visit func(text string, path []any)) {
	switch value := value.(type) {
	case string:
		visit(value, path)
	case []any:
		for i, item := range value {
			eachText(item, append(slices.Clone(path), i), visit)
		}
	}
}

// MarshalYAML writes grants grouped by depth, sorted.
func (g Grants) MarshalYAML() (any, error) {
	groups := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(g)) {
		groups[g[name].String()] = append(groups[g[name].String()], name)
	}
	return groups, nil
}
