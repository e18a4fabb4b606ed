//! Environment variables over the file: `CA_SERVER_LOG__BUCKET` is `bucket` in `[log]`.

use toml::{Table, Value};

const PREFIX: &str = "CA_SERVER_";

/// The passphrases of the CA keys and the filter of the server's own log come from the environment alone.
const NOT_CONFIGURATION: [&str; 3] =
    ["CA_SERVER_CA_PASSPHRASE", "CA_SERVER_HOST_CA_PASSPHRASE", "CA_SERVER_LOG_FILTER"];

/// Puts every matching variable in its place; a value is taken as TOML where it is TOML, and as text otherwise.
pub(super) fn apply(
    mut table: Table,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Table, String> {
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(PREFIX).filter(|_| !NOT_CONFIGURATION.contains(&name.as_str()))
        else {
            continue;
        };
        let lower = path.to_lowercase();
        let keys: Vec<&str> = lower.split("__").collect();
        place(&mut table, &keys, value(&text)).map_err(|()| format!("{name}: there is no such table"))?;
    }
    Ok(table)
}

fn value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn place(table: &mut Table, keys: &[&str], value: Value) -> Result<(), ()> {
    match keys {
        [] => Err(()),
        [last] => {
            table.insert((*last).to_owned(), value);
            Ok(())
        }
        [first, rest @ ..] => {
            let inner = table.entry((*first).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            place(inner.as_table_mut().ok_or(())?, rest, value)
        }
    }
}
