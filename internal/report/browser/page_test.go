package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var (
	chromium = flag.String("chromium", "chromium", "the browser's `program`")
	pages    = flag.String("pages", "", "`folder` of the pages that go test ./internal/report -run TestWriteSamples -samples wrote")
	axe      = flag.String("axe", "", "axe.min.js of axe-core, a `file`")
	shots    = flag.String("shots", "", "`folder` for screenshots and prints")
)

// tabTimeout ends a test if the browser hangs.
const tabTimeout = 2 * time.Minute

func TestPage(t *testing.T) {
	if *pages == "" || *axe == "" {
		t.Skip("no -pages and -axe: run scripts/test-page")
	}
	b := start(t)
	t.Run("loads nothing", b.loadsNothing)
	t.Run("filter", b.filter)
	t.Run("list", b.list)
	t.Run("link into a fold", b.linkIntoFold)
	t.Run("print", b.print)
	t.Run("without JavaScript", b.withoutJavaScript)
	t.Run("hostile names", b.hostileNames)
	t.Run("light and dark", b.lightAndDark)
	t.Run("narrow", b.narrow)
	t.Run("one line", b.oneLine)
	t.Run("axe", b.accessible)
}

// A browser runs for the whole test. Each subtest opens its own tabs.
type browser struct{ ctx context.Context }

func start(t *testing.T) browser {
	t.Helper()
	alloc, stop := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(*chromium),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("headless", true),
		chromedp.Flag("no-sandbox", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.WindowSize(1200, 900),
	)
	t.Cleanup(stop)
	ctx, _ := chromedp.NewContext(alloc)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("starting %s: %v", *chromium, err)
	}
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	return browser{ctx}
}

// A tab records the requests and the messages of its page.
type tab struct {
	testing.TB
	ctx context.Context

	mu       sync.Mutex
	requests []string // URLs
	messages []string // dialogs, windows, exceptions, and calls of the console
}

// open opens a page by its name or URL. The actions precede the loading of the page.
func (b browser) open(t testing.TB, name string, before ...chromedp.Action) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeoutCause(ctx, tabTimeout, errors.New("the browser does not answer"))
	t.Cleanup(cancel)
	tb := &tab{TB: t, ctx: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			tb.requests = append(tb.requests, e.Request.URL)
		case *page.EventJavascriptDialogOpening:
			tb.messages = append(tb.messages, "dialog: "+e.Message)
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(true)) }()
		case *page.EventWindowOpen:
			tb.messages = append(tb.messages, "window: "+e.URL)
		case *cdpruntime.EventExceptionThrown:
			tb.messages = append(tb.messages, "exception: "+e.ExceptionDetails.Error())
		case *cdpruntime.EventConsoleAPICalled:
			tb.messages = append(tb.messages, "console: "+string(e.Type))
		}
	})
	tb.do(network.Enable())
	tb.do(before...)
	tb.do(chromedp.Navigate(address(t, name)), chromedp.WaitReady("body"))
	return tb
}

