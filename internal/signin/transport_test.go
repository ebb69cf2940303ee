package signin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A hangingHost never answers, or its response never ends if answers is true.
type hangingHost struct{ answers bool }

func (h hangingHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if !h.answers {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(slowBody{r.Context()})}, nil
}

// A slowBody returns a byte each second until its context ends.
type slowBody struct{ ctx context.Context }

func (d slowBody) Read(b []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Second):
		return copy(b, " "), nil
	}
}

// TestExchangeEnds checks that a request ends in time, whatever the sign-in host does.
func TestExchangeEnds(t *testing.T) {
	for _, h := range []hangingHost{{false}, {true}} {
		synctest.Test(t, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://login.example", strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = boundedTransport{Config: Config{Transport: h}.withDefaults()}.RoundTrip(request)
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != exchangeTimeout {
				t.Errorf("%+v: %v after %s", h, err, took)
			}
		})
	}
}
