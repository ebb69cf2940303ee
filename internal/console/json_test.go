package console

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWriteJSONKeepsCharactersOfHTML checks that a document has the characters of its texts, as a
// result has, and no escapes for HTML.
func TestWriteJSONKeepsCharactersOfHTML(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	c, _ := newTerminalConsole(&now)
	file := filepath.Join(t.TempDir(), "x.json")
	if err := c.WriteJSON(file, map[string]string{"advice": "Settings > Users & Roles, <name>"}); err != nil {
		t.Fatal(err)
	}
	const want = "{\n  \"advice\": \"Settings > Users & Roles, <name>\"\n}\n"
	if data, err := os.ReadFile(file); err != nil || string(data) != want {
		t.Errorf("got %q, want %q: %v", data, want, err)
	}
}
