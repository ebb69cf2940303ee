// Package solution reads the security roles in Dataverse solutions: in folders that SolutionPackager
// unpacked, single role files, customizations.xml, and solution .zip files, also inside a deployment
// package. It converts each role to a snapshot, which the policies judge like that of an environment.
//
// Roles and their privileges have positions in the file on disk: line and column from 1, columns in
// UTF-16 code units. Files may have a byte order mark, any line ends, and the encodings UTF-8, UTF-16
// or a single-byte encoding that the XML declaration names.
//
// Files are not trusted. The package refuses document type declarations, which can define entities,
// deep nesting of elements or archives, entries outside of their archive, and data that is larger
// than a limit when it is read, whatever an archive claims. A file that cannot be read is a [Fault]
// and does not affect the others.
//
// The formats follow Microsoft's pages "SolutionPackager tool" and "Customization file schema", and
// solutions that Microsoft publishes.
package solution

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/bounds"
)

// Options limit what is read from files, whatever the files claim, and select files and roles.
type Options struct {
	MaxFileSize    int64 // of a file or archive entry when it is read, in bytes
	MaxArchiveSize int64 // of all that is read from one archive, including archives in it, in bytes
	MaxEntries     int   // of one archive
	MaxNesting     int   // of archives
	MaxRoles       int   // in all files together
	MaxPrivileges  int   // in all files together
	// Exclude reports whether to skip a file; nil skips none. See [Exclude].
	Exclude func(name string) bool
	// KeepEntries reports whether to keep the entries of the role with a name; nil keeps all.
	// Entries that are not kept are still checked.
	KeepEntries func(name string) bool
}

// DefaultOptions returns options with limits that no real solution reaches. Dataverse imports
// solutions of up to 95 MB, which are a few times larger when unpacked.
func DefaultOptions() Options {
	return Options{
		MaxFileSize: bounds.Role.Max(), MaxArchiveSize: 512 << 20,
		MaxEntries: 100_000, MaxNesting: 3, MaxRoles: 10_000, MaxPrivileges: 1_000_000,
	}
}

// Contents is what was read from files.
type Contents struct {
	// Roles are the definitions in the order of the paths, then of the files' names.
	Roles []Role
	// Faults are the files that could not be read, in the same order.
	Faults []*Fault
	// Notes name files that were not read and that may contain roles.
	Notes []string
	// Excluded are the files that [Options.Exclude] excluded.
	Excluded []string
}

// Stdin is the path for standard input.
const Stdin = "-"

// Read reads the roles in files, folders and archives. The path [Stdin] means a single file or
// archive from in. A file that cannot be read is a fault and does not affect the others. Read returns
// the context's error, or one that says that the files together exceed the limits.
func Read(ctx context.Context, paths []string, in io.Reader, options Options) (Contents, error) {
	l := listFiles(paths, options.Exclude)
	found := Contents{Faults: l.faults, Notes: l.notes, Excluded: l.excluded}
	parts := make([]Contents, len(l.files))
	shared := sharedState{options: options, in: in, manifests: map[string]bool{}}
	group, groupCtx := errgroup.WithContext(ctx)
	var next atomic.Int64 // index of the next file, for all workers
	for range min(runtime.GOMAXPROCS(0), len(l.files)) {
		group.Go(func() error {
			w := newWorkspace()
			for i := next.Add(1) - 1; i < int64(len(l.files)); i = next.Add(1) - 1 {
				if err := groupCtx.Err(); err != nil {
					return err
				}
				parts[i] = shared.read(groupCtx, w, l.files[i])
				if err := shared.checkCounts(parts[i].Roles); err != nil {
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
func (s *sharedState) read(ctx context.Context, w *workspace, f file) Contents {
	r := reader{ctx: ctx, sharedState: s, workspace: w, remaining: s.options.MaxArchiveSize}
	r.readInput(f)
	if r.holdsLock {
		s.largeLock.Unlock()
	}
	return r.found
}

// sharedState is the state that all readers share.
type sharedState struct {
	options           Options
	in                io.Reader
	roles, privileges atomic.Int64

	largeLock    sync.Mutex // held while a large file is read
	manifestLock sync.Mutex
	// manifests caches, by folder of role files, whether its solution is managed.
	manifests map[string]bool
}

// checkCounts adds the roles to the totals, and returns an error if these exceed the limits.
func (s *sharedState) checkCounts(roles []Role) error {
	entries := 0
	for _, r := range roles {
		entries += r.entryCount
	}
	if s.roles.Add(int64(len(roles))) > int64(s.options.MaxRoles) || s.privileges.Add(int64(entries)) > int64(s.options.MaxPrivileges) {
		return fmt.Errorf("the files define more than %d roles or list more than %d privileges in all: lint fewer of them at a time",
			s.options.MaxRoles, s.options.MaxPrivileges)
	}
	return nil
}

// A workspace is memory that is reused for one file after another.
type workspace struct {
	buffer    []byte
	nameBytes *nameBytes
	entries   []Entry
}

func newWorkspace() *workspace {
	return &workspace{buffer: make([]byte, 64<<10), nameBytes: newNameBytes()}
}

// reset removes the entries, so that the text that they refer to can be freed.
func (w *workspace) reset() {
	clear(w.entries)
	w.entries = w.entries[:0]
}

// readText reads a text of the expected size. More bytes than the limit are an error.
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

// tooLarge is the error for a file with more than this number of bytes.
type tooLarge int64

func (limit tooLarge) Error() string {
	return fmt.Sprintf("it is larger than %d MB when it is read, and no solution's file is", int64(limit)>>20)
}

// Signature returns a text that changes if a file of the paths is changed, added or removed.
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
