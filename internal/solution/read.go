package solution

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Limits bound what reading takes, whatever the files claim of themselves.
type Limits struct {
	// File is the size in bytes of one file or archive entry when it is read.
	File int64
	// Archive is the size in bytes of all that is read out of one archive, archives
	// in it included.
	Archive int64
	// Entries is the number of entries that one archive may list.
	Entries int
	// Nesting is how deep archives may stand in one another.
	Nesting int
	// Exclude tells the files that are left out; nil leaves out none. See [Exclude].
	Exclude func(name string) bool
}

// DefaultLimits are beyond any real solution: the platform imports none of more
// than 95 MB, and unpacks it to a few times that.
func DefaultLimits() Limits {
	return Limits{File: 128 << 20, Archive: 512 << 20, Entries: 100_000, Nesting: 3}
}

// Found is what reading gave.
type Found struct {
	// Roles are the definitions in the order of the paths, then of the files' names.
	Roles []Role
	// Faults are the files that could not be read, in the same order.
	Faults []*Fault
	// Notes say what a reader may miss.
	Notes []string
	// Excluded are the files that were left out.
	Excluded []string
}

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Read reads the roles of files, folders and archives; [Stdin] is a single file or
// archive from in. A file that cannot be read becomes a fault and hinders nothing
// else. The error is the context's alone.
func Read(ctx context.Context, paths []string, in io.Reader, limits Limits) (Found, error) {
	var found Found
	var files []file
	for _, name := range paths {
		more, notes, err := list(name)
		if err != nil {
			found.Faults = append(found.Faults, &Fault{File: filepath.ToSlash(name), Err: err})
		}
		files = append(files, more...)
		found.Notes = append(found.Notes, notes...)
	}
	files = unique(files)
	if limits.Exclude != nil {
		files = slices.DeleteFunc(files, func(f file) bool {
			out := f.name != Stdin && limits.Exclude(f.name)
			if out {
				found.Excluded = append(found.Excluded, filepath.ToSlash(f.name))
			}
			return out
		})
	}
	parts := make([]Found, len(files))
	manifests := manifests{known: map[string]string{}}
	// What is kept of a file is a copy, so that the next can be read into its place.
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		group.Go(func() error {
			if ctx.Err() == nil {
				b := buffers.Get().(*bytes.Buffer) //nolint:errcheck,forcetypeassert // the pool holds nothing else
				defer buffers.Put(b)
				parts[i] = f.read(b, in, limits, &manifests)
			}
			return nil
		})
	}
	_ = group.Wait()
	for _, part := range parts {
		found.Roles = append(found.Roles, part.Roles...)
		found.Faults = append(found.Faults, part.Faults...)
		found.Notes = append(found.Notes, part.Notes...)
	}
	if err := ctx.Err(); err != nil {
		return Found{}, fmt.Errorf("reading solutions: %w", err)
	}
	return found, nil
}

// A file is one to be read.
type file struct {
	name string
	// named is a file that somebody asked for, rather than one that was found in a
	// folder: then it must hold roles.
	named bool
}

func unique(files []file) []file {
	seen := map[string]bool{}
	return slices.DeleteFunc(files, func(f file) bool {
		key := filepath.Clean(f.name)
		if f.name == Stdin {
			key = Stdin
		}
		was := seen[key]
		seen[key] = true
		return was
	})
}

// list finds the files that a path means.
func list(name string) (files []file, notes []string, err error) {
	if name == Stdin {
		return []file{{name: name, named: true}}, nil, nil
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "*?[") {
		return glob(name)
	}
	switch {
	case err != nil:
		return nil, nil, cause(err)
	case !info.IsDir():
		return []file{{name: name, named: true}}, nil, nil
	}
	return walk(name)
}

// cause is an error of a file without its name, which the fault has already.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

func walk(root string) (files []file, notes []string, err error) {
	yaml := false
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && skipped(entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular():
		case relevant(filepath.ToSlash(name)):
			files = append(files, file{name: name})
		case isYAMLRole(filepath.ToSlash(name)):
			yaml = true
		}
		return nil
	})
	if yaml {
		notes = append(notes, fmt.Sprintf("%s: roles in the YAML form of Git integration are not supported and were not read", filepath.ToSlash(root)))
	}
	if err != nil {
		err = cause(err)
	}
	return files, notes, err
}

// skipped are folders that hold no source of solutions.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules"
}

// relevant reports whether a file found in a folder or an archive may hold roles.
func relevant(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch path.Ext(base) {
	case ".zip":
		return true
	case ".xml":
		return base == "customizations.xml" || inRoles(name)
	}
	return false
}

func inRoles(name string) bool { return strings.EqualFold(path.Base(path.Dir(name)), "roles") }

