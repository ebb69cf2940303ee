package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Rows yields every row of a collection, page by page. An error, which is an *Error, is the
// last thing it yields; the rows before it are only a part of the collection.
func (c *Client) Rows(ctx context.Context, r Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		address, err := c.address(r)
		if err != nil {
			yield(nil, err)
			return
		}
		w := pager{Client: c, ctx: ctx, request: r}
		w.readPages(address, yield)
	}
}

// pager reads one request to its end: its pages, and those of the collections expanded in
// them. All count towards one bound, so that no chain of links is endless.
type pager struct {
	*Client
	ctx     context.Context //nolint:containedctx // lives as long as one call
	request Request
	pages   int
}

// readPages yields the rows of address and of all pages behind it.
func (w *pager) readPages(address *url.URL, yield func(json.RawMessage, error) bool) {
	header := w.header(w.request)
	whole := !strings.Contains(address.RawQuery, "$top=")
	if whole { // Dataverse ignores $top if there is a page size
		header.Set("Prefer", "odata.maxpagesize="+strconv.Itoa(maxPageRows))
	}
	seen := map[string]bool{address.String(): true}
	expected, total := unknownCount, 0
	for n := 1; address != nil; n++ {
		if w.pages++; w.pages > w.options.Limits.MaxPages {
			yield(nil, w.protocolError(w.request, fmt.Sprintf("the collection has more than %d pages", w.options.Limits.MaxPages)))
			return
		}
		var p page
		var next *url.URL
		_, err := w.sender.send(w.ctx, call{
			method: http.MethodGet, url: address, header: header, label: w.request.Label, caller: w.request.Caller,
			validate: func(got reply) (err error) {
				if got.status != http.StatusOK {
					return fmt.Errorf("status %d instead of 200", got.status)
				}
				if p, err = decodePage(got.body, maxJSONDepth); err != nil {
					return err
				}
				if next, err = w.nextPage(address, p, seen); err != nil || next != nil || !whole {
					return err // $count takes no notice of $top
				}
				return checkRowCount(max(expected, p.count), total+len(p.rows))
			},
		})
		if err != nil {
			yield(nil, err)
			return
		}
		expected, total = max(expected, p.count), total+len(p.rows)
		w.options.Observe(Event{Kind: PageRead, Label: w.request.Label, Page: n, Rows: len(p.rows)})
		for _, row := range p.rows {
			row, err := w.completeExpansions(address, row)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if address = next; address != nil {
			seen[address.String()] = true
		}
	}
}

// maxPageRows is how many rows a page may have, how far the environment counts, and how many
// rows an expansion shows.
const maxPageRows = 5000

// checkRowCount compares the number of rows with the announced number.
func checkRowCount(announced, came int) error {
	if announced == unknownCount || announced == came || announced >= maxPageRows && came >= maxPageRows {
		return nil
	}
	return fmt.Errorf("the environment announced %d rows and gave %d", announced, came)
}

// permanentError marks an unusable response that a repeated read cannot change.
type permanentError struct{ error }

// nextPage returns the address of the next page, nil after the last.
func (c *Client) nextPage(address *url.URL, p page, seen map[string]bool) (*url.URL, error) {
	if p.next == "" {
		return nil, nil //nolint:nilnil // no next page, and nothing wrong
	}
	next, err := c.origin.resolveLink(address, p.next)
	if err != nil {
		return nil, permanentError{fmt.Errorf("the link to the next page was not followed: %w", err)}
	}
	if seen[next.String()] {
		return nil, errors.New("the link to the next page leads back to a page that was read")
	}
	return next, nil
}

const nextLinkSuffix = "@odata.nextLink"

// completeExpansions brings the collections expanded inside a row to their end. By
// "Join tables using OData", a link with a $skiptoken returns further rows; one
// without it returns the same rows again, of which an expansion contains at most 5,000.
func (w *pager) completeExpansions(address *url.URL, row json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(row, []byte(nextLinkSuffix)) {
		return row, nil
	}
	fields, err := Members(row)
	if err != nil {
		return nil, w.protocolError(w.request, err.Error())
	}
	values := make(map[string]json.RawMessage, len(fields))
	for _, f := range fields {
		values[f.Name] = f.Value
	}
	for _, f := range fields {
		name, isLink := strings.CutSuffix(f.Name, nextLinkSuffix)
		if !isLink || name == "" {
			continue
		}
		delete(values, f.Name)
		var link string
		if err := json.Unmarshal(f.Value, &link); err != nil {
			return nil, w.protocolError(w.request, "the link of an expanded collection is not a link")
		}
		var rows []json.RawMessage
		if inline, ok := values[name]; ok {
			if rows, err = Elements(inline); err != nil {
				return nil, w.protocolError(w.request, "an expanded collection "+err.Error())
			}
		}
		further, whole := hasSkipToken(link), len(rows) >= maxPageRows
		if !further && !whole {
			continue
		}
		next, err := w.origin.resolveLink(address, link)
		if err != nil {
			return nil, w.protocolError(w.request, "the link of an expanded collection was not followed: "+err.Error())
		}
		if whole && !further {
			rows = nil
		}
		if rows, err = w.collectRows(next, rows); err != nil {
			return nil, err
		}
		if values[name], err = json.Marshal(rows); err != nil {
			return nil, w.protocolError(w.request, "an expanded collection cannot be put together")
		}
	}
	return json.Marshal(values)
}

func (w *pager) collectRows(address *url.URL, rows []json.RawMessage) ([]json.RawMessage, error) {
	var failed error
	w.readPages(address, func(row json.RawMessage, err error) bool {
		if failed = err; err == nil {
			rows = append(rows, row)
		}
		return err == nil
	})
	return rows, failed
}

func hasSkipToken(link string) bool {
	link = strings.ToLower(link)
	return strings.Contains(link, "$skiptoken=") || strings.Contains(link, "%24skiptoken=")
}
