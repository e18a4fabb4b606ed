//! Why a policy is not accepted: file, line, what is wrong, and what to do about it.

use std::fmt;

/// One thing that is wrong with a policy, or worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file in the policy's folder.
    pub file: &'static str,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// Says what is wrong in a file.
    pub fn new(file: &'static str, what: impl Into<String>) -> Self {
        Self { file, line: None, what: what.into(), hint: None }
    }

    /// Adds the line that a byte of the file's text is in.
    #[must_use]
    pub fn at(mut self, text: &str, byte: usize) -> Self {
        let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
        self.line = Some(before.split(|b| *b == b'\n').count());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        write!(f, ": {}", self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, ". {hint}"))
    }
}

/// Why a policy is not accepted: at least one problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(Vec<Problem>);

impl PolicyError {
    /// Gives the problems, in the order of the files.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl From<Problem> for PolicyError {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl From<Vec<Problem>> for PolicyError {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if at > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}
