package solution

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Exclude returns a function that reports whether a file, or a folder that contains it, matches one of
// the patterns. Patterns are relative to the working directory, and ** matches any number of folders.
// A pattern without a slash matches at any depth, as in .gitignore. An archive counts as one file.
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
		split[i] = append(segments, "**")
	}
	return func(name string) bool {
		names := strings.Split(filepath.ToSlash(filepath.Clean(name)), "/")
		return slices.ContainsFunc(split, func(pattern []string) bool { return matchSegments(pattern, names) })
	}, nil
}

func matchSegments(pattern, name []string) bool {
	if len(pattern) == 0 || len(name) == 0 {
		return len(name) == 0 && !slices.ContainsFunc(pattern, func(s string) bool { return s != "**" })
	}
	if pattern[0] == "**" {
		return matchSegments(pattern[1:], name) || matchSegments(pattern, name[1:])
	}
	ok, _ := path.Match(pattern[0], name[0])
	return ok && matchSegments(pattern[1:], name[1:])
}
