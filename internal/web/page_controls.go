package web

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

type controlsRow struct {
	ID                  audit.ControlID
	Severity            audit.Severity
	Fail, Unknown, Pass int
}

// controlsPage lists the controls by how many environments do not meet them.
func (s *server) controlsPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.Controls(r.Context())
	if err != nil {
		return err
	}
	rows := map[audit.ControlID]*controlsRow{}
	for _, c := range list {
		row := rows[c.Control]
		if row == nil {
			row = &controlsRow{ID: c.Control, Severity: c.Severity}
			rows[c.Control] = row
		}
		row.Unknown += c.Stale
		switch known := c.Count - c.Stale; c.Outcome {
		case audit.OutcomeUnknown:
			row.Unknown += known
		case audit.OutcomeFail:
			row.Fail += known
		default:
			row.Pass += known
		}
	}
	shown := make([]controlsRow, 0, len(rows))
	for _, row := range rows {
		shown = append(shown, *row)
	}
	slices.SortFunc(shown, func(a, b controlsRow) int {
		return cmp.Or(cmp.Compare(b.Fail, a.Fail), cmp.Compare(b.Unknown, a.Unknown), cmp.Compare(a.ID, b.ID))
	})
	s.show(w, http.StatusOK, "controls", s.frame(r, "Controls"), shown)
	return nil
}

// controlPage is a control across the fleet.
func (s *server) controlPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.control(r)
	if err != nil {
		return err
	}
	order := []audit.Outcome{audit.OutcomeFail, audit.OutcomeUnknown, audit.OutcomeWaived, audit.OutcomePass, audit.OutcomeNotApplicable}
	slices.SortStableFunc(list, func(a, b store.ControlStatus) int {
		return cmp.Compare(slices.Index(order, a.Outcome), slices.Index(order, b.Outcome))
	})
	s.show(w, http.StatusOK, "control", s.frame(r, string(list[0].Control)), list)
	return nil
}
