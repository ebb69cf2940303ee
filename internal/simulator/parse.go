package simulator

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
)

//go:embed environments/*.yaml
var builtinFiles embed.FS

// BuiltinNames lists the environments that come with the package.
func BuiltinNames() []string { return []string{"compliant", "sample"} }

// Builtin returns one of the environments that come with the package: "sample" has about ten faults,
// "compliant" has none.
func Builtin(name string) (*Environment, error) {
	data, err := builtinFiles.ReadFile("environments/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no environment %q comes with dbaudit; there are %s", name, strings.Join(BuiltinNames(), ", "))
	}
	return ParseEnvironment(name+".yaml", data)
}

// ParseEnvironment reads an environment from YAML. It is strict: unknown and duplicate keys, invalid
// values and references are errors, each with file, line and column. name is the file's name.
//
// The result is complete: what the author may omit is filled in.
func ParseEnvironment(name string, data []byte) (*Environment, error) {
	env := new(Environment)
	document, err := yamldoc.Read(name, data, schema.Files, "environment.json", env)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file and the place
	}
	places, problems := grantPlaces(document.Value())
	_, further := normalise(env)
	if problems = append(problems, further...); len(problems) > 0 {
		return nil, located(document, places, problems)
	}
	nameReferences(env)
	return env, nil
}

// grantPlaces finds the place of each privilege of a role. Files group privileges by depth; an
// Environment has them by name. A privilege that a role has twice is a problem.
func grantPlaces(values any) (places map[string][]string, problems []problem) {
	places = map[string][]string{}
	document, _ := values.(map[string]any)
	roles, _ := document["roles"].([]any)
	for i, value := range roles {
		role, _ := value.(map[string]any)
		groups, _ := role["privileges"].(map[string]any)
		for _, depth := range slices.Sorted(maps.Keys(groups)) {
			eachText(groups[depth], nil, func(name string, path []any) {
				place := at(append([]any{"roles", i, "privileges", depth}, path...)...)
				key := strings.Join(at("roles", i, "privileges", name), ".")
				if places[key] != nil {
					problems = append(problems, problem{place, name + " is granted twice"})
				}
				places[key] = place
			})
		}
	}
	return places, problems
}

func located(document *yamldoc.Document, places map[string][]string, problems []problem) error {
	return errors.Join(each(problems, func(p problem) error {
		if place, ok := places[strings.Join(p.path, ".")]; ok {
			p.path = place
		}
		return document.FaultAtKey(p.text, p.path...)
	})...)
}

// Marshal writes an environment as YAML, as [ParseEnvironment] reads it.
func Marshal(env *Environment) ([]byte, error) {
	data, err := yamldoc.Encode(env)
	if err != nil {
		return nil, fmt.Errorf("writing environment: %w", err)
	}
	return data, nil
}

// sortLists sorts each list by the text of its items, and the lists in them first.
func sortLists(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			sortLists(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			sortLists(v.Index(i))
		}
		sort.Slice(v.Interface(), func(i, j int) bool { return fmt.Sprint(v.Index(i)) < fmt.Sprint(v.Index(j)) })
	default:
	}
}
