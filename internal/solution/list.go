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

	funnel "github.com/dbaudit/dbaudit/internal/report/text"
)

// A file is a file to read.
type file struct {
	name string
	// named is a file that a path names, not one found in a folder: it must contain
	// roles.
	named bool
	// probed is a file that may contain roles; only its content shows it.
	probed bool
}

// A lister finds the files that paths mean, each once. What it cannot read becomes
// a fault and does not affect other files.
type lister struct {
	files    []file
	faults   []*Fault
	notes    []string
	excluded []string
	exclude  func(name string) bool
	known    map[string]int // the files by their resolved path; -1 if excluded
}

func list(paths []string, exclude func(name string) bool) *lister {
	if exclude == nil {
		exclude = func(string) bool { return false }
	}
	l := &lister{exclude: exclude, known: map[string]int{}}
	for _, name := range paths {
		l.path(name)
	}
	return l
}

// fail reports an error in a file or folder once.
func (l *lister) fail(name string, err error) {
	if l.exclude(name) {
		return
	}
	name = filepath.ToSlash(name)
	if !slices.ContainsFunc(l.faults, func(f *Fault) bool { return f.File == name }) {
		l.faults = append(l.faults, &Fault{File: name, Err: err})
	}
}

func (l *lister) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

// add adds a file once. A file that a path names must be read, however else it was found.
func (l *lister) add(f file, actual string) {
	i, ok := l.known[actual]
	switch {
	case f.name != Stdin && l.exclude(f.name):
		if !ok {
			l.known[actual] = -1
			l.excluded = append(l.excluded, filepath.ToSlash(f.name))
		}
	case !ok, i < 0:
		l.known[actual] = len(l.files)
		l.files = append(l.files, f)
	case f.named:
		l.files[i].named, l.files[i].probed = true, false
	}
}

// path finds what a path of the command line means.
func (l *lister) path(name string) {
	if name == Stdin {
		l.add(file{name: name, named: true}, Stdin)
		return
	}
	_, err := os.Lstat(name)
	switch {
	case err != nil && isPattern(name):
		l.pattern(name)
	case errors.Is(err, fs.ErrNotExist):
		l.fail(name, errors.New("the file or folder does not exist: check the path, which is relative to the working directory"))
	case err != nil:
		l.fail(name, cause(err))
	default:
		l.existing(name, true)
	}
}

// existing finds what an existing file or folder means.
func (l *lister) existing(name string, named bool) {
	info, err := os.Stat(name)
	actual, unreal := resolve(name)
	if unreal != nil {
		actual = name // a pipe, such as a shell's <(command), has no path
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		l.fail(name, cause(err))
	case err != nil && named:
		l.fail(name, fmt.Errorf("the symbolic link cannot be followed: %w", cause(err)))
	case err != nil:
		l.note("%s: the symbolic link cannot be followed, and nothing was read there", filepath.ToSlash(name))
	case info.IsDir():
		l.folder(name, actual)
	case named && isYAML(filepath.ToSlash(name)):
		l.fail(name, errors.New("roles in the YAML form of Git integration are not supported: name the solution's .zip, or the folder into which `pac solution clone` or `pac solution unpack` wrote it"))
	case named && isCabinet(name):
		l.fail(name, errors.New("a cabinet is not read: unpack it and name its folder, or name the solution's .zip"))
	case named || info.Mode().IsRegular():
		l.add(file{name: name, named: named}, actual)
	}
}

// resolve returns the path of a file or folder after following links.
func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// cause is an error without the file's name, which the fault states.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// A walk is what a folder contains besides files to read.
type walk struct {
	*lister

	yaml               bool
	cabinets           []string
	dangling, unwalked []string // symbolic links: to nothing, and to folders
}

func (l *lister) folder(name, actual string) {
	w := walk{lister: l}
	w.in(name, actual, true)
	w.say(name)
}

// shown is how many names a note lists.
const shown = 5

func (w *walk) say(root string) {
	root = filepath.ToSlash(root)
	if w.yaml {
		w.note("%s: roles in the YAML form of Git integration are not supported and were not read", root)
	}
	for _, left := range []struct {
		why   string
		names []string
	}{
		{"cabinets were not read; unpack one and name its folder to have it read", w.cabinets},
		{"symbolic links to folders are not followed; name a folder to have it read", w.unwalked},
		{"symbolic links cannot be followed, and nothing was read there", w.dangling},
	} {
		if len(left.names) > 0 {
			w.note("%s: %s: %s", root, left.why, funnel.JoinFirst(left.names, shown))
		}
	}
}

