-- Recoveries: accounts that officers give back to owners who have lost everything.

-- Until when an account that was recovered can do less.
ALTER TABLE users ADD COLUMN reduced_until INTEGER;

-- open ─▶ due ─▶ finishing ─▶ finished, or open or due ─▶ closing ─▶ closed. Every step is one conditional UPDATE. What takes
-- the recovery further is recorded first; what ends it counts at once and is recorded next.
CREATE TABLE recoveries (
    id            TEXT    NOT NULL PRIMARY KEY, -- ULID, chosen by the first officer's program
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    state         TEXT    NOT NULL,
    needed        INTEGER NOT NULL,             -- how many people have to sign
    opened_at     INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,             -- when it is too late for the next step
    due_since     INTEGER,                      -- when the waiting period began
    due_until     INTEGER,                      -- when it ends
    reminded      INTEGER NOT NULL DEFAULT 0,   -- whether the owner was warned again
    reduced_until INTEGER,                      -- until when the account can do less, once it is finished
    outcome       TEXT,                         -- why it ended
    event         TEXT                          -- JSON: what is to be recorded next, while it is finishing or closing
) STRICT;

-- An account has one at a time.
CREATE UNIQUE INDEX recoveries_user ON recoveries (user_id) WHERE state IN ('open', 'due', 'finishing', 'closing');

CREATE TABLE recovery_votes (
    id          TEXT    NOT NULL PRIMARY KEY,   -- ULID, signed: none is given twice
    recovery_id TEXT    NOT NULL REFERENCES recoveries (id) ON DELETE CASCADE,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text        TEXT    NOT NULL,
    signature   TEXT    NOT NULL,
    session     TEXT    NOT NULL,               -- JSON: how the officer had logged in
    source      TEXT    NOT NULL,               -- JSON: from where
    at          INTEGER NOT NULL,
    UNIQUE (recovery_id, user_id)
) STRICT;
