-- What the log says about certificates that may still be used, and what is revoked. All of it follows from the log and can
-- be made again from it; nothing here decides anything. `next` is how many entries were read.

CREATE TABLE certificates (
    serial       INTEGER NOT NULL PRIMARY KEY,  -- the index of its entry
    request_id   TEXT    NOT NULL,
    user         TEXT    NOT NULL,              -- name
    key          BLOB    NOT NULL,              -- SHA-256 of the certified key
    profile      TEXT    NOT NULL,
    ca           BLOB    NOT NULL,              -- SHA-256 of the CA's key
    valid_before INTEGER NOT NULL,
    revoked_by   INTEGER                        -- the entry that did it
) STRICT;

-- None by user, key or request: keeping one would cost each certificate more than its row does, and revoking may scan.
CREATE INDEX certificates_expiry ON certificates (valid_before);
CREATE INDEX certificates_revoked ON certificates (serial) WHERE revoked_by IS NOT NULL;

-- The keys behind `certificates.ca`, which a KRL names in full.
CREATE TABLE authorities (
    fingerprint BLOB NOT NULL PRIMARY KEY,
    blob        BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts that were revoked or switched off, by name.
CREATE TABLE standings (
    user       TEXT    NOT NULL PRIMARY KEY,
    off        INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE revocations (
    entry        INTEGER NOT NULL PRIMARY KEY,  -- its index in the log
    kind         TEXT    NOT NULL,              -- user, key, serial, certificate or ca-key
    what         TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    revoker      TEXT    NOT NULL,              -- who did it
    at           INTEGER NOT NULL,
    certificates INTEGER NOT NULL               -- how many live ones it took
) STRICT;

-- Keys that are revoked for ever.
CREATE TABLE revoked_keys (
    key   BLOB    NOT NULL PRIMARY KEY,
    is_ca INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The KRL that is served; one row.
CREATE TABLE krl (
    one       INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    version   INTEGER NOT NULL,
    generated INTEGER NOT NULL,
    bytes     BLOB    NOT NULL,
    signature TEXT    NOT NULL
) STRICT;

CREATE TABLE revocation_place (
    one          INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    next         INTEGER NOT NULL,
    last_version INTEGER NOT NULL               -- the highest KRL version the log knows of
) STRICT;
