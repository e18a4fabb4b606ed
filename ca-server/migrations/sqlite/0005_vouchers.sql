-- Vouchers, which officers seal in advance, and what was done with them.

CREATE TABLE vouchers (
    id         TEXT    NOT NULL PRIMARY KEY,    -- ULID, chosen by the officer's program
    text       TEXT    NOT NULL,                -- what every officer signs
    secret     TEXT    NOT NULL UNIQUE,         -- the hash of what its holder shows
    expires_at INTEGER NOT NULL,
    withdrawn  INTEGER NOT NULL DEFAULT 0,
    used_by    TEXT                             -- the request that has it; free again when that is closed
) STRICT;

CREATE TABLE voucher_seals (
    voucher_id TEXT    NOT NULL REFERENCES vouchers (id) ON DELETE CASCADE,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    signature  TEXT    NOT NULL,
    session    TEXT    NOT NULL,                -- JSON: how the officer had logged in
    source     TEXT    NOT NULL,                -- JSON: from where
    at         INTEGER NOT NULL,
    UNIQUE (voucher_id, user_id)
) STRICT;

-- The certificates of hosts are in the index of live ones now, with no user: what was read before is read again.
UPDATE revocation_place SET next = 0;

-- The voucher that was shown for a request, and when somebody looked into what was done.
ALTER TABLE requests ADD COLUMN voucher TEXT;
ALTER TABLE requests ADD COLUMN reviewed_at INTEGER;
