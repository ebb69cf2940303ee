package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// A DepthError is a name with a depth that has no effect.
type DepthError struct{ Name, Message string }

func (b *DepthError) Error() string { return b.Message }

// Spelling returns the profile's spelling of privileges with depths, which may be written in any
// case. A privilege that no control requires is a [DepthError]: its depth would have no effect.
func (p Profile) Spelling(names []string) (map[string]string, error) {
	minimum := p.Minimum()
	spelt, seen := map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		i := slices.IndexFunc(minimum, func(of string) bool { return strings.EqualFold(of, name) })
		if i < 0 {
			return nil, &DepthError{name, fmt.Sprintf("no control of the profile %s requires %s: set a depth only for a privilege of its minimum", p.Name, name)}
		}
		if other := seen[minimum[i]]; other != "" {
			return nil, &DepthError{name, fmt.Sprintf("the depth of %s appears twice, also as %s", name, other)}
		}
		spelt[name], seen[minimum[i]] = minimum[i], name
	}
	return spelt, nil
}

// normalizeDepths gives the depths of a completed profile the names that its controls use.
func (d *draft) normalizeDepths(p *Profile) error {
	if len(d.Depths) == 0 {
		return nil
	}
	spelt, err := p.Spelling(slices.Collect(maps.Keys(d.Depths)))
	var bad *DepthError
	if errors.As(err, &bad) {
		return d.doc.FaultAtKey(bad.Message, d.Name, "depths", bad.Name)
	}
	depths := map[string]any{}
	for name, depth := range p.Depths {
		if _, stated := d.Depths[name]; !stated {
			depths[name] = depth.String()
		}
	}
	for name, depth := range d.Depths {
		depths[spelt[name]] = depth.String()
	}
	p.data = maps.Clone(p.data)
	p.data["depths"], p.Depths = depths, nil
	return yamldoc.Fill(p, map[string]any{"depths": depths})
}
