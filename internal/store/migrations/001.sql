-- Times are microseconds since 1970 in UTC. {{id}} and {{blob}} are the database's own types.

CREATE TABLE environment (
    id              {{id}},
    name            TEXT NOT NULL UNIQUE,
    tenant_id       TEXT NOT NULL,
    url             TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    config          TEXT NOT NULL,
    credential_ref  TEXT NOT NULL,
    every           BIGINT NOT NULL, -- microseconds; 0 is never by itself
    jitter          BIGINT NOT NULL,
    paused          BOOLEAN NOT NULL,
    next_due        BIGINT,
    labels          TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    last_run        BIGINT
);
CREATE INDEX environment_due ON environment (next_due);

-- What is known now stands here as well, so that a table of the fleet reads one row for each integration.
CREATE TABLE integration (
    id               {{id}},
    environment_id   BIGINT NOT NULL REFERENCES environment (id),
    name             TEXT NOT NULL,
    profile          TEXT NOT NULL, -- the edition that judged last
    organization_id  TEXT NOT NULL,
    retired          BOOLEAN NOT NULL,
    results          BIGINT NOT NULL,
    verdict          TEXT NOT NULL, -- of the last result; empty for none
    since            BIGINT,
    last_run         BIGINT,
    last_result_at   BIGINT,
    last_complete_at BIGINT,
    UNIQUE (environment_id, name)
);

CREATE TABLE run (
    id             {{id}},
    environment_id BIGINT NOT NULL REFERENCES environment (id),
    period         BIGINT NOT NULL,
    trigger        TEXT NOT NULL,
    state          TEXT NOT NULL,
    attempt        BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    queued_at      BIGINT NOT NULL,
    started_at     BIGINT,
    ended_at       BIGINT,
    error_code     TEXT NOT NULL,
    error          TEXT NOT NULL,
    worker         TEXT NOT NULL,
    tool_version   TEXT NOT NULL,
    job            BIGINT, -- the queue's own number
    UNIQUE (environment_id, period, trigger)
);
CREATE INDEX run_environment ON run (environment_id, id);
CREATE INDEX run_ended ON run (ended_at);

CREATE TABLE document (
    sha  TEXT PRIMARY KEY,
    body {{blob}} NOT NULL
);

CREATE TABLE result (
    run_id          BIGINT NOT NULL REFERENCES run (id),
    integration_id  BIGINT NOT NULL REFERENCES integration (id),
    seq             BIGINT NOT NULL, -- counts the results of the integration from 1
    taken_at        BIGINT NOT NULL,
    evaluated_at    BIGINT NOT NULL,
    digest          TEXT NOT NULL,
    verdict         TEXT NOT NULL,
    profile_version TEXT NOT NULL,
    profile_digest  TEXT NOT NULL,
    pass            BIGINT NOT NULL,
    fail            BIGINT NOT NULL,
    unknown         BIGINT NOT NULL,
    not_applicable  BIGINT NOT NULL,
    waived          BIGINT NOT NULL,
    findings        BIGINT NOT NULL,
    document_sha    TEXT NOT NULL REFERENCES document (sha),
    PRIMARY KEY (run_id, integration_id),
    UNIQUE (integration_id, seq)
);
CREATE INDEX result_document ON result (document_sha);

CREATE TABLE finding_span (
    id             {{id}},
    integration_id BIGINT NOT NULL REFERENCES integration (id),
    fingerprint    TEXT NOT NULL,
    control        TEXT NOT NULL,
    severity       TEXT NOT NULL,
    message        TEXT NOT NULL,
    waived         BOOLEAN NOT NULL,
    profile        TEXT NOT NULL, -- the edition under which it was last seen
    first_run      BIGINT NOT NULL REFERENCES run (id),
    last_seen_run  BIGINT NOT NULL, -- of run; it changes too often for an index
    opened         TEXT NOT NULL, -- why it began
    closed_run     BIGINT REFERENCES run (id),
    reason         TEXT NOT NULL  -- why it ended; empty while it is open
);
CREATE UNIQUE INDEX finding_span_open ON finding_span (integration_id, fingerprint) WHERE closed_run IS NULL;
CREATE INDEX finding_span_first ON finding_span (first_run);
CREATE INDEX finding_span_closed ON finding_span (closed_run);

-- Of each control there are two rows of spans: of the outcomes that are known, and of unknown. The one
-- does not break the other. The latest of each row is marked.
CREATE TABLE control_span (
    id             {{id}},
    integration_id BIGINT NOT NULL REFERENCES integration (id),
    control        TEXT NOT NULL,
    severity       TEXT NOT NULL,
    outcome        TEXT NOT NULL,
    profile        TEXT NOT NULL,
    opened         TEXT NOT NULL,
    from_run       BIGINT NOT NULL REFERENCES run (id),
    to_run         BIGINT NOT NULL, -- of run, as well
    latest         BOOLEAN NOT NULL
);
CREATE INDEX control_span_latest ON control_span (integration_id) WHERE latest;
CREATE INDEX control_span_control ON control_span (control, integration_id, from_run);
CREATE INDEX control_span_from ON control_span (from_run);

-- How many integrations had which verdict by the last result of a day (days since 1970).
CREATE TABLE fleet_day (
    day          BIGINT NOT NULL,
    verdict      TEXT NOT NULL,
    integrations BIGINT NOT NULL,
    PRIMARY KEY (day, verdict)
);

-- What is told when it begins, and when it ends.
CREATE TABLE alert (
    id             {{id}},
    rule           TEXT NOT NULL,
    integration_id BIGINT NOT NULL REFERENCES integration (id),
    key            TEXT NOT NULL, -- tells alerts of a rule and an integration apart
    event          TEXT NOT NULL,
    control        TEXT NOT NULL, -- empty where it is about no control
    severity       TEXT NOT NULL,
    message        TEXT NOT NULL,
    opened         BIGINT NOT NULL,
    resolved       BIGINT,
    last_sent      BIGINT
);
CREATE UNIQUE INDEX alert_open ON alert (rule, integration_id, key) WHERE resolved IS NULL;

CREATE TABLE audit (
    id   {{id}},
    at   BIGINT NOT NULL,
    who  TEXT NOT NULL,
    what TEXT NOT NULL
);
