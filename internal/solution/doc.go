// Package solution reads the security roles in Dataverse solutions: in
// folders that SolutionPackager unpacked, single role files, customizations.xml,
// and solution .zip files, also those inside a deployment package. Each role
// becomes a snapshot that the policies judge as they judge an environment's.
//
// Every role and privilege entry knows its position in the file on disk: line
// and column from 1, columns in UTF-16 code units, whatever the file's byte order
// mark, line ends or encoding (UTF-8, UTF-16, and the single-byte encodings that
// an XML declaration may name).
//
// Files are not trusted. A document type declaration, with which entities would come, is
// refused, and so are deep nesting, archives within archives beyond a bound, names of entries
// outside of their archive, and whatever is larger than a bound when it is read, whatever an
// archive claims. One bad file is a [Fault] and does not affect the others.
//
// The forms follow Microsoft's pages "SolutionPackager tool" and "Customization
// file schema", and solutions that Microsoft publishes.
package solution
