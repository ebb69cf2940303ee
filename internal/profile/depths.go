package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A BadDepth is a name that a depth is given to in vain.
type BadDepth struct{ Name, Message string }

func (b *BadDepth) Error() string { return b.Message }

// Spell says how the profile spells the privileges that depths are given to, which may
// be written in any case. A privilege that no control asks for is a [BadDepth]: its
// depth would change nothing.
func (p Profile) Spell(names []string) (map[string]string, error) {
	minimum := p.Minimum()
	spelt, seen := map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		i := slices.IndexFunc(minimum, func(of string) bool { return strings.EqualFold(of, name) })
		if i < 0 {
			return nil, &BadDepth{name, fmt.Sprintf("no control of the profile %s asks for %s: give a depth to a privilege of its minimum", p.Name, name)}
		}
		if other := seen[minimum[i]]; other != "" {
			return nil, &BadDepth{name, fmt.Sprintf("the depth of %s appears twice, also as %s", name, other)}
		}
		spelt[name], seen[minimum[i]] = minimum[i], name
	}
	return spelt, nil
}

// spellDepths has the depths of a whole definition named as its controls name the
// privileges.
func (d draft) spellDepths(definition any) error {
	stated := depthsOf(d.own)
	if len(stated) == 0 {
		return nil
	}
	p := Profile{Name: d.key}
	for _, c := range controls(definition) {
		p.Controls = append(p.Controls, Control{Privileges: texts(c["privileges"])})
	}
	spelt, err := p.Spell(slices.Collect(maps.Keys(stated)))
	var bad *BadDepth
	if errors.As(err, &bad) {
		return d.doc.FaultAtKey(bad.Message, d.key, "depths", bad.Name)
	}
	all, _ := definition.(map[string]any)
	depths := maps.Clone(depthsOf(definition))
	for privilege, depth := range stated {
		delete(depths, privilege)
		depths[spelt[privilege]] = depth
	}
	all["depths"] = depths
	return err
}

func depthsOf(definition any) map[string]any {
	fields, _ := definition.(map[string]any)
	depths, _ := fields["depths"].(map[string]any)
	return depths
}

func texts(value any) []string {
	list, _ := value.([]any)
	var all []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			all = append(all, s)
		}
	}
	return all
}
