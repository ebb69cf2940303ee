package solution

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// Exclude makes a test of patterns: of files and folders, with all that is in these,
// from the working directory, with ** for any number of folders. One without a slash
// is meant at any depth, as in .gitignore. An archive is one file.
func Exclude(patterns []string) (func(name string) bool, error) {
	split := make([][]string, len(patterns))
	for i, pattern := range patterns {
		segments := strings.Split(path.Clean(filepath.ToSlash(pattern)), "/")
		for _, s := range segments {
			if _, err := path.Match(s, ""); err != nil {
				return nil, fmt.Errorf("the pattern %q is malformed: %w", pattern, err)
			}
		}
		if len(segments) == 1 {
			segments = []string{"**", segments[0]}
		}
		split[i] = segments
	}
	return func(name string) bool {
		names := strings.Split(filepath.ToSlash(filepath.Clean(name)), "/")
		for _, pattern := range split {
			for n := range names {
				if match(pattern, names[:n+1]) {
					return true
				}
			}
		}
		return false
	}, nil
}

func match(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "**":
		for i := range len(name) + 1 {
			if match(pattern[1:], name[i:]) {
				return true
			}
		}
		return false
	case len(name) == 0:
		return false
	}
	ok, _ := path.Match(pattern[0], name[0])
	return ok && match(pattern[1:], name[1:])
}
