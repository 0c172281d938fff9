//! The list of a tenant's members.

use std::collections::BTreeMap;

use domain::access::{MemberStatus, UserStatus};
use domain::provisioning::{Phase, SystemStatus};
use event_store::Value;
use schema::{InvitationId, Role, System, TenantId, UserId};
use serde::Serialize;

pub use super::MODEL;
use super::{DOMAINS, MEMBERS, PEOPLE, SYSTEMS, TABLES};
use crate::api::{ERASED, Moment, PerSystem};
use crate::list::{Direction, ListQuery, Page};
use crate::memory::{Memory, RowError, RowRef};
use crate::parts::domain::Domain;
use crate::parts::person::PersonRow;
use crate::parts::system::SystemRow;
use crate::parts::text;
use crate::select::{QueryError, load, load_many};
use crate::views::At;

/// Whether a tenant answers for a member's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The tenant has verified the domain of the address.
    Managed,
    /// The address belongs elsewhere.
    Guest,
}

impl Kind {
    /// Every word.
    pub const ALL: &'static [Self] = &[Self::Managed, Self::Guest];

    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Guest => "guest",
        }
    }
}

/// Which members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberFilters {
    /// Empty: all but removed ones.
    pub status: Vec<MemberStatus>,
    /// Roles.
    pub role: Vec<Role>,
    /// Kinds.
    pub kind: Vec<Kind>,
    /// Part of a name or address.
    pub q: Option<String>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberSort {
    /// By what.
    pub key: MemberSortKey,
    /// Which end first.
    pub direction: Direction,
}

impl Default for MemberSort {
    fn default() -> Self {
        Self { key: MemberSortKey::LastLoginAt, direction: Direction::Descending }
    }
}

/// By what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberSortKey {
    /// When they were last seen; those never seen come last when the latest come first.
    LastLoginAt,
    /// Their names, without regard to case.
    Name,
    /// Their addresses, without regard to case.
    Email,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Member and are explained there")]
pub struct MemberView {
    pub user_id: UserId,
    pub name: Option<String>,
    pub email: String,
    pub role: &'static str,
    pub kind: &'static str,
    pub status: &'static str,
    pub user_status: &'static str,
    pub invitation_id: Option<InvitationId>,
    pub last_login_at: Option<Moment>,
    pub mailbox: Option<String>,
    pub provisioning: PerSystem<&'static str>,
}

/// A member with what filters and orders look at.
struct Candidate {
    view: MemberView,
    role: Role,
    kind: Kind,
    status: MemberStatus,
    name: String,
    email: String,
}

/// One page of members. All of a tenant's members are looked at: a tenant has thousands at most.
pub async fn list(
    at: &mut At,
    tenant: TenantId,
    query: &ListQuery<MemberFilters, MemberSort>,
) -> Result<Page<MemberView>, QueryError> {
    let mut memory = Memory::new(TABLES);
    let key = [text(tenant)];
    let by_tenant = [(MEMBERS, "tenant_id"), (DOMAINS, "tenant_id"), (SYSTEMS, "subject_id")];
    load_many(at, &MODEL, &mut memory, &by_tenant, &key).await?;
    let ids: Vec<Value> = memory.all(MEMBERS).filter_map(|row| row.maybe_text("user_id")).map(text).collect();
    for some in ids.chunks(LOOKED_UP_AT_ONCE) {
        load(at, &MODEL, &mut memory, PEOPLE, "user_id", some).await?;
    }
    let seen = "select s.user_id, s.at from sign_ins s join tenant_members m on m.user_id = s.user_id where m.tenant_id = $1";
    let mut seen_at = BTreeMap::new();
    for row in at.query(seen, &key).await? {
        seen_at.insert(row.text(0)?.to_owned(), row.text(1)?.to_owned());
    }
    let mut found = candidates(&memory, &seen_at)?;
    found.retain(|candidate| wanted(candidate, &query.filters));
    Ok(page(found, query, at))
}

const LOOKED_UP_AT_ONCE: usize = 500;

