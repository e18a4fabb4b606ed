//! F16: every text that is offered as a password gets a clear answer, when it is chosen and when it is typed.

use anyhow::{Result, ensure};
use countersign_tests::api::Api;
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::wire::{Reply, Wire};
use serde_json::json;

/// The longest password, in bytes.
const MAX_BYTES: usize = 1024;

/// The owner of an account, who changes its password.
struct Owner {
    wire: Wire,
    token: String,
}

impl Owner {
    async fn new(server: &Server) -> Result<Self> {
        let ann = Person::new(server, "ann", &["engineers"])?;
        Ok(Self { wire: Wire::to(server)?, token: Api::new(server)?.own(&ann).await? })
    }

    /// Sends the body of a change, as it is.
    async fn change_raw(&self, body: &[u8]) -> Result<Reply> {
        let bearer = format!("Bearer {}", self.token);
        let head = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        self.wire.call("PUT", "/v1/account/password", &head, body).await
    }

    async fn change(&self, password: &str) -> Result<Reply> {
        self.change_raw(json!({ "password": password }).to_string().as_bytes()).await
    }

    async fn type_in(&self, password: &str) -> Result<Reply> {
        self.wire.post("/v1/login", None, &json!({ "user": "ann", "password": password })).await
    }
}

#[tokio::test]
async fn f16_a_password_that_is_taken_is_the_only_one_that_opens_however_odd() -> Result<()> {
    let server = Server::start()?;
    let owner = Owner::new(&server).await?;
    let (sixty_five, longest) = ("x1".repeat(32) + "y", "z9".repeat(MAX_BYTES / 2));
    let keys = "\u{1f5dd}".repeat(MAX_BYTES / 4);
    for (chosen, typed, others) in [
        (sixty_five.as_str(), sixty_five.as_str(), [&sixty_five[..64], "x1"]),
        (&longest, &longest, [&longest[..72], &longest[..MAX_BYTES - 1]]),
        (&keys, &keys, [&keys[..8 * 4], &keys[..MAX_BYTES - 4]]),
        // A text that ends at NUL in C.
        ("gulf stream\0one", "gulf stream\0one", ["gulf stream", "gulf stream\0two"]),
        ("  two spaces\t\n", "  two spaces\t\n", ["two spaces", "  two spaces"]),
        // Composed, decomposed, and without the accents.
        (
            "cr\u{e8}me br\u{fb}l\u{e9}e",
            "cre\u{300}me bru\u{302}le\u{301}e",
            ["creme brulee", "cr me br l e"],
        ),
        (
            "e\u{301}te\u{301} a\u{300} la mer",
            "\u{e9}t\u{e9} \u{e0} la mer",
            ["ete a la mer", "\u{e9}t\u{e9} a la mer"],
        ),
        // Compatible, but another text: NFC keeps them apart.
        ("\u{fb01}sh and chips", "\u{fb01}sh and chips", ["fish and chips", "\u{fb01}sh and chip"]),
        (
            "\u{2067}\u{202e}right to left\u{feff}",
            "\u{2067}\u{202e}right to left\u{feff}",
            ["right to left", "\u{202e}right to left"],
        ),
    ] {
        let reply = owner.change(chosen).await?;
        ensure!(reply.status == 204, "{chosen:?}: {}", reply.text());
        // A third failure in a row would have to be waited for.
        for other in others {
            owner.type_in(other).await?.expect(401, "wrong-credentials")?;
        }
        let reply = owner.type_in(typed).await?;
        ensure!(reply.status == 200, "{typed:?}: {}", reply.text());
    }
    Ok(())
}

#[tokio::test]
async fn f16_a_password_that_is_not_taken_is_told_why_and_changes_nothing() -> Result<()> {
    let server = Server::start()?;
    let owner = Owner::new(&server).await?;
    let good = "an altogether different one";
    ensure!(owner.change(good).await?.status == 204);
    let (over, over_in_bytes) = ("x".repeat(MAX_BYTES + 1), "\u{1f5dd}".repeat(MAX_BYTES / 4 + 1));
    for (chosen, words) in [
        ("", "has 0 characters"),
        ("seven77", "has 7 characters"),
        (&"\u{1f5dd}".repeat(7), "has 7 characters"),
        // Fourteen characters that are seven when they are composed.
        (&"e\u{301}".repeat(7), "has 7 characters"),
        (&over, "longer than 1024 bytes"),
        (&over_in_bytes, "longer than 1024 bytes"),
        (&"x".repeat(60_000), "longer than 1024 bytes"),
        ("Password1", "most common"),
        ("ANN@example.com", "name or the address"),
    ] {
        let problem = owner.change(chosen).await?.expect(400, "password-not-acceptable")?;
        ensure!(problem.title.contains(words), "{words}: {problem:?}");
    }
    owner.change(&"x".repeat(100_000)).await?.expect(413, "too-large")?;
    for body in [
        b"{\"password\": \"not \xff UTF-8\"}".as_slice(),
        b"{\"password\": \"cut \xf0\x9f\"}",
        b"{\"password\": \"half a pair \\ud83d\"}",
        b"{\"password\": \"a bare \0 NUL\"}",
        b"{\"password\": 12345678901}",
        b"{\"password\": [\"a password\"]}",
        b"{\"password\": null}",
        b"{\"password\": \"said once\", \"password\": \"said twice\"}",
        b"\xff\xfe{\0\"\0p\0",
    ] {
        owner.change_raw(body).await?.expect(400, "malformed")?;
    }
    let reply = owner.type_in(good).await?;
    ensure!(reply.status == 200, "the password is the old one: {}", reply.text());
    Ok(())
}

#[tokio::test]
async fn f16_an_endless_password_is_refused_at_login_for_everybody_alike_and_not_counted() -> Result<()> {
    let server = Server::start()?;
    let owner = Owner::new(&server).await?;
    let good = "an altogether different one";
    ensure!(owner.change(good).await?.status == 204);
    // More often than wrong passwords are allowed without a wait.
    for _ in 0..3 {
        for user in ["ann", "nobody"] {
            for (length, status, kind) in [
                (MAX_BYTES + 1, 400, "password-too-long"),
                (60_000, 400, "password-too-long"),
                (100_000, 413, "too-large"),
            ] {
                let typed = json!({ "user": user, "password": "x".repeat(length) });
                owner.wire.post("/v1/login", None, &typed).await?.expect(status, kind)?;
            }
        }
    }
    let raw = b"{\"user\": \"ann\", \"password\": \"not \xff UTF-8\"}";
    let head = [("content-type", "application/json")];
    owner.wire.call("POST", "/v1/login", &head, raw).await?.expect(400, "malformed")?;
    let reply = owner.type_in(good).await?;
    ensure!(reply.status == 200, "{}", reply.text());
    Ok(())
}
