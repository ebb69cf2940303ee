package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// A DepthError is the error for a privilege with a depth that has no effect.
type DepthError struct{ Name, Message string }

func (e *DepthError) Error() string { return e.Message }

// Spelling returns the profile's spelling of the names of privileges, which may be in any letter
// case. A name that no control requires, or that appears twice, is a [DepthError].
func (p Profile) Spelling(names []string) (map[string]string, error) {
	minimum := p.Minimum()
	spelling, seen := map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		i := slices.IndexFunc(minimum, func(required string) bool { return strings.EqualFold(required, name) })
		if i < 0 {
			return nil, &DepthError{name, fmt.Sprintf("no control of the profile %s requires %s: set a depth only for a privilege of its minimum",
				p.Name, name)}
		}
		if other := seen[minimum[i]]; other != "" {
			return nil, &DepthError{name, fmt.Sprintf("the depth of %s appears twice, also as %s", name, other)}
		}
		spelling[name], seen[minimum[i]] = minimum[i], name
	}
	return spelling, nil
}

// normalizeDepths changes the names in the depths of a profile to the spelling of its controls.
func (d *draft) normalizeDepths(p *Profile) error {
	if len(d.Depths) == 0 {
		return nil
	}
	spelling, err := p.Spelling(slices.Collect(maps.Keys(d.Depths)))
	var depthError *DepthError
	if errors.As(err, &depthError) {
		return d.doc.FaultAtKey(depthError.Message, d.Name, "depths", depthError.Name)
	}
	depths := map[string]any{}
	for name, depth := range p.Depths {
		if _, stated := d.Depths[name]; !stated {
			depths[name] = depth.String()
		}
	}
	for name, depth := range d.Depths {
		depths[spelling[name]] = depth.String()
	}
	p.data = maps.Clone(p.data)
	p.data["depths"], p.Depths = depths, nil
	return yamldoc.DecodeValue(map[string]any{"depths": depths}, p)
}
