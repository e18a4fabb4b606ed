//! Where text goes: data to stdout, words for people to stderr; colour only on a terminal (and never with `NO_COLOR`).

use std::io::Write as _;

use serde::Serialize;

/// Writes data to stdout. A reader that went away (`| head`) is no error.
pub(crate) fn data(text: &str) {
    let _ = anstream::stdout().lock().write_all(text.as_bytes());
}

/// Writes a value to stdout as one JSON document and a newline.
pub(crate) fn json(value: &impl Serialize) {
    // Our own types have text keys only, so this cannot fail.
    data(&(serde_json::to_string_pretty(value).unwrap_or_default() + "\n"));
}

/// Writes a line for people to stderr.
pub(crate) fn note(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
