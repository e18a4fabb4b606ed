//! Who and what an event speaks of, found by the names of its fields, so that a new type of event needs no code here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Statement;

/// What an event speaks of, each thing once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// The names and addresses of those it is about.
    pub subjects: BTreeSet<String>,
    /// Those who did it, or agreed to it.
    pub actors: BTreeSet<String>,
    /// Profiles.
    pub profiles: BTreeSet<String>,
    /// Accounts on hosts.
    pub principals: BTreeSet<String>,
    /// Serials, which are places in the log.
    pub serials: BTreeSet<u64>,
    /// Why, in the words of people and of the policy.
    pub reasons: BTreeSet<String>,
    /// The identities of requests, certificates and sessions.
    pub ids: BTreeSet<String>,
    /// The fingerprints of keys.
    pub keys: BTreeSet<String>,
}

impl Mentions {
    /// Finds what an event speaks of.
    pub fn of(statement: &Statement) -> Self {
        let mut mentions = Self::default();
        for (name, value) in &statement.fields {
            mentions.see(name, value, false);
        }
        mentions
    }

    /// Tells whether it is about this person, by name or address.
    pub fn is_about(&self, person: &str) -> bool {
        has(&self.subjects, person)
    }

    /// Tells whether this person did it or agreed to it, by name or address.
    pub fn is_by(&self, person: &str) -> bool {
        has(&self.actors, person)
    }

    /// Tells whether it has this text in a reason, in any case.
    pub fn has_reason(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.reasons.iter().any(|reason| reason.to_lowercase().contains(&text))
    }

    /// Tells whether it names this request, certificate or session: by its id, or by a key id that ends with it.
    pub fn has_id(&self, id: &str) -> bool {
        let is_it = |found: &String| {
            found.eq_ignore_ascii_case(id)
                || found.rsplit_once('/').is_some_and(|(_, last)| last.eq_ignore_ascii_case(id))
        };
        self.ids.iter().any(is_it)
    }

    /// Looks into a field; `acting` inside of one that names who acts, such as a list of approvers.
    fn see(&mut self, name: &str, value: &Value, acting: bool) {
        let acting = acting || acts(name);
        match value {
            Value::String(text) => self.text(name, text, acting),
            Value::Number(number) if matches!(name, "serial" | "serials" | "index") => {
                self.serials.extend(number.as_u64());
            }
            Value::Array(items) => items.iter().for_each(|item| self.see(name, item, acting)),
            Value::Object(fields) => {
                for (inner, value) in fields {
                    // `user: {name, email}` names its user by the fields inside.
                    let inner = if inner == "name" && is_person(name) { name } else { inner };
                    self.see(inner, value, acting);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, name: &str, text: &str, acting: bool) {
        if text.starts_with("SHA256:") {
            self.keys.insert(text.to_owned());
        }
        match name {
            "request" => self.request(text),
            "profile" | "profiles" => insert(&mut self.profiles, text),
            "principal" | "principals" => insert(&mut self.principals, text),
            "reason" | "reasons" | "note" | "comment" | "cause" => insert(&mut self.reasons, text),
            "id" | "ids" | "session" | "certificate" => insert(&mut self.ids, text),
            _ if name.ends_with("_id") || name.ends_with("_ids") => insert(&mut self.ids, text),
            _ if !is_person(name) => {}
            // `by` is "officer olga" or "console root": the name is the last word.
            _ if acting => [text, text.rsplit(' ').next().unwrap_or(text)]
                .into_iter()
                .for_each(|name| insert(&mut self.actors, name)),
            _ => insert(&mut self.subjects, text),
        }
    }

    /// Reads the canonical text of a request, line by line.
    fn request(&mut self, text: &str) {
        for (name, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            match name {
                "id" => insert(&mut self.ids, value),
                "user" => insert(&mut self.subjects, value),
                "profile" => insert(&mut self.profiles, value),
                "principals" if value != "-" => {
                    self.principals.extend(value.split(',').map(str::to_owned));
                }
                "reason" => insert(&mut self.reasons, value),
                _ => {}
            }
        }
    }
}

/// Tells whether a field of this name says who did something.
fn acts(name: &str) -> bool {
    name == "by"
        || name.ends_with("_by")
        || ["approver", "officer", "reviewer"].contains(&name.trim_end_matches('s'))
}

fn is_person(name: &str) -> bool {
    acts(name) || ["user", "email", "account", "requester", "owner"].contains(&name.trim_end_matches('s'))
}

fn insert(set: &mut BTreeSet<String>, text: &str) {
    if !text.is_empty() {
        set.insert(text.to_owned());
    }
}

fn has(names: &BTreeSet<String>, person: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(person))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    fn mentions(json: &str) -> Mentions {
        let fields = serde_json::from_str(json).unwrap();
        let (line, kind) = (json.to_owned(), "new-kind".to_owned());
        Mentions::of(&Statement { index: 1, time: UnixMillis(0), kind, line, fields })
    }

    #[test]
    fn a_kind_that_nobody_knows_is_found_by_its_fields() {
        let found = mentions(
            r#"{"user":"ann","by":"officer olga","request_id":"01J","profile":"prod","reason":"INC-1 disk",
                "serials":[7,9],"key":"SHA256:abc","certificate":{"principals":["root"],"key_id":"ann@example.com/01K"},
                "request":"countersign request v1\nid 01L\nuser bo\nprofile dev\nprincipals a,b\nreason why\n"}"#,
        );
        assert!(found.is_about("ANN") && found.is_about("bo") && !found.is_about("olga"));
        assert!(found.is_by("olga") && found.is_by("officer olga") && !found.is_by("ann"));
        assert_eq!(Vec::from_iter(&found.profiles), ["dev", "prod"]);
        assert_eq!(Vec::from_iter(&found.principals), ["a", "b", "root"]);
        assert_eq!(Vec::from_iter(&found.serials), [&7, &9]);
        assert!(found.has_reason("inc-1") && !found.has_reason("disk full"));
        assert!(["01J", "01K", "01L", "ann@example.com/01K"].iter().all(|id| found.has_id(id)));
        assert!(found.keys.contains("SHA256:abc"));
    }

    #[test]
    fn who_agreed_did_it_however_the_list_is_written() {
        for json in [
            r#"{"user":"ann","approver":"bo"}"#,
            r#"{"user":"ann","approvers":["bo"]}"#,
            r#"{"user":"ann","approvers":[{"user":"bo","key":"SHA256:x"}]}"#,
            r#"{"user":"ann","approvers":[{"name":"bo","email":"bo@example.com"}]}"#,
            r#"{"facts":{"user":{"name":"ann"}},"approved_by":{"name":"bo"}}"#,
        ] {
            let found = mentions(json);
            assert!(found.is_by("bo") && !found.is_about("bo"), "{json}: {found:?}");
            assert!(found.is_about("ann") && !found.is_by("ann"), "{json}: {found:?}");
        }
    }
}
