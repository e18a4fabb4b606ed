-- What the server remembers. Times are seconds since the Unix epoch unless a name says _ms.
--
-- What is only compared is stored as a hash, what must be read is sealed (I9): this file may be stolen (F17).

CREATE TABLE users (
    id          TEXT    NOT NULL PRIMARY KEY,   -- ULID
    name        TEXT    NOT NULL UNIQUE,        -- canonical: one spelling per account (F8)
    email       TEXT    NOT NULL UNIQUE,        -- canonical
    groups      TEXT    NOT NULL,               -- JSON list
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

CREATE TABLE passwords (
    user_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    phc        TEXT    NOT NULL,                -- Argon2id with its parameters, PHC string format
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE totp_factors (
    id         TEXT    NOT NULL PRIMARY KEY,    -- ULID; the seal is bound to it
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label      TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,                -- the seed, sealed
    last_step  INTEGER NOT NULL DEFAULT 0,      -- the time step accepted last; it only grows (F1, F2, L8)
    confirmed  INTEGER NOT NULL,                -- 1 when the owner has shown that it works
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX totp_factors_user ON totp_factors (user_id);

-- Consecutive failures of one authenticator: password/<user>, totp/<factor>, or unknown/<bucket> (F7, F9).
CREATE TABLE failures (
    authenticator TEXT    NOT NULL PRIMARY KEY,
    count         INTEGER NOT NULL,
    last_at_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Between the password and the factor.
CREATE TABLE challenges (
    token_hash BLOB    NOT NULL PRIMARY KEY,    -- SHA-256
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    source     TEXT    NOT NULL,                -- the only address it is good from
    expires_at INTEGER NOT NULL,
    used_at    INTEGER                          -- set once
) STRICT, WITHOUT ROWID;

CREATE INDEX challenges_expiry ON challenges (expires_at);

CREATE TABLE sessions (
    token_hash   BLOB    NOT NULL PRIMARY KEY,  -- SHA-256
    id           TEXT    NOT NULL UNIQUE,       -- ULID; names the session in events and opens nothing
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    factors      TEXT    NOT NULL,              -- JSON list of what was presented after the password, and when
    source       TEXT    NOT NULL,
    user_agent   TEXT,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,              -- up to a minute old
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
