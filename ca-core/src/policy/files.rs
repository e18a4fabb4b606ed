//! The files of a policy's folder, and the one text they make, which is hashed, recorded and replayed.

use super::{PolicyError, Problem};

/// The file of the profiles.
pub const PROFILES: &str = "profiles.toml";
/// The file of the rules.
pub const RULES: &str = "rules.cedar";
/// The file of the cases, which a folder may do without.
pub const CASES: &str = "cases.toml";

/// The most that one of the files may hold, in bytes; a policy is recorded whole at every start.
const MAX_BYTES: usize = 1 << 20;

const HEADER: &str = "countersign policy v1\n";

/// What the files of a policy's folder hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFiles {
    /// The profiles, in TOML.
    pub profiles: String,
    /// The rules, in Cedar.
    pub rules: String,
    /// The cases, in TOML; they are no part of the policy's identity.
    pub cases: Option<String>,
}

impl PolicyFiles {
    /// Reads the files by their names; `read` gives `None` for one that is not there.
    pub fn read(mut read: impl FnMut(&str) -> Result<Option<String>, String>) -> Result<Self, PolicyError> {
        let mut file = |name| {
            let text = read(name).map_err(|cause| Problem::new(name, cause))?;
            match text {
                Some(text) if text.len() > MAX_BYTES => Err(Problem::new(name, "it is above 1 MiB")),
                other => Ok(other),
            }
        };
        let missing =
            |name, hint| Problem::new(name, "there is no such file in the policy's folder").hint(hint);
        Ok(Self {
            profiles: file(PROFILES)?
                .ok_or_else(|| missing(PROFILES, "It says which kinds of access there are"))?,
            rules: file(RULES)?.ok_or_else(|| missing(RULES, GROUPS_HINT))?,
            cases: file(CASES)?,
        })
    }

    /// Writes profiles and rules as one text, each with its name and its length in bytes before it.
    pub(super) fn canonical_text(&self) -> String {
        let part = |name: &str, text: &str| format!("{name} {}\n{text}\n", text.len());
        format!("{HEADER}{}{}", part(PROFILES, &self.profiles), part(RULES, &self.rules))
    }

    /// Reads profiles and rules from the one text; only its canonical form is accepted.
    pub(super) fn from_canonical_text(text: &str) -> Result<Self, PolicyError> {
        let flaw = || Problem::new("policy", "this is not the text of a policy of version 1");
        let rest = text.strip_prefix(HEADER).ok_or_else(flaw)?;
        let (profiles, rest) = part(PROFILES, rest).ok_or_else(flaw)?;
        let (rules, rest) = part(RULES, rest).ok_or_else(flaw)?;
        let files = Self { profiles: profiles.to_owned(), rules: rules.to_owned(), cases: None };
        if rest.is_empty() && files.canonical_text() == text { Ok(files) } else { Err(flaw().into()) }
    }
}

/// Said to whoever comes from the time when profiles named groups.
pub(super) const GROUPS_HINT: &str = "Who may do what is said in rules.cedar now, such as \
    @id(\"engineers-have-dev\") permit (principal in Group::\"engineers\", action == Action::\"request\", resource == Profile::\"dev\");";

fn part<'a>(name: &str, text: &'a str) -> Option<(&'a str, &'a str)> {
    let (length, rest) = text.strip_prefix(name)?.strip_prefix(' ')?.split_once('\n')?;
    let length: usize = length.parse().ok()?;
    let part = rest.get(..length)?;
    Some((part, rest.get(length..)?.strip_prefix('\n')?))
}
