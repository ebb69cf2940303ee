-- What decides the verdict: as it is configured, and as it was for the last result. Empty if it is not known.
ALTER TABLE integration ADD COLUMN required TEXT NOT NULL DEFAULT '';
ALTER TABLE integration ADD COLUMN judged TEXT NOT NULL DEFAULT '';

-- Nothing reads these: the first follows from the name and the interval, and the second stands in the integrations.
ALTER TABLE environment DROP COLUMN jitter;
ALTER TABLE environment DROP COLUMN organization_id;
ALTER TABLE control_span DROP COLUMN opened;