func address(t testing.TB, name string) string {
	t.Helper()
	if strings.HasPrefix(name, "http://") {
		return name
	}
	file, err := filepath.Abs(filepath.Join(*pages, name+".html"))
	if err != nil {
		t.Fatal(err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()
}

func (t *tab) do(actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(t.ctx, actions...); err != nil {
		t.Fatalf("%v (%v)", err, context.Cause(t.ctx))
	}
}

// eval evaluates an expression in the page, as a debugger does. The page's policy does not restrict it.
func eval[T any](t *tab, expression string) T {
	t.Helper()
	var v T
	t.do(chromedp.Evaluate(expression, &v, func(p *cdpruntime.EvaluateParams) *cdpruntime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
	return v
}

// events returns the requests and the messages so far.
func (t *tab) events() (requests, messages []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.requests), slices.Clone(t.messages)
}

// save saves a screenshot or a print if a flag names a folder.
func (t *tab) save(name string, data []byte) {
	t.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b browser) loadsNothing(t *testing.T) {
	for _, name := range []string{"compliant", "mixed", "several", "hostile", "large"} {
		tb := b.open(t, name)
		tb.do(chromedp.Evaluate(allOpen, nil))
		requests, messages := tb.events()
		if len(requests) != 1 || requests[0] != address(t, name) {
			t.Errorf("%s: requests %q, want only the page", name, requests)
		}
		if len(messages) != 0 {
			t.Errorf("%s: %q", name, messages)
		}
		if n := eval[int](tb, `performance.getEntriesByType("resource").length`); n != 0 {
			t.Errorf("%s: %d resources", name, n)
		}
	}
}

// shown counts the controls that the filter does not hide, by outcome.
const shown = `Object.entries(Object.groupBy(
	[...document.querySelectorAll("[data-outcome]")].filter((c) => !c.hidden && !c.closest("[data-group][hidden]")),
	(c) => c.dataset.outcome)).map(([o, cs]) => o + " " + cs.length).sort().join(", ")`

func (b browser) filter(t *testing.T) {
	tb := b.open(t, "mixed")
	all := eval[string](tb, shown)
	if !eval[bool](tb, `document.getElementById("filter").checkVisibility()`) {
		t.Fatal("the filter is not visible")
	}
	choose := func(field, value string) {
		tb.do(chromedp.Evaluate(fmt.Sprintf(`(() => {
			const e = document.getElementById(%q);
			e.value = %q;
			e.dispatchEvent(new Event("input", {bubbles: true}));
		})()`, field, value), nil))
	}
	status := func() string { return eval[string](tb, `document.getElementById("filtered").textContent`) }

	tb.do(chromedp.SendKeys("#words", "Lead nowhere", chromedp.ByID))
	if got := eval[string](tb, shown); got != "" || status() != "0 of 36 controls shown" {
		t.Errorf("two words that no control has: %q, %q", got, status())
	}
	choose("words", "")
	tb.do(chromedp.SendKeys("#words", "prvappendtoLEAD", chromedp.ByID))
	if got := eval[string](tb, shown); got != "fail 1" || status() != "1 of 36 controls shown" {
		t.Errorf("a privilege: %q, %q", got, status())
	}
	choose("words", "")
	choose("outcome", "waived")
	if got := eval[string](tb, shown); got != "waived 1" {
		t.Errorf("by outcome: %q", got)
	}
	choose("outcome", "pass")
	if !eval[bool](tb, `[...document.querySelectorAll("[data-outcome=pass]")].every((c) => c.checkVisibility())`) {
		t.Error("controls that passed stay folded, although the filter selects them")
	}
	choose("severity", "low")
	if got := eval[string](tb, shown); got != "pass 2" {
		t.Errorf("by outcome and severity: %q", got)
	}
	choose("outcome", "")
	choose("severity", "")
	if got := eval[string](tb, shown); got != all || status() != "" {
		t.Errorf("without a filter: %q, %q, want %q", got, status(), all)
	}
	// The return key must not submit the form.
	tb.do(chromedp.SendKeys("#words", "lead\r", chromedp.ByID))
	requests, messages := tb.events()
	if len(requests) != 1 || len(messages) != 0 || eval[string](tb, "location.search") != "" {
		t.Errorf("the form was submitted: %q, %q", requests, messages)
	}

	// One form filters the controls of all environments.
	tb = b.open(t, "several")
	tb.do(chromedp.SendKeys("#words", "DB-VIEW-ACTIVE", chromedp.ByID))
	if got := eval[string](tb, shown); !strings.Contains(got, "unknown 2") {
		t.Errorf("in several environments: %q", got)
	}
}

func (b browser) linkIntoFold(t *testing.T) {
	tb := b.open(t, "mixed")
	const target = `document.querySelector("details[data-group] [data-outcome=pass][id^=DB-PRIV]")`
	if eval[bool](tb, target+`.checkVisibility()`) {
		t.Fatal("controls that passed are not folded")
	}
	tb.do(chromedp.Click(fmt.Sprintf(`.matrix a[href="#%s"]`, eval[string](tb, target+`.id`)), chromedp.ByQuery),
		chromedp.Poll(target+`.checkVisibility()`, nil))
}

func (b browser) print(t *testing.T) {
	for _, name := range []string{"mixed", "several", "hostile"} {
		tb := b.open(t, name)
		tb.do(chromedp.Evaluate(`addEventListener("beforeprint", () => { window.folded = document.querySelectorAll("details.fold:not([open])").length; })`, nil))
		folded := eval[int](tb, `document.querySelectorAll("details:not([open])").length`)
		var pdf []byte
		tb.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
			pdf, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).Do(ctx)
			return err
		}))
		tb.save(name+".pdf", pdf)
		if n := bytes.Count(pdf, []byte("/Type /Page\n")); name == "mixed" && n > 6 {
			t.Errorf("%s: the print has %d pages, want at most 6", name, n)
		}
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.Contains(pdf, []byte("%%EOF")) || bytes.Count(pdf, []byte("/Type /Page\n")) < 2 {
			t.Errorf("%s: %d bytes are not a PDF of several pages", name, len(pdf))
		}
		if got := eval[int](tb, `window.folded ?? -1`); got != 0 {
			t.Errorf("%s: the print has %d closed folds", name, got)
		}
		tb.do(chromedp.Poll(fmt.Sprintf(`document.querySelectorAll("details:not([open])").length === %d`, folded), nil))

		// A print has the steps in the portal, and no commands and scripts.
		tb.do(emulation.SetEmulatedMedia().WithMedia("print"))
		if !eval[bool](tb, `[...document.querySelectorAll(".steps")].every((e) => e.checkVisibility())`) || eval[bool](tb, `[...document.querySelectorAll(".tabs")].some((e) => e.checkVisibility())`) {
			t.Errorf("%s: the steps are not printed, or commands and scripts are", name)
		}

		// A print is dark on light on every screen, has no form, and cuts nothing off.
		tb.do(emulation.SetEmulatedMedia().WithMedia("print").WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}),
			emulation.SetDeviceMetricsOverride(718, 1000, 1, false)) // A4 with margins of 1 cm
		if eval[bool](tb, `document.getElementById("filter").checkVisibility()`) {
			t.Errorf("%s: the filter is printed", name)
		}
		if got := eval[float64](tb, luminance); got < 0.9 {
			t.Errorf("%s: the background of the print has the luminance %.2f", name, got)
		}
		if got := eval[string](tb, `getComputedStyle(document.querySelector(".message, .lead")).color`); got != "rgb(27, 31, 36)" {
			t.Errorf("%s: with a dark screen, the text of the print is %s", name, got)
		}
		if got := eval[string](tb, overflowing); got != "" {
			t.Errorf("%s: the print is cut off: %s", name, got)
		}
	}
}

