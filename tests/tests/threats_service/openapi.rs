//! `/openapi.json` says what is there: no more, no less.

use anyhow::{Context as _, Result, ensure};
use countersign_tests::wire::Wire;
use serde_json::Value;

use crate::server;

/// Every call the server answers.
const CALLS: &[(&str, &str)] = &[
    ("/log/{path}", "get"),
    ("/openapi.json", "get"),
    ("/v1/account", "get"),
    ("/v1/account/api-keys", "get"),
    ("/v1/account/api-keys", "post"),
    ("/v1/account/api-keys/{id}", "delete"),
    ("/v1/account/factors", "post"),
    ("/v1/account/factors/sms", "post"),
    ("/v1/account/factors/webauthn", "post"),
    ("/v1/account/factors/webauthn/confirm", "post"),
    ("/v1/account/factors/yubikey", "post"),
    ("/v1/account/factors/{id}", "delete"),
    ("/v1/account/factors/{id}", "post"),
    ("/v1/account/password", "put"),
    ("/v1/account/recovery-codes", "post"),
    ("/v1/account/signing-keys", "get"),
    ("/v1/account/signing-keys", "post"),
    ("/v1/account/signing-keys/{id}", "delete"),
    ("/v1/admin/users", "get"),
    ("/v1/admin/users", "post"),
    ("/v1/admin/users/{name}", "get"),
    ("/v1/admin/users/{name}/disable", "post"),
    ("/v1/admin/users/{name}/enable", "post"),
    ("/v1/admin/users/{name}/unlock", "post"),
    ("/v1/certificates", "post"),
    ("/v1/certificates/break-glass", "post"),
    ("/v1/explain", "post"),
    ("/v1/host-certificates", "post"),
    ("/v1/host-profiles", "get"),
    ("/v1/invitation", "post"),
    ("/v1/invitation/accept", "post"),
    ("/v1/krl", "get"),
    ("/v1/krl.sig", "get"),
    ("/v1/login", "post"),
    ("/v1/login/factor", "post"),
    ("/v1/login/sms", "post"),
    ("/v1/login/webauthn", "post"),
    ("/v1/profiles", "get"),
    ("/v1/recoveries", "get"),
    ("/v1/recoveries", "post"),
    ("/v1/recoveries/{id}/finish", "post"),
    ("/v1/recoveries/{id}/veto", "post"),
    ("/v1/recoveries/{id}/votes", "post"),
    ("/v1/requests", "get"),
    ("/v1/requests/{id}", "get"),
    ("/v1/requests/{id}/approvals", "post"),
    ("/v1/requests/{id}/cancel", "post"),
    ("/v1/revocations", "get"),
    ("/v1/revocations", "post"),
    ("/v1/session", "delete"),
    ("/v1/session", "get"),
    ("/v1/trust", "get"),
    ("/v1/vouchers", "get"),
    ("/v1/vouchers", "post"),
    ("/v1/vouchers/{id}/withdraw", "post"),
    ("/webauthn", "get"),
    ("/webauthn/answer", "post"),
    ("/webauthn/ceremony", "post"),
    ("/webauthn/page.css", "get"),
    ("/webauthn/page.js", "get"),
];

/// Fills in something for each parameter of a path.
fn without_parameters(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "checkpoint" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

async fn document() -> Result<Value> {
    let server = server()?;
    let reply = Wire::to(&server)?.get("/openapi.json", None).await?;
    ensure!(reply.header("content-type") == Some("application/json"), "{reply:?}");
    reply.json()
}

fn operations(document: &Value) -> Result<Vec<(&str, &str, &Value)>> {
    let paths = document["paths"].as_object().context("no paths")?;
    let of = |(path, item): (&'_ String, &'_ Value)| item.as_object().map(|item| (path.clone(), item.len()));
    ensure!(paths.iter().all(|path| of(path).is_some_and(|(_, methods)| methods > 0)), "an empty path");
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .into_iter()
            .flatten()
            .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    Ok(all.collect())
}

#[tokio::test]
async fn openapi_lists_every_call_there_is() -> Result<()> {
    let document = document().await?;
    let version = document["openapi"].as_str().unwrap_or_default();
    ensure!(version.starts_with("3.1."), "version {version}");
    ensure!(document["info"]["title"] == "Countersign" && document["info"]["version"].is_string());
    let mut listed: Vec<_> =
        operations(&document)?.iter().map(|(path, method, _)| (*path, *method)).collect();
    listed.sort_unstable();
    ensure!(listed == CALLS, "{listed:?}");
    let server = server()?;
    let wire = Wire::to(&server)?;
    for (path, _) in CALLS {
        for method in ["get", "post", "put", "delete", "patch"] {
            let answer = wire.call(&method.to_uppercase(), &without_parameters(path), &[], b"").await?;
            let is_listed = CALLS.contains(&(*path, method));
            ensure!((answer.status != 405) == is_listed, "{method} {path}: {}", answer.status);
            ensure!(answer.status != 404, "{method} {path} is not there");
        }
    }
    Ok(())
}

#[tokio::test]
async fn openapi_describes_every_answer() -> Result<()> {
    let document = document().await?;
    for (path, method, operation) in operations(&document)? {
        let responses = operation["responses"].as_object().context("no responses")?;
        ensure!(responses.contains_key("default"), "{method} {path} has no default");
        for (status, response) in responses {
            let place = || format!("{method} {path} {status}: {response}");
            ensure!(response["description"].as_str().is_some_and(|text| !text.is_empty()), place());
            let content = response["content"].as_object();
            match status.as_str() {
                "204" => ensure!(content.is_none(), place()),
                "200" | "202" => {
                    ensure!(
                        content.is_some_and(|all| all.values().all(|c| c["schema"].is_object())),
                        place()
                    );
                }
                _ => {
                    let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
                    ensure!(problem == "#/components/schemas/Problem", place());
                }
            }
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let named: Vec<_> =
            parameters.filter(|p| p["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
        let written: Vec<_> =
            path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
        ensure!(named == written, "{path} and its parameters {named:?}");
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        ensure!(document.pointer(reference).is_some(), "{reference} is not there");
    }
    ensure!(document["components"]["securitySchemes"]["session"]["scheme"] == "bearer");
    Ok(())
}
