//! Asks a validation server about one OTP with the `yubico` crate: `yubico-reference URL CLIENT_ID API_KEY OTP`.
//!
//! Prints `OK`, or the name of the error. It ends with 101 where the crate panics.

use std::process::ExitCode;

use yubico::config::{Config, SyncLevel};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, client_id, api_key, otp] = arguments.as_slice() else {
        eprintln!("usage: yubico-reference URL CLIENT_ID API_KEY OTP");
        return ExitCode::from(2);
    };
    let config = Config::default()
        .set_client_id(client_id)
        .set_key(api_key)
        .set_sync_level(SyncLevel::fast())
        .set_api_hosts(vec![url.clone()]);
    match yubico::verify(otp, config) {
        Ok(_) => println!("OK"),
        // The text of some errors has the OTP in it; their names do not.
        Err(error) => println!("{}", format!("{error:?}").split('(').next().unwrap_or_default()),
    }
    ExitCode::SUCCESS
}
