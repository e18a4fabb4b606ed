-- What is typed as a name has a count of its own, whether there is an account or not: typed/<place>/<name>, one name at a
-- place (F9). Names without an account had counts apart from those of accounts before: unknown/<place>.
DELETE FROM failures WHERE authenticator >= 'unknown/' AND authenticator < 'unknown0';
