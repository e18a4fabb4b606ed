-- A name without an account has its count for itself, as an account has: unknown/<place>/<name>, one name at a place (F9).
-- Before, all names of a place shared one count, unknown/<place>.
DELETE FROM failures WHERE authenticator >= 'unknown/' AND authenticator < 'unknown0';
