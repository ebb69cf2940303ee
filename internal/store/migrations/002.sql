-- When the credential ends that the environment is signed in to with; NULL if it is not known.
ALTER TABLE environment ADD COLUMN credential_ends BIGINT;