// in finds the files of a folder with another resolved path. The root may have any
// name, and a role may have its own folder below Roles: role files there are
// recognized by their content.
func (w *walk) in(folder, actual string, root bool) {
	for _, e := range w.entries(folder) {
		name, target := filepath.Join(folder, e.Name()), filepath.Join(actual, e.Name())
		place, regular := filepath.ToSlash(target), e.Type().IsRegular()
		switch {
		case e.IsDir() && !skipped(e.Name()):
			w.in(name, target, false)
			continue
		case e.Type()&fs.ModeSymlink != 0:
			target, regular = w.link(name, place)
		}
		switch {
		case !regular:
		case relevant(place):
			w.add(file{name: name}, target)
		case isCabinet(place):
			w.cabinets = append(w.cabinets, filepath.ToSlash(name))
		case isXML(place) && (root || inRoles(path.Dir(place))):
			w.add(file{name: name, probed: true}, target)
		case isYAML(place) && (inRoles(place) || inRoles(path.Dir(place))):
			w.yaml = true
		}
	}
}

// link resolves a symbolic link. Links to folders are not followed, because they can form a
// circle.
func (w *walk) link(name, place string) (target string, regular bool) {
	target, err := resolve(name)
	if err != nil {
		// Editors mark open files with links without a target: .#name.
		if relevant(place) && !hidden(path.Base(place)) {
			w.dangling = append(w.dangling, filepath.ToSlash(name))
		}
		return "", false
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		w.fail(name, cause(err))
		return "", false
	case info.IsDir() && !skipped(path.Base(place)):
		w.unwalked = append(w.unwalked, filepath.ToSlash(name))
	}
	return target, info.Mode().IsRegular()
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// skipped are folders that contain no source of solutions.
func skipped(name string) bool { return hidden(name) || name == "node_modules" }

// relevant reports whether a file found in a folder or an archive may contain roles.
func relevant(name string) bool {
	if strings.HasPrefix(path.Base(name), "._") {
		return false // macOS keeps what a file is besides its content in one of this name
	}
	return isZip(name) || isXML(name) && (strings.EqualFold(path.Base(name), "customizations.xml") || inRoles(name))
}

func inRoles(name string) bool { return strings.EqualFold(path.Base(path.Dir(name)), "roles") }

func isZip(name string) bool     { return ends(name, ".zip") }
func isXML(name string) bool     { return ends(name, ".xml") }
func isYAML(name string) bool    { return ends(name, ".yml", ".yaml") }
func isCabinet(name string) bool { return ends(name, ".cab") }

func ends(name string, in ...string) bool {
	return slices.Contains(in, strings.ToLower(path.Ext(name)))
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// pattern finds the files and folders that a pattern means: as a shell would, with ** for
// any number of folders.
func (l *lister) pattern(name string) {
	var segments []string
	for i, s := range strings.Split(filepath.ToSlash(name), "/") {
		if _, err := path.Match(s, ""); err != nil {
			l.fail(name, fmt.Errorf("the pattern is malformed: %w", err))
			return
		}
		again := s == "**" && len(segments) > 0 && segments[len(segments)-1] == "**"
		if (s != "" || i == 0) && s != "." && !again {
			segments = append(segments, s)
		}
	}
	before := len(l.faults)
	w := walk{lister: l}
	matches := w.expand("", segments)
	w.say(name)
	if len(matches) == 0 && len(l.faults) == before {
		l.fail(name, errors.New("no file matches the pattern"))
	}
	slices.SortFunc(matches, func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	for _, m := range slices.Compact(matches) {
		l.existing(cmp.Or(filepath.FromSlash(m), "."), false)
	}
}

// expand lists what the segments of a pattern mean in a folder, "" for the working one.
func (w *walk) expand(dir string, segments []string) (found []string) {
	if len(segments) == 0 {
		return []string{dir}
	}
	first, rest := segments[0], segments[1:]
	if !isPattern(first) {
		next := child(dir, first)
		_, err := os.Lstat(next)
		if errors.Is(err, fs.ErrPermission) {
			w.fail(next, cause(err))
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
	for _, e := range w.entries(folder) {
		name := child(dir, e.Name())
		is := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(name)
			is = err == nil && info.IsDir()
		}
		switch fits, _ := path.Match(first, e.Name()); {
		case skipped(e.Name()) && !hidden(first):
		case first == "**" && !is:
		case first == "**" && !e.IsDir():
			if !slices.Contains(w.unwalked, name) {
				w.unwalked = append(w.unwalked, name)
			}
		case first == "**":
			found = append(found, w.expand(name, segments)...)
		case fits && (is || len(rest) == 0):
			found = append(found, w.expand(name, rest)...)
		}
	}
	return found
}

// entries lists a folder, as far as it can be read.
func (l *lister) entries(folder string) []fs.DirEntry {
	entries, err := os.ReadDir(folder)
	if err != nil {
		l.fail(folder, fmt.Errorf("the folder cannot be read: %w", cause(err)))
	}
	return entries
}

// child is the name of something in the folder of a pattern.
func child(dir, name string) string {
	switch {
	case dir == "" && name == "":
		return "/"
	case dir == "", strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}
