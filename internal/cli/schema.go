package cli

import (
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/policy"
	"github.com/dbaudit/dbaudit/schema"
)

// snapshotSchema is the only schema in the folder of the policies, because it describes their input.
const snapshotSchema = "snapshot"

func defineSchema(a *app, cmd *cobra.Command) {
	var output string
	outputFileFlag(cmd.Flags(), &output)
	takesNames(cmd, func(*cobra.Command, []string) []string { return schemaNames() })
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return a.WriteOutput(output, []byte(strings.Join(schemaNames(), "\n")+"\n"))
		}
		data, err := readSchema(args[0])
		if err != nil {
			return err
		}
		return a.WriteEncodedJSON(output, data)
	}
}

func schemaNames() []string {
	files, _ := fs.Glob(schema.Files, "*.json") // the pattern is valid
	names := make([]string, 0, len(files)+1)
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file, ".json"))
	}
	return append(names, snapshotSchema)
}

func readSchema(name string) ([]byte, error) {
	if name == snapshotSchema {
		return fs.ReadFile(policy.Files, "schema/snapshot.json") //nolint:wrapcheck // it is embedded
	}
	data, err := fs.ReadFile(schema.Files, name+".json")
	if err != nil {
		return nil, usagef("there is no schema %q: there are %s", name, strings.Join(schemaNames(), ", "))
	}
	return data, nil
}
