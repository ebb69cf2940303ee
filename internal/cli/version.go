package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
)

type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Date    string `json:"date"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// buildInfo returns the identity of this build, which the Go toolchain stamped into the binary.
func buildInfo() build {
	b := build{Version: audit.Release, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		}
	}
	return b
}

func defineVersion(a *app, cmd *cobra.Command) {
	var answer documentFlags
	answer.addAnswer(cmd.Flags())
	cmd.RunE = func(*cobra.Command, []string) error {
		b := buildInfo()
		return answer.write(a, b, func(w io.Writer, _ int) error {
			name := "dbaudit " + b.Version
			if b.Commit != "" {
				name += fmt.Sprintf(" (%.12s, %s)", b.Commit, b.Date)
			}
			_, err := fmt.Fprintf(w, "%s %s %s/%s\n", name, b.Go, b.OS, b.Arch)
			return err
		})
	}
}
