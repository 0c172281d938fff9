//! Rows into a User: one function for queries and for the replies of commands.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{self, MemberStatus, Person, shuts_doors};
use schema::user::Theme;
use schema::{Recorded, Timestamp, UserId};

use super::{
    ADMINS, DOMAINS, HOLDS, IDENTITIES, INVITATIONS, InvitationView, MEMBERS, MODEL, MembershipView, PEOPLE,
    TABLES, TENANTS, UserView,
};
use crate::api::{ERASED, Moment};
use crate::memory::{FoldError, Memory, RowError, RowRef};
use crate::parts::domain::Domain;
use crate::parts::hold::Hold;
use crate::parts::member::Member;
use crate::parts::person::PersonRow;
use crate::parts::tenant::Tenant;
use crate::parts::text;

/// Rows of this read model, from the database, from events, or from both.
#[derive(Debug, Clone)]
pub struct Rows {
    memory: Memory,
    seen_at: BTreeMap<String, Timestamp>,
}

impl Default for Rows {
    fn default() -> Self {
        Self::from(Memory::new(TABLES))
    }
}

impl From<Memory> for Rows {
    fn from(memory: Memory) -> Self {
        Self { memory, seen_at: BTreeMap::new() }
    }
}

impl Rows {
    /// What an event does to them. A whole stream may be repeated over rows that already know a part of it.
    pub fn project(&mut self, recorded: &Recorded) -> Result<(), FoldError> {
        self.memory.project(&MODEL, recorded)
    }

    /// When somebody was last seen.
    pub(super) fn saw(&mut self, user: &str, at: &str) {
        if let Ok(at) = at.parse() {
            self.seen_at.insert(user.to_owned(), at);
        }
    }
}

/// One person, if the rows hold them.
pub fn assemble(rows: &Rows, id: UserId) -> Result<Option<UserView>, RowError> {
    let memory = &rows.memory;
    let key = [text(id)];
    let Some(row) = memory.row(PEOPLE, &key) else {
        return Ok(None);
    };
    let row = PersonRow::read(row)?;
    let admin = memory.row(ADMINS, &key);
    let person =
        Person { status: row.status, platform_admin: admin.is_some_and(|admin| admin.is_set("is_admin")) };
    let identities = identities(memory, id)?;
    let id_text = id.to_string();
    let of_user = memory.all(MEMBERS).filter(|found| found.maybe_text("user_id") == Some(id_text.as_str()));
    let members = of_user.map(Member::read).collect::<Result<Vec<_>, _>>()?;
    let mut memberships = Vec::new();
    let mut touched = row.position.max(admin.map_or(0, |admin| admin.count("position")));
    for member in members.iter().filter(|member| member.membership.status != MemberStatus::Removed) {
        touched = touched.max(member.position);
        if let Some((view, position)) = membership(memory, member, person, row.email)? {
            touched = touched.max(position);
            memberships.push(view);
        }
    }
    let active = memberships.iter().filter(|membership| membership.membership.status == MemberStatus::Active);
    let highest = active.map(|membership| membership.membership.role).max();
    Ok(Some(UserView {
        id,
        authentik_subject_id: identities.first().map(|(_, subject)| subject.clone()),
        email: row.email.unwrap_or(ERASED).to_owned(),
        name: row.name.map(str::to_owned),
        status: row.status.as_str(),
        role: if person.platform_admin { Some("operator") } else { highest.map(schema::Role::as_str) },
        platform_admin: person.platform_admin,
        tenant_ids: memberships.iter().map(|membership| membership.tenant_id).collect(),
        locale: row.locale.map(str::to_owned),
        timezone: row.timezone.map(str::to_owned),
        theme: row.theme.unwrap_or(Theme::default().as_str()).to_owned(),
        last_login_at: rows.seen_at.get(&id_text).copied().map(Moment),
        created_at: Moment(row.created_at),
        version: row.version,
        memberships,
        changed_position: touched,
        identities,
        person,
    }))
}

/// Instances and subjects, the one linked last first.
fn identities(memory: &Memory, id: UserId) -> Result<Vec<(String, String)>, RowError> {
    let key = [text(id)];
    let mut rows: Vec<RowRef<'_>> = memory.below(IDENTITIES, &key).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count("position")));
    rows.iter().map(|row| Ok((row.text("instance")?.to_owned(), row.text("subject")?.to_owned()))).collect()
}

fn membership(
    memory: &Memory,
    member: &Member,
    person: Person,
    email: Option<&str>,
) -> Result<Option<(MembershipView, u64)>, RowError> {
    let key = [text(member.tenant_id)];
    let Some(tenant) = memory.row(TENANTS, &key) else {
        return Ok(None);
    };
    let tenant = Tenant::read(tenant)?;
    let holds = memory.below(HOLDS, &key).map(Hold::read).collect::<Result<Vec<_>, _>>()?;
    let standing = tenant.standing(holds.iter().map(|hold| hold.kind).collect::<BTreeSet<_>>());
    let domains = memory.below(DOMAINS, &key).map(Domain::read).collect::<Result<Vec<_>, _>>()?;
    let place = email.and_then(|email| email.rsplit_once('@')).map(|(_, place)| place);
    let is_managed = domains.iter().any(|domain| domain.is_verified && Some(domain.name) == place);
    let mut shut = holds.iter().filter(|hold| shuts_doors(hold.kind));
    let view = MembershipView {
        tenant_id: tenant.id,
        slug: tenant.slug.to_owned(),
        name: tenant.name.to_owned(),
        role: member.membership.role.as_str(),
        kind: if is_managed { "managed" } else { "guest" },
        status: member.membership.status.as_str(),
        tenant_status: standing.status().as_str(),
        can_use: access::can_use(&person, &member.membership, &standing),
        customer_message: shut.find_map(|hold| hold.customer_message).map(str::to_owned),
        membership: member.membership,
        standing,
    };
    Ok(Some((view, tenant.position)))
}

/// Invitations of a person that wait for an answer.
pub fn invitations(rows: &Rows, id: UserId) -> Result<Vec<InvitationView>, RowError> {
    let id_text = id.to_string();
    let email = rows.memory.row(PEOPLE, &[text(id)]).and_then(|row| row.maybe_text("email"));
    let waits = |row: &RowRef<'_>| {
        // Who was made a member meanwhile has nothing to answer.
        let key = [text(row.maybe_text("tenant_id").unwrap_or_default()), text(id)];
        let member = rows.memory.row(MEMBERS, &key);
        member.is_some_and(|member| member.maybe_text("status") == Some(MemberStatus::Invited.as_str()))
    };
    let open = rows.memory.all(INVITATIONS).filter(|row| {
        row.maybe_text("user_id") == Some(id_text.as_str())
            && row.maybe_text("status") == Some("open")
            && waits(row)
    });
    open.map(|row| {
        Ok(InvitationView {
            id: row.parse("invitation_id")?,
            tenant_id: row.parse("tenant_id")?,
            user_id: id,
            email: email.unwrap_or(ERASED).to_owned(),
            role: row.text("role")?.to_owned(),
            status: row.text("status")?.to_owned(),
            expires_at: Moment(row.parse("expires_at")?),
            invited_by: row.maybe_parse("invited_by")?,
            created_at: Moment(row.parse("created_at")?),
        })
    })
    .collect()
}
