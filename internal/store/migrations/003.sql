-- Whether the last result is in the span. Of the latest known span of a control and the latest unknown one, one is.
ALTER TABLE control_span ADD COLUMN in_last BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE control_span SET in_last = TRUE
    WHERE latest AND to_run = (SELECT i.last_run FROM integration i WHERE i.id = control_span.integration_id);
CREATE INDEX control_span_in_last ON control_span (control, severity, outcome, integration_id) WHERE in_last;
DROP INDEX control_span_control;
CREATE INDEX control_span_integration ON control_span (integration_id, control, from_run);

CREATE INDEX finding_span_unwaived ON finding_span (integration_id, severity) WHERE closed_run IS NULL AND NOT waived;
CREATE INDEX finding_span_fingerprint ON finding_span (integration_id, fingerprint);
CREATE INDEX run_started ON run (started_at, trigger, worker);
