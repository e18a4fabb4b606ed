-- Requests that wait for people, what those people said, and the keys they say it with.

-- Whose account it is, when that is not somebody of the account's own name (A1).
ALTER TABLE users ADD COLUMN person TEXT;

-- What officers approve with; public keys.
CREATE TABLE signing_keys (
    fingerprint TEXT    NOT NULL PRIMARY KEY,   -- one account each (A1)
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key         TEXT    NOT NULL,               -- OpenSSH's one-line form
    label       TEXT    NOT NULL,               -- what its owner calls it
    created_at  INTEGER NOT NULL,
    UNIQUE (user_id, label)
) STRICT;

-- pending ─▶ issuing ─▶ issued, or pending ─▶ closing ─▶ closed. Every step is one conditional UPDATE, so of all who would
-- take a request further one does (A5). What closes a request counts at once and is recorded next; what issues is
-- recorded first.
CREATE TABLE requests (
    id            TEXT    NOT NULL PRIMARY KEY, -- ULID, chosen by the client
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    state         TEXT    NOT NULL,
    policy        TEXT    NOT NULL,             -- the policy it waits under; another voids it (A2)
    request       TEXT    NOT NULL,             -- the exact text
    signature     TEXT    NOT NULL,             -- the proof of possession
    session       TEXT    NOT NULL,             -- JSON: how the requester had logged in
    source        TEXT    NOT NULL,             -- JSON: from where
    needed        INTEGER NOT NULL,
    asked_at      INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    claimed_at_ms INTEGER,                      -- since when it is issuing: no entry for it is older (I8)
    outcome       TEXT,                         -- why it was closed
    closed_by     TEXT,
    issued        TEXT                          -- JSON: the certificate
) STRICT;

CREATE INDEX requests_user ON requests (user_id);
CREATE INDEX requests_open ON requests (expires_at) WHERE state IN ('pending', 'issuing', 'closing');

CREATE TABLE approvals (
    id         TEXT    NOT NULL PRIMARY KEY,    -- ULID, signed: none is given twice (A3)
    request_id TEXT    NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text       TEXT    NOT NULL,
    signature  TEXT    NOT NULL,
    session    TEXT    NOT NULL,                -- JSON: how the officer had logged in
    source     TEXT    NOT NULL,                -- JSON: from where
    at         INTEGER NOT NULL,
    UNIQUE (request_id, user_id)
) STRICT;