// luminance is the luminance of the page's background, from 0 to 1.
const luminance = `(() => {
	const color = (e) => getComputedStyle(e).backgroundColor.match(/[\d.]+/g).map(Number);
	let c = color(document.body);
	if (c.length === 4 && c[3] === 0) { c = color(document.documentElement); }
	if (c.length === 4 && c[3] === 0) { return 1; }
	return (0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]) / 255;
})()`

// overflowing describes the first element that is wider than the page and cannot be scrolled.
const overflowing = `(() => {
	const width = document.documentElement.clientWidth;
	for (const e of document.body.querySelectorAll("*")) {
		if (e.closest("svg, .wide, .unseen, .skip, pre") || !e.checkVisibility()) { continue; }
		const r = e.getBoundingClientRect();
		if (r.width > 1 && r.right > width + 1) { return e.outerHTML.slice(0, 120) + " ends at " + r.right + " of " + width; }
	}
	return document.documentElement.scrollWidth > width + 1 ? "the page scrolls to " + document.documentElement.scrollWidth : "";
})()`

func (b browser) withoutJavaScript(t *testing.T) {
	tb := b.open(t, "mixed", emulation.SetScriptExecutionDisabled(true))
	if eval[bool](tb, `document.getElementById("filter").checkVisibility()`) {
		t.Error("the filter is visible, but cannot work")
	}
	for _, part := range []string{"h1", ".lead", ".next li", ".failed a", ".chain .box", ".matrix", `[data-outcome="fail"] .message`, `[data-outcome="fail"] .steps li`, `[data-outcome="unknown"]`, ".waivers"} {
		if !eval[bool](tb, fmt.Sprintf(`document.querySelector(%q)?.checkVisibility() ?? false`, part)) {
			t.Errorf("%s is not visible", part)
		}
	}
	// The tabs are details elements. One is open at a time.
	const tabs = `[...document.querySelector(".tabs").children].map((d) => d.querySelector("pre, dl").checkVisibility() ? "open" : "closed").join(" ")`
	for i, want := range []string{"open closed closed closed closed", "closed open closed closed closed"} {
		tb.do(chromedp.Click(fmt.Sprintf(".tabs details:nth-child(%d) > summary", i+1), chromedp.ByQuery), chromedp.Poll(tabs+fmt.Sprintf(" === %q", want), nil))
	}
}

