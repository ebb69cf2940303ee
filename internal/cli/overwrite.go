package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/console"
)

// requireDistinctFiles returns an error if two documents would go to the same file or both to
// standard output. Empty names are ignored.
func requireDistinctFiles(files ...string) error {
	for i, file := range files {
		for _, other := range files[:i] {
			switch {
			case file == "" || other == "":
			case console.IsStdout(file) && console.IsStdout(other):
				return usagef("two documents would go to standard output: give all but one a file, such as with -o FILE after its -f")
			case console.SameFile(file, other):
				return usagef("two documents would go to %s: give each a separate file", file)
			}
		}
	}
	return nil
}

// readsAnnotation is the annotation of a flag that names an input file.
const readsAnnotation = "reads"

func readsFile(f *pflag.Flag) bool {
	_, ok := f.Annotations[readsAnnotation]
	return ok
}

// inputFiles returns the files that a command reads because its arguments and flags name them.
func inputFiles(cmd *cobra.Command, args []string) []string {
	args = slices.Clone(args)
	switch parent := cmd.Parent(); {
	case cmd.Name() == "lint" && cmd.Flags().Changed("fix"): // it changes its inputs
		return nil
	case parent == nil, parent.Name() == "fleet", cmd.Name() == "explain": // the arguments are not files
		return nil
	case parent.Name() == "profile":
		builtin := profileNames()
		args = slices.DeleteFunc(args, func(name string) bool { return slices.Contains(builtin, name) })
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if readsFile(f) {
			args = append(args, f.Value.String())
		}
	})
	return args
}

// refuseOverwritingInputs returns an error if a command would overwrite a file that it reads.
func refuseOverwritingInputs(cmd *cobra.Command, args []string) error {
	inputs := inputFiles(cmd, args)
	for _, flag := range []string{"output", "snapshot", "input", "record"} {
		f := cmd.Flags().Lookup(flag)
		if f == nil || readsFile(f) {
			continue
		}
		files := []string{f.Value.String()}
		if o, ok := f.Value.(*outputFlag); ok {
			files = nil
			for _, d := range o.outputs.list {
				files = append(files, d.file)
			}
		}
		for _, file := range files {
			if !console.IsStdout(file) && slices.ContainsFunc(inputs, func(input string) bool { return console.SameFile(input, file) }) {
				return usagef("--%s %s would overwrite a file that this command reads: choose another file", flag, file)
			}
		}
	}
	return nil
}
