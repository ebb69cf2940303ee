package profile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// base is the profile that a draft extends; nil if it extends none.
func (d draft) base(bases []Profile) (*Profile, error) {
	child, _ := d.own.(map[string]any)
	wanted, _ := child["extends"].(string)
	if wanted == "" {
		return nil, nil //nolint:nilnil // most extend none
	}
	i := slices.IndexFunc(bases, func(p Profile) bool { return p.Name == wanted })
	if i < 0 {
		var names []string
		for _, p := range bases {
			names = append(names, p.Name)
		}
		return nil, d.doc.FaultAt(fmt.Sprintf("there is no profile %q to extend: there are %s", wanted, strings.Join(names, ", ")), d.key, "extends")
	}
	return &bases[i], nil
}

// complete adds to a draft what the profile that it extends has. A control of
// the same id changes what it states; its privileges, like the profile's depths and
// allow, are added to those of the base, so that nothing is lost of the minimum that
// is extended.
func (d draft) complete(extends Profile) (any, error) {
	child, _ := d.own.(map[string]any)
	base, _ := extends.Data().(map[string]any)
	merged := maps.Clone(base)
	delete(merged, "version")
	for field, value := range child {
		switch field {
		case "extends", "controls":
		case "allow":
			merged[field] = union(base[field], value)
		case "depths":
			depths := map[string]any{}
			maps.Copy(depths, depthsOf(base))
			maps.Copy(depths, depthsOf(child))
			merged[field] = depths
		default:
			merged[field] = value
		}
	}
	all, err := d.extend(extends.Name, controls(base), controls(child))
	merged["controls"] = all
	return merged, err
}

// extend puts the controls of a profile over those of its base.
func (d draft) extend(wanted string, base, child []map[string]any) ([]any, error) {
	var all []any
	for _, c := range base {
		all = append(all, c)
	}
	for n, c := range child {
		i := slices.IndexFunc(base, func(b map[string]any) bool { return b["id"] == c["id"] })
		if i < 0 {
			needed := []string{"rule", "title", "why"}
			if c["rule"] == "role/privileges" {
				needed = append(needed, "privileges", "table")
			}
			for _, field := range needed {
				if _, ok := c[field]; !ok {
					return nil, d.doc.FaultAt(fmt.Sprintf("the control %s is not in %s, and lacks %q", c["id"], wanted, field), d.control(n, field)...)
				}
			}
			all = append(all, c)
			continue
		}
		if rule, ok := c["rule"]; ok && rule != base[i]["rule"] {
			return nil, d.doc.FaultAt(fmt.Sprintf("the control %s of %s is judged by the rule %s: give another rule a control of its own", c["id"], wanted, base[i]["rule"]), d.control(n, "rule")...)
		}
		merged := maps.Clone(base[i])
		maps.Copy(merged, c)
		if more, ok := c["privileges"]; ok {
			merged["privileges"] = union(base[i]["privileges"], more)
		}
		all[i] = merged
	}
	return all, nil
}

func controls(definition any) []map[string]any {
	fields, _ := definition.(map[string]any)
	list, _ := fields["controls"].([]any)
	var all []map[string]any
	for _, item := range list {
		if c, ok := item.(map[string]any); ok {
			all = append(all, c)
		}
	}
	return all
}

func union(a, b any) []any {
	all := []any{}
	for _, list := range []any{a, b} {
		items, _ := list.([]any)
		for _, item := range items {
			if !slices.Contains(all, item) {
				all = append(all, item)
			}
		}
	}
	return all
}