// inventory lists the kinds of elements and attributes in the parsed page.
const inventory = `[...new Set([...document.querySelectorAll("*")].flatMap((e) =>
	[e.localName, ...[...e.attributes].map((a) => e.localName + " " + a.name)]))].sort()`

// hostileNames opens the page of an environment with hostile names, triggers every event, and checks
// that no script ran: with the page's policy, and without it.
func (b browser) hostileNames(t *testing.T) {
	want := map[string]bool{}
	for _, kind := range eval[[]string](b.open(t, "mixed"), inventory) {
		want[kind] = true
	}
	for _, bypass := range []bool{true, false} {
		tb := b.open(t, "hostile", page.SetBypassCSP(bypass))
		for _, kind := range eval[[]string](tb, inventory) {
			if !want[kind] {
				t.Errorf("a name adds %q to the page", kind)
			}
		}
		if n := eval[int](tb, `document.scripts.length`); n != 1 {
			t.Errorf("%d scripts", n)
		}
		links := eval[[]string](tb, `[...document.querySelectorAll("[href]")].map((e) => new URL(e.getAttribute("href"), document.baseURI).protocol)`)
		slices.Sort(links)
		if got := slices.Compact(links); !slices.Equal(got, []string{"file:", "https:"}) {
			t.Errorf("links to %q", got)
		}
		// Trigger every event that a user can cause, on every element.
		tb.do(chromedp.Evaluate(`document.querySelectorAll("details").forEach((d) => { d.open = true; });
			for (const e of document.querySelectorAll("*")) {
				for (const kind of ["mouseover", "mouseenter", "focus", "error", "load", "toggle", "animationstart"]) { e.dispatchEvent(new Event(kind)); }
			}`, nil),
			chromedp.SendKeys("#words", `"><script>alert(1)</script>`, chromedp.ByID))
		if got := eval[string](tb, shown); got == "" {
			t.Error("a hostile name cannot be found by the filter")
		}
		requests, messages := tb.events()
		if len(requests) != 1 || len(messages) != 0 {
			t.Errorf("hostile names cause requests %q or messages %q", requests, messages)
		}
		if got := eval[string](tb, "document.title"); !strings.Contains(got, "<script>alert(1)") {
			t.Errorf("the title %q does not show the name", got)
		}
	}

	// The test notices a script that runs, and the policy stops it.
	text, err := os.ReadFile(filepath.Join(*pages, "mixed.html"))
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Replace(text, []byte("</main>"), []byte("<script>alert(1)</script></main>"), 1)
	if err := os.WriteFile(filepath.Join(*pages, "broken.html"), broken, 0o600); err != nil {
		t.Fatal(err)
	}
	tb := b.open(t, "broken", page.SetBypassCSP(true))
	if _, messages := tb.events(); len(messages) != 1 {
		t.Errorf("the test does not notice a script that runs: %q", messages)
	}
	tb = b.open(t, "broken")
	if _, messages := tb.events(); len(messages) != 0 {
		t.Errorf("the page's policy lets a foreign script run: %q", messages)
	}
}

