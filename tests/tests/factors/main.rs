//! Factors and messages, each against what speaks the protocol of those who offer it.

mod messages;
mod webauthn;
mod yubikey;
