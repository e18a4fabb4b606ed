use std::collections::HashMap;

use super::*;

const NOW: UnixSeconds = UnixSeconds(1_800_003_725);
const NUMBER: &str = "+4915123456789";

fn config(limits: &str) -> Sms {
    let text = format!(
        "provider = \"sns\"\nregion = \"eu-central-1\"\ncountries = [\"+49\", \"+4915\", \"+1\"]\n[limits]\n{limits}"
    );
    toml::from_str(&text).unwrap()
}

fn phone(text: &str) -> Phone {
    text.parse().unwrap()
}

/// Stands in for a keyed hash: equal for equal texts, and without the text.
fn tag(text: &str) -> String {
    let sum = text.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("{sum:016x}")
}

fn take(config: &Sms, number: &str, user: &str) -> Vec<Bucket> {
    buckets(config, &phone(number), user, NOW, tag).unwrap()
}

/// What the store does: takes all of an SMS's buckets, or none and gives the scope that was full.
#[derive(Default)]
struct Taken(HashMap<(String, u64), u64>);

impl Taken {
    fn take(&mut self, wanted: &[Bucket]) -> Result<(), String> {
        let key = |bucket: &Bucket| (bucket.scope.clone(), bucket.start.0);
        let taken = |bucket| self.0.get(&key(bucket)).copied().unwrap_or_default();
        if let Some(full) = wanted.iter().find(|bucket| !bucket.fits(taken(bucket))) {
            return Err(full.scope.split('/').nth(1).unwrap_or_default().to_owned());
        }
        for bucket in wanted {
            *self.0.entry(key(bucket)).or_default() += bucket.amount;
        }
        Ok(())
    }

    /// Sends one SMS after the other until one is refused; gives how many were sent and what was full.
    fn flood(mut self, wanted: impl Fn(u64) -> Vec<Bucket>) -> (u64, String) {
        for sent in 0.. {
            if let Err(full) = self.take(&wanted(sent)) {
                return (sent, full);
            }
        }
        unreachable!("every flood ends")
    }
}

#[test]
fn f10_every_way_of_flooding_ends_at_its_limit() {
    let config = config("per_country_day = 200\nper_day = 300\nspend_cap_cents_per_day = 4000");
    let other_block = |n: u64| format!("+49151{:08}", n * 1000);
    let flood = |wanted: &dyn Fn(u64) -> Vec<Bucket>| Taken::default().flood(wanted);
    assert_eq!(flood(&|n| take(&config, &other_block(n), "ann")), (5, "user".to_owned()));
    assert_eq!(flood(&|n| take(&config, NUMBER, &n.to_string())), (5, "number".to_owned()));
    let adjacent = |n: u64| take(&config, &format!("+4915123456{n:03}"), &n.to_string());
    assert_eq!(flood(&adjacent), (50, "prefix".to_owned()));
    let country = |n: u64| take(&config, &other_block(n), &n.to_string());
    assert_eq!(flood(&country), (200, "country".to_owned()));
    let either = |n: u64| {
        take(&config, &other_block(n).replace("+49", ["+49", "+1"][(n % 2) as usize]), &n.to_string())
    };
    assert_eq!(flood(&either), (300, "all".to_owned()));
}

#[test]
fn f10_the_spend_of_a_day_is_capped() {
    let config = config("price_cents = 8\nspend_cap_cents_per_day = 100");
    let wanted = |n: u64| take(&config, &format!("+49151{:08}", n * 1000), &n.to_string());
    // The 13th would make it 104 cents.
    assert_eq!(Taken::default().flood(wanted), (12, "cents".to_owned()));
}

#[test]
fn f10_a_country_that_is_not_named_gets_nothing() {
    let config = config("");
    assert_eq!(buckets(&config, &phone("+88213000000"), "ann", NOW, tag), Err(CountryNotAllowed));
    let german = country(&config.countries, &phone(NUMBER)).unwrap();
    assert_eq!(german.as_str(), "+4915", "the most exact one counts");
    assert_eq!(country(&config.countries, &phone("+49301234567")).unwrap().as_str(), "+49");
}

#[test]
fn i9_no_scope_holds_a_number() {
    for bucket in take(&config(""), NUMBER, "01JX") {
        let digits = bucket.scope.chars().filter(char::is_ascii_digit).collect::<String>();
        assert!(!digits.contains("15123456"), "{}", bucket.scope);
    }
    let tagged = std::cell::RefCell::new(Vec::new());
    let collect = |text: &str| {
        tagged.borrow_mut().push(text.to_owned());
        String::new()
    };
    buckets(&config(""), &phone(NUMBER), "ann", NOW, collect).unwrap();
    // A block's tag must not be the tag of a shorter number.
    assert_eq!(tagged.into_inner(), [format!("number {NUMBER}"), "prefix +4915123456".to_owned()]);
}

#[test]
fn windows_are_hours_and_days_of_the_clock() {
    let buckets = take(&config(""), NUMBER, "ann");
    for bucket in &buckets {
        assert_eq!(bucket.start.0 % bucket.secs, 0, "{}", bucket.scope);
        assert!((bucket.start.0..bucket.start.0 + bucket.secs).contains(&NOW.0), "{}", bucket.scope);
        assert_eq!(bucket.ends_in_secs(NOW), bucket.start.0 + bucket.secs - NOW.0);
        assert_eq!(bucket.ends_in_secs(UnixSeconds(u64::MAX)), 1);
    }
    let hours = buckets.iter().map(|bucket| (bucket.scope.split('/').nth(1).unwrap(), bucket.secs / 3600));
    let expected = [("user", 1), ("number", 1), ("prefix", 1), ("country", 24), ("all", 24), ("cents", 24)];
    assert_eq!(hours.collect::<Vec<_>>(), expected);
}

#[test]
fn a_sum_beyond_counting_does_not_fit() {
    let bucket = Bucket { scope: String::new(), start: NOW, secs: 1, amount: 1, maximum: u64::MAX };
    assert!(bucket.fits(u64::MAX - 1) && !bucket.fits(u64::MAX));
}
