//! One tenant, as the second opinion sees it.

use std::collections::BTreeMap;

use schema::{ActorKind, Timestamp};

use super::Fact;

/// How far its life has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// No event yet.
    #[default]
    Nothing,
    Pending,
    Active,
    Terminating,
    Terminated,
}

/// Where a membership stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    Invited,
    /// With a role.
    Active(String),
    Gone,
}

/// One tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tenant {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) lifecycle: Lifecycle,
    before_end: Lifecycle,
    pub(crate) ends_at: Option<Timestamp>,
    /// Open ones, with their end.
    pub(crate) holds: BTreeMap<String, Option<Timestamp>>,
    /// What the marks of suspension and resumption say.
    is_marked_held: bool,
    pub(crate) partner: Option<String>,
    pub(crate) members: BTreeMap<String, Member>,
    /// Open ones: to whom, with which role, until when.
    pub(crate) invitations: BTreeMap<String, (String, String, Option<Timestamp>)>,
    /// Whether each is verified.
    pub(crate) domains: BTreeMap<String, bool>,
    pub(crate) primary: Option<String>,
    pub(crate) version: u64,
}

type Refused = Result<(), &'static str>;

impl Tenant {
    /// The word for it.
    pub(crate) fn status(&self) -> &'static str {
        match self.lifecycle {
            Lifecycle::Nothing => "nothing",
            Lifecycle::Terminating => "terminating",
            Lifecycle::Terminated => "terminated",
            Lifecycle::Pending | Lifecycle::Active if !self.holds.is_empty() => "suspended",
            Lifecycle::Pending => "pending",
            Lifecycle::Active => "active",
        }
    }

    /// Whether files and mail are open to its members.
    pub(crate) fn is_open(&self) -> bool {
        self.lifecycle == Lifecycle::Active && self.holds.is_empty()
    }

    pub(crate) fn has_active(&self, user: &str) -> bool {
        matches!(self.members.get(user), Some(Member::Active(_)))
    }

    pub(crate) fn count(&self, wanted: fn(&Member) -> bool) -> usize {
        self.members.values().filter(|member| wanted(member)).count()
    }

    /// Takes an event in; what is wrong with it, if it may not be there.
    pub(super) fn take(&mut self, fact: &Fact<'_>) -> Refused {
        self.version += 1;
        let is_living = matches!(self.lifecycle, Lifecycle::Pending | Lifecycle::Active);
        let part = fact.kind.trim_start_matches("tenant.");
        if (self.lifecycle == Lifecycle::Nothing) != (part == "created") {
            return Err("it is made once, before everything else");
        }
        if self.lifecycle == Lifecycle::Terminated && !part.starts_with("invitation.expired") {
            return Err("nothing comes after the end");
        }
        let frozen =
            ["member.", "invitation.accepted", "invitation.declined", "domain.", "partner.", "hold.placed"];
        if frozen.iter().any(|prefix| part.starts_with(prefix)) && !is_living && part != "created" {
            return Err("it is frozen when its end is set");
        }
        match part.split('.').next().unwrap_or_default() {
            "hold" | "suspended" | "resumed" => self.take_hold(part, fact),
            "member" | "invitation" => self.take_member(part, fact),
            "domain" => self.take_domain(part, fact),
            _ => self.take_life(part, fact),
        }
    }

    fn take_life(&mut self, part: &str, fact: &Fact<'_>) -> Refused {
        match part {
            "created" => {
                self.slug = fact.text("slug");
                self.name = fact.text("name");
                self.lifecycle = Lifecycle::Pending;
            }
            "renamed" => self.name = fact.text("to"),
            "activated" if self.lifecycle == Lifecycle::Pending => self.lifecycle = Lifecycle::Active,
            "activated" => return Err("it becomes active once"),
            "termination.scheduled" => {
                if !matches!(self.lifecycle, Lifecycle::Pending | Lifecycle::Active) {
                    return Err("one end at a time");
                }
                self.before_end = self.lifecycle;
                self.lifecycle = Lifecycle::Terminating;
                self.ends_at = fact.time("terminatesAt");
            }
            "restored" => {
                if self.lifecycle != Lifecycle::Terminating {
                    return Err("only an end that is set is taken back");
                }
                self.lifecycle = self.before_end;
                self.ends_at = None;
            }
            "terminated" => {
                let is_due = self.ends_at.is_some_and(|end| end <= fact.at);
                if self.lifecycle != Lifecycle::Terminating || !is_due || fact.actor != ActorKind::System {
                    return Err("the end comes when grace is over, by itself");
                }
                self.lifecycle = Lifecycle::Terminated;
            }
            "partner.attached" | "partner.detached" => {
                return self.take_partner(part, fact.text("partnerId"));
            }
            _ => {}
        }
        Ok(())
    }

    fn take_partner(&mut self, part: &str, partner: String) -> Refused {
        let is_attached = self.partner == Some(partner.clone());
        match part {
            "partner.attached" if self.partner.is_none() => self.partner = Some(partner),
            "partner.detached" if is_attached => self.partner = None,
            _ => return Err("one partner at a time"),
        }
        Ok(())
    }

    fn take_hold(&mut self, part: &str, fact: &Fact<'_>) -> Refused {
        let id = fact.text("holdId");
        match part {
            "hold.placed" => {
                if !self.holds.is_empty() {
                    return Err("one open hold of a kind");
                }
                let until = fact.time("until");
                if until.is_some_and(|until| until <= fact.at) {
                    return Err("a hold ends after it began");
                }
                self.holds.insert(id, until);
            }
            "hold.released" | "hold.expired" => {
                let Some(until) = self.holds.remove(&id) else { return Err("only an open hold ends") };
                if part == "hold.expired" && until.is_none_or(|until| until > fact.at) {
                    return Err("its time was not over");
                }
            }
            "suspended" if self.is_marked_held => return Err("suspended twice"),
            "suspended" => self.is_marked_held = true,
            "resumed" if !self.is_marked_held || !self.holds.is_empty() => return Err("resumed while held"),
            "resumed" => self.is_marked_held = false,
            _ => return Err("unknown"),
        }
        Ok(())
    }

    fn take_member(&mut self, part: &str, fact: &Fact<'_>) -> Refused {
        let user = fact.text("userId");
        match part {
            "member.added" => {
                self.invitations.retain(|_, (to, ..)| *to != user);
                if self.has_active(&user) {
                    return Err("already a member");
                }
                self.members.insert(user, Member::Active(fact.text("role")));
            }
            "member.invited" => {
                if self.members.get(&user).is_some_and(|member| *member != Member::Gone) {
                    return Err("already a member, or invited");
                }
                let offer = (user.clone(), fact.text("role"), fact.time("expiresAt"));
                self.invitations.insert(fact.text("invitationId"), offer);
                self.members.insert(user, Member::Invited);
            }
            "invitation.accepted" | "invitation.declined" | "invitation.expired" => {
                let Some((to, role, until)) = self.invitations.remove(&fact.text("invitationId")) else {
                    return Err("only an open invitation is answered");
                };
                let is_over = until.is_some_and(|until| until <= fact.at);
                let by_timer = part == "invitation.expired";
                if is_over != by_timer {
                    return Err("answered in time, or not at all");
                }
                if !by_timer && fact.actor_id.as_ref() != Some(&to) {
                    return Err("answered by somebody else");
                }
                let now = if part == "invitation.accepted" { Member::Active(role) } else { Member::Gone };
                self.members.insert(to, now);
            }
            _ => return Err("unknown"),
        }
        Ok(())
    }

    fn take_domain(&mut self, part: &str, fact: &Fact<'_>) -> Refused {
        let domain = fact.text("domain");
        let known = self.domains.get(&domain).copied();
        match part {
            "domain.claimed" | "domain.verified" => {
                let is_verified = part == "domain.verified";
                if known != is_verified.then_some(false) {
                    return Err("claimed once, then verified once");
                }
                self.domains.insert(domain, is_verified);
            }
            "domain.released" => {
                if self.domains.remove(&domain).is_none() {
                    return Err("released without a claim");
                }
            }
            "domain.primaryChanged" => {
                self.primary = fact.data.get("to").and_then(|to| to.as_str()).map(str::to_owned);
            }
            _ => return Err("unknown"),
        }
        Ok(())
    }
}
