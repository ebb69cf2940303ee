package solution

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// addPattern adds the files that match a pattern, and those of folders that do. The syntax is that of
// a shell, with ** for any number of folders.
func (l *lister) addPattern(name string) {
	var segments []string
	for i, s := range strings.Split(filepath.ToSlash(name), "/") {
		if _, err := path.Match(s, ""); err != nil {
			l.addFault(name, fmt.Errorf("the pattern is malformed: %w", err))
			return
		}
		repeated := s == "**" && len(segments) > 0 && segments[len(segments)-1] == "**"
		if (s != "" || i == 0) && s != "." && !repeated {
			segments = append(segments, s)
		}
	}
	before := len(l.faults)
	w := walk{lister: l}
	matches := w.expand("", segments)
	w.reportSkipped(name)
	if len(matches) == 0 && len(l.faults) == before {
		l.addFault(name, errors.New("no file matches the pattern"))
	}
	slices.SortFunc(matches, func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	for _, m := range slices.Compact(matches) {
		l.addExisting(cmp.Or(filepath.FromSlash(m), "."), false)
	}
}

// expand returns the paths in a folder that match the segments of a pattern. The folder "" is the
// working directory.
func (w *walk) expand(dir string, segments []string) (found []string) {
	if len(segments) == 0 {
		return []string{dir}
	}
	first, rest := segments[0], segments[1:]
	if !isPattern(first) {
		next := joinPath(dir, first)
		_, err := os.Lstat(next)
		if errors.Is(err, fs.ErrPermission) {
			w.addFault(next, withoutPath(err))
		}
		if err != nil {
			return nil
		}
		return w.expand(next, rest)
	}
	if first == "**" {
		if found = w.expand(dir, rest); len(rest) == 0 {
			return found
		}
	}
	folder := cmp.Or(dir, ".")
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return found // a literal segment before it named a file
	}
	for _, e := range w.readDir(folder) {
		name := joinPath(dir, e.Name())
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(name)
			isDir = err == nil && info.IsDir()
		}
		switch matches, _ := path.Match(first, e.Name()); {
		case isSkipped(e.Name()) && !isHidden(first):
		case first == "**" && !isDir:
		case first == "**" && !e.IsDir():
			if !slices.Contains(w.folderLinks, name) {
				w.folderLinks = append(w.folderLinks, name)
			}
		case first == "**":
			found = append(found, w.expand(name, segments)...)
		case matches && (isDir || len(rest) == 0):
			found = append(found, w.expand(name, rest)...)
		}
	}
	return found
}

// joinPath returns the path of an entry of a folder of a pattern. Unlike path.Join it does not clean
// the path.
func joinPath(dir, name string) string {
	switch {
	case dir == "" && name == "":
		return "/"
	case dir == "", strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}

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
