// Package recording records the exchanges with an environment, anonymized, and replays them.
//
// Each id and name has one replacement in all addresses, headers and bodies. Their order, the
// length of names, and the profile's pattern in a name stay. Hosts, tokens, cookies and the
// tenant are omitted. What a verdict depends on stays: the names of tables, columns and
// privileges, codes, numbers, times and the structure. A replay serves what was recorded and
// refuses everything else.
package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Format names the first line of a recording.
const Format = "dbaudit.recording/v1"

// maxSize bounds the size of all bodies together.
const maxSize = 64 << 20

// A Head is the first line of a recording: the command, and the requirement that it checked.
type Head struct {
	Format  string        `json:"format"`
	Tool    snapshot.Tool `json:"tool"`
	Command string        `json:"command"`
	// Pattern is the profile's part of a name, which stays.
	Pattern     string               `json:"pattern"`
	Requirement snapshot.Requirement `json:"requirement"`
	// Truncated is set if the recording does not contain all exchanges.
	Truncated bool `json:"truncated"`
}

// An exchange is each further line.
type exchange struct {
	Method string `json:"method"`
	// Address is relative to /api/data/ and not encoded.
	Address string `json:"address"`
	// As is the user on whose behalf the request was made, by the header's name.
	As map[string]string `json:"as,omitempty"`
	// Status is 0 if there was no response.
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	// Body is the response's JSON.
	Body json.RawMessage `json:"body,omitempty"`
	// Broken is set if the response had a body that is not JSON, which is omitted.
	Broken bool `json:"broken,omitempty"`
}

// decode reads a recording. A body may have two members of one name, as the response had.
func decode(data []byte) (head Head, list []exchange, err error) {
	lines := json.NewDecoder(bytes.NewReader(data))
	lines.DisallowUnknownFields()
	number := 1
	for err = lines.Decode(&head); err == nil && head.Format == Format; number++ {
		list = append(list, exchange{})
		err = lines.Decode(&list[len(list)-1])
	}
	switch {
	case errors.Is(err, io.EOF) && number == 1:
		return head, nil, fmt.Errorf("this is empty, not a recording (%s): `dbaudit scan --record FILE` writes one", Format)
	case errors.Is(err, io.EOF):
		return head, list[:len(list)-1], nil
	case err != nil:
		return head, nil, fmt.Errorf("line %d is not a line of a recording (%s): record again with --record: %w", number, Format, err)
	}
	return head, nil, fmt.Errorf("this is %q, not a recording (%s): `dbaudit scan --record FILE` writes one", head.Format, Format)
}