func scheme(name string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}})
}

func (b browser) lightAndDark(t *testing.T) {
	for _, name := range []string{"mixed", "several"} {
		paper := map[string]float64{}
		for _, s := range []string{"light", "dark"} {
			tb := b.open(t, name, scheme(s), emulation.SetDeviceMetricsOverride(1280, 900, 1, false))
			paper[s] = eval[float64](tb, luminance)
			tb.screenshot(name + "-1280-" + s + ".png")
			b.open(t, name, scheme(s), emulation.SetDeviceMetricsOverride(400, 800, 1, true)).screenshot(name + "-400-" + s + ".png")
		}
		if paper["light"] < 0.85 || paper["dark"] > 0.15 {
			t.Errorf("%s: luminance %v", name, paper)
		}
	}
}

// screenshot saves a screenshot of the whole page if a flag names a folder.
func (t *tab) screenshot(name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	var image []byte
	t.do(page.BringToFront(), chromedp.FullScreenshot(&image, 100))
	t.save(name, image)
}

func (b browser) narrow(t *testing.T) {
	for _, name := range []string{"mixed", "several", "hostile"} {
		for _, width := range []int64{360, 400} {
			tb := b.open(t, name, emulation.SetDeviceMetricsOverride(width, 800, 1, true))
			tb.do(chromedp.Evaluate(allOpen, nil))
			if got := eval[string](tb, overflowing); got != "" {
				t.Errorf("%s at %d pixels: %s", name, width, got)
			}
			// The chain is vertical, and neither it nor the matrix scrolls.
			if got := eval[string](tb, `[...document.querySelectorAll(".chain, .wide:has(.matrix, .index)")].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + " " + e.scrollWidth).join(", ")`); got != "" {
				t.Errorf("%s at %d pixels: cut: %s", name, width, got)
			}
			if !eval[bool](tb, `[...document.querySelectorAll(".chain")].every((c) => [...c.children].every((e, i, all) => !i || e.offsetTop > all[i - 1].offsetTop))`) {
				t.Errorf("%s at %d pixels: the chain is not vertical", name, width)
			}
		}
	}
}

// oneLine checks that a row of the index is one line, and that the id of a control is next to the first
// line of its heading.
func (b browser) oneLine(t *testing.T) {
	const broken = `[...document.querySelectorAll("#list td, #list thead th")].filter((e) => {
		const range = document.createRange();
		range.selectNodeContents(e);
		const tops = [...range.getClientRects()].filter((r) => r.width).map((r) => r.bottom);
		return tops.length && Math.max(...tops) - Math.min(...tops) > 12;
	}).map((e) => e.textContent).join(", ")`
	for _, width := range []int64{1280, 400} {
		tb := b.open(t, "several", emulation.SetDeviceMetricsOverride(width, 800, 1, width < 500))
		if got := eval[string](tb, broken); got != "" {
			t.Errorf("at %d pixels these take several lines: %s", width, got)
		}
	}
	tb := b.open(t, "mixed", emulation.SetDeviceMetricsOverride(900, 800, 1, false))
	if got := eval[string](tb, `[...document.querySelectorAll(".control header")].filter((e) => e.checkVisibility() &&
		Math.abs(e.querySelector(".id").getBoundingClientRect().top - e.querySelector("h3").getBoundingClientRect().top) > 12).map((e) => e.textContent).join(", ")`); got != "" {
		t.Errorf("the id is not next to the heading: %s", got)
	}
}

