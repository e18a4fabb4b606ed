//! What went wrong, for the person in front of it: one line what, one line what to do about it.

use ca_api::Problem;
use owo_colors::OwoColorize as _;

use crate::output;
use crate::render::text::plain;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It went well.
    Good,
    /// The server or a rule said no, or a check found something.
    Refused,
    /// It was asked for in a way that makes no sense, or could not be done or checked.
    Unable,
    /// It waits for somebody else.
    Pending,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Good => 0,
            Exit::Refused => 1,
            Exit::Unable => 2,
            Exit::Pending => 3,
        })
    }
}

/// A reason to stop, which is also what `--json` prints (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    problem: Box<Problem>,
    exit: Exit,
}

/// What a command returns when it cannot go on.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Something cannot be done or checked. The word names the kind of problem for programs.
    pub(crate) fn new(word: &str, what: impl Into<String>) -> Self {
        let problem = Problem {
            kind: format!("{}{word}", Problem::PREFIX),
            title: word.replace('-', " "),
            status: 0,
            detail: Some(what.into()),
            hint: None,
            retry_after_secs: None,
            instance: None,
        };
        Self { problem: Box::new(problem), exit: Exit::Unable }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// Makes it a no instead of something that could not be done.
    #[must_use]
    pub(crate) fn refused(mut self) -> Self {
        self.exit = Exit::Refused;
        self
    }

    /// Gives what went wrong, in one line.
    pub(crate) fn what(&self) -> &str {
        self.problem.detail.as_deref().unwrap_or(&self.problem.title)
    }

    /// Gives what to do about it.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.problem.hint.as_deref()
    }

    /// Tells whether it is this kind of problem.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.problem.kind.strip_prefix(Problem::PREFIX) == Some(word)
    }

    /// Gives the HTTP status, 0 when no server said anything.
    pub(crate) fn status(&self) -> u16 {
        self.problem.status
    }

    /// Gives how long the server asks to wait, in seconds.
    pub(crate) fn retry_after_secs(&self) -> Option<u64> {
        self.problem.retry_after_secs
    }

    /// Prints it, to stderr for people or to stdout as JSON, and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> Exit {
        if json {
            output::json(self.problem.as_ref());
            return self.exit;
        }
        output::note(&format!("{} {}", "ca:".red().bold(), plain(self.what())));
        if let Some(hint) = &self.problem.hint {
            output::note(&format!("    {}", plain(hint)));
        }
        if let Some(instance) = &self.problem.instance {
            output::note(&format!("    The server's log has it as {}.", plain(instance)));
        }
        self.exit
    }
}

impl From<Problem> for Failure {
    /// Takes what a server said: a 4xx is a no, anything else means that it could not be done.
    fn from(problem: Problem) -> Self {
        let refused = (400..500).contains(&problem.status) && !matches!(problem.status, 408 | 429);
        let exit = if refused { Exit::Refused } else { Exit::Unable };
        Self { problem: Box::new(problem), exit }
    }
}
