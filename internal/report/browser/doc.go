// Package browser tests the HTML report in Chromium. It is a module of its own, so
// that nobody who builds dbaudit needs the driver. The tests are given pages that
// the renderer wrote, and axe-core; scripts/test-page makes both and runs them.
package browser
