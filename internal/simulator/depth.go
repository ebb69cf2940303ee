package simulator

import (
	"maps"
	"slices"
	"strings"
)

// A Depth is the access level of a privilege. The zero value means that the privilege is not granted.
type Depth uint8

// The depths, from the user's own rows to the whole organization. DepthDeepest is the deepest that a
// privilege allows. Parsing or starting an environment replaces it.
const (
	DepthNone Depth = iota
	DepthBasic
	DepthLocal
	DepthDeep
	DepthGlobal
	DepthDeepest
)

func depthNames() []string { return []string{"none", "basic", "local", "deep", "global", "deepest"} }

// String returns the depth's name in environment files.
func (d Depth) String() string { return depthNames()[d] }

func (d Depth) wireName() string {
	name := d.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

// parseDepth returns the depth of a name in a file or a request, or DepthNone for any other text.
func parseDepth(s string) Depth {
	return Depth(max(slices.Index(depthNames(), strings.ToLower(s)), 0))
}

// UnmarshalText reads a depth's name, which the schema has checked.
func (d *Depth) UnmarshalText(name []byte) error {
	*d = parseDepth(string(name))
	return nil
}

// MarshalText writes the depth's name.
func (d Depth) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Grants has the depth of each privilege that a role grants, by the privilege's name. In YAML the names are
// grouped by depth.
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
		depth := parseDepth(name) // the schema has checked the names
		walkStrings(list, nil, func(privilege string, _ []any) { (*g)[privilege] = depth })
	}
	return nil
}

// walkStrings visits the strings of a list and of nested lists, each with its path of indices.
func walkStrings(value any, path []any, visit func(text string, path []any)) {
	switch value := value.(type) {
	case string:
		visit(value, path)
	case []any:
		for i, item := range value {
			walkStrings(item, append(slices.Clone(path), i), visit)
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
