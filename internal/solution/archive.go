package solution

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unique"

	reporttext "github.com/dbaudit/dbaudit/internal/report/text"
)

// maxPath is the maximum length of an entry's name in bytes, because every role in the entry keeps
// it. The default limit of Windows is 260 characters.
const maxPath = 1000

// reportUnreadable adds a fault for an archive that cannot be read. If no path names the archive and
// it does not look like a solution, it adds a note instead: repositories contain other archives.
func (r *reader) reportUnreadable(label, data string, named bool, err error) {
	// The names of a solution's files are readable in a broken or encrypted archive too.
	inData := func(name string) bool { return strings.Contains(data, name) }
	if named || inRoles(label) || slices.ContainsFunc([]string{"ustomizations.xml", "olution.xml", "Roles/", `Roles\`}, inData) {
		r.addFault(label, err)
		return
	}
	r.addNote("%s: the archive was not read: %s", label, err)
}

// readArchive reads the files of an archive. nesting is the number of archives around it.
func (r *reader) readArchive(label, data string, nesting int, named bool) {
	if err := lfsPointerError(data); err != nil {
		r.reportUnreadable(label, data, named, err)
		return
	}
	// Each entry has a header with this signature. The count that the archive states is not
	// trusted, because archive/zip reads all headers.
	if n := strings.Count(data, "PK\x01\x02"); n > r.options.MaxEntries {
		r.reportUnreadable(label, data, named, fmt.Errorf("the archive lists %d entries, more than the %d that are read", n, r.options.MaxEntries))
		return
	}
	z, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		r.reportUnreadable(label, data, named, fmt.Errorf("this is not a .zip archive, or a broken one: %w", err))
		return
	}
	index, err := indexArchive(z)
	if err != nil {
		if named || len(index.names) > 0 {
			r.addFault(label, fmt.Errorf("the archive is refused: %w", err))
		}
		return
	}
	r.inSolution = r.inSolution || index.solution
	if len(index.cabinets) > 0 {
		r.addNote("%s: cabinets in the archive were not read; unpack one and name its folder to have it read: %s",
			label, reporttext.JoinFirst(index.cabinets, maxListed))
	}
	managed := map[string]bool{} // by folder, whether its manifest is that of a managed solution
	for _, name := range index.names {
		if r.stopped || r.ctx.Err() != nil {
			return
		}
		inner := label + "!/" + name
		if isZip(name) && nesting+1 >= r.options.MaxNesting {
			r.addFault(inner, fmt.Errorf("archives are nested more than %d deep", r.options.MaxNesting))
			continue
		}
		content, err := r.readEntry(label, index.file(name))
		switch {
		case err != nil && isZip(name):
			r.reportUnreadable(inner, "", false, err)
		case err != nil:
			r.addFault(inner, err)
		case isZip(name):
			r.readArchive(inner, content, nesting+1, false)
		default:
			r.readXML(inner, content, func() bool {
				dir := path.Dir(name)
				if _, ok := managed[dir]; !ok {
					managed[dir] = r.hasManagedManifest(func(name string) (string, error) {
						if f := index.file(path.Join(dir, name)); f != nil {
							return r.readEntry(label, f)
						}
						return "", fs.ErrNotExist
					})
				}
				return managed[dir]
			})
			r.detach(label)
		}
	}
}

// An index lists the entries of an archive that are read.
type index struct {
	names []string             // of entries that may contain roles, sorted
	files map[string]*zip.File // these entries and manifests, by foldName
	// cabinets are the names of .cab archives, which are not read.
	cabinets []string
	// solution is true if the archive has files of a solution.
	solution bool
}

// indexArchive lists the entries of an archive. The error says why the archive is refused.
func indexArchive(z *zip.Reader) (index, error) {
	var refused error
	x := index{files: map[string]*zip.File{}}
	for _, f := range z.File {
		// Some tools write the separator of Windows.
		name := strings.ReplaceAll(f.Name, `\`, "/")
		base := strings.ToLower(path.Base(name))
		folder, manifest := strings.HasSuffix(name, "/"), base == "solution.xml"
		switch {
		case len(name) > maxPath:
			refused = fmt.Errorf("the name of an entry is longer than %d bytes", maxPath)
			continue
		case !filepath.IsLocal(strings.TrimSuffix(name, "/")) || strings.Contains(name, ":"):
			refused = fmt.Errorf("its entry %q is outside of the archive", f.Name)
		case !folder && isCabinet(name):
			x.cabinets = append(x.cabinets, name)
			continue
		case folder || !manifest && !entryMayContainRoles(name):
			continue
		case x.file(name) != nil:
			refused = fmt.Errorf("it contains %q twice", name)
		}
		if entryMayContainRoles(name) {
			x.names = append(x.names, name)
		}
		x.solution = x.solution || manifest || base == "customizations.xml"
		x.files[foldName(name)] = f
	}
	slices.Sort(x.names)
	return x, refused
}

// entryMayContainRoles reports whether an archive's entry may contain roles. A role may have its own
// folder below Roles.
func entryMayContainRoles(name string) bool {
	return mayContainRoles(name) || isXML(name) && inRoles(path.Dir(name)) && !strings.HasPrefix(path.Base(name), "._")
}

// foldName returns the key for a name, in lower case: letter case does not distinguish names in a solution.
func foldName(name string) string { return strings.ToLower(path.Clean(name)) }

func (x index) file(name string) *zip.File { return x.files[foldName(name)] }

// detach makes the roles that were read last independent of their file's text, so that it can be
// freed. It refuses an archive with too many roles.
func (r *reader) detach(label string) {
	for ; r.detachedRoles < len(r.found.Roles); r.detachedRoles++ {
		role := &r.found.Roles[r.detachedRoles]
		role.text, role.ID, role.Name = nil, unique.Make(role.ID).Value(), unique.Make(role.Name).Value()
		for i := range role.Entries {
			e := &role.Entries[i]
			e.Name, e.Level = unique.Make(e.Name).Value(), unique.Make(e.Level).Value()
		}
		r.detachedEntries += role.entryCount
	}
	if r.detachedRoles > maxRoles || r.detachedEntries > maxAllEntries {
		r.found.Roles = nil
		r.refuseArchive(label, fmt.Errorf("its files define more than %d roles or list more than %d privileges", maxRoles, maxAllEntries))
	}
}

// refuseArchive adds a fault for the outermost archive and stops reading it.
func (r *reader) refuseArchive(label string, err error) {
	outermost, _, _ := strings.Cut(label, "!/")
	r.addFault(outermost, fmt.Errorf("the archive is refused: %w", err))
	r.stopped = true
}

// hasManagedManifest reports whether the manifest for a folder of role files is that of a managed
// solution. The manifest is in the same folder, or in the folder Other next to Roles. read reads a
// file with a path relative to the folder.
func (r *reader) hasManagedManifest(read func(path string) (string, error)) bool {
	for _, folder := range []string{"", "../Other/", "../../Other/"} {
		for _, name := range []string{"solution.xml", "Solution.xml"} {
			raw, err := read(folder + name)
			if err != nil {
				continue
			}
			if doc, err := parse(raw, r.workspace, r.options.KeepEntries); err == nil && doc.isManifest {
				return doc.isManaged
			}
		}
	}
	return false
}

// readEntry reads one entry of an archive. It relies on the stated size, because archive/zip returns
// an error if the entry has more bytes.
func (r *reader) readEntry(label string, f *zip.File) (string, error) {
	const encrypted = 1
	size := f.UncompressedSize64
	switch {
	case f.Flags&encrypted != 0:
		return "", errors.New("the entry is encrypted")
	case size > uint64(r.options.MaxFileSize): //nolint:gosec // a limit is positive
		return "", fmt.Errorf("the entry cannot be read: %w", tooLarge(r.options.MaxFileSize))
	case size > uint64(r.remaining): //nolint:gosec // it is never negative
		r.refuseArchive(label, fmt.Errorf("more than %d MB would have to be read out of it", r.options.MaxArchiveSize>>20))
		return "", errors.New("the archive is refused")
	}
	r.remaining -= int64(size)
	r.lockIfLarge(int64(size))
	in, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("the entry cannot be read: %w", err)
	}
	defer in.Close() //nolint:errcheck // it was only read
	data, err := r.readText(in, int64(size), r.options.MaxFileSize)
	if err != nil {
		return "", fmt.Errorf("the entry cannot be read: %w", err)
	}
	return data, nil
}