// allOpen opens every details element. Tabs, which close each other, lose their name first.
const allOpen = `document.querySelectorAll("details").forEach((d) => { d.removeAttribute("name"); d.open = true; })`

// list filters and sorts the index of several environments.
func (b browser) list(t *testing.T) {
	tb := b.open(t, "several")
	const names = `[...document.querySelectorAll("#list tbody tr")].filter((r) => !r.hidden).map((r) => r.cells[0].textContent).join(", ")`
	checkNames := func(order, want string) {
		t.Helper()
		if got := eval[string](tb, names); got != want {
			t.Errorf("%s: %q, want %q", order, got, want)
		}
	}
	checkNames("worst first", "contoso, fabrikam, adventure-works")
	tb.do(chromedp.Click("#list thead th:nth-child(1) button", chromedp.ByQuery))
	checkNames("by name", "adventure-works, contoso, fabrikam")
	tb.do(chromedp.Click("#list thead th:nth-child(4) button", chromedp.ByQuery), chromedp.Click("#list thead th:nth-child(4) button", chromedp.ByQuery))
	if got := eval[string](tb, names); !strings.HasPrefix(got, "contoso") {
		t.Errorf("most failed first: %q", got)
	}
	tb.do(chromedp.SendKeys("#name", "FABRI", chromedp.ByID))
	checkNames("by a part of the name", "fabrikam")
	if got := eval[string](tb, `document.getElementById("listed").textContent`); got != "1 of 3 shown" {
		t.Errorf("the status is %q", got)
	}
}

type violation struct {
	ID    string
	Help  string
	Nodes []struct {
		HTML           string
		FailureSummary string
	}
}

// violations returns what axe finds wrong with the page.
func violations(tb *tab) []violation {
	tb.Helper()
	source, err := os.ReadFile(*axe)
	if err != nil {
		tb.Fatal(err)
	}
	tb.do(chromedp.Evaluate(string(source), nil))
	var report struct {
		Violations []violation
		Passes     int
	}
	text := eval[string](tb, `axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify({violations: r.violations, passes: r.passes.length}))`)
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		tb.Fatal(err)
	}
	if report.Passes < 10 {
		tb.Errorf("only %d rules of axe applied", report.Passes)
	}
	return report.Violations
}

func (b browser) accessible(t *testing.T) {
	views := map[string]chromedp.Action{
		"wide":   emulation.SetDeviceMetricsOverride(1200, 900, 1, false),
		"narrow": emulation.SetDeviceMetricsOverride(360, 800, 1, true),
	}
	// Pages with one outcome differ from the others only in the verdict.
	for name, schemes := range map[string][]string{
		"compliant": {"dark"}, "incomplete": {"light"}, "waived": {"dark"}, "mixed": {"light", "dark"}, "several": {"light", "dark"},
	} {
		for _, s := range schemes {
			for _, view := range slices.Sorted(maps.Keys(views)) {
				if view == "narrow" && len(schemes) == 1 {
					continue
				}
				tb := b.open(t, name, scheme(s), views[view])
				tb.do(chromedp.Evaluate(allOpen, nil))
				for _, v := range violations(tb) {
					t.Errorf("%s, %s, %s: %s: %s: %s\n%s", name, s, view, v.ID, v.Help, v.Nodes[0].HTML, v.Nodes[0].FailureSummary)
				}
			}
		}
	}
	// Axe finds faults if there are some.
	tb := b.open(t, "mixed")
	tb.do(chromedp.Evaluate(`document.querySelector("h1").insertAdjacentHTML("afterend", "<img src='data:,'><input>"); document.documentElement.removeAttribute("lang")`, nil))
	if len(violations(tb)) < 3 {
		t.Error("axe finds nothing on a page with faults")
	}
}
