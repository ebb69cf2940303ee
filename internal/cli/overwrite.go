package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/console"
)

// requireDistinctFiles refuses two documents in one place. A file without a name is not written.
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

// readsAnnotation is the annotation of a flag that names a file to read.
const readsAnnotation = "reads"

func readsFile(f *pflag.Flag) bool {
	_, read := f.Annotations[readsAnnotation]
	return read
}

// inputFiles are the files that a command reads because its arguments and flags name them.
func inputFiles(cmd *cobra.Command, args []string) []string {
	args = slices.Clone(args)
	switch group := cmd.Parent(); {
	case cmd.Name() == "lint" && cmd.Flags().Changed("fix"): // which writes its inputs
		return nil
	case group == nil, group.Name() == "fleet", cmd.Name() == "explain": // they take names
		return nil
	case group.Name() == "profile":
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

// refuseOverwritingInputs refuses to write over a file that a command reads.
func refuseOverwritingInputs(cmd *cobra.Command, args []string) error {
	read := inputFiles(cmd, args)
	for _, flag := range []string{"output", "snapshot", "input", "record"} {
		f := cmd.Flags().Lookup(flag)
		if f == nil || readsFile(f) {
			continue
		}
		files := []string{f.Value.String()}
		if o, many := f.Value.(*outputFlag); many {
			files = nil
			for _, d := range o.outputs.list {
				files = append(files, d.file)
			}
		}
		for _, file := range files {
			if !console.IsStdout(file) && slices.ContainsFunc(read, func(input string) bool { return console.SameFile(input, file) }) {
				return usagef("--%s %s would overwrite a file that this command reads: choose another file", flag, file)
			}
		}
	}
	return nil
}
