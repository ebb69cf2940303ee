package solution

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/bounds"
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
	// Nesting is how deep archives may be nested.
	Nesting int
	// Roles and Privileges are how many the files may define and list together.
	Roles, Privileges int
	// Exclude reports whether a file is left out; nil leaves out none. See [Exclude].
	Exclude func(name string) bool
	// KeepEntries reports, by a role's name, whether its entries are kept; nil keeps all. The other
	// entries are checked too.
	KeepEntries func(name string) bool
}

// DefaultLimits are beyond any real solution: the platform imports none of more
// than 95 MB, and unpacks it to a few times that.
func DefaultLimits() Limits {
	return Limits{File: bounds.Role.Max(), Archive: 512 << 20, Entries: 100_000, Nesting: 3, Roles: 10_000, Privileges: 1_000_000}
}

// Contents is what reading gave.
type Contents struct {
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
// archive from in. A file that cannot be read becomes a fault and does not affect
// other files. The error is the context's, or says that the files together exceed the limits.
func Read(ctx context.Context, paths []string, in io.Reader, limits Limits) (Contents, error) {
	l := listFiles(paths, limits.Exclude)
	found := Contents{Faults: l.faults, Notes: l.notes, Excluded: l.excluded}
	parts := make([]Contents, len(l.files))
	all := sharedState{limits: limits, in: in, manifests: map[string]bool{}}
	group, within := errgroup.WithContext(ctx)
	var taken atomic.Int64 // as many readers as processors take the files in turn
	for range min(runtime.GOMAXPROCS(0), len(l.files)) {
		group.Go(func() error {
			w := newWorkspace()
			for i := taken.Add(1) - 1; i < int64(len(l.files)); i = taken.Add(1) - 1 {
				if err := within.Err(); err != nil {
					return err
				}
				parts[i] = all.read(within, w, l.files[i])
				if err := all.checkCounts(parts[i].Roles); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := cmp.Or(group.Wait(), ctx.Err()); err != nil {
		return Contents{}, fmt.Errorf("reading solutions: %w", err)
	}
	for _, part := range parts {
		found.Roles = append(found.Roles, part.Roles...)
		found.Faults = append(found.Faults, part.Faults...)
		found.Notes = append(found.Notes, part.Notes...)
	}
	return found, nil
}

// read reads one file.
func (a *sharedState) read(ctx context.Context, w *workspace, f file) Contents {
	r := reader{ctx: ctx, sharedState: a, workspace: w, remaining: a.limits.Archive}
	defer r.release()
	r.readInput(f)
	return r.found
}

// A sharedState is what the readers of several files share.
type sharedState struct {
	limits            Limits
	in                io.Reader
	roles, privileges atomic.Int64

	// largeLock is locked while a large file is read.
	largeLock    sync.Mutex
	manifestLock sync.Mutex
	// manifests say for folders of role files whether their solution is managed, because a
	// folder has many files.
	manifests map[string]bool
}

// checkCounts bounds what is kept.
func (a *sharedState) checkCounts(roles []Role) error {
	entries := 0
	for _, r := range roles {
		entries += r.entryCount
	}
	if a.roles.Add(int64(len(roles))) > int64(a.limits.Roles) || a.privileges.Add(int64(entries)) > int64(a.limits.Privileges) {
		return fmt.Errorf("the files define more than %d roles or list more than %d privileges in all: lint fewer of them at a time",
			a.limits.Roles, a.limits.Privileges)
	}
	return nil
}

// A workspace is memory that one file after the other uses.
type workspace struct {
	buffer    []byte
	nameBytes *nameBytes
	entries   []Entry
}

func newWorkspace() *workspace {
	return &workspace{buffer: make([]byte, 64<<10), nameBytes: newNameBytes()}
}

// reset removes the entries, so that the text that they point into can be freed.
func (w *workspace) reset() {
	clear(w.entries)
	w.entries = w.entries[:0]
}

// readText reads at most limit bytes. The size is what is expected.
func (w *workspace) readText(r io.Reader, size, limit int64) (string, error) {
	var b strings.Builder
	b.Grow(int(size))
	n, err := io.CopyBuffer(&b, io.LimitReader(r, limit+1), w.buffer)
	switch {
	case err != nil:
		return "", err
	case n > limit:
		return "", tooLarge(limit)
	}
	return b.String(), nil
}

// tooLarge is the error for more than this number of bytes.
type tooLarge int64

func (limit tooLarge) Error() string {
	return fmt.Sprintf("it is larger than %d MB when it is read, and no solution's file is", int64(limit)>>20)
}

// readFile reads a file of the disk.
func (r *reader) readFile(name string, limit int64) (string, error) {
	f, size, err := bounds.Open(name)
	if err != nil {
		return "", withoutPath(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	if size > limit {
		return "", tooLarge(limit)
	}
	r.reserve(size)
	data, err := r.readText(f, size, limit)
	if err != nil {
		return "", withoutPath(err)
	}
	return data, nil
}

// A reader reads one file, with the files in it if it is an archive.
type reader struct {
	*sharedState
	*workspace

	ctx       context.Context
	remaining int64 // of limits.Archive
	found     Contents
	// inSolution is true if a file of a solution was read, with or without roles.
	inSolution bool
	// The number of roles that were detached, and that of their entries.
	detachedRoles, detachedEntries int
	// stopped is true if no more of the file is read, alone if the reader holds the lock for
	// large files.
	stopped, holdsLock bool
}

// largeSize is the size in bytes above which files are read one at a time.
const largeSize = 16 << 20

// reserve announces that size bytes will be read. Large files are read one at a time, to limit
// the memory.
func (r *reader) reserve(size int64) {
	if size > largeSize && !r.holdsLock {
		r.largeLock.Lock()
		r.holdsLock = true
	}
}

func (r *reader) release() {
	if r.holdsLock {
		r.largeLock.Unlock()
	}
}

// maxFaults limits the reported faults of one file.
const maxFaults = 100

func (r *reader) addFault(label string, err error) {
	switch {
	case r.stopped:
		return
	case len(r.found.Faults) == maxFaults:
		r.stopped = true
		err = fmt.Errorf("more than %d of its files cannot be read, and the others were skipped", maxFaults)
		label, _, _ = strings.Cut(label, "!/")
	}
	fault := &Fault{Err: err}
	errors.As(err, &fault) // then it has its line
	r.found.Faults = append(r.found.Faults, &Fault{File: label, Line: fault.Line, Column: fault.Column, Err: fault.Err})
}

func (r *reader) addNote(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	switch len(r.found.Notes) {
	case maxFaults:
		note = "there are more of these"
	case maxFaults + 1:
		return
	}
	r.found.Notes = append(r.found.Notes, note)
}

func (r *reader) readInput(f file) {
	label := filepath.ToSlash(f.name)
	var data string
	var err error
	var size tooLarge
	switch {
	case f.name == Stdin:
		label = "stdin"
		data, err = r.readText(r.in, 0, r.limits.File)
	case f.needsProbe && !r.probe(f.name):
		return
	default:
		data, err = r.readFile(f.name, r.limits.File)
	}
	// The text of a large file is not kept.
	archive, detached := isArchive(data) || isZip(label), len(data) > largeSize
	switch {
	case errors.As(err, &size) && isZip(label):
		r.reportUnreadable(label, "", f.named, err)
	case err != nil:
		r.addFault(label, err)
	case archive:
		r.readArchive(label, data, 0, f.named)
	default:
		r.readXML(label, data, func() bool { return r.inManagedFolder(f.name) })
		if detached {
			r.detach(label)
		}
	}
	switch {
	case !f.named || len(r.found.Roles) > 0 || len(r.found.Faults) > 0:
	case r.inSolution:
		r.addNote("%s: it belongs to a solution and defines no security role", label)
	case archive:
		r.addFault(label, errors.New("the archive contains no security role: want a solution's or a deployment package's .zip"))
	default:
		r.addFault(label, errors.New("the file contains no definition of a security role: want a file of a solution's Roles folder, customizations.xml, or a solution's .zip"))
	}
}

// probe looks at the beginning of a file for a root element that may contain roles.
func (r *reader) probe(name string) bool {
	f, _, err := bounds.Open(name)
	if err != nil {
		return true // reading it reports the error
	}
	defer f.Close() //nolint:errcheck // it was only read
	n, err := io.ReadFull(f, r.buffer[:4<<10])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	switch rootElement(r.buffer[:n], r.nameBytes) {
	case "Role", solutionRoot:
		return true
	}
	return false
}

// solutionRoot is the root element of customizations.xml and solution.xml.
const solutionRoot = "ImportExportXml"

// inManagedFolder reports whether the manifest of an unpacked solution is a managed solution's.
func (r *reader) inManagedFolder(name string) bool {
	folder := filepath.Dir(name)
	r.manifestLock.Lock()
	defer r.manifestLock.Unlock()
	if _, ok := r.manifests[folder]; !ok {
		r.manifests[folder] = r.hasManagedManifest(func(at string) (string, error) { return r.readFile(filepath.Join(folder, at), largeSize) })
	}
	return r.manifests[folder]
}

// readXML extracts the roles from one XML file. It returns no roles after a fault: half a file is
// not judged.
func (r *reader) readXML(label, data string, managed func() bool) {
	if isLFSPointer(data) {
		r.addFault(label, errLFSPointer())
		return
	}
	doc, err := parse(data, r.workspace, r.limits.KeepEntries)
	if err != nil {
		r.addFault(label, err)
		return
	}
	r.inSolution = r.inSolution || doc.root == solutionRoot
	if len(doc.roles) == 0 {
		return
	}
	is := managed() || strings.HasSuffix(strings.ToLower(label), "_managed.xml")
	for i := range doc.roles {
		doc.roles[i].File, doc.roles[i].Managed = label, is
	}
	r.found.Roles = append(r.found.Roles, doc.roles...)
}

// Git LFS leaves a pointer if a file was not fetched.
func isLFSPointer(data string) bool {
	return strings.HasPrefix(data, "version https://git-lfs.github.com/spec/")
}

func errLFSPointer() error {
	return errors.New("it is a Git LFS pointer, not the file: fetch the file with git lfs pull")
}

// Signature changes if a file that the paths mean is changed, added or removed.
func Signature(paths []string) string {
	var b strings.Builder
	l := listFiles(paths, nil)
	for _, f := range l.files {
		if info, err := os.Stat(f.name); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", f.name, info.Size(), info.ModTime().UnixNano())
		}
	}
	for _, fault := range l.faults {
		fmt.Fprintln(&b, fault)
	}
	return b.String() + strings.Join(l.notes, "\n")
}
