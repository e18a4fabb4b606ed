//! What the rules say to a question.

use std::collections::BTreeSet;

use super::RuleId;

/// What the rules say to whether somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// At least one rule permits it, and none forbids it.
    Permitted {
        /// Those that do.
        by: BTreeSet<RuleId>,
    },
    /// Rules forbid it, whatever others permit.
    Forbidden {
        /// Those that do.
        by: BTreeSet<RuleId>,
    },
    /// Rules that may forbid it could not be evaluated, which counts as if they did.
    Failed {
        /// Those that could not.
        rules: BTreeSet<RuleId>,
    },
    /// No rule permits it.
    NotPermitted,
}

impl Verdict {
    /// Tells whether it is a yes.
    pub fn is_permitted(&self) -> bool {
        matches!(self, Self::Permitted { .. })
    }
}
