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

-- What is shown after the password: an app, a phone, a token.
CREATE TABLE factors (
    id           TEXT    NOT NULL PRIMARY KEY,  -- ULID; the seal is bound to it
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT    NOT NULL,              -- totp, sms, yubikey or webauthn
    label        TEXT    NOT NULL,              -- what its owner calls it
    sealed       BLOB    NOT NULL,              -- seed, number, public id or passkey, sealed
    tag          BLOB    UNIQUE,                -- keyed hash of a token's identity: one account each (F4, A1)
    counter      INTEGER NOT NULL DEFAULT 0,    -- time step or counter accepted last; it only grows (F1, F2, F4, L8)
    confirmed_at INTEGER,                       -- when its owner showed that it works; it counts only from then on
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    UNIQUE (user_id, label)
) STRICT;

CREATE INDEX factors_user ON factors (user_id);

-- For when all factors are lost. Each has 128 random bits, so SHA-256 is hash enough.
CREATE TABLE recovery_codes (
    hash    BLOB    NOT NULL PRIMARY KEY,
    user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    used_at INTEGER                             -- set once (F12)
) STRICT, WITHOUT ROWID;

CREATE INDEX recovery_codes_user ON recovery_codes (user_id);

-- Consecutive failures of one authenticator: password/<user>, password/<user>/<device>, <kind>/<factor>, recovery/<user>, or
-- unknown/<bucket> (F7, F9). And what is left of the failures of a source: source/<bucket>.
CREATE TABLE failures (
    authenticator TEXT    NOT NULL PRIMARY KEY,
    count         INTEGER NOT NULL,
    last_at_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Between the password and the factor.
CREATE TABLE challenges (
    token_hash BLOB    NOT NULL PRIMARY KEY,    -- SHA-256
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL,                -- what the session is to be for
    source     TEXT    NOT NULL,                -- the only address it is good from
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,                         -- set once
    device     TEXT                             -- the known device it was begun on
) STRICT, WITHOUT ROWID;

CREATE INDEX challenges_expiry ON challenges (expires_at);

-- Codes sent by SMS, one for each login or enrolment (F11).
CREATE TABLE sms_codes (
    purpose    TEXT    NOT NULL PRIMARY KEY,    -- login/<hash of the challenge> or factor/<id>
    factor_id  TEXT    NOT NULL REFERENCES factors (id) ON DELETE CASCADE,
    tag        BLOB    NOT NULL,                -- keyed hash: eight digits are few enough to try all
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was sent lately, against floods and pumping (F10). Scopes hold keyed hashes in place of numbers.
CREATE TABLE sends (
    scope     TEXT    NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    taken     INTEGER NOT NULL,
    PRIMARY KEY (scope, starts_at)
) STRICT, WITHOUT ROWID;

-- A security key is shown to a browser, for a program that waits elsewhere. Answered once, taken once.
CREATE TABLE ceremonies (
    link_hash   BLOB    NOT NULL PRIMARY KEY,   -- SHA-256 of what opens the page; the seal is bound to it
    code_tag    BLOB    NOT NULL UNIQUE,        -- keyed hash of the short code that opens it too
    poll_hash   BLOB    NOT NULL UNIQUE,        -- SHA-256 of what the program asks with
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    begun_by    TEXT    NOT NULL UNIQUE,        -- login/<hash of its challenge> or session/<id>: one open each
    sealed      BLOB    NOT NULL,               -- who asked, and the challenge; later what came of it
    expires_at  INTEGER NOT NULL,
    answered_at INTEGER                         -- set once (F13)
) STRICT, WITHOUT ROWID;

CREATE INDEX ceremonies_expiry ON ceremonies (expires_at);

CREATE TABLE sessions (
    token_hash   BLOB    NOT NULL PRIMARY KEY,  -- SHA-256
    id           TEXT    NOT NULL UNIQUE,       -- ULID; names the session in events and opens nothing
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose      TEXT    NOT NULL,              -- access: certificates; account: changing factors and password
    factors      TEXT    NOT NULL,              -- JSON list of what was presented after the password, and when
    source       TEXT    NOT NULL,
    user_agent   TEXT,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,              -- up to a minute old
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Where an account has logged in before: such a device has failures of its own, so that others cannot lock its owner out.
CREATE TABLE devices (
    id           TEXT    NOT NULL PRIMARY KEY,  -- ULID
    token_hash   BLOB    NOT NULL UNIQUE,       -- SHA-256
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX devices_user ON devices (user_id);
CREATE INDEX devices_expiry ON devices (expires_at);

CREATE TRIGGER devices_failures AFTER DELETE ON devices BEGIN
    DELETE FROM failures WHERE authenticator = 'password/' || old.user_id || '/' || old.id;
END;

-- For programs, in place of password and factor; each opens no more than its scope says.
CREATE TABLE api_keys (
    id           TEXT    NOT NULL PRIMARY KEY,  -- ULID; names the key in events and opens nothing
    token_hash   BLOB    NOT NULL UNIQUE,       -- SHA-256
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label        TEXT    NOT NULL,
    scope        TEXT    NOT NULL,              -- JSON: profiles, networks, expiry
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,                       -- up to a minute old
    UNIQUE (user_id, label)
) STRICT;

-- Messages on their way to people; deleted when they are sent.
CREATE TABLE notices (
    id          TEXT    NOT NULL PRIMARY KEY,   -- ULID; the seal is bound to it
    sealed      BLOB    NOT NULL,               -- channel, address and text, sealed
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL
) STRICT;

CREATE INDEX notices_due ON notices (next_try_at);

-- Links by which the owner of an account says "this was not me".
CREATE TABLE disavowals (
    token_hash BLOB    NOT NULL PRIMARY KEY,    -- SHA-256
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER                          -- set once
) STRICT, WITHOUT ROWID;

-- Links by which somebody takes over the account that an officer made for them.
CREATE TABLE invitations (
    token_hash BLOB    NOT NULL PRIMARY KEY,    -- SHA-256
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
