package cli

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/policy"
)

//go:embed scaffold
var scaffold embed.FS

type scaffoldData struct {
	Namespace, Name, Package, Tests, Control, Title string
}

func definePolicyNew(a *app, cmd *cobra.Command) {
	folder := cmd.Flags().String("dir", "policies", "`folder` to write to")
	cmd.RunE = func(_ *cobra.Command, args []string) error { return newPolicy(a, *folder, args[0]) }
}

func newPolicy(a *app, folder, id string) error {
	if !regexp.MustCompile(`^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*$`).MatchString(id) {
		return usagef("%q is not a rule name: want NAMESPACE/NAME in lowercase letters, digits and hyphens, such as acme/no-export", id)
	}
	namespace, name, _ := strings.Cut(id, "/")
	if entries, err := fs.ReadDir(policy.Files, "dbaudit/rules/"+namespace); err == nil && len(entries) > 0 {
		return usagef("%q is one of dbaudit's own namespaces: choose another, such as your organization's name", namespace)
	}
	s := scaffoldData{
		Namespace: namespace, Name: name, Control: strings.ToUpper(namespace + "-" + name),
		Package: "dbaudit.rules" + regoSegment(namespace) + regoSegment(name),
		Tests:   "dbaudit.rules" + regoSegment(namespace) + regoSegment(name+"_test"),
		Title:   "Rule " + id,
	}
	base := filepath.Join(folder, namespace, name, strings.ReplaceAll(name, "-", "_"))
	return writeScaffold(a, s, [][2]string{{"rule.rego", base + ".rego"}, {"rule_test.rego", base + "_test.rego"}, {"rule.md", base + ".md"}})
}

// regoSegment returns an element of a package path in Rego's notation: .name or ["na-me"].
func regoSegment(name string) string {
	if strings.Contains(name, "-") {
		return fmt.Sprintf("[%q]", name)
	}
	return "." + name
}

func defineProfileNew(a *app, cmd *cobra.Command) {
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		name := args[0]
		if !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(name) {
			return usagef("%q is not a profile name: want lowercase letters, digits and hyphens", name)
		}
		if _, err := a.Profile(name); err == nil {
			return usagef("%q is a built-in profile: choose another name", name)
		}
		return writeScaffold(a, scaffoldData{Namespace: name, Name: name, Control: strings.ToUpper(name)}, [][2]string{{"profile.yaml", name + ".yaml"}})
	}
}

// writeScaffold writes new files, each given as the name of its template and its path. It overwrites
// no file.
func writeScaffold(a *app, s scaffoldData, files [][2]string) error {
	for _, f := range files {
		if _, err := os.Lstat(f[1]); !errors.Is(err, fs.ErrNotExist) {
			return usagef("%s already exists", filepath.ToSlash(f[1]))
		}
	}
	templates, err := template.ParseFS(scaffold, "scaffold/*")
	if err != nil {
		return fmt.Errorf("reading the templates: %w", err)
	}
	for _, f := range files {
		name, file := f[0], f[1]
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, name+".tmpl", s); err != nil {
			return fmt.Errorf("filling a template: %w", err)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // source code is for all to read
			return fmt.Errorf("making the folder: %w", err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil { //nolint:gosec // source code is for all to read
			return fmt.Errorf("writing: %w", err)
		}
		a.Infof("%s", filepath.ToSlash(file))
	}
	return nil
}