func isYAMLRole(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return (ext == ".yml" || ext == ".yaml") && (inRoles(name) || inRoles(path.Dir(name)))
}

// glob finds the files and folders that a pattern means: as a shell would, with **
// for any number of folders.
func glob(pattern string) (files []file, notes []string, err error) {
	segments := strings.Split(filepath.ToSlash(pattern), "/")
	fixed := 0
	for fixed < len(segments)-1 && !strings.ContainsAny(segments[fixed], "*?[") {
		fixed++
	}
	for _, s := range segments {
		if _, err := path.Match(s, ""); err != nil {
			return nil, nil, fmt.Errorf("the pattern is malformed: %w", err)
		}
	}
	root := strings.Join(segments[:fixed], "/")
	switch {
	case fixed == 0:
		root = "."
	case root == "":
		root = "/"
	}
	var matches []string
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil || relative == "." {
			return err
		}
		if entry.IsDir() && skipped(entry.Name()) {
			return fs.SkipDir
		}
		if match(segments[fixed:], strings.Split(filepath.ToSlash(relative), "/")) {
			matches = append(matches, name)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, cause(err)
	case len(matches) == 0:
		return nil, nil, errors.New("no file fits the pattern")
	}
	for _, name := range matches {
		more, moreNotes, err := list(name)
		if err != nil {
			return nil, nil, err
		}
		for i := range more {
			more[i].named = false
		}
		files, notes = append(files, more...), append(notes, moreNotes...)
	}
	return files, notes, nil
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

// read reads the file by way of a buffer.
func (f file) read(b *bytes.Buffer, in io.Reader, limits Limits, m *manifests) Found {
	label := filepath.ToSlash(f.name)
	r := reader{limits: limits, left: limits.Archive}
	var raw []byte
	var err error
	if f.name == Stdin {
		raw, err = bounded(b, in, limits.File)
	} else {
		raw, err = readFile(b, f.name, limits.File)
	}
	if err != nil {
		r.fail(label, err)
		return r.found
	}
	if isArchive(raw) || strings.EqualFold(path.Ext(label), ".zip") {
		r.archive(label, raw, 0)
		if f.named && len(r.found.Roles) == 0 && len(r.found.Faults) == 0 {
			r.fail(label, errors.New("the archive holds no security role: want a solution's or a deployment package's .zip"))
		}
		return r.found
	}
	r.xml(label, raw, func() string { return m.beside(f.name) })
	if f.named && len(r.found.Roles) == 0 && len(r.found.Faults) == 0 {
		r.fail(label, errors.New("the file holds no definition of a security role: want a file of a solution's Roles folder, customizations.xml, or a solution's .zip"))
	}
	return r.found
}

func isArchive(raw []byte) bool { return bytes.HasPrefix(raw, []byte("PK\x03\x04")) }

func readFile(b *bytes.Buffer, name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	b.Reset()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if info.Size() > limit {
			return nil, tooLarge(limit)
		}
		b.Grow(int(info.Size()) + bytes.MinRead) // with room to find the end in
	}
	data, err := bounded(b, f, limit)
	if err != nil {
		return nil, cause(err)
	}
	return data, nil
}

// bounded reads to the end, which must come before the limit. What it returns is
// good until the buffer is used again.
func bounded(b *bytes.Buffer, r io.Reader, limit int64) ([]byte, error) {
	b.Reset()
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, err
	case n > limit:
		return nil, tooLarge(limit)
	}
	return b.Bytes(), nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("it is larger than %d MB when it is read, and no solution's file is", limit>>20)
}

// manifests are what the manifests of unpacked solutions say, by the folder of a
// role's file: many files stand in one.
type manifests struct {
	mutex sync.Mutex
	known map[string]string
}

// beside is the Managed element of the manifest of an unpacked solution, which
// stands in the folder Other beside Roles.
func (m *manifests) beside(name string) string {
	folder := filepath.Dir(name)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if managed, ok := m.known[folder]; ok {
		return managed
	}
	m.known[folder] = ""
	for _, dir := range []string{filepath.Join(filepath.Dir(folder), "Other"), folder} {
		for _, base := range []string{"Solution.xml", "solution.xml"} {
			raw, err := readFile(new(bytes.Buffer), filepath.Join(dir, base), 16<<20)
			if err != nil {
				continue
			}
			if doc, err := parse(raw); err == nil && doc.managed != "" {
				m.known[folder] = doc.managed
				return doc.managed
			}
		}
	}
	return ""
}

// A reader reads one file with all that is in it.
type reader struct {
	limits Limits
	left   int64 // of limits.Archive
	found  Found
}

