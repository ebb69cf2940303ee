package run

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
)

// ConfigurationFile returns the name of the configuration file, and whether a flag or a variable
// names it.
func (r *Runner) ConfigurationFile() (name string, chosen bool) {
	name = cmp.Or(r.ConfigFile, r.Getenv("DBAUDIT_CONFIG"))
	return cmp.Or(name, config.DefaultName), name != ""
}

// Configuration reads the chosen configuration file, or dbaudit.yaml if it exists. It returns an
// empty configuration otherwise, and for the null device, which makes it ignore dbaudit.yaml.
func (r *Runner) Configuration() (*config.File, error) {
	name, chosen := r.ConfigurationFile()
	if name == os.DevNull {
		return config.Empty(), nil
	}
	data, err := bounds.ReadFile(bounds.Configuration, name)
	switch {
	case err == nil:
		return config.Parse(filepath.ToSlash(name), data)
	case errors.Is(err, fs.ErrNotExist) && !chosen:
		return config.Empty(), nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, Usagef("there is no configuration file %s; `dbaudit init` writes one", name)
	}
	return nil, Usagef("reading the configuration: %w", err)
}
