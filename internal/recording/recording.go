// Package recording keeps the exchanges with an environment, made anonymous, and
// serves them again.
//
// Ids and names are replaced, each by the same everywhere: in addresses, headers and
// bodies. Their order, the length of names, and the profile's pattern in a name stay.
// Hosts, tokens, cookies and the tenant are left out. The names of tables, columns
// and privileges, codes, numbers, times and the structure stay as they were: what a
// verdict rests on. A replay serves what was recorded and refuses all else.
package recording

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Format names the first line of a recording.
const Format = "dbaudit.recording/v1"

// maxSize bounds what is kept of answers.
const maxSize = 64 << 20

// A Head is the first line of a recording: what was done, and what was asked of the
// environment.
type Head struct {
	Format  string        `json:"format"`
	Tool    snapshot.Tool `json:"tool"`
	Command string        `json:"command"`
	// Pattern is the profile's part of a name, which stays.
	Pattern     string               `json:"pattern"`
	Requirement snapshot.Requirement `json:"requirement"`
	// Truncated says that more was exchanged than is kept.
	Truncated bool `json:"truncated"`
}

// An exchange is every further line.
type exchange struct {
	Method string `json:"method"`
	// Address is relative to /api/data/ and not encoded.
	Address string `json:"address"`
	// As is the user on whose behalf it was asked, by the header's name.
	As map[string]string `json:"as,omitempty"`
	// Status is 0 where no answer came.
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	// Body is the response's JSON; left out if there is none.
	Body json.RawMessage `json:"body,omitempty"`
	// Broken says that the response had a body that is not JSON, which is left out.
	Broken bool `json:"broken,omitempty"`
}

// decode reads a recording.
func decode(data []byte) (head Head, list []exchange, err error) {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		var e exchange
		into := any(&e)
		if number == 1 {
			into = &head
		}
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(into); err != nil {
			return head, nil, fmt.Errorf("line %d is not a line of a recording (%s): record again with --record: %w", number, Format, err)
		}
		if head.Format != Format {
			return head, nil, fmt.Errorf("this is %q, not a recording (%s): `dbaudit scan --record FILE` writes one", head.Format, Format)
		}
		if number > 1 {
			list = append(list, e)
		}
	}
	if number == 0 {
		return head, nil, fmt.Errorf("this is empty, not a recording (%s): `dbaudit scan --record FILE` writes one", Format)
	}
	return head, list, nil
}
