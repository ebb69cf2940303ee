package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/snapshot"
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

// ReadFile reads a file of a kind, or standard input if the name is "-".
func (r *Runner) ReadFile(kind bounds.Kind, name string) ([]byte, error) {
	if name == "-" {
		data, err := bounds.ReadAll(kind, "standard input", r.Stdin)
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return data, nil
	}
	data, err := bounds.ReadFile(kind, name)
	return data, readError(name, err)
}

// readError adds the name of the file, or advice, to an error of reading it.
func readError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (- is standard input)", err)
	}
	return fmt.Errorf("reading %s: %w", name, err)
}

func (r *Runner) readSlice(name string, choose snapshot.Selector) (*snapshot.Snapshot, error) {
	if name == "-" {
		data, err := r.ReadFile(bounds.Snapshot, name)
		if err != nil {
			return nil, err
		}
		return snapshot.Decode(data, choose)
	}
	file, closer, err := bounds.OpenSection(bounds.Snapshot, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the file does not exist: check the path, which is relative to the working directory (- is standard input)")
	}
	if err != nil {
		return nil, readError(name, err)
	}
	defer closer.Close() //nolint:errcheck // the file was only read
	return snapshot.Read(file, choose)
}

// ReadSnapshot reads a whole saved snapshot.
func (r *Runner) ReadSnapshot(name string) (*snapshot.Snapshot, error) {
	data, err := r.ReadFile(bounds.Snapshot, name)
	if err != nil {
		return nil, err
	}
	return ParseSnapshot(name, data)
}

// ParseSnapshot decodes a whole saved snapshot. The name is that of its file, for errors.
func ParseSnapshot(name string, data []byte) (*snapshot.Snapshot, error) {
	s, err := snapshot.Decode(data, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// ReadResults reads the results of several files.
func (r *Runner) ReadResults(files ...string) ([]audit.Result, error) {
	var all []audit.Result
	for _, name := range files {
		data, err := r.ReadFile(bounds.Result, name)
		if err != nil {
			return nil, err
		}
		results, err := ParseResults(name, data)
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}

// ParseResults decodes the results of a file. The name is that of the file, for errors.
func ParseResults(name string, data []byte) ([]audit.Result, error) {
	results, err := report.ReadResults(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return results, nil
}
