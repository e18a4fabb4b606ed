//! A profile: the shape of the certificates it grants, and what it costs to get one.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::Deserialize;

use super::facts::{FactorKind, User};
use super::principal::PrincipalTemplate;
use super::ticket::TicketPattern;
use crate::names::{GroupName, Principal, Principals};
use crate::request::CertRequest;
use crate::ssh::{Fingerprint, KeyKind};
use crate::time::Ttl;

/// A named kind of access. Every key is written out in `policies/profiles.toml`, with what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the file")]
pub struct Profile {
    /// What it is for, for people.
    pub description: String,
    /// The accounts it logs in to.
    pub principals: Vec<PrincipalTemplate>,
    /// The lifetime when none is asked for.
    pub default_ttl: Ttl,
    /// The longest lifetime.
    pub max_ttl: Ttl,
    /// The factors of which one must have been presented after the password; those of `factor_strength` when that is
    /// written instead.
    #[serde(default)]
    pub factors: BTreeSet<FactorKind>,
    /// How strong the factor must be, instead of a list.
    #[serde(default)]
    pub factor_strength: Option<FactorStrength>,
    /// How long ago the login may be, at most.
    pub login_max_age: Ttl,
    /// The CA key that signs, by its fingerprint; the authority's first when left out.
    #[serde(default)]
    pub ca: Option<Fingerprint>,
    /// What sshd permits to the holder.
    #[serde(default)]
    pub extensions: BTreeSet<Extension>,
    /// Where the holder may come from.
    #[serde(default)]
    pub source_address: SourceAddress,
    /// The only command the holder may run.
    #[serde(default)]
    pub force_command: Option<String>,
    /// The kinds of key that may be certified; all that are accepted when left out.
    #[serde(default)]
    pub key_kinds: Option<BTreeSet<KeyKind>>,
    /// Whether a security key must have verified its user by PIN or finger at every login.
    #[serde(default)]
    pub verify_required: bool,
    /// Whether a reason must be given.
    #[serde(default)]
    pub require_reason: bool,
    /// The form that a word of the reason must have; with it, a reason must be given.
    #[serde(default)]
    pub ticket_pattern: Option<TicketPattern>,
    /// Who has to approve, if anybody.
    #[serde(default)]
    pub approvals: Option<Approvals>,
    /// Whether a voucher that as many officers sealed in advance does in place of their approvals.
    #[serde(default)]
    pub break_glass: bool,
    /// Whether an account that was recovered not long ago can have it.
    #[serde(default)]
    pub after_recovery: bool,
}

/// What approvals a certificate takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// How many people have to approve.
    pub count: u8,
    /// The groups of which each must be in one; the policy's rules must permit them to approve as well.
    pub groups: BTreeSet<GroupName>,
    /// How long a request may wait.
    pub wait: Ttl,
}

impl Approvals {
    /// The most people that can be asked for.
    pub const MAX_COUNT: u8 = 8;

    /// The longest that a request may wait, in seconds: a week.
    pub const MAX_WAIT_SECS: u64 = 7 * 86_400;
}

impl Profile {
    /// Tells whether keys of this kind may be certified; only a security key can verify its user.
    pub(super) fn takes(&self, kind: KeyKind) -> bool {
        let listed = self.key_kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        listed && (kind.is_security_key() || !self.verify_required)
    }

    /// Writes out which factors are as strong as it asks for.
    #[must_use]
    pub(super) fn with_factors_written_out(mut self) -> Self {
        self.factors.extend(self.factor_strength.iter().flat_map(|strength| strength.factors()).copied());
        self
    }

    /// Gives the accounts that a user gets by it, each once, in the order of the policy.
    pub fn accounts_of(&self, user: &User) -> Vec<Principal> {
        let mut accounts: Vec<Principal> = Vec::new();
        for account in self.principals.iter().filter_map(|template| template.resolve(user)) {
            if !accounts.contains(&account) {
                accounts.push(account);
            }
        }
        accounts
    }

    /// Gives how long a certificate lasts that is asked for: as asked, or as usual.
    pub fn ttl_of(&self, request: &CertRequest) -> Ttl {
        request.ttl.unwrap_or(self.default_ttl)
    }

    /// Tells whether a reason must be given.
    pub fn needs_reason(&self) -> bool {
        self.require_reason || self.ticket_pattern.is_some()
    }

