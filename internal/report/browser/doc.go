// Package browser tests the HTML report in Chromium. It is a separate module, so that nobody needs
// the driver of the browser to build dbaudit. The tests need rendered pages and axe-core:
// scripts/test-page provides both and runs the tests.
package browser
