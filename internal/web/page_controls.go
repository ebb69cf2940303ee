package web

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// controlsPage lists the controls, those that most integrations do not meet first.
func (s *server) controlsPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.ControlCounts(r.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b store.ControlCount) int {
		return cmp.Or(cmp.Compare(b.Fail, a.Fail), cmp.Compare(b.Unknown, a.Unknown), cmp.Compare(a.Control, b.Control))
	})
	s.renderPage(w, http.StatusOK, "controls", s.layout(r, "Controls"), list)
	return nil
}

// controlPage lists the status of a control in every integration, the worst first.
func (s *server) controlPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.controlStatuses(r)
	if err != nil {
		return err
	}
	order := []audit.Outcome{audit.OutcomeFail, audit.OutcomeUnknown, audit.OutcomeWaived, audit.OutcomePass, audit.OutcomeNotApplicable}
	slices.SortStableFunc(list, func(a, b store.ControlStatus) int {
		return cmp.Compare(slices.Index(order, a.Outcome), slices.Index(order, b.Outcome))
	})
	s.renderPage(w, http.StatusOK, "control", s.layout(r, string(list[0].Control)), list)
	return nil
}
