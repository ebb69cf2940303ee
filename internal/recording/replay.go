package recording

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The identity in the configuration of a replay. A replay accepts any other identity too.
const (
	TenantID = "11111111-1111-4111-8111-111111111111"
	ClientID = "22222222-2222-4222-8222-222222222222"
)

// A Replayer serves a recording: the Web API, and a token endpoint that issues a token to everyone. It answers
// a request that was recorded several times with the responses in order, and then repeats the last one.
type Replayer struct {
	Header Header

	mu        sync.Mutex
	exchanges map[string][]exchange
}

// NewReplayer returns a Replayer of an encoded recording.
func NewReplayer(data []byte) (*Replayer, error) {
	header, exchanges, err := decode(data)
	if err != nil {
		return nil, err
	}
	r := &Replayer{Header: header, exchanges: map[string][]exchange{}}
	for _, e := range exchanges {
		k := exchangeKey(e.Method, e.Address, e.Impersonation)
		r.exchanges[k] = append(r.exchanges[k], e)
	}
	return r, nil
}

func exchangeKey(method, address string, as map[string]string) string {
	text := method + " " + address
	for _, name := range slices.Sorted(maps.Keys(as)) {
		text += "\n" + name + ": " + as[name]
	}
	return text
}

func (r *Replayer) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	origin := "https://" + request.Host
	if !strings.HasPrefix(request.URL.Path, "/api/data") {
		r.signIn(w, request, origin)
		return
	}
	if !strings.HasPrefix(request.Header.Get("Authorization"), "Bearer ") {
		w.Header().Set("WWW-Authenticate", "Bearer authorization_uri="+origin+"/"+TenantID+"/oauth2/authorize, resource_id="+origin+"/")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	address := relativeAddress(request.URL)
	e, ok := r.nextExchange(exchangeKey(request.Method, address, impersonationHeaders(request.Header)))
	if !ok {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": map[string]string{
			"code": "0x0", "message": fmt.Sprintf("%s %s was not recorded: record again with the same command and requirement", request.Method, address),
		}})
		return
	}
	if e.Status == 0 {
		panic(http.ErrAbortHandler) // the recorded request had no response
	}
	for name, value := range e.Headers {
		w.Header().Set(name, value)
	}
	body := []byte(strings.ReplaceAll(string(e.Body), recordedOrigin, origin))
	if e.Broken {
		body = []byte("The body was not JSON and was not recorded.")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}

func (r *Replayer) nextExchange(key string) (exchange, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.exchanges[key]
	if len(list) == 0 {
		return exchange{}, false
	}
	if len(list) > 1 {
		r.exchanges[key] = list[1:]
	}
	return list[0], true
}

// signIn handles a request to the sign-in host, which accepts everyone.
func (r *Replayer) signIn(w http.ResponseWriter, request *http.Request, origin string) {
	tenant, path, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	base := origin + "/" + tenant
	switch path {
	case "discovery/instance":
		writeJSON(w, http.StatusOK, map[string]any{
			"tenant_discovery_endpoint": origin + "/" + TenantID + "/v2.0/.well-known/openid-configuration", "api-version": "1.1",
			"metadata": []map[string]any{{"preferred_network": request.Host, "preferred_cache": request.Host, "aliases": []string{request.Host}}},
		})
	case "v2.0/.well-known/openid-configuration":
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer": origin + "/" + TenantID + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token",
			"authorization_endpoint": base + "/oauth2/v2.0/authorize", "jwks_uri": base + "/discovery/v2.0/keys",
		})
	case "oauth2/v2.0/token":
		writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "replayed"})
	default:
		writeJSON(w, http.StatusNotFound, map[string]any{"error": "invalid_request", "error_description": "A replay has no " + request.URL.Path})
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	data, _ := json.Marshal(body) // strings and numbers do not fail
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal; charset=utf-8")
	w.Header().Set("OData-Version", "4.0")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}
