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

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Rows yields every row of a collection, page by page. If this fails, the last thing that it yields
// is an *Error, and the rows before it are only a part of the collection.
func (c *Client) Rows(ctx context.Context, r Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		address, err := c.address(r)
		if err != nil {
			yield(nil, err)
			return
		}
		p := pager{Client: c, ctx: ctx, request: r}
		p.readPages(address, yield)
	}
}

// A pager reads all pages of one request, and all pages of the collections expanded in them. They
// count towards the same limit, so that no chain of links is endless.
type pager struct {
	*Client
	ctx     context.Context //nolint:containedctx // lives as long as one call
	request Request
	pages   int
}

// readPages yields the rows of the page at an address and of all pages after it.
func (p *pager) readPages(address *url.URL, yield func(json.RawMessage, error) bool) {
	header := p.header(p.request)
	all := !strings.Contains(address.RawQuery, "$top=")
	if all { // Dataverse ignores $top if there is a page size
		header.Set("Prefer", "odata.maxpagesize="+strconv.Itoa(maxPageRows))
	}
	seen := map[string]bool{address.String(): true}
	expected, total := unknownCount, 0
	for n := 1; address != nil; n++ {
		if p.pages++; p.pages > p.options.Limits.MaxPages {
			yield(nil, p.protocolError(p.request, fmt.Sprintf("the collection has more than %d pages", p.options.Limits.MaxPages)))
			return
		}
		var current page
		var next *url.URL
		_, err := p.sender.send(p.ctx, call{
			method: http.MethodGet, url: address, header: header, label: p.request.Label, caller: p.request.Caller,
			validate: func(got reply) (err error) {
				if current, err = decodePage(got.body, maxJSONDepth); err != nil {
					return err
				}
				if next, err = p.nextPage(address, current, seen); err != nil || next != nil || !all {
					return err // $count ignores $top
				}
				return checkRowCount(max(expected, current.count), total+len(current.rows))
			},
		})
		if err != nil {
			yield(nil, err)
			return
		}
		expected, total = max(expected, current.count), total+len(current.rows)
		p.options.Observe(Event{Kind: PageRead, Label: p.request.Label, Page: n, Rows: len(current.rows)})
		for _, row := range current.rows {
			row, err := p.completeExpansions(address, row)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if address = next; address != nil {
			seen[address.String()] = true
		}
	}
}

// maxPageRows is the maximum number of rows of a page, of a count and of an expansion.
const maxPageRows = 5000

// checkRowCount compares the number of rows with the announced number.
func checkRowCount(announced, received int) error {
	if announced == unknownCount || announced == received || announced >= maxPageRows && received >= maxPageRows {
		return nil
	}
	return fmt.Errorf("the environment announced %s and returned %d", text.Count(announced, "row"), received)
}

// A permanentError marks a response that cannot be used, and that a repeated read would return again.
type permanentError struct{ error }

// nextPage returns the address of the next page, nil after the last.
func (c *Client) nextPage(address *url.URL, current page, seen map[string]bool) (*url.URL, error) {
	if current.next == "" {
		return nil, nil //nolint:nilnil // no next page, and nothing wrong
	}
	next, err := c.origin.resolveLink(address, current.next)
	if err != nil {
		return nil, permanentError{fmt.Errorf("the link to the next page was not followed: %w", err)}
	}
	if seen[next.String()] {
		return nil, errors.New("the link to the next page leads back to a page that was read")
	}
	return next, nil
}

const nextLinkSuffix = "@odata.nextLink"

// completeExpansions reads the missing rows of the collections expanded in a row. According to
// "Join tables using OData", a link with a $skiptoken returns further rows, and a link without one
// returns all rows again, of which an expansion contains at most 5,000.
func (p *pager) completeExpansions(address *url.URL, row json.RawMessage) (json.RawMessage, error) {
	if !bytes.Contains(row, []byte(nextLinkSuffix)) {
		return row, nil
	}
	fields, err := Members(row)
	if err != nil {
		return nil, p.protocolError(p.request, err.Error())
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
			return nil, p.protocolError(p.request, "the link of an expanded collection is not a link")
		}
		var rows []json.RawMessage
		if inline, ok := values[name]; ok {
			if rows, err = Elements(inline); err != nil {
				return nil, p.protocolError(p.request, "an expanded collection "+err.Error())
			}
		}
		further, truncated := hasSkipToken(link), len(rows) >= maxPageRows
		if !further && !truncated {
			continue
		}
		next, err := p.origin.resolveLink(address, link)
		if err != nil {
			return nil, p.protocolError(p.request, "the link of an expanded collection was not followed: "+err.Error())
		}
		if truncated && !further {
			rows = nil
		}
		if rows, err = p.collectRows(next, rows); err != nil {
			return nil, err
		}
		if values[name], err = json.Marshal(rows); err != nil {
			return nil, p.protocolError(p.request, "an expanded collection cannot be put together")
		}
	}
	return json.Marshal(values)
}

func (p *pager) collectRows(address *url.URL, rows []json.RawMessage) ([]json.RawMessage, error) {
	var readErr error
	p.readPages(address, func(row json.RawMessage, err error) bool {
		if readErr = err; err == nil {
			rows = append(rows, row)
		}
		return err == nil
	})
	return rows, readErr
}

func hasSkipToken(link string) bool {
	link = strings.ToLower(link)
	return strings.Contains(link, "$skiptoken=") || strings.Contains(link, "%24skiptoken=")
}
