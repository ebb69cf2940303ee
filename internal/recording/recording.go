// Package recording records the exchanges with an environment, anonymized, and replays them.
//
// Each id and name has the same replacement in all addresses, headers and bodies. Their order, the length of
// names, and the profile's pattern in a name stay. Hosts, tokens, cookies and the tenant are omitted. A
// recording has everything else that a verdict depends on: the names of tables, columns and privileges,
// codes, numbers, times and the structure. A replay serves the recorded responses and refuses any other
// request.
package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Format is the format member of a recording's first line.
const Format = "dbaudit.recording/v1"

// maxSize is the limit for the total size of all bodies.
const maxSize = 64 << 20

// A Header is the first line of a recording. It has the command and the requirement that the command checked.
type Header struct {
	Format  string        `json:"format"`
	Tool    snapshot.Tool `json:"tool"`
	Command string        `json:"command"`
	// Pattern is the profile's pattern for names. It is not replaced in a name.
	Pattern     string               `json:"pattern"`
	Requirement snapshot.Requirement `json:"requirement"`
	// Truncated is set if the recording does not contain all exchanges.
	Truncated bool `json:"truncated"`
}

// An exchange is a further line: a request and its response.
type exchange struct {
	Method string `json:"method"`
	// Address is relative to /api/data/ and decoded.
	Address string `json:"address"`
	// Impersonation has the headers that name the impersonated user.
	Impersonation map[string]string `json:"as,omitempty"`
	// Status is 0 for a request without a response.
	Status  int               `json:"status"`
	Headers map[string]string `json:"header,omitempty"`
	// Body is the response's JSON.
	Body json.RawMessage `json:"body,omitempty"`
	// Broken is set if the response's body was not JSON. Such a body is omitted.
	Broken bool `json:"broken,omitempty"`
}

// decode reads a recording. A body may have two members with the same name, because a response may.
func decode(data []byte) (header Header, exchanges []exchange, err error) {
	lines := json.NewDecoder(bytes.NewReader(data))
	lines.DisallowUnknownFields()
	number := 1
	for err = lines.Decode(&header); err == nil && header.Format == Format; number++ {
		exchanges = append(exchanges, exchange{})
		err = lines.Decode(&exchanges[len(exchanges)-1])
	}
	switch {
	case errors.Is(err, io.EOF) && number == 1:
		return header, nil, fmt.Errorf("this is empty, not a recording (%s): `dbaudit scan --record FILE` writes one", Format)
	case errors.Is(err, io.EOF):
		return header, exchanges[:len(exchanges)-1], nil
	case err != nil:
		return header, nil, fmt.Errorf("line %d is not a line of a recording (%s): record again with --record: %w", number, Format, err)
	}
	return header, nil, fmt.Errorf("this is %q, not a recording (%s): `dbaudit scan --record FILE` writes one", header.Format, Format)
}