func (r *reader) fail(label string, err error) {
	var fault *Fault
	if errors.As(err, &fault) {
		r.found.Faults = append(r.found.Faults, &Fault{File: label, Line: fault.Line, Column: fault.Column, Err: fault.Err})
		return
	}
	r.found.Faults = append(r.found.Faults, &Fault{File: label, Err: err})
}

// xml takes the roles out of one XML file. What a fault leaves of the roles before
// it is left out: half a file is not judged.
func (r *reader) xml(label string, raw []byte, manifest func() string) {
	doc, err := parse(raw)
	if err != nil {
		r.fail(label, err)
		return
	}
	if len(doc.roles) == 0 {
		return
	}
	managed := manifest() == "1" || strings.HasSuffix(strings.ToLower(label), "_managed.xml")
	for _, role := range doc.roles {
		role.File, role.Managed = label, managed
		r.found.Roles = append(r.found.Roles, role)
	}
}

func (r *reader) archive(label string, raw []byte, nesting int) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	switch {
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		r.fail(label, fmt.Errorf("this is no .zip archive, or a broken one: %w", err))
		return
	case len(z.File) > r.limits.Entries:
		r.fail(label, fmt.Errorf("the archive lists %d entries, more than the %d that are read", len(z.File), r.limits.Entries))
		return
	}
	entries := map[string]*zip.File{}
	var names []string
	for _, f := range z.File {
		// Some tools write the separator of Windows.
		name := strings.ReplaceAll(f.Name, `\`, "/")
		if !filepath.IsLocal(strings.TrimSuffix(name, "/")) || strings.Contains(name, ":") {
			r.fail(label, fmt.Errorf("the archive is refused: its entry %q leads out of it", f.Name))
			return
		}
		base := strings.ToLower(path.Base(name))
		if strings.HasSuffix(name, "/") || (!relevant(name) && base != "solution.xml") {
			continue
		}
		key := strings.ToLower(path.Clean(name))
		if entries[key] != nil {
			r.fail(label, fmt.Errorf("the archive is refused: it holds %q twice", name))
			return
		}
		entries[key] = f
		names = append(names, name)
	}
	slices.Sort(names)
	known := map[string]string{} // what the manifests say, by folder
	managed := func(name string) string {
		dir := strings.ToLower(path.Dir(name))
		if word, ok := known[dir]; ok {
			return word
		}
		known[dir] = r.manifest(entries, dir)
		return known[dir]
	}
	for _, name := range names {
		if !relevant(name) {
			continue
		}
		inner := label + "!/" + name
		nested := strings.EqualFold(path.Ext(name), ".zip")
		if nested && nesting+1 >= r.limits.Nesting {
			r.fail(inner, fmt.Errorf("archives stand in one another more than %d deep", r.limits.Nesting))
			continue
		}
		raw, err := r.entry(entries[strings.ToLower(path.Clean(name))])
		switch {
		case err != nil:
			r.fail(inner, err)
		case nested:
			r.archive(inner, raw, nesting+1)
		default:
			r.xml(inner, raw, func() string { return managed(name) })
		}
	}
}

// manifest says whether the manifest that belongs to a folder of an archive is a
// managed solution's.
func (r *reader) manifest(entries map[string]*zip.File, dir string) string {
	for _, at := range []string{path.Join(dir, "solution.xml"), path.Join(path.Dir(dir), "other/solution.xml")} {
		f := entries[at]
		if f == nil {
			continue
		}
		if raw, err := r.entry(f); err == nil {
			if doc, err := parse(raw); err == nil && doc.managed != "" {
				return doc.managed
			}
		}
	}
	return ""
}

// entry reads one entry of an archive. What the archive says of its size is not
// believed.
func (r *reader) entry(f *zip.File) ([]byte, error) {
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return nil, errors.New("the entry is encrypted")
	}
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("the entry cannot be read: %w", err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	limit := min(r.limits.File, r.left)
	raw, err := bounded(new(bytes.Buffer), in, limit)
	r.left -= int64(len(raw))
	if err != nil {
		if limit < r.limits.File {
			return nil, fmt.Errorf("the archive is refused: more than %d MB would have to be read out of it", r.limits.Archive>>20)
		}
		return nil, fmt.Errorf("the entry cannot be read: %w", err)
	}
	return raw, nil
}

// Signature changes whenever a file that the paths mean is changed, added or
// removed.
func Signature(paths []string) string {
	var b strings.Builder
	for _, name := range paths {
		files, _, err := list(name)
		fmt.Fprintf(&b, "%s %v\n", name, err)
		for _, f := range files {
			if info, err := os.Stat(f.name); err == nil {
				fmt.Fprintf(&b, "%s %d %d\n", f.name, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}
