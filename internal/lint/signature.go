package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// Signature returns a text that changes if a file changes that a verdict depends on: files with
// roles, the configuration, waivers, the baseline, profiles and policies.
func Signature(r *run.Runner, o Options) string {
	file, err := r.Configuration()
	if err != nil {
		file = config.Empty()
	}
	configuration, _ := r.ConfigurationFile()
	waivers, _ := run.WaiverFile(o.Accept.Waivers, file)
	files := append([]string{configuration, o.Accept.Baseline, waivers}, run.ProfileFiles(file)...)
	if name := r.ProfileName(file, o.Overrides); run.IsProfileFile(name) {
		files = append(files, name)
	}
	var b strings.Builder
	b.WriteString(solution.Signature(o.Paths))
	stamp := func(name string) {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	for _, name := range files {
		stamp(name)
	}
	for _, folder := range r.PolicyFolders {
		_ = filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(name) == ".rego" {
				stamp(name)
			}
			return nil // reading the folder reports its errors
		})
	}
	return b.String()
}
