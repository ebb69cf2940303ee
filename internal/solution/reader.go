package solution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/bounds"
)

// A reader reads one file and, if it is an archive, the files in it.
type reader struct {
	*sharedState
	*workspace

	ctx       context.Context
	remaining int64 // number of bytes that may still be read from the archive
	found     Contents
	// inSolution is true if the file belongs to a solution, with or without roles.
	inSolution bool
	// The numbers of roles that were detached, and of their entries.
	detachedRoles, detachedEntries int
	stopped                        bool // whether the rest of the file is skipped
	holdsLock                      bool // whether the reader holds largeLock
}

// largeSize is the size in bytes above which files are read one at a time, to limit memory. Their
// text is not kept.
const largeSize = 16 << 20

// lockIfLarge waits until no other reader reads a large file, if size is that of a large one.
func (r *reader) lockIfLarge(size int64) {
	if size > largeSize && !r.holdsLock {
		r.largeLock.Lock()
		r.holdsLock = true
	}
}

// maxFaults is the maximum number of faults, and of notes, of one file.
const maxFaults = 100

// addFault adds a fault of the file or archive entry with a label, which is its name in messages.
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
	errors.As(err, &fault) // a fault of the parser has a position
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

// readInput reads a file, and reports a named one that contains no role.
func (r *reader) readInput(f file) {
	label := filepath.ToSlash(f.name)
	var data string
	var err error
	switch {
	case f.name == Stdin:
		label = "stdin"
		data, err = r.readText(r.in, 0, r.options.MaxFileSize)
	case f.needsProbe && !r.probe(f.name):
		return
	default:
		data, err = r.readFile(f.name, r.options.MaxFileSize)
	}
	isArchive := strings.HasPrefix(data, "PK\x03\x04") || isZip(label)
	var size tooLarge
	switch {
	case errors.As(err, &size) && isZip(label):
		r.reportUnreadable(label, "", f.named, err)
	case err != nil:
		r.addFault(label, err)
	case isArchive:
		r.readArchive(label, data, 0, f.named)
	default:
		r.readXML(label, data, func() bool { return r.inManagedFolder(f.name) })
		if len(data) > largeSize {
			r.detach(label)
		}
	}
	switch {
	case !f.named || len(r.found.Roles) > 0 || len(r.found.Faults) > 0:
	case r.inSolution:
		r.addNote("%s: it belongs to a solution and defines no security role", label)
	case isArchive:
		r.addFault(label, errors.New("the archive contains no security role: want a solution's or a deployment package's .zip"))
	default:
		r.addFault(label, errors.New("the file contains no definition of a security role: "+
			"want a file of a solution's Roles folder, customizations.xml, or a solution's .zip"))
	}
}

// probe reports whether the root element at the beginning of a file may contain roles.
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

// inManagedFolder reports whether a file belongs to an unpacked managed solution.
func (r *reader) inManagedFolder(name string) bool {
	folder := filepath.Dir(name)
	r.manifestLock.Lock()
	defer r.manifestLock.Unlock()
	if _, ok := r.manifests[folder]; !ok {
		r.manifests[folder] = r.hasManagedManifest(func(path string) (string, error) {
			return r.readFile(filepath.Join(folder, path), largeSize)
		})
	}
	return r.manifests[folder]
}

// readXML adds the roles of an XML file. It adds none after a fault, so that no part of a file is
// judged. isManaged reports whether the file belongs to a managed solution.
func (r *reader) readXML(label, data string, isManaged func() bool) {
	if err := lfsPointerError(data); err != nil {
		r.addFault(label, err)
		return
	}
	doc, err := parse(data, r.workspace, r.options.KeepEntries)
	if err != nil {
		r.addFault(label, err)
		return
	}
	r.inSolution = r.inSolution || doc.root == solutionRoot
	if len(doc.roles) == 0 {
		return
	}
	managed := isManaged() || strings.HasSuffix(strings.ToLower(label), "_managed.xml")
	for i := range doc.roles {
		doc.roles[i].File, doc.roles[i].Managed = label, managed
	}
	r.found.Roles = append(r.found.Roles, doc.roles...)
}

// lfsPointerError returns an error if data is the pointer that Git LFS leaves for a file that was not
// fetched.
func lfsPointerError(data string) error {
	if strings.HasPrefix(data, "version https://git-lfs.github.com/spec/") {
		return errors.New("it is a Git LFS pointer, not the file: fetch the file with git lfs pull")
	}
	return nil
}

// readFile reads a file from disk.
func (r *reader) readFile(name string, limit int64) (string, error) {
	f, size, err := bounds.Open(name)
	if err != nil {
		return "", withoutPath(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	if size > limit {
		return "", tooLarge(limit)
	}
	r.lockIfLarge(size)
	data, err := r.readText(f, size, limit)
	if err != nil {
		return "", withoutPath(err)
	}
	return data, nil
}
