//! The page itself, and who may call what it calls (S5).

use anyhow::{Context as _, Result, ensure};
use countersign_tests::ceremonies::{Caller, link};
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::webauthn::{Manner, SecurityKey};
use serde_json::json;

use super::server;

#[tokio::test]
async fn s5_the_page_runs_only_its_own_script_and_is_never_framed_or_kept() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    for (path, kind) in [
        ("/webauthn", "text/html; charset=utf-8"),
        ("/webauthn/page.js", "text/javascript; charset=utf-8"),
        ("/webauthn/page.css", "text/css; charset=utf-8"),
    ] {
        let answer = caller.file(path).await?;
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
                .context(name.to_owned())
        };
        ensure!(answer.status() == 200 && header("content-type")? == kind, "{path}");
        let csp = header("content-security-policy")?;
        ensure!(csp.starts_with("default-src 'none'; script-src 'self';"), "{csp}");
        ensure!(!csp.contains("unsafe") && csp.contains("frame-ancestors 'none'"), "{csp}");
        ensure!(header("x-frame-options")? == "DENY" && header("referrer-policy")? == "no-referrer");
        ensure!(header("cache-control")? == "no-store" && header("x-content-type-options")? == "nosniff");
        let text = answer.text().await?;
        for never in
            ["innerHTML", "insertAdjacent", "document.write", "eval(", "onclick", "style=", "<script>"]
        {
            ensure!(!text.contains(never), "{never} in {path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn s5_only_the_page_of_the_right_origin_calls() -> Result<()> {
    let server = server()?;
    let caller = Caller::new(&server)?;
    let ann = Person::new(&server, "origins", &["engineers"])?;
    let token = caller.account_session(&ann).await?;
    let ceremony = caller.begin_registration(&token, "<img src=x onerror=alert(1)>").await?;
    let shown = caller.show(&ceremony).await?;
    ensure!(shown.label.as_deref() == Some("<img src=x onerror=alert(1)>"), "{shown:?}");
    let credential = SecurityKey::new(true)?.create(&shown.options, &Manner::at(&caller.origin)?)?;
    let answer = json!({ "key": link(&ceremony)?, "credential": credential });
    let suffixed = format!("{}.example.com", caller.origin);
    for origin in [None, Some("null"), Some("https://evil.example.com"), Some(server.url()), Some(&suffixed)]
    {
        for (path, body) in [("/webauthn/ceremony", &link(&ceremony)?), ("/webauthn/answer", &answer)] {
            let said = caller.page(path, origin, body).await?;
            ensure!(said.is(403, "wrong-origin"), "{origin:?} {path}: {said:?}");
        }
    }
    // None of them has used the ceremony up.
    ensure!(caller.answer(&ceremony, &credential).await?.status == 204);
    Ok(())
}

#[tokio::test]
async fn without_an_address_for_browsers_there_is_no_such_factor() -> Result<()> {
    let server = Server::start()?;
    let wire = countersign_tests::wire::Wire::to(&server)?;
    ensure!(wire.get("/webauthn", None).await?.status == 404);
    let said = wire.post("/webauthn/ceremony", None, &json!({ "code": "0000-0000" })).await?;
    ensure!(said.status == 404, "{said:?}");
    Ok(())
}
