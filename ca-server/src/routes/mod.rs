//! The calls there are, one file for each noun; the table is [`router`].

mod account;
mod admin;
mod api_keys;
mod caller;
mod certificates;
mod explain;
mod freeze;
mod hosts;
mod invitation;
mod log;
mod login;
mod openapi;
mod operations;
mod problems;
mod recoveries;
mod requests;
mod revocations;
mod signing_keys;
mod trust;
mod vouchers;
mod webauthn;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use ca_core::time::Ttl;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use operations::router as operations;

use crate::app::SharedApp;

/// Builds the public service; a call may take as long as `deadline`, body included.
pub fn router(app: SharedApp, deadline: Ttl) -> Router {
    let (router, api) = OpenApiRouter::with_openapi(openapi::Api::openapi())
        .routes(routes!(login::start))
        .routes(routes!(login::send_sms))
        .routes(routes!(login::finish))
        .routes(routes!(login::session, login::logout))
        .routes(routes!(webauthn::open_login))
        .routes(routes!(webauthn::open_registration))
        .routes(routes!(webauthn::confirm_registration))
        .routes(routes!(webauthn::show))
        .routes(routes!(webauthn::answer))
        .routes(routes!(account::show))
        .routes(routes!(account::begin_factor))
        .routes(routes!(account::begin_sms))
        .routes(routes!(account::add_yubikey))
        .routes(routes!(account::confirm_factor, account::remove_factor))
        .routes(routes!(account::change_password))
        .routes(routes!(account::make_recovery_codes))
        .routes(routes!(api_keys::list, api_keys::make))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(admin::list, admin::invite))
        .routes(routes!(admin::show))
        .routes(routes!(admin::disable))
        .routes(routes!(admin::enable))
        .routes(routes!(admin::unlock))
        .routes(routes!(invitation::begin))
        .routes(routes!(invitation::accept))
        .routes(routes!(certificates::request))
        .routes(routes!(vouchers::break_glass))
        .routes(routes!(vouchers::list, vouchers::seal))
        .routes(routes!(vouchers::withdraw))
        .routes(routes!(explain::explain))
        .routes(routes!(hosts::certify))
        .routes(routes!(hosts::profiles))
        .routes(routes!(requests::list))
        .routes(routes!(requests::show))
        .routes(routes!(requests::decide))
        .routes(routes!(requests::cancel))
        .routes(routes!(signing_keys::list, signing_keys::add))
        .routes(routes!(signing_keys::remove))
        .routes(routes!(recoveries::list, recoveries::open))
        .routes(routes!(recoveries::say))
        .routes(routes!(recoveries::veto))
        .routes(routes!(recoveries::finish))
        .routes(routes!(trust::trust))
        .routes(routes!(trust::profiles))
        .routes(routes!(revocations::list, revocations::revoke))
        .routes(routes!(revocations::krl))
        .routes(routes!(revocations::signature))
        .split_for_parts();
    let document = get(openapi::document).with_state(openapi::write(api));
    let router = router
        .merge(webauthn::page())
        .route("/freeze/{token}", get(freeze::ask).post(freeze::freeze))
        .route("/log/{*path}", get(log::read))
        .route("/openapi.json", document);
    problems::guarded(router, Duration::from_secs(deadline.secs())).with_state(app)
}
