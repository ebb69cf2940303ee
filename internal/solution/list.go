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

	reporttext "github.com/dbaudit/dbaudit/internal/report/text"
)

// A file is a file to read.
type file struct {
	name string
	// named is a file that a path names, not one found in a folder: it must contain
	// roles.
	named bool
	// needsProbe is a file that may contain roles; only its content shows it.
	needsProbe bool
}

// A lister finds the files that paths mean, each once. What it cannot read becomes
// a fault and does not affect other files.
type lister struct {
	files    []file
	faults   []*Fault
	notes    []string
	excluded []string
	exclude  func(name string) bool
	byPath   map[string]int // the files by their resolved path; -1 if excluded
}

func listFiles(paths []string, exclude func(name string) bool) *lister {
	if exclude == nil {
		exclude = func(string) bool { return false }
	}
	l := &lister{exclude: exclude, byPath: map[string]int{}}
	for _, name := range paths {
		l.addPath(name)
	}
	return l
}

// addFault reports an error in a file or folder once.
func (l *lister) addFault(name string, err error) {
	if l.exclude(name) {
		return
	}
	name = filepath.ToSlash(name)
	if !slices.ContainsFunc(l.faults, func(f *Fault) bool { return f.File == name }) {
		l.faults = append(l.faults, &Fault{File: name, Err: err})
	}
}