fn page(found: Vec<Candidate>, query: &ListQuery<MemberFilters, MemberSort>, at: &At) -> Page<MemberView> {
    let key = |candidate: &Candidate| {
        let by = match query.sort.key {
            MemberSortKey::LastLoginAt => {
                candidate.view.last_login_at.map_or_else(String::new, |at| at.0.to_string())
            }
            MemberSortKey::Name => candidate.name.clone(),
            MemberSortKey::Email => candidate.email.clone(),
        };
        vec![Value::Text(by), text(candidate.view.user_id)]
    };
    let mut ordered: Vec<(Vec<Value>, MemberView)> =
        found.into_iter().map(|candidate| (key(&candidate), candidate.view)).collect();
    ordered.sort_by(|left, right| match query.sort.direction {
        Direction::Ascending => left.0.cmp(&right.0),
        Direction::Descending => right.0.cmp(&left.0),
    });
    if let Some(after) = &query.after {
        ordered.retain(|(key, _)| match query.sort.direction {
            Direction::Ascending => key > after,
            Direction::Descending => key < after,
        });
    }
    let has_more = ordered.len() > query.limit;
    ordered.truncate(query.limit);
    let next = ordered.last().filter(|_| has_more).map(|(key, _)| key.clone());
    let rows = ordered.into_iter().map(|(_, view)| view).collect();
    Page { rows, next, facets: None, as_of: at.as_of() }
}

fn wanted(candidate: &Candidate, filters: &MemberFilters) -> bool {
    let status = if filters.status.is_empty() {
        candidate.status != MemberStatus::Removed
    } else {
        filters.status.contains(&candidate.status)
    };
    let role = filters.role.is_empty() || filters.role.contains(&candidate.role);
    let kind = filters.kind.is_empty() || filters.kind.contains(&candidate.kind);
    let q = filters.q.as_ref().is_none_or(|q| {
        let q = q.to_lowercase();
        candidate.name.contains(&q) || candidate.email.contains(&q)
    });
    status && role && kind && q
}

fn candidates(memory: &Memory, seen_at: &BTreeMap<String, String>) -> Result<Vec<Candidate>, RowError> {
    let domains = memory.all(DOMAINS).map(Domain::read).collect::<Result<Vec<_>, _>>()?;
    let verified: Vec<&str> =
        domains.iter().filter(|domain| domain.is_verified).map(|domain| domain.name).collect();
    let systems = memory
        .all(SYSTEMS)
        .map(|row| SystemRow::read(row).map(|row| (row.system, row)))
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    memory.all(MEMBERS).map(|row| candidate(memory, row, &verified, &systems, seen_at)).collect()
}

fn candidate(
    memory: &Memory,
    row: RowRef<'_>,
    verified: &[&str],
    systems: &BTreeMap<System, SystemRow<'_>>,
    seen_at: &BTreeMap<String, String>,
) -> Result<Candidate, RowError> {
    let user_id: UserId = row.parse("user_id")?;
    let (role, status): (Role, MemberStatus) = (row.parse("role")?, row.parse("status")?);
    let key = [text(user_id)];
    let found = memory.row(PEOPLE, &key);
    let person = found.map(PersonRow::read).transpose()?;
    let email = person.as_ref().and_then(|person| person.email);
    let place = email.and_then(|email| email.rsplit_once('@')).map(|(_, place)| place);
    let kind = if place.is_some_and(|place| verified.contains(&place)) { Kind::Managed } else { Kind::Guest };
    let searched = |column| found.and_then(|found| found.maybe_text(column)).unwrap_or_default().to_owned();
    Ok(Candidate {
        view: MemberView {
            user_id,
            name: person.as_ref().and_then(|person| person.name).map(str::to_owned),
            email: email.unwrap_or(ERASED).to_owned(),
            role: role.as_str(),
            kind: kind.as_str(),
            status: status.as_str(),
            user_status: person.as_ref().map_or(UserStatus::Invited, |person| person.status).as_str(),
            invitation_id: row.maybe_parse("invitation_id")?,
            last_login_at: seen_at.get(&user_id.to_string()).and_then(|at| at.parse().ok()).map(Moment),
            mailbox: email.filter(|_| kind == Kind::Managed).map(str::to_owned),
            provisioning: PerSystem::from_fn(|system| in_system(system, kind, user_id, systems)),
        },
        role,
        kind,
        status,
        name: searched("name_search"),
        email: searched("email_search"),
    })
}

/// A guest has no mailbox; everything else comes with the tenant's own objects, but for whom alone it does not work.
fn in_system(
    system: System,
    kind: Kind,
    user_id: UserId,
    systems: &BTreeMap<System, SystemRow<'_>>,
) -> &'static str {
    if (system, kind) == (System::Stalwart, Kind::Guest) {
        return SystemStatus::Skipped.as_str();
    }
    let Some(row) = systems.get(&system) else {
        return SystemStatus::Pending.as_str();
    };
    let is_theirs = row.phase.is_of_a_person()
        && matches!(&row.phase, Phase::Failed { resource: Some(resource), .. } if resource.key == user_id.to_string());
    if is_theirs { SystemStatus::Error.as_str() } else { row.status().as_str() }
}
