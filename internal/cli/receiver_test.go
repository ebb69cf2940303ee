package cli

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// A receiver accepts messages, and implements the part of Azure DevOps' work items that the recipes
// use.
type receiver struct {
	folder string

	mu       sync.Mutex
	requests int
	items    []map[string]string // fields by name; the id is the index and one
}

// receiverCommand starts a receiver at $RECEIVER, which curl trusts. It saves each request in
// received/N.txt: the method, the address, the headers that recipes set, and the body.
func receiverCommand(ts *testscript.TestScript, _ bool, _ []string) {
	r := &receiver{folder: ts.MkAbs("received")}
	ts.Check(os.MkdirAll(r.folder, 0o700))
	server := httptest.NewTLSServer(r)
	ts.Defer(server.Close)
	ca := ts.MkAbs("receiver.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	ts.Check(os.WriteFile(ca, pem.EncodeToMemory(block), 0o600))
	ts.Setenv("CURL_CA_BUNDLE", ca)
	ts.Setenv("RECEIVER", server.URL)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(request.Body)
	r.requests++
	saved := fmt.Sprintf("%s %s\nContent-Type: %s\nAuthorization: %s\n\n%s\n", request.Method, request.URL, request.Header.Get("Content-Type"), request.Header.Get("Authorization"), body)
	if err == nil {
		err = os.WriteFile(filepath.Join(r.folder, strconv.Itoa(r.requests)+".txt"), []byte(saved), 0o600)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, resource, items := strings.Cut(request.URL.Path, "/_apis/wit/")
	if !items {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	answer, err := r.answer(request, resource, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// answer returns the response of Azure DevOps.
func (r *receiver) answer(request *http.Request, resource string, body []byte) (any, error) {
	item := func(i int) map[string]any { return map[string]any{"id": i + 1, "fields": r.items[i]} }
	id, _ := strconv.Atoi(strings.TrimPrefix(resource, "workitems/"))
	switch {
	case resource == "wiql":
		found := []map[string]any{}
		for i := range r.items {
			found = append(found, item(i))
		}
		return map[string]any{"workItems": found}, nil
	case resource == "workitems":
		found := []map[string]any{}
		for s := range strings.SplitSeq(request.URL.Query().Get("ids"), ",") {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 || n > len(r.items) {
				return nil, fmt.Errorf("there is no work item %q", s)
			}
			found = append(found, item(n-1))
		}
		return map[string]any{"value": found}, nil
	case request.Method == http.MethodPost && strings.HasPrefix(resource, "workitems/$"):
		r.items = append(r.items, map[string]string{"System.State": "To Do"})
		id = len(r.items)
	case request.Method != http.MethodPatch || id < 1 || id > len(r.items):
		return nil, fmt.Errorf("%s %s is not known", request.Method, resource)
	}
	if request.Header.Get("Content-Type") != "application/json-patch+json" {
		return nil, fmt.Errorf("the content type is %s", request.Header.Get("Content-Type"))
	}
	var changes []struct{ Op, Path, Value string }
	if err := json.Unmarshal(body, &changes); err != nil {
		return nil, err
	}
	for _, c := range changes {
		field, ok := strings.CutPrefix(c.Path, "/fields/")
		if !ok || c.Op != "add" {
			return nil, fmt.Errorf("%s %s is not known", c.Op, c.Path)
		}
		r.items[id-1][field] = c.Value
	}
	return item(id - 1), nil
}
