//! I6: the audit accepts what an honest server writes, and finds what any other does.

mod approvals;
mod decisions;
mod hosts;
mod objects;
mod order;
mod recovery;
mod recovery_times;
mod report;
mod revocation;
mod support;
mod vouchers;

use ca_core::audit::{Auditor, Finding, Flaw, ObjectName, Opened, Tree};
use support::TestLog;

/// Goes through the rounds of a log as an auditor does.
fn audit(log: &TestLog) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut auditor = Auditor::new(log.origin.clone());
    let mut tree = Tree::new(Vec::new());
    for (name, bytes) in &log.objects {
        let Ok(ObjectName::Journal(first)) = name.parse() else { continue };
        let opened = match Opened::read(bytes, first, &log.origin, log.key()) {
            Ok(opened) => opened,
            Err(flaw) => {
                findings.push(Finding::object(name, flaw));
                continue;
            }
        };
        let (found, cases) = auditor.round(&opened, Some(tree.frontier()));
        findings.extend(found);
        findings.extend(cases.iter().flat_map(|case| case.replay(&opened)));
        tree.append(&opened.leaves()).unwrap();
    }
    findings.extend(auditor.end());
    findings
}

/// Gives the flaws of the last entry, which must be the only one with any.
fn flaws(log: &TestLog) -> Vec<Flaw> {
    let last = log.size() - 1;
    let findings = audit(log);
    assert!(findings.iter().all(|finding| finding.entry == Some(last)), "{findings:?}");
    findings.into_iter().map(|finding| finding.flaw).collect()
}

#[test]
fn i6_an_honest_log_is_clean() {
    let mut log = TestLog::busy();
    assert_eq!(audit(&log), []);
    let first = log.size();
    let many: Vec<_> = (first..first + 20).map(|index| log.certificate_at(index)).collect();
    log.round(&many);
    assert_eq!(audit(&log), []);
}
