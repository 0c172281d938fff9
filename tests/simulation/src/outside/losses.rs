//! What can happen to a whole system: a backup is put back, another installation takes its place, things of ours vanish.

use std::collections::BTreeSet;

use schema::System;
use serde_json::json;
use simulators::{Effect, Rule, authentik};

use super::Outside;
use super::rows::Rows;
use super::strangers::Stranger;

/// How much is lost at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Everything,
    /// So many objects.
    Few(usize),
    /// So many of a hundred.
    Percent(usize),
}

/// A backup of one system, with what others had there then.
#[derive(Debug, Clone)]
pub(crate) struct Backup {
    pub(crate) system: System,
    rows: Rows,
    strangers: Vec<Stranger>,
}

impl Outside {
    pub(super) fn rows(&self, system: System) -> Rows {
        let saved = match system {
            System::Authentik => self.authentik.save(),
            System::Stalwart => self.stalwart.save(),
            System::Ocis => self.ocis.save(),
        };
        Rows { system, saved }
    }

    pub(super) fn load(&self, rows: &Rows) {
        let loaded = match rows.system {
            System::Authentik => self.authentik.load(&rows.saved),
            System::Stalwart => self.stalwart.load(&rows.saved),
            System::Ocis => self.ocis.load(&rows.saved),
        };
        loaded.expect("rows of the same system");
    }

    /// Objects of ours in a system: table and key. Those of others that only have our names are none.
    pub(crate) fn ours_in(&self, system: System) -> BTreeSet<(&'static str, String)> {
        let strangers = self.strangers.borrow();
        let theirs: BTreeSet<(&str, String)> = strangers
            .iter()
            .filter(|stranger| stranger.system == system)
            .map(|stranger| (stranger.table, stranger.key.to_string()))
            .collect();
        self.rows(system)
            .ours()
            .into_iter()
            .filter(|(table, key)| !theirs.contains(&(*table, key.clone())))
            .collect()
    }

    pub(crate) fn back_up(&self, system: System) -> Backup {
        let strangers = self.strangers.borrow();
        let strangers = strangers.iter().filter(|stranger| stranger.system == system).cloned().collect();
        Backup { system, rows: self.rows(system), strangers }
    }

    /// The state of then is the state of now. Ids that come from a clock or from chance are not given a second time; those
    /// that are counted are.
    pub(crate) fn restore(&self, backup: &Backup) {
        let (now, mut rows) = (self.rows(backup.system), backup.rows.clone());
        let counters: &[&str] = match backup.system {
            System::Authentik => &["object", "microseconds"],
            System::Stalwart => &["clock", "snowflake"],
            System::Ocis => &["ticks"],
        };
        for name in counters {
            rows.set_counter(name, now.counter(name).max(rows.counter(name)) + 1);
        }
        self.load(&rows);
        self.forget_strangers(backup.system, backup.strangers.clone());
    }

    /// Another installation stands where the system was: nothing is there, of nobody.
    pub(crate) fn swap(&self, system: System, rng: &mut fastrand::Rng) {
        match system {
            System::Authentik => {
                let fresh = authentik::Authentik::new(super::identity_settings()).save();
                let mut rows = Rows { system, saved: fresh };
                rows.set_counter("object", rng.u64(1_000_000..1_000_000_000));
                for pair in rows.saved["users"].as_array_mut().into_iter().flatten() {
                    pair[1]["uid"] = json!(format!("{:032x}{:032x}", rng.u128(..), rng.u128(..)));
                }
                self.load(&rows);
            }
            System::Stalwart => self.stalwart.install_anew().expect("a new one"),
            System::Ocis => self.ocis.install_anew().expect("a new one"),
        }
        self.forget_strangers(system, Vec::new());
    }

    /// Objects of ours vanish. How many, of how many.
    pub(crate) fn lose(&self, system: System, part: Part, rng: &mut fastrand::Rng) -> (usize, usize) {
        let mut ours: Vec<_> = self.ours_in(system).into_iter().collect();
        let all = ours.len();
        rng.shuffle(&mut ours);
        ours.truncate(match part {
            Part::Everything => all,
            Part::Few(count) => count,
            Part::Percent(percent) => all * percent / 100,
        });
        let before = self.rows(system);
        let mut rows = before.clone();
        rows.remove(&ours.into_iter().collect());
        self.load(&rows);
        self.take_note_of_losses(&before, &rows);
        let left = self.ours_in(system).len();
        (all - left, all)
    }

    /// Somebody changes a field of something that we have bound.
    pub(crate) fn scribble(
        &self,
        system: System,
        bound: &BTreeSet<String>,
        rng: &mut fastrand::Rng,
    ) -> Option<&'static str> {
        let mut rows = self.rows(system);
        let is_bound = |key: &str| {
            let key = key.trim_matches('"');
            let key = match system {
                System::Stalwart => key.parse().map(super::rows::mail_id).unwrap_or_default(),
                System::Authentik | System::Ocis => key.to_owned(),
            };
            bound.contains(&key)
        };
        let ours: Vec<_> = self.ours_in(system).into_iter().filter(|(_, key)| is_bound(key)).collect();
        let (table, key) = rng.choice(ours)?;
        let row = rows.change(table, &serde_json::from_str(&key).ok()?)?;
        let word = match (system, table) {
            (System::Authentik, "users") => match rng.u8(..3) {
                0 => {
                    row["attributes"] = json!({ "colour": "green" });
                    "mark of an account wiped"
                }
                1 => {
                    row["name"] = json!("Somebody Else");
                    row["email"] = json!("somebody@else.test");
                    "account changed"
                }
                _ => {
                    row["is_active"] = json!(false);
                    "account disabled"
                }
            },
            (System::Stalwart, "Role") if rng.bool() => {
                row["disabledPermissions"] = json!({});
                "role opened"
            }
            (System::Stalwart, "Role" | "Domain") => {
                row["description"] = json!(null);
                "mark in mail wiped"
            }
            (System::Stalwart, "Account") => {
                row["roles"] = json!({ "@type": "User" });
                "account in mail freed"
            }
            (System::Ocis, "groups") => {
                if rng.bool() {
                    row["name"] = json!(format!("renamed {key}"));
                } else {
                    row["members"] = json!([]);
                }
                "group in files changed"
            }
            (System::Authentik | System::Stalwart | System::Ocis, _) => return None,
        };
        self.load(&rows);
        Some(word)
    }

    /// Every list comes back empty from now on; what is asked for by its id is there. Rules to take back later.
    pub(crate) fn empty_lists(&self, system: System) -> Vec<Rule> {
        let lie = || Rule::always(Effect::NothingThere);
        let rules = match system {
            System::Authentik => vec![
                lie().method(&http::Method::GET).path("/core/groups/?"),
                lie().method(&http::Method::GET).path("/core/users/?"),
            ],
            System::Ocis => vec![
                lie().method(&http::Method::GET).path("/drives?"),
                lie().method(&http::Method::GET).path("/graph/v1.0/groups?"),
            ],
            System::Stalwart => vec![lie().body("/query\"")],
        };
        self.add_rules(system, &rules);
        rules
    }

    pub(crate) fn add_rules(&self, system: System, rules: &[Rule]) {
        for rule in rules {
            self.faults(system).add(rule.clone());
        }
    }

    pub(crate) fn take_rules(&self, system: System, rules: &[Rule]) {
        let faults = self.faults(system);
        faults.replace(faults.rules().into_iter().filter(|rule| !rules.contains(rule)).collect());
    }
}

pub(super) fn chance(rng: &mut fastrand::Rng) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid()
}
