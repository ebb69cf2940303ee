package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/profile/source"
	"github.com/dbaudit/dbaudit/internal/report/table"
)

type sourceFlags struct {
	page, address string
	document      documentFlags
}

func (f *sourceFlags) define(_ *app, cmd *cobra.Command) {
	takesProfiles(cmd)
	cmd.Flags().StringVar(&f.page, "file", "", "saved `page`, HTML or text; - for standard input")
	markInput(cmd.Flags(), "file")
	cmd.Flags().StringVar(&f.address, "url", "", "`address` to fetch the page from (default the one in the profile)")
	f.document.add(cmd.Flags(), "table", "json")
}

func (f sourceFlags) run(ctx context.Context, a *app, args []string) error {
	if f.page != "" && f.address != "" {
		return usagef("--file and --url cannot be used together: the page is read from one of them")
	}
	p, err := a.Profile(args[0])
	if err != nil {
		return err
	}
	var page []byte
	if f.page != "" {
		page, err = a.ReadFile(bounds.Page, f.page)
	} else {
		page, err = fetchPage(ctx, a, cmp.Or(f.address, p.Source.URL))
	}
	if err != nil {
		return err
	}
	c, err := source.Compare(p, page)
	if err != nil {
		return fmt.Errorf("comparing %s with its source: %w", p.Name, err)
	}
	err = f.document.write(a, c, func(w io.Writer, width int) error { return writeSourceTable(w, width, c) })
	return exitWith(codeIf(!c.Same, exitFindings), err)
}

// pageTimeout limits the time to fetch a vendor's page.
const pageTimeout = 30 * time.Second

// fetchPage fetches a public page. It sends no credential and follows redirects to https only.
func fetchPage(ctx context.Context, a *app, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, usagef("--url %s: want an address https://HOST/PATH without a user; for a saved page, use --file", address)
	}
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("fetching the page: %w", err)
	}
	request.Header.Set("Accept", "text/html, text/plain")
	client := &http.Client{Transport: a.Transport(nil), CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if next.URL.Scheme != "https" || len(via) > 5 {
			return errors.New("it redirects to another scheme, or without end")
		}
		return nil
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetching the page: %w; save it in a browser and pass it with --file", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching the page: %s responded with %s; save it in a browser and pass it with --file", u.Host, response.Status)
	}
	page, err := bounds.ReadAll(bounds.Page, u.Host, response.Body)
	if err != nil {
		return nil, fmt.Errorf("fetching the page: %w", err)
	}
	return page, nil
}

func writeSourceTable(w io.Writer, width int, c source.Check) error {
	var rows [][]string
	found := 0
	for _, l := range c.Lines {
		if l.State == source.Found {
			found++
			continue
		}
		rows = append(rows, []string{string(l.State), string(l.Control), l.Section + ": " + l.Cited, cmp.Or(l.Nearest, "–")})
	}
	for _, line := range c.Uncited {
		rows = append(rows, []string{"uncited", "–", "–", line})
	}
	fmt.Fprintf(w, "%s\n%s\n\ncited lines on the page: %d of %d; lines of the page that are not cited: %d\n", c.Title, c.URL, found, len(c.Lines), len(c.Uncited))
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return table.List(w, width, []string{"state", "control", "cited", "the page"}, rows)
}
