//! Critical options and extensions: names with values, in order of name (OpenSSH PROTOCOL.certkeys).

use std::collections::BTreeMap;

use super::CertError;
use crate::wire::{Reader, Writer};

/// Options by name; the value is the option's data as it stands in the certificate.
pub type Options = BTreeMap<String, Vec<u8>>;

/// Makes the data of an option that is only there or not.
pub fn flag() -> Vec<u8> {
    Vec::new()
}

/// Makes the data of an option whose value is a text: one more `string` inside.
pub fn text_value(text: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.string(text.as_bytes());
    writer.finish()
}

/// Reads the text back out of an option's data; `None` when it is not one text.
pub fn value_text(data: &[u8]) -> Option<&str> {
    let mut reader = Reader::new(data);
    let text = reader.string().ok()?;
    std::str::from_utf8(text).ok().filter(|_| reader.is_empty())
}

pub(super) fn write<'a>(writer: &mut Writer, options: impl Iterator<Item = (&'a str, &'a [u8])>) {
    writer.nested(|inner| {
        for (name, data) in options {
            inner.string(name.as_bytes()).string(data);
        }
    });
}

/// Reads options and requires that they are in order, each once: OpenSSH says they must be and does not check.
pub(super) fn read(bytes: &[u8]) -> Result<Options, CertError> {
    let mut reader = Reader::new(bytes);
    let mut options = Options::new();
    while !reader.is_empty() {
        let name = std::str::from_utf8(reader.string()?).map_err(|_| CertError::Malformed)?;
        if options.last_key_value().is_some_and(|(last, _)| last.as_str() >= name) {
            return Err(CertError::OptionOrder);
        }
        options.insert(name.to_owned(), reader.string()?.to_vec());
    }
    Ok(options)
}
