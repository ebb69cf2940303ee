package pages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/schema"
)

type schemaNode struct {
	Ref         string                `json:"$ref"`
	Description string                `json:"description"`
	Type        string                `json:"type"`
	Enum        []string              `json:"enum"`
	Properties  map[string]schemaNode `json:"properties"`
	Required    []string              `json:"required"`
	Items       *schemaNode           `json:"items"`
	Additional  json.RawMessage       `json:"additionalProperties"`
	Defs        map[string]schemaNode `json:"$defs"`
}

// Configuration returns the reference of dbaudit.yaml as Markdown, with a row for each key of its schema.
func Configuration() (string, error) {
	var root schemaNode
	data, err := fs.ReadFile(schema.Files, "config.json")
	if err == nil {
		err = json.Unmarshal(data, &root)
	}
	if err != nil {
		return "", fmt.Errorf("reading the schema of the configuration: %w", err)
	}
	var b strings.Builder
	b.WriteString("<!-- Made by `make docs` from schema/config.json. Change that. -->\n\n# dbaudit.yaml\n\n" + root.Description + "\n\n" +
		"`dbaudit init` writes one with comments. A flag takes precedence over an environment variable, and a variable over the file; " +
		"but if you choose environments with `--env`, `--label` or `--all-envs`, an environment's own `auth:` takes precedence over variables. " +
		"Unknown keys, duplicate keys and bad values are errors with file, line and column. " +
		"`-c /dev/null` (`-c NUL` on Windows) ignores dbaudit.yaml, as if it did not exist.\n\n" +
		"`NAME` stands for a name that you choose, `[]` for each element of a list.\n\n| key | value | meaning |\n| --- | --- | --- |\n")
	root.writeRows(&b, root, "")
	b.WriteString("\n## In an editor\n\n" +
		"Editors that support YAML schemas, such as VS Code with the YAML extension, complete and check the file. " +
		"Its first line, which `dbaudit init` writes, names the schema:\n\n```yaml\n# yaml-language-server: $schema=" + audit.SchemaURL("config") + "\n```\n\n" +
		"If that address cannot be reached, `dbaudit schema config -o config.schema.json` writes a copy to name instead. " +
		"`waivers.yaml` and profiles have such a line too; `dbaudit schema` lists every kind of file.\n")
	return b.String(), nil
}

// writeRows writes a row for each property of a node and its descendants.
func (n schemaNode) writeRows(b *strings.Builder, root schemaNode, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		n.Properties[name].writeRow(b, root, prefix+name, slices.Contains(n.Required, name))
	}
}

// writeRow writes a row for a key and, unless a key at the top has the same, rows for the keys in it.
func (n schemaNode) writeRow(b *strings.Builder, root schemaNode, key string, required bool) {
	definition := strings.TrimPrefix(n.Ref, "#/$defs/")
	n = n.resolve(root.Defs)
	var rows strings.Builder
	n.writeRows(&rows, root, key+".")
	if n.Items != nil {
		n.Items.resolve(root.Defs).writeRows(&rows, root, key+"[].")
	}
	var keyed schemaNode
	if json.Unmarshal(n.Additional, &keyed) == nil {
		keyed.resolve(root.Defs).writeRows(&rows, root, key+".NAME.")
	}
	meaning := n.Description
	if required {
		meaning = strings.TrimSpace(meaning + " Required.")
	}
	if _, ok := root.Properties[definition]; ok && definition != key && rows.Len() > 0 {
		meaning += fmt.Sprintf(" It has the keys of `%s`.", definition)
		rows.Reset()
	}
	value := n.Type
	if len(n.Enum) > 0 {
		value = "`" + strings.Join(n.Enum, "`, `") + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s |\n%s", key, value, strings.ReplaceAll(meaning, "|", `\|`), rows.String())
}

// resolve returns the definition that a node refers to, with the node's own description if it has one.
func (n schemaNode) resolve(defs map[string]schemaNode) schemaNode {
	name, ok := strings.CutPrefix(n.Ref, "#/$defs/")
	if !ok {
		return n
	}
	definition := defs[name]
	definition.Description = cmp.Or(n.Description, definition.Description)
	return definition
}
