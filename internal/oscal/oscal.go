// Package oscal is the part of NIST's OSCAL 1.2.1 that dbaudit writes: catalog, profile, component
// definition and assessment results, in JSON.
//
// Equal input gives equal bytes: each id is a UUID of version 5 of what it identifies.
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

// Version is the version of OSCAL that the documents state.
const Version = "1.2.1"

// Namespace is the namespace of dbaudit's properties.
const Namespace = "https://github.com/dbaudit/dbaudit/ns/oscal"

// ID is the UUID of version 5 of a name in parts.
func ID(parts ...string) string {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte(Namespace))
	return uuid.NewSHA1(space, []byte(strings.Join(parts, "\x00"))).String()
}

// ContentHash makes the id of a document from its content.
type ContentHash struct {
	sum   hash.Hash
	count int
}

// NewContentHash begins with the kind of the document.
func NewContentHash(kind string) *ContentHash {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte(Namespace))
	c := &ContentHash{sum: sha1.New()}
	c.sum.Write(space[:])
	c.sum.Write([]byte(kind + "\x00["))
	return c
}

// Add adds a part.
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

// ID is [ID] of the kind and the JSON list of the parts, without holding them.
func (c *ContentHash) ID() string {
	c.sum.Write([]byte("]"))
	id := uuid.UUID(c.sum.Sum(nil)[:16])
	id[6], id[8] = id[6]&0x0f|0x50, id[8]&0x3f|0x80 // version 5, RFC 9562
	return id.String()
}

// IDs makes unique ids for one document. The zero value is ready.
type IDs struct{ times map[string]int }

// Unique is [ID], with a number if the name was used before.
func (i *IDs) Unique(parts ...string) string {
	if i.times == nil {
		i.times = map[string]int{}
	}
	id := ID(parts...)
	i.times[id]++
	if n := i.times[id]; n > 1 {
		return ID(append(parts, strconv.Itoa(n))...)
	}
	return id
}

// Token makes a token of a name: letters, digits, full stop, hyphen and underscore.
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

// StatementID is the id of the statement of a control.
func StatementID(control string) string { return Token(control) + "_smt" }

// A Property is a name and a value.
type Property struct {
	Name  string `json:"name"`
	NS    string `json:"ns,omitempty"`
	Value string `json:"value"`
}

// Properties makes dbaudit's properties from pairs of a name and a value. A property without a
// value is left out, because OSCAL does not allow it.
func Properties(pairs ...string) []Property {
	var list []Property
	for i := 0; i < len(pairs); i += 2 {
		if value := strings.TrimSpace(text.Line(pairs[i+1])); value != "" {
			list = append(list, Property{Name: Token(pairs[i]), NS: Namespace, Value: value})
		}
	}
	return list
}

// A Link refers to another resource.
type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel,omitempty"`
	Text string `json:"text,omitempty"`
}

// Links is a reference to a web address; empty if it is not one.
func Links(address, title string) []Link {
	if !text.IsWebURL(address) {
		return nil
	}
	return []Link{{Href: address, Rel: "reference", Text: text.Line(title)}}
}

// Metadata says what a document is.
type Metadata struct {
	Title        string     `json:"title"`
	LastModified string     `json:"last-modified"`
	Version      string     `json:"version"`
	OSCALVersion string     `json:"oscal-version"`
	Props        []Property `json:"props,omitempty"`
	Remarks      string     `json:"remarks,omitempty"`
}

// NewMetadata is the metadata of a document of a version.
func NewMetadata(title, version string, modified time.Time) Metadata {
	return Metadata{Title: text.Line(title), LastModified: Time(modified), Version: strings.TrimSpace(text.Line(version)), OSCALVersion: Version}
}

// Time is a time as OSCAL writes it; the beginning of 1970 if it is unknown.
func Time(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format(time.RFC3339)
}

// BackMatter is what a document refers to.
type BackMatter struct {
	Resources []Resource `json:"resources"`
}

// A Resource is what a document refers to by "#" and its id.
type Resource struct {
	UUID        string `json:"uuid"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	RLinks      []Link `json:"rlinks,omitempty"`
}

// Source is the resource of a vendor's page.
func Source(title, address string) Resource {
	r := Resource{UUID: ID("source", title, address), Title: text.Line(title)}
	if text.IsWebURL(address) {
		r.RLinks = []Link{{Href: address}}
	}
	return r
}
