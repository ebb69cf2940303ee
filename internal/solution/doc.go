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
