//! What the journeys share: a real server, real people, a real sshd, a real agent, and buckets of several makers.
//!
//! Reading order: [`process`] and [`programs`] below everything; [`server`], [`person`], [`sshd`] and [`agent`] are the
//! actors; [`http`], [`client`] and [`requests`] speak the API without `ca`; [`log_folder`] reads the log without it.
//! [`twilio`], [`sns`] and [`smtp`] stand in for the services that carry messages, each on a [`background`] thread.

pub mod agent;
pub mod api;
pub mod approvals;
pub mod background;
pub mod browser;
pub mod bucket;
pub mod ceremonies;
pub mod client;
pub mod flood;
pub mod http;
pub mod invitation;
pub mod journey;
pub mod log_folder;
pub mod openssh;
pub mod person;
pub mod ports;
pub mod process;
pub mod programs;
pub mod real_s3;
pub mod requests;
pub mod s3;
pub mod server;
pub mod shared;
pub mod smtp;
pub mod sns;
pub mod sshd;
pub mod stand_in;
pub mod totp;
pub mod twilio;
pub mod webauthn;
pub mod webhook;
pub mod wire;
pub mod yubico;
