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

// BuiltinNames returns the names of the environments that come with the package.
func BuiltinNames() []string { return []string{"compliant", "sample"} }

// Builtin returns an environment that comes with the package: "sample" has about ten faults, "compliant"
// has none.
func Builtin(name string) (*Environment, error) {
	data, err := builtinFiles.ReadFile("environments/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no environment %q comes with dbaudit; there are %s", name, strings.Join(BuiltinNames(), ", "))
	}
	return ParseEnvironment(name+".yaml", data)
}

// ParseEnvironment reads an environment from YAML. It is strict: unknown and duplicate keys, invalid
// values and invalid references are errors, each with file, line and column. name is the file's name.
//
// The result is complete: it has the ids, default teams and privileges that the file may omit.
func ParseEnvironment(name string, data []byte) (*Environment, error) {
	env := new(Environment)
	document, err := yamldoc.Read(name, data, schema.Files, "environment.json", env)
	if err != nil {
		return nil, err //nolint:wrapcheck // it has the file and the position
	}
	paths, problems := grantPaths(document.Value())
	_, more := normalize(env)
	if problems = append(problems, more...); len(problems) > 0 {
		return nil, withPositions(document, paths, problems)
	}
	refsToNames(env)
	return env, nil
}

// grantPaths returns the path in the file of each role's grants, by their path in an Environment: files
// group privileges by depth, and an Environment has them by name. A privilege that a role grants twice is
// a problem.
func grantPaths(values any) (paths map[string][]string, problems []problem) {
	paths = map[string][]string{}
	document, _ := values.(map[string]any)
	roles, _ := document["roles"].([]any)
	for i, value := range roles {
		role, _ := value.(map[string]any)
		groups, _ := role["privileges"].(map[string]any)
		for _, depth := range slices.Sorted(maps.Keys(groups)) {
			walkStrings(groups[depth], nil, func(name string, path []any) {
				inFile := pathTo(append([]any{"roles", i, "privileges", depth}, path...)...)
				key := strings.Join(pathTo("roles", i, "privileges", name), ".")
				if paths[key] != nil {
					problems = append(problems, problem{inFile, name + " is granted twice"})
				}
				paths[key] = inFile
			})
		}
	}
	return paths, problems
}

// withPositions returns the problems as errors with file, line and column. paths is from grantPaths.
func withPositions(document *yamldoc.Document, paths map[string][]string, problems []problem) error {
	return errors.Join(mapSlice(problems, func(p problem) error {
		if path, ok := paths[strings.Join(p.path, ".")]; ok {
			p.path = path
		}
		return document.FaultAtKey(p.text, p.path...)
	})...)
}

// Marshal returns an environment as YAML that [ParseEnvironment] reads.
func Marshal(env *Environment) ([]byte, error) {
	data, err := yamldoc.Encode(env)
	if err != nil {
		return nil, fmt.Errorf("writing environment: %w", err)
	}
	return data, nil
}

// sortLists sorts each list, innermost first, by the text of its items.
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
