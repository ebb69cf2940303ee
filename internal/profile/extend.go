package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// A draft is a profile as it is in its file, before it is merged with its base.
type draft struct {
	Profile

	doc *yamldoc.Document
}

// fault returns a fault at the position of a control's field.
func (d draft) fault(control int, field, format string, args ...any) *yamldoc.Fault {
	return d.doc.FaultAt(fmt.Sprintf(format, args...), d.Name, "controls", strconv.Itoa(control), field)
}

// check returns an error for duplicate ids, and for names and ids of another profile. It sets base
// and rulePositions.
func (d *draft) check(bases []Profile) error {
	var errs []error
	seen := map[audit.ControlID]bool{}
	for i, c := range d.Controls {
		if seen[c.ID] {
			errs = append(errs, d.fault(i, "id", "the control %s appears twice", c.ID))
		}
		seen[c.ID] = true
		if c.Rule != "" {
			d.rulePositions[c.ID] = *d.fault(i, "rule", "")
		}
	}
	if errs != nil {
		return errors.Join(errs...)
	}
	var names []string
	for i, p := range bases {
		names = append(names, p.Name)
		if p.Name == d.Extends {
			d.base = &bases[i]
		}
	}
	if d.Extends != "" && d.base == nil {
		message := fmt.Sprintf("the profile %q does not exist; extends: takes one of %s", d.Extends, strings.Join(names, ", "))
		return d.doc.FaultAt(message, d.Name, "extends")
	}
	return d.checkNames(bases)
}

// checkNames returns an error if the name of the profile, without its edition (NAME@EDITION), or
// the id of a control belongs to another profile.
func (d *draft) checkNames(bases []Profile) error {
	own, _, _ := strings.Cut(d.Name, "@")
	for _, other := range bases {
		if name, _, _ := strings.Cut(other.Name, "@"); name == own {
			return d.doc.FaultAtKey(fmt.Sprintf(
				"%s is the name of a built-in profile: give yours another, and extend the built-in one with \"extends: %s\"", own, other.Name), d.Name)
		}
		for i, c := range d.Controls {
			if d.base != nil {
				if _, inherited := d.base.Control(string(c.ID)); inherited {
					continue
				}
			}
			if _, taken := other.Control(string(c.ID)); taken {
				return d.fault(i, "id", "%s is a control of the built-in profile %s: give yours another id, or extend that profile with \"extends: %[2]s\"",
					c.ID, other.Name)
			}
		}
	}
	return nil
}

// mergeBase returns the definition of the draft merged with that of its base. A control with the
// same id replaces the fields that it states. Privileges, depths and allow are added to those of
// the base, so that no requirement of the base is lost.
func (d *draft) mergeBase() (map[string]any, error) {
	merged := maps.Clone(d.base.data)
	delete(merged, "version")
	for field, value := range d.data {
		switch field {
		case "extends", "controls":
		case "allow":
			merged[field] = union(merged[field], value)
		case "depths":
			depths := map[string]any{}
			for _, source := range []any{merged[field], value} {
				byPrivilege, _ := source.(map[string]any)
				maps.Copy(depths, byPrivilege)
			}
			merged[field] = depths
		default:
			merged[field] = value
		}
	}
	var err error
	merged["controls"], err = d.mergeControls(controlMaps(d.base.data), controlMaps(d.data))
	return merged, err
}

// mergeControls merges the controls of a draft with those of its base.
func (d *draft) mergeControls(base, own []map[string]any) ([]any, error) {
	var all []any
	for _, c := range base {
		all = append(all, c)
	}
	for n, c := range own {
		i := slices.IndexFunc(base, func(b map[string]any) bool { return b["id"] == c["id"] })
		if i < 0 {
			if err := d.checkComplete(n, c); err != nil {
				return nil, err
			}
			all = append(all, c)
			continue
		}
		if rule, ok := c["rule"]; ok && rule != base[i]["rule"] {
			return nil, d.fault(n, "rule", "the control %s of %s is judged by the rule %s: add a separate control for another rule",
				c["id"], d.Extends, base[i]["rule"])
		}
		merged := maps.Clone(base[i])
		maps.Copy(merged, c)
		if added, ok := c["privileges"]; ok {
			merged["privileges"] = union(base[i]["privileges"], added)
		}
		all[i] = merged
	}
	return all, nil
}

// checkComplete returns an error if the nth control of the draft, which its base does not have, lacks
// a field.
func (d *draft) checkComplete(n int, control map[string]any) error {
	required := []string{"rule", "title", "why"}
	if control["rule"] == "role/privileges" {
		required = append(required, "privileges", "table")
	}
	for _, field := range required {
		if _, ok := control[field]; !ok {
			return d.fault(n, field, "the control %s is not in %s, and lacks %q", control["id"], d.Extends, field)
		}
	}
	return nil
}

// controlMaps returns the controls of a valid definition.
func controlMaps(definition map[string]any) []map[string]any {
	list, _ := definition["controls"].([]any)
	all := make([]map[string]any, len(list))
	for i, item := range list {
		all[i], _ = item.(map[string]any)
	}
	return all
}

// union returns the elements of two lists, without duplicates.
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