    /// Checks what the types alone do not.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let one_line = |text: &String| !text.is_empty() && !text.chars().any(char::is_control);
        let rules = [
            (
                (1..=Principals::MAX).contains(&self.principals.len()),
                "principals must name 1 to 256 accounts",
            ),
            (
                self.factors.is_empty() != self.factor_strength.is_none(),
                "factors must name at least one factor, or factor_strength must say how strong it has to be; not both",
            ),
            (self.default_ttl <= self.max_ttl, "default_ttl must not be above max_ttl"),
            (self.force_command.as_ref().is_none_or(one_line), "force_command must be one line"),
            (
                !matches!(&self.source_address, SourceAddress::Networks(n) if n.is_empty()),
                "source_address must not be an empty list",
            ),
            (
                // sshd refuses every certificate that names such a network, and so would lock everybody out.
                !matches!(&self.source_address, SourceAddress::Networks(n) if n.iter().any(|n| n.addr() != n.network())),
                "source_address networks must end in zeroes after the prefix, as 10.0.0.0/8 does",
            ),
            (
                self.key_kinds.is_none() || self.key_kinds.iter().flatten().any(|kind| self.takes(*kind)),
                "key_kinds must name a kind that can be certified; with verify_required an sk- kind",
            ),
            (
                !self.break_glass || self.approvals.is_some(),
                "break_glass is for profiles with approvals: it says that a voucher does in their place",
            ),
        ];
        let rules = rules.into_iter().chain(self.approvals.iter().flat_map(Approvals::rules));
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

impl Approvals {
    /// Tells whether an account can be one that approves for this requester, as far as that can be told without a login: it is
    /// enabled, in one of the groups, and another person's. The rules have to permit it as well.
    pub fn can_be_by(&self, user: &User, requester: &User) -> bool {
        self.has(user) && !user.is_same_person_as(requester)
    }

    /// Tells whether an enabled account is in one of the groups.
    pub(super) fn has(&self, user: &User) -> bool {
        user.enabled && !self.groups.is_disjoint(&user.groups)
    }

    fn rules(&self) -> [(bool, &'static str); 3] {
        [
            ((1..=Self::MAX_COUNT).contains(&self.count), "approvals.count must be 1 to 8"),
            (!self.groups.is_empty(), "approvals.groups must name at least one group"),
            (self.wait.secs() <= Self::MAX_WAIT_SECS, "approvals.wait must be at most 168h"),
        ]
    }
}

/// How strong a factor is, in words that stay true when there are more kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactorStrength {
    /// Not sent over a network that others run, as SMS are, and not a recovery code: totp, yubikey, webauthn.
    Standard,
    /// Bound to the page or program it is shown to (NIST 800-63B-4 §3.2.5): webauthn.
    PhishingResistant,
}

impl FactorStrength {
    fn factors(self) -> &'static [FactorKind] {
        match self {
            Self::Standard => &[FactorKind::Totp, FactorKind::Yubikey, FactorKind::Webauthn],
            Self::PhishingResistant => &[FactorKind::Webauthn],
        }
    }
}

/// What sshd may permit by a flag (OpenSSH PROTOCOL.certkeys); `no-touch-required` is not among them and cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Extension {
    /// A terminal.
    #[serde(rename = "permit-pty")]
    Pty,
    /// Forwarding of ports.
    #[serde(rename = "permit-port-forwarding")]
    PortForwarding,
    /// Forwarding of the agent.
    #[serde(rename = "permit-agent-forwarding")]
    AgentForwarding,
    /// Forwarding of X11.
    #[serde(rename = "permit-X11-forwarding")]
    X11Forwarding,
    /// Running `~/.ssh/rc`.
    #[serde(rename = "permit-user-rc")]
    UserRc,
}

impl Extension {
    /// Gives the name in the certificate.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pty => "permit-pty",
            Self::PortForwarding => "permit-port-forwarding",
            Self::AgentForwarding => "permit-agent-forwarding",
            Self::X11Forwarding => "permit-X11-forwarding",
            Self::UserRc => "permit-user-rc",
        }
    }
}

/// Where the holder of a certificate may come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceAddress {
    /// From anywhere.
    #[default]
    Any,
    /// From the address the request came from, and no other.
    Requester,
    /// From these networks.
    Networks(Vec<IpNet>),
}
