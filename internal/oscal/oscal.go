// Package oscal writes documents of NIST's OSCAL 1.2.1 in JSON: catalogs, profiles and component
// definitions. Package report writes assessment results with it.
//
// Equal input gives equal bytes, because each id is a version 5 UUID, a hash of what it identifies.
package oscal

import (
	"crypto/sha1"
	"encoding/json"
	"hash"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Version is the version of OSCAL that documents follow.
const Version = "1.2.1"

// Namespace is the namespace of dbaudit's properties.
const Namespace = "https://github.com/dbaudit/dbaudit/ns/oscal"

// ID returns the version 5 UUID of a name that consists of parts.
func ID(parts ...string) string {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte(Namespace))
	return uuid.NewSHA1(space, []byte(strings.Join(parts, "\x00"))).String()
}

// A ContentHash computes the id of a document from its content.
type ContentHash struct {
	sum   hash.Hash
	count int
}

// NewContentHash returns the hash of an empty document of a kind.
func NewContentHash(kind string) *ContentHash {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte(Namespace))
	c := &ContentHash{sum: sha1.New()}
	c.sum.Write(space[:])
	c.sum.Write([]byte(kind + "\x00["))
	return c
}

// Add adds a part of the document, which must be encodable as JSON.
func (c *ContentHash) Add(part any) error {
	data, err := json.Marshal(part)
	if err != nil {
		return err
	}
	if c.count++; c.count > 1 {
		c.sum.Write([]byte(","))
	}
	c.sum.Write(data)
	return nil
}

// ID returns [ID] of the kind and the JSON list of the parts.
func (c *ContentHash) ID() string {
	c.sum.Write([]byte("]"))
	id := uuid.UUID(c.sum.Sum(nil)[:16])
	id[6], id[8] = id[6]&0x0f|0x50, id[8]&0x3f|0x80 // version 5, RFC 9562
	return id.String()
}

// IDs returns unique ids for one document. The zero value is ready to use.
type IDs struct{ uses map[string]int }

// Unique returns [ID] of a name. If the name was used before, a number becomes part of it.
func (i *IDs) Unique(parts ...string) string {
	if i.uses == nil {
		i.uses = map[string]int{}
	}
	id := ID(parts...)
	i.uses[id]++
	if n := i.uses[id]; n > 1 {
		return ID(append(parts, strconv.Itoa(n))...)
	}
	return id
}

// Token turns a name into a token of OSCAL: letters, digits, full stops, hyphens and underscores. It
// begins with a letter or an underscore.
func Token(s string) string {
	token := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.Is(unicode.N, r) || strings.ContainsRune(".-_", r) {
			return r
		}
		return '-'
	}, s)
	if first := []rune(token + "-")[0]; !unicode.IsLetter(first) && first != '_' {
		return "_" + token
	}
	return token
}

// StatementID returns the id of the statement of a control.
func StatementID(control string) string { return Token(control) + "_smt" }

// A Property is a name with a value, in a namespace.
type Property struct {
	Name  string `json:"name"`
	NS    string `json:"ns,omitempty"`
	Value string `json:"value"`
}

// Properties returns properties in dbaudit's namespace from pairs of a name and a value. It omits
// properties without a value, which OSCAL does not allow.
func Properties(pairs ...string) []Property {
	var list []Property
	for i := 0; i < len(pairs); i += 2 {
		if value := strings.TrimSpace(text.Line(pairs[i+1])); value != "" {
			list = append(list, Property{Name: Token(pairs[i]), NS: Namespace, Value: value})
		}
	}
	return list
}

// A Link is a reference to a resource.
type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel,omitempty"`
	Text string `json:"text,omitempty"`
}

// Links returns a link to a web page, or nil if the address is not a URL of one.
func Links(address, title string) []Link {
	if !text.IsWebURL(address) {
		return nil
	}
	return []Link{{Href: address, Rel: "reference", Text: text.Line(title)}}
}

// Metadata describes a document.
type Metadata struct {
	Title        string     `json:"title"`
	LastModified string     `json:"last-modified"`
	Version      string     `json:"version"`
	OSCALVersion string     `json:"oscal-version"`
	Props        []Property `json:"props,omitempty"`
	Remarks      string     `json:"remarks,omitempty"`
}

// NewMetadata returns the metadata of a document.
func NewMetadata(title, version string, modified time.Time) Metadata {
	return Metadata{Title: text.Line(title), LastModified: Time(modified), Version: strings.TrimSpace(text.Line(version)), OSCALVersion: Version}
}

// Time formats a time for OSCAL. The zero time becomes the beginning of 1970.
func Time(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format(time.RFC3339)
}

// BackMatter is the resources that a document refers to.
type BackMatter struct {
	Resources []Resource `json:"resources"`
}

// A Resource can be referred to by "#" and its id.
type Resource struct {
	UUID        string `json:"uuid"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	RLinks      []Link `json:"rlinks,omitempty"`
}

// Source returns the resource of a vendor's page.
func Source(title, address string) Resource {
	r := Resource{UUID: ID("source", title, address), Title: text.Line(title)}
	if text.IsWebURL(address) {
		r.RLinks = []Link{{Href: address}}
	}
	return r
}
