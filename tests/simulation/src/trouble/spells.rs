//! What lasts for a while, and how it ends: slow systems, lists that come back empty, systems that have lost what we made.

use schema::System;
use simulators::{Effect, Rule};
use std::time::Duration;

use super::Trouble;
use crate::outside::{Backup, Part};

/// Troubles during which a spell lasts, at most.
const LASTS: u8 = 6;

/// Something that goes on until so many other troubles have come.
pub(crate) struct Spell {
    left: u8,
    end: End,
}

/// How a spell ends.
enum End {
    /// Faults are taken back.
    Rules(System, Vec<Rule>),
    /// The operator puts back what was there before.
    Restored(Box<Backup>),
    /// The operator says that it is gone.
    Confirmed(System),
    /// Nobody does anything.
    Forgotten,
}

impl Trouble<'_> {
    /// One trouble more has come: some spells are over.
    pub(super) async fn spells_go_on(&mut self) {
        let mut over = Vec::new();
        for spell in &mut self.spells {
            spell.left = spell.left.saturating_sub(1);
        }
        while let Some(place) = self.spells.iter().position(|spell| spell.left == 0) {
            over.push(self.spells.remove(place).end);
        }
        for end in over {
            match end {
                End::Rules(system, rules) => self.world.outside.take_rules(system, &rules),
                End::Restored(backup) => {
                    self.world.outside.restore(&backup);
                    self.forget_lost();
                    self.world.count("trouble loss restored");
                }
                End::Confirmed(system) => {
                    let process = self.anybody();
                    let confirmed = process.fuse.guard(process.reconciler.confirm_loss(system)).await;
                    let word =
                        if let Some(Ok(Some(_))) = confirmed { "confirmed" } else { "not there to confirm" };
                    self.world.count(&format!("trouble loss {word}"));
                }
                End::Forgotten => {}
            }
        }
    }

    fn begin(&mut self, end: End) {
        let left = self.rng.u8(1..=LASTS);
        self.spells.push(Spell { left, end });
    }

    pub(super) fn slow_down(&mut self) -> &'static str {
        let system = System::ALL[self.rng.usize(..3)];
        let rules = vec![Rule::always(Effect::Latency(Duration::from_millis(self.rng.u64(20..80))))];
        self.world.outside.add_rules(system, &rules);
        self.begin(End::Rules(system, rules));
        "slow system"
    }

    pub(super) fn lie(&mut self) -> &'static str {
        let system = System::ALL[self.rng.usize(..3)];
        let rules = self.world.outside.empty_lists(system);
        self.begin(End::Rules(system, rules));
        "empty lists"
    }

    /// A system loses some or all of what we made, or is another one, or becomes what it once was.
    pub(super) fn lose(&mut self) -> &'static str {
        let system = System::ALL[self.rng.usize(..3)];
        let outside = &self.world.outside;
        let before = outside.back_up(system);
        let what = match self.rng.u8(..10) {
            0..3 => {
                outside.lose(system, Part::Few(self.rng.usize(1..=5)), &mut self.rng);
                "few objects lost"
            }
            3..5 => {
                outside.lose(system, Part::Percent(self.rng.usize(11..90)), &mut self.rng);
                "many objects lost"
            }
            5..7 => {
                outside.lose(system, Part::Everything, &mut self.rng);
                "system wiped"
            }
            7 => {
                outside.swap(system, &mut self.rng);
                "system swapped"
            }
            8 if self.backups.iter().any(|backup| backup.system == system) => {
                let older = self.backups.iter().rfind(|backup| backup.system == system).expect("a backup");
                outside.restore(older);
                "older backup restored"
            }
            _ => {
                self.backups.push(before.clone());
                return "backup";
            }
        };
        self.forget_lost();
        let end = match self.rng.u8(..5) {
            0 | 1 => End::Restored(Box::new(before)),
            2 | 3 => End::Confirmed(system),
            _ => End::Forgotten,
        };
        self.begin(end);
        what
    }

    /// Files and mail that went with what was lost are nobody's fault of ours.
    pub(crate) fn forget_lost(&mut self) {
        let outside = &self.world.outside;
        self.written.retain(|(space, name)| {
            outside.ocis.read_file(space, name).is_ok_and(|content| content == name.as_bytes())
        });
        for (address, count) in &mut self.delivered {
            *count = (*count).min(outside.stalwart.messages(address).unwrap_or_default());
        }
    }
}
