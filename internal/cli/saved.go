package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/run"
)

// savedResults reads the results in folders and below, or of single files.
func savedResults(dirs []string) ([]audit.Result, error) {
	var all []audit.Result
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && name != dir && strings.HasPrefix(entry.Name(), "."):
				return fs.SkipDir
			case entry.IsDir() || !strings.EqualFold(filepath.Ext(name), ".json"):
				return nil
			}
			data, err := bounds.ReadFile(bounds.Result, name)
			if err != nil || name != dir && !isResult(data) {
				return err
			}
			results, err := run.ParseResults(name, data)
			all = append(all, results...)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there are no results at %s: check the path; dbaudit scan -f json -o FILE saves one", dir)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the saved results: %w", err)
		}
	}
	return all, nil
}

// isResult reports whether to read a file as a result: it says that it is one, or it is not
// a complete JSON document, as with a truncated result.
func isResult(data []byte) bool {
	return strings.HasPrefix(formatIn(data), "dbaudit.result") || !json.Valid(data)
}

// isSnapshot reports whether a file says that it is a snapshot.
func isSnapshot(data []byte) bool { return strings.HasPrefix(formatIn(data), "dbaudit.snapshot/") }

// formatIn is the format that a JSON document says it has; "" if it says none.
func formatIn(data []byte) string {
	var head struct {
		Format any `json:"format"`
	}
	if json.Unmarshal(data, &head) != nil {
		return ""
	}
	format, _ := head.Format.(string)
	return format
}
