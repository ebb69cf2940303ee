package browser

import (
	"flag"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var fleetURL = flag.String("fleet", "", "`URL` of a fleet's page: scripts/fleet-demo")

// TestFleet checks the pages of a fleet: nothing is cut off at 400 pixels, axe finds no fault, and
// filters and scans work without a script.
func TestFleet(t *testing.T) {
	if *fleetURL == "" || *axe == "" {
		t.Skip("no -fleet and -axe: run scripts/test-page")
	}
	b := start(t)
	pages := map[string]string{
		"fleet": "/", "environment": "/environments/client-04", "changed": "/environments/client-18", "failed": "/environments/client-12", "controls": "/controls",
		"control": "/controls/DB-PRIV-LEAD", "refused": "/environments/nowhere",
	}
	for name, path := range pages {
		for _, s := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 400} {
				tb := b.open(t, *fleetURL+path, scheme(s), emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500))
				if got := eval[string](tb, overflowing); got != "" && width < 500 {
					t.Errorf("%s at %d pixels: %s", name, width, got)
				}
				for _, v := range violations(tb) {
					t.Errorf("%s, %s, %d: %s: %s: %s\n%s", name, s, width, v.ID, v.Help, v.Nodes[0].HTML, v.Nodes[0].FailureSummary)
				}
				if n := eval[int](tb, `document.scripts.length`); n > 0 {
					t.Errorf("%s has %d scripts", name, n)
				}
				tb.screenshot("fleet-" + name + "-" + s + ".png")
			}
		}
	}
	tb := b.open(t, *fleetURL+"/environments/client-18")
	if n := eval[int](tb, `document.querySelectorAll("[aria-label=Changes] tbody tr").length`); n == 0 {
		t.Error("the page of the fixed environment shows no change")
	}
	tb = b.open(t, *fleetURL+"/")
	all := eval[int](tb, `document.querySelectorAll(".index tbody tr").length`)
	tb.do(chromedp.SendKeys(`input[name=label]`, "team=sales"), chromedp.Submit(`.filter`), chromedp.WaitReady(`.filter a[href="/"]`))
	if some := eval[int](tb, `document.querySelectorAll(".index tbody tr").length`); some == 0 || some >= all {
		t.Errorf("%d of %d environments have the label", some, all)
	}
	tb = b.open(t, *fleetURL+"/environments/client-04")
	if _, err := chromedp.RunResponse(tb.ctx, chromedp.Click(`form[action$="/scan"] button`)); err != nil {
		t.Fatal(err)
	}
	if got := eval[string](tb, `document.querySelector("h1").textContent + " " + [...document.querySelectorAll("td")].some((e) => e.textContent == "manual")`); got != "client-04 true" {
		t.Errorf("after Scan now: %s", got)
	}
}
