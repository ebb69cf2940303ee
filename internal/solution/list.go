package solution

import (
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
	// named is true if a path of the command line names the file. It must then contain roles.
	named bool
	// needsProbe is true if only the content shows whether the file may contain roles.
	needsProbe bool
}

// A lister lists the files of paths, without duplicates. A file or folder that it cannot read is a
// fault and does not affect the others.
type lister struct {
	files    []file
	faults   []*Fault
	notes    []string
	excluded []string
	exclude  func(name string) bool
	byPath   map[string]int // index in files by resolved path; -1 if excluded
}

// listFiles lists the files of paths, except those that exclude reports.
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

// addFault adds a fault of a file or folder, unless it has one.
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

// addFile adds the file with a resolved path, unless it was added before. A file that a path names
// counts as named even if it was also found in a folder.
func (l *lister) addFile(f file, resolved string) {
	i, ok := l.byPath[resolved]
	switch {
	case f.name != Stdin && l.exclude(f.name):
		if !ok {
			l.byPath[resolved] = -1
			l.excluded = append(l.excluded, filepath.ToSlash(f.name))
		}
	case !ok, i < 0:
		l.byPath[resolved] = len(l.files)
		l.files = append(l.files, f)
	case f.named:
		l.files[i].named, l.files[i].needsProbe = true, false
	}
}

// addPath adds the files of a path of the command line: a file, a folder or a pattern.
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

// addExisting adds an existing file, or the files of an existing folder.
func (l *lister) addExisting(name string, named bool) {
	info, err := os.Stat(name)
	resolved, resolveErr := resolve(name)
	if resolveErr != nil {
		resolved = name // a pipe, such as a shell's <(command), has no path
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		l.addFault(name, withoutPath(err))
	case err != nil && named:
		l.addFault(name, fmt.Errorf("the symbolic link cannot be followed: %w", withoutPath(err)))
	case err != nil:
		l.addNote("%s: the symbolic link cannot be followed, and nothing was read there", filepath.ToSlash(name))
	case info.IsDir():
		w := walk{lister: l}
		w.walkFolder(name, resolved, true)
		w.reportSkipped(name)
	case named && isYAML(filepath.ToSlash(name)):
		l.addFault(name, errors.New("roles in the YAML form of Git integration are not supported: "+
			"name the solution's .zip, or the folder into which `pac solution clone` or `pac solution unpack` wrote it"))
	case named && isCabinet(name):
		l.addFault(name, errors.New("a cabinet is not read: unpack it and name its folder, or name the solution's .zip"))
	case named || info.Mode().IsRegular():
		l.addFile(file{name: name, named: named}, resolved)
	}
}

// resolve returns the absolute path of a file or folder after following symbolic links.
func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// withoutPath returns the cause of an error of the file system. The fault has the file's name.
func withoutPath(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// A walk lists the files of a folder or pattern, and records what it skips.
type walk struct {
	*lister

	hasYAML     bool     // whether it found roles in YAML
	cabinets    []string // .cab archives
	brokenLinks []string
	folderLinks []string // symbolic links to folders
}

// maxListed is the maximum number of names in a note.
const maxListed = 5

// reportSkipped adds notes about what was skipped below root.
func (w *walk) reportSkipped(root string) {
	root = filepath.ToSlash(root)
	if w.hasYAML {
		w.addNote("%s: roles in the YAML form of Git integration are not supported and were not read", root)
	}
	for _, skipped := range []struct {
		reason string
		names  []string
	}{
		{"cabinets were not read; unpack one and name its folder to have it read", w.cabinets},
		{"symbolic links to folders are not followed; name a folder to have it read", w.folderLinks},
		{"symbolic links cannot be followed, and nothing was read there", w.brokenLinks},
	} {
		if len(skipped.names) > 0 {
			w.addNote("%s: %s: %s", root, skipped.reason, reporttext.JoinFirst(skipped.names, maxListed))
		}
	}
}

// walkFolder adds the files of a folder with a resolved path. The content decides about XML files in
// the root, which may have any name, and in the folder of a role below Roles.
func (w *walk) walkFolder(folder, resolved string, isRoot bool) {
	for _, e := range w.readDir(folder) {
		name, target := filepath.Join(folder, e.Name()), filepath.Join(resolved, e.Name())
		slashed, regular := filepath.ToSlash(target), e.Type().IsRegular()
		switch {
		case e.IsDir() && !isSkipped(e.Name()):
			w.walkFolder(name, target, false)
			continue
		case e.Type()&fs.ModeSymlink != 0:
			target, regular = w.followLink(name, slashed)
		}
		switch {
		case !regular:
		case mayContainRoles(slashed):
			w.addFile(file{name: name}, target)
		case isCabinet(slashed):
			w.cabinets = append(w.cabinets, filepath.ToSlash(name))
		case isXML(slashed) && (isRoot || inRoles(path.Dir(slashed))):
			w.addFile(file{name: name, needsProbe: true}, target)
		case isYAML(slashed) && (inRoles(slashed) || inRoles(path.Dir(slashed))):
			w.hasYAML = true
		}
	}
}

// followLink returns the target of a symbolic link, and whether it is a regular file. Links to folders
// are not followed, because they can form a cycle. slashed is the link's path with forward slashes.
func (w *walk) followLink(name, slashed string) (target string, regular bool) {
	target, err := resolve(name)
	if err != nil {
		// Editors mark open files with links without a target: .#name.
		if mayContainRoles(slashed) && !isHidden(path.Base(slashed)) {
			w.brokenLinks = append(w.brokenLinks, filepath.ToSlash(name))
		}
		return "", false
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		w.addFault(name, withoutPath(err))
		return "", false
	case info.IsDir() && !isSkipped(path.Base(slashed)):
		w.folderLinks = append(w.folderLinks, filepath.ToSlash(name))
	}
	return target, info.Mode().IsRegular()
}

func isHidden(name string) bool { return strings.HasPrefix(name, ".") }

// isSkipped reports whether a folder contains no source files of solutions.
func isSkipped(name string) bool { return isHidden(name) || name == "node_modules" }

// mayContainRoles reports by its name whether a file in a folder or an archive may contain roles.
func mayContainRoles(name string) bool {
	if strings.HasPrefix(path.Base(name), "._") {
		return false // macOS writes a file's metadata to a file of this name
	}
	return isZip(name) || isXML(name) && (strings.EqualFold(path.Base(name), "customizations.xml") || inRoles(name))
}

func inRoles(name string) bool { return strings.EqualFold(path.Base(path.Dir(name)), "roles") }

func isZip(name string) bool     { return hasExtension(name, ".zip") }
func isXML(name string) bool     { return hasExtension(name, ".xml") }
func isYAML(name string) bool    { return hasExtension(name, ".yml", ".yaml") }
func isCabinet(name string) bool { return hasExtension(name, ".cab") }

func hasExtension(name string, extensions ...string) bool {
	return slices.Contains(extensions, strings.ToLower(path.Ext(name)))
}

// readDir returns the entries of a folder, and adds a fault if it cannot be read.
func (l *lister) readDir(folder string) []fs.DirEntry {
	entries, err := os.ReadDir(folder)
	if err != nil {
		l.addFault(folder, fmt.Errorf("the folder cannot be read: %w", withoutPath(err)))
	}
	return entries
}