func (l *lister) addNote(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

// addFile adds a file once. A file that a path names must be read, however else it was found.
func (l *lister) addFile(f file, actual string) {
	i, ok := l.byPath[actual]
	switch {
	case f.name != Stdin && l.exclude(f.name):
		if !ok {
			l.byPath[actual] = -1
			l.excluded = append(l.excluded, filepath.ToSlash(f.name))
		}
	case !ok, i < 0:
		l.byPath[actual] = len(l.files)
		l.files = append(l.files, f)
	case f.named:
		l.files[i].named, l.files[i].needsProbe = true, false
	}
}

// addPath finds what a path of the command line means.
func (l *lister) addPath(name string) {
	if name == Stdin {
		l.addFile(file{name: name, named: true}, Stdin)
		return
	}
	_, err := os.Lstat(name)
	switch {
	case err != nil && isPattern(name):
		l.addPattern(name)
	case errors.Is(err, fs.ErrNotExist):
		l.addFault(name, errors.New("the file or folder does not exist: check the path, which is relative to the working directory"))
	case err != nil:
		l.addFault(name, withoutPath(err))
	default:
		l.addExisting(name, true)
	}
}

// addExisting finds what an existing file or folder means.
func (l *lister) addExisting(name string, named bool) {
	info, err := os.Stat(name)
	actual, unreal := resolve(name)
	if unreal != nil {
		actual = name // a pipe, such as a shell's <(command), has no path
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		l.addFault(name, withoutPath(err))
	case err != nil && named:
		l.addFault(name, fmt.Errorf("the symbolic link cannot be followed: %w", withoutPath(err)))
	case err != nil:
		l.addNote("%s: the symbolic link cannot be followed, and nothing was read there", filepath.ToSlash(name))
	case info.IsDir():
		l.addFolder(name, actual)
	case named && isYAML(filepath.ToSlash(name)):
		l.addFault(name, errors.New("roles in the YAML form of Git integration are not supported: name the solution's .zip, or the folder into which `pac solution clone` or `pac solution unpack` wrote it"))
	case named && isCabinet(name):
		l.addFault(name, errors.New("a cabinet is not read: unpack it and name its folder, or name the solution's .zip"))
	case named || info.Mode().IsRegular():
		l.addFile(file{name: name, named: named}, actual)
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

// withoutPath is an error without the file's name, which the fault states.
func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// A walk is what a folder contains besides files to read.
type walk struct {
	*lister

	hasYAML                  bool
	cabinets                 []string
	brokenLinks, folderLinks []string // symbolic links: to nothing, and to folders
}

func (l *lister) addFolder(name, actual string) {
	w := walk{lister: l}
	w.walkFolder(name, actual, true)
	w.reportSkipped(name)
}

// maxListed is how many names a note lists.
const maxListed = 5

func (w *walk) reportSkipped(root string) {
	root = filepath.ToSlash(root)
	if w.hasYAML {
		w.addNote("%s: roles in the YAML form of Git integration are not supported and were not read", root)
	}
	for _, left := range []struct {
		why   string
		names []string
	}{
		{"cabinets were not read; unpack one and name its folder to have it read", w.cabinets},
		{"symbolic links to folders are not followed; name a folder to have it read", w.folderLinks},
		{"symbolic links cannot be followed, and nothing was read there", w.brokenLinks},
	} {
		if len(left.names) > 0 {
			w.addNote("%s: %s: %s", root, left.why, reporttext.JoinFirst(left.names, maxListed))
		}
	}
}

// walkFolder finds the files of a folder with another resolved path. The root may have any
// name, and a role may have its own folder below Roles: role files there are
// recognized by their content.
func (w *walk) walkFolder(folder, actual string, root bool) {
	for _, e := range w.readDir(folder) {
		name, target := filepath.Join(folder, e.Name()), filepath.Join(actual, e.Name())
		place, regular := filepath.ToSlash(target), e.Type().IsRegular()
		switch {
		case e.IsDir() && !isSkipped(e.Name()):
			w.walkFolder(name, target, false)
			continue
		case e.Type()&fs.ModeSymlink != 0:
			target, regular = w.followLink(name, place)
		}
		switch {
		case !regular:
		case mayContainRoles(place):
			w.addFile(file{name: name}, target)
		case isCabinet(place):
			w.cabinets = append(w.cabinets, filepath.ToSlash(name))
		case isXML(place) && (root || inRoles(path.Dir(place))):
			w.addFile(file{name: name, needsProbe: true}, target)
		case isYAML(place) && (inRoles(place) || inRoles(path.Dir(place))):
			w.hasYAML = true
		}
	}
}

// followLink resolves a symbolic link. Links to folders are not followed, because they can form a
// circle.
func (w *walk) followLink(name, place string) (target string, regular bool) {
	target, err := resolve(name)
	if err != nil {
		// Editors mark open files with links without a target: .#name.
		if mayContainRoles(place) && !isHidden(path.Base(place)) {
			w.brokenLinks = append(w.brokenLinks, filepath.ToSlash(name))
		}
		return "", false
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		w.addFault(name, withoutPath(err))
		return "", false
	case info.IsDir() && !isSkipped(path.Base(place)):
		w.folderLinks = append(w.folderLinks, filepath.ToSlash(name))
	}
	return target, info.Mode().IsRegular()
}

func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

// isSkipped are folders that contain no source of solutions.
func isSkipped(name string) bool { return isHidden(name) || name == "node_modules" }

// mayContainRoles reports whether a file found in a folder or an archive may contain roles.
func mayContainRoles(name string) bool {
	if strings.HasPrefix(path.Base(name), "._") {
		return false // macOS keeps what a file is besides its content in one of this name
	}
	return isZip(name) || isXML(name) && (strings.EqualFold(path.Base(name), "customizations.xml") || inRoles(name))
}

func inRoles(name string) bool { return strings.EqualFold(path.Base(path.Dir(name)), "roles") }

func isZip(name string) bool     { return hasExtension(name, ".zip") }
func isXML(name string) bool     { return hasExtension(name, ".xml") }
func isYAML(name string) bool    { return hasExtension(name, ".yml", ".yaml") }
func isCabinet(name string) bool { return hasExtension(name, ".cab") }

func hasExtension(name string, in ...string) bool {
	return slices.Contains(in, strings.ToLower(path.Ext(name)))
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// addPattern finds the files and folders that a pattern means: as a shell would, with ** for
// any number of folders.
func (l *lister) addPattern(name string) {
	var segments []string
	for i, s := range strings.Split(filepath.ToSlash(name), "/") {
		if _, err := path.Match(s, ""); err != nil {
			l.addFault(name, fmt.Errorf("the pattern is malformed: %w", err))
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

// expand lists what the segments of a pattern mean in a folder, "" for the working one.
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
		is := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(name)
			is = err == nil && info.IsDir()
		}
		switch fits, _ := path.Match(first, e.Name()); {
		case isSkipped(e.Name()) && !isHidden(first):
		case first == "**" && !is:
		case first == "**" && !e.IsDir():
			if !slices.Contains(w.folderLinks, name) {
				w.folderLinks = append(w.folderLinks, name)
			}
		case first == "**":
			found = append(found, w.expand(name, segments)...)
		case fits && (is || len(rest) == 0):
			found = append(found, w.expand(name, rest)...)
		}
	}
	return found
}

// readDir lists a folder, as far as it can be read.
func (l *lister) readDir(folder string) []fs.DirEntry {
	entries, err := os.ReadDir(folder)
	if err != nil {
		l.addFault(folder, fmt.Errorf("the folder cannot be read: %w", withoutPath(err)))
	}
	return entries
}

// joinPath is the name of something in the folder of a pattern.
func joinPath(dir, name string) string {
	switch {
	case dir == "" && name == "":
		return "/"
	case dir == "", strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}
