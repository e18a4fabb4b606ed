//! `ca audit report`: who had what, from a log whose tree is verified on the way.

mod csv;
mod table;

use ca_core::audit::report::{self, Period, Reporter};
use ca_core::time::{UnixMillis, UnixSeconds};
use serde::Serialize;

use super::period::{month, point, this_month};
use crate::audit::{Basis, Place, read_whole};
use crate::cli::{Format, Global, Report};
use crate::clock;
use crate::failure::{Exit, Failure, Result};
use crate::output;

/// What a report is of. `--json` prints it with the report in it; fields are added, never renamed or removed.
#[derive(Serialize)]
struct Header<'a> {
    log: &'a str,
    origin: &'a str,
    /// The size of the checkpoint that the entries read make the root of.
    checkpoint: u64,
    root: String,
    /// When the last of these entries was entered.
    as_of: UnixSeconds,
    /// Whether the entries make the checkpoint's root, and continue the checkpoint verified last.
    tree_verified: bool,
    /// Whether every decision was made again; that is for `ca audit verify`.
    decisions_verified: bool,
    since: UnixSeconds,
    until: UnixSeconds,
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    header: &'a Header<'a>,
    #[serde(flatten)]
    report: &'a report::Report,
}

pub(super) fn run(global: &Global, options: &Report) -> Result<Exit> {
    let period = period(options)?;
    let place = Place::find(global, &options.log)?;
    let mut reporter = Reporter::new(period);
    let quiet = global.json || options.format == Format::Csv;
    let basis = read_whole(&place, quiet, &mut |statement| reporter.take(statement))?;
    let (header, report) = (Header::new(&place, &basis, period), reporter.finish());
    if global.json {
        output::json(&Json { header: &header, report: &report });
    } else if options.format == Format::Csv {
        output::data(&csv::write(&header, &report)?);
    } else {
        output::data(&table::write(&header, &report));
    }
    Ok(Exit::Good)
}

fn period(options: &Report) -> Result<Period> {
    if let Some(text) = &options.month {
        return month(text);
    }
    let Some(since) = &options.since else {
        let period = this_month()?;
        let until = options.until.as_deref().map_or(Ok(period.until), |until| point(until, 999))?;
        return ordered(Period { until, ..period });
    };
    let until = options.until.as_deref().map_or(Ok(clock::now()), |until| point(until, 999))?;
    ordered(Period { since: point(since, 0)?, until })
}

fn ordered(period: Period) -> Result<Period> {
    if period.since <= period.until {
        return Ok(period);
    }
    Err(Failure::new("usage", "the report would end before it begins").hint("--since is before --until."))
}

impl<'a> Header<'a> {
    fn new(place: &'a Place, basis: &Basis, period: Period) -> Self {
        let Period { since, until: UnixMillis(until) } = period;
        Self {
            log: &place.name,
            origin: place.key.name(),
            checkpoint: basis.checkpoint.size(),
            root: basis.checkpoint.root().to_string(),
            as_of: basis.time.seconds(),
            // Without that there is no report.
            tree_verified: true,
            decisions_verified: false,
            since: since.seconds(),
            until: UnixMillis(until).seconds(),
        }
    }
}
