package cli

import (
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// progress shows what is being read.
type progress struct {
	app  *app
	name string
}

func (a *app) progress(t target) *progress { return &progress{app: a, name: t.name} }

func (p *progress) stop() {}

// exchange is told of requests.
func (p *progress) exchange(e dataverse.Event) {}

// section is told of sections.
func (p *progress) section(e collector.Event) {}
