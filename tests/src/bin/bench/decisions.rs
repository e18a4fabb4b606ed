//! What one decision costs: 10,000 users, 50 profiles, 500 rules; and with the sample policy.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ca_core::policy::{
    Decision, Factor, FactorKind, Facts, Policy, PolicyFiles, Session, Source, User, decide,
};
use ca_core::request::CertRequest;
use ca_core::time::UnixSeconds;
use countersign_tests::programs::repository;
use countersign_tests::requests::signed_request;
use countersign_tests::server::ORIGIN;

const USERS: u64 = 10_000;
const PROFILES: u64 = 50;
const RULES: u64 = 500;

/// A Wednesday at noon.
const NOW: UnixSeconds = UnixSeconds(1_767_787_200);

/// What a decision takes, in microseconds.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Decisions {
    /// Under the large policy, for half of the users.
    pub(crate) large_p50_us: f64,
    /// Under the large policy, for 99 of 100 users.
    pub(crate) large_p99_us: f64,
    /// Under the sample policy, half of the time.
    pub(crate) sample_p50_us: f64,
    /// How many of the large policy's decisions were a yes.
    pub(crate) granted: usize,
}

impl Decisions {
    /// Writes them in one line.
    pub(crate) fn in_words(&self) -> String {
        format!(
            "{:.0} µs, {:.0} µs at p99 (10,000 users, {} granted); {:.0} µs by the sample policy",
            self.large_p50_us, self.large_p99_us, self.granted, self.sample_p50_us
        )
    }
}

/// Decides once for every user.
pub(crate) fn measure() -> Result<Decisions> {
    let request = |profile: &str| -> Result<CertRequest> {
        Ok(CertRequest::from_text(&signed_request(ORIGIN, "user", profile)?.request)?)
    };
    let requests = (0..PROFILES).map(|n| request(&format!("p{n}"))).collect::<Result<Vec<_>>>()?;
    let (large, mut granted) = (large()?, 0);
    let mut times = Vec::new();
    for n in 0..USERS {
        let facts = facts(&[n % 40, n % 7, 40 + n % 10].map(|group| format!("g{group}")))?;
        let request = requests.get((n % PROFILES) as usize).context("a request")?;
        let (time, yes) = timed(&large, request, &facts);
        times.push(time);
        granted += usize::from(yes);
    }
    let (large_p50_us, large_p99_us) = (percentile(&mut times, 50), percentile(&mut times, 99));
    let (sample, request, facts) = (sample()?, request("dev")?, facts(&["engineers".to_owned()])?);
    let mut times: Vec<Duration> = (0..USERS).map(|_| timed(&sample, &request, &facts).0).collect();
    Ok(Decisions { large_p50_us, large_p99_us, sample_p50_us: percentile(&mut times, 50), granted })
}

fn timed(policy: &Policy, request: &CertRequest, facts: &Facts) -> (Duration, bool) {
    let start = Instant::now();
    let decision = decide(policy, request, facts, NOW);
    (start.elapsed(), matches!(decision, Decision::Grant(_)))
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times.get(times.len() * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn facts(groups: &[String]) -> Result<Facts> {
    let groups = groups.iter().map(|group| group.parse()).collect::<Result<_, _>>()?;
    let (name, email) = ("user".parse()?, "user@example.com".parse()?);
    let factors = vec![Factor { kind: FactorKind::Totp, at: NOW.minus_secs(60) }];
    let user = User { name, email, groups, enabled: true, person: None, reduced_until: None };
    let session = Session { id: "bench".to_owned(), factors, key: None };
    Ok(Facts::new(user, session, Source { ip: [10, 1, 2, 3].into(), user_agent: None }))
}

fn sample() -> Result<Policy> {
    let folder = repository().join("policies");
    let read =
        |name: &str| std::fs::read_to_string(folder.join(name)).map(Some).map_err(|error| error.to_string());
    Ok(Policy::read(&PolicyFiles::read(read)?)?)
}

/// Ten rules a profile: nine for one group each, with conditions, and one that forbids.
fn large() -> Result<Policy> {
    let (mut profiles, mut rules) = (String::new(), String::new());
    for n in 0..PROFILES {
        write!(
            profiles,
            "[profiles.p{n}]\ndescription = \"one of many\"\nprincipals = [\"{{user}}\"]\ndefault_ttl = \"1h\"\n\
             max_ttl = \"8h\"\nfactors = [\"totp\"]\nlogin_max_age = \"8h\"\n"
        )?;
    }
    for n in 0..RULES {
        let (profile, group) = (n % PROFILES, n % 50);
        if n < PROFILES {
            writeln!(
                rules,
                "@id(\"no-{n}\") forbid (principal, action == Action::\"request\", resource == Profile::\"p{profile}\") \
                 when {{ !context.ip.isInRange(ip(\"10.0.0.0/8\")) }};"
            )?;
        } else {
            let group = (group + n / PROFILES * 7) % 50;
            writeln!(
                rules,
                "@id(\"yes-{n}\") permit (principal in Group::\"g{group}\", action == Action::\"request\", \
                 resource == Profile::\"p{profile}\") when {{ context.hour >= 6 && context.login_age < 3600 }};"
            )?;
        }
    }
    Ok(Policy::read(&PolicyFiles { profiles, rules, cases: None })?)
}
