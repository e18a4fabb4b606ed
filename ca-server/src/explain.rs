//! What a request would be answered with: the same decision as for a real one, and nothing else of it.
//!
//! Nothing is issued, nothing waits, and a denial that nobody was refused by is not recorded.

use std::collections::BTreeSet;

use ca_api::{
    ExplainRequest, ExplainedApprovals, ExplainedDenial, ExplainedRemedy, ExplainedRule, ExplainedTogether,
    Explanation,
};
use ca_core::policy::explain::{self, Explained, Remedy, Together};
use ca_core::policy::{Decision, Denial, FactorKind, Facts, Policy, Quorum, Source, User};
use ca_core::request::{CertRequest, ProvenRequest};

use crate::app::App;
use crate::error::ApiError;
use crate::login::Session;

/// Reads a request as one that is made, and explains what the policy in force says to it now.
pub async fn explain(
    app: &App,
    session: &Session,
    source: Source,
    body: ExplainRequest,
) -> Result<Explanation, ApiError> {
    let now = app.clock.now();
    let mut request = CertRequest::from_text(&body.request)?;
    request.check_authority(app.keys.origin())?;
    request.check_fresh(now)?;
    if let Some(signature) = body.signature {
        request = ProvenRequest::verify(request, signature)?.request().clone();
    }
    let facts = Facts {
        key_revoked: app.revocations.is_revoked(request.key.key().fingerprint()),
        ..Facts::new(session.user.clone(), session.login.clone(), source)
    };
    let has = factors(app, session).await?;
    let policy = app.policy();
    // The same question hundreds of times over is work for a thread of its own.
    let explained = tokio::task::spawn_blocking(move || {
        let explained = explain::explain(&policy, &request, &facts, &has, now.seconds());
        (explained, policy, request, facts)
    });
    let (explained, policy, request, facts) = explained.await.map_err(ApiError::internal)?;
    let quorum = quorum(&explained);
    let approvals = match quorum {
        Some(quorum) => Some(approvals(app, quorum, (&policy, &request), &facts.user).await?),
        None => None,
    };
    let granted = !matches!(explained.decision, Decision::Deny(_));
    let shape = policy.profile(&request.profile).filter(|_| granted);
    let all = || shape.map(|profile| profile.accounts_of(&facts.user)).unwrap_or_default();
    let accounts = request.principals.filter(|_| granted).map_or_else(all, Into::into);
    Ok(Explanation {
        verdict: verdict(&explained.decision).to_owned(),
        policy: policy.id().to_string(),
        accounts: accounts.iter().map(ToString::to_string).collect(),
        ttl: shape.map(|profile| request.ttl.unwrap_or(profile.default_ttl).to_string()),
        denials: explained.denials.iter().map(|denial| describe(&policy, denial)).collect(),
        together: explained.together.as_ref().map(together),
        approvals,
    })
}

/// Gives the kinds of factor that the account has.
async fn factors(app: &App, session: &Session) -> Result<BTreeSet<FactorKind>, ApiError> {
    let factors = app.login.setup().store.factors(&session.user_id).await?;
    Ok(factors.into_iter().map(|factor| factor.kind).collect())
}

fn verdict(decision: &Decision) -> &'static str {
    match decision {
        Decision::Grant(_) => "granted",
        Decision::NeedsApproval(_) => "needs-approval",
        Decision::Deny(_) => "denied",
    }
}

/// Finds what approvals are needed, now or after everything else is done.
fn quorum(explained: &explain::Explanation) -> Option<&Quorum> {
    let after = explained.together.as_ref().map(|together| &together.decision);
    std::iter::once(&explained.decision).chain(after).find_map(|decision| match decision {
        Decision::NeedsApproval(quorum) => Some(quorum),
        _ => None,
    })
}

async fn approvals(
    app: &App,
    quorum: &Quorum,
    (policy, request): (&Policy, &CertRequest),
    requester: &User,
) -> Result<ExplainedApprovals, ApiError> {
    let approvals = policy.profile(&request.profile).and_then(|profile| profile.approvals.as_ref());
    let users = app.login.setup().store.users().await?.into_iter().map(User::from);
    let can = |user: &User| approvals.is_some_and(|approvals| approvals.can_be_by(user, requester));
    Ok(ExplainedApprovals {
        needs: quorum.needed,
        groups: quorum.groups.iter().map(ToString::to_string).collect(),
        wait: quorum.wait.to_string(),
        approvers: users.filter(can).map(|user| user.name.to_string()).collect(),
    })
}

fn describe(policy: &Policy, explained: &Explained) -> ExplainedDenial {
    let denial = &explained.denial;
    let rules = match denial {
        Denial::Forbidden { by, .. } | Denial::RuleFailed { by, .. } => by.iter().collect(),
        _ => Vec::new(),
    };
    let rule =
        |id| ExplainedRule { text: policy.rule_text(id).unwrap_or_default(), id: ToString::to_string(id) };
    ExplainedDenial {
        code: denial.code().to_owned(),
        detail: denial.to_string(),
        rules: rules.into_iter().map(rule).collect(),
        remedies: explained.remedies.iter().map(remedy).collect(),
    }
}

fn together(together: &Together) -> ExplainedTogether {
    ExplainedTogether {
        remedies: together.remedies.iter().map(remedy).collect(),
        verdict: verdict(&together.decision).to_owned(),
    }
}

fn remedy(remedy: &Remedy) -> ExplainedRemedy {
    ExplainedRemedy { code: remedy.code().to_owned(), detail: remedy.to_string(), command: remedy.command() }
}
