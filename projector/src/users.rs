//! The read model `users`: people, their identities and where they may go.

mod assemble;
mod view;

pub use assemble::{Rows, assemble, invitations};
pub use view::{InvitationView, MembershipView, UserView};

use std::collections::BTreeSet;

use event_store::{Batch, Expect, Value, WriteError};
use schema::{InvitationId, Recorded, TenantId, Timestamp, UserId};

use crate::memory::Memory;
use crate::model::{ReadModel, Table, Write};
use crate::parts::{self, text};
use crate::select::{QueryError, load_many};
use crate::views::{At, Views};

const PEOPLE: &str = "users";
const IDENTITIES: &str = "user_identities";
const ADMINS: &str = "user_admins";
const MEMBERS: &str = "user_memberships";
const INVITATIONS: &str = "user_invitations";
const TENANTS: &str = "user_tenants";
const HOLDS: &str = "user_holds";
const DOMAINS: &str = "user_domains";

const TABLES: &[Table] = &[
    parts::person::table(PEOPLE),
    parts::identity::table(IDENTITIES),
    parts::admin::table(ADMINS),
    parts::member::table(MEMBERS),
    parts::invitation::table(INVITATIONS),
    parts::tenant::table(TENANTS),
    parts::hold::table(HOLDS),
    parts::domain::table(DOMAINS),
];

/// People, as the API shows them and as its doors know them.
pub const MODEL: ReadModel =
    ReadModel { name: "users", version: 2, reads: &["user", "platform", "tenant"], tables: TABLES, project };

/// A date on a page is worth one write per person and this time.
const SIGN_IN_NOTED_EVERY_SECONDS: i64 = 300;

fn project(recorded: &Recorded) -> Vec<Write> {
    [
        parts::person::project(PEOPLE, recorded),
        parts::identity::project(IDENTITIES, recorded),
        parts::admin::project(ADMINS, recorded),
        parts::member::project(MEMBERS, recorded),
        parts::invitation::project(INVITATIONS, recorded),
        parts::tenant::project(TENANTS, recorded),
        parts::hold::project(HOLDS, recorded),
        parts::domain::project(DOMAINS, recorded),
    ]
    .concat()
}

/// One person.
pub async fn get(at: &mut At, id: UserId) -> Result<Option<UserView>, QueryError> {
    let rows = rows_of(at, &[id]).await?;
    Ok(assemble(&rows, id)?)
}

/// Who an identity stands for.
pub async fn actor_by_identity(
    at: &mut At,
    instance: &str,
    subject: &str,
) -> Result<Option<UserId>, QueryError> {
    let found = at
        .query(
            "select user_id from user_identities where instance = $1 and subject = $2",
            &[instance.into(), subject.into()],
        )
        .await?;
    Ok(found.first().and_then(|row| row.text(0).ok()?.parse().ok()))
}

/// The tenant an invitation is for.
pub async fn tenant_of_invitation(at: &mut At, id: InvitationId) -> Result<Option<TenantId>, QueryError> {
    let found =
        at.query("select tenant_id from user_invitations where invitation_id = $1", &[text(id)]).await?;
    Ok(found.first().and_then(|row| row.text(0).ok()?.parse().ok()))
}

/// Everybody who administers the platform.
pub async fn platform_admins(at: &mut At) -> Result<Vec<UserId>, QueryError> {
    let found = at.query("select user_id from user_admins where is_admin = 1 order by user_id", &[]).await?;
    Ok(found.iter().filter_map(|row| row.text(0).ok()?.parse().ok()).collect())
}

/// Everything about some people.
pub async fn rows_of(at: &mut At, ids: &[UserId]) -> Result<Rows, QueryError> {
    let mut memory = Memory::new(TABLES);
    let ids: Vec<Value> = ids.iter().map(text).collect();
    let by_user = [
        (PEOPLE, "user_id"),
        (IDENTITIES, "user_id"),
        (ADMINS, "user_id"),
        (MEMBERS, "user_id"),
        (INVITATIONS, "user_id"),
    ];
    load_many(at, &MODEL, &mut memory, &by_user, &ids).await?;
    let tenants: BTreeSet<Value> =
        memory.all(MEMBERS).filter_map(|row| row.maybe_text("tenant_id")).map(text).collect();
    let by_tenant = [(TENANTS, "tenant_id"), (HOLDS, "tenant_id"), (DOMAINS, "tenant_id")];
    let tenants: Vec<Value> = tenants.into_iter().collect();
    load_many(at, &MODEL, &mut memory, &by_tenant, &tenants).await?;
    let mut rows = Rows::from(memory);
    for id in &ids {
        for row in
            at.query("select user_id, at from sign_ins where user_id = $1", std::slice::from_ref(id)).await?
        {
            rows.saw(row.text(0)?, row.text(1)?);
        }
    }
    Ok(rows)
}

/// Notes that somebody was seen, unless that was noted a moment ago.
pub async fn note_sign_in(views: &Views, user: UserId, now: Timestamp) -> Result<(), WriteError> {
    let mut batch = Batch::new();
    batch.run(
        "insert into sign_ins (user_id, at) values ($1, $2)
         on conflict (user_id) do update set at = excluded.at where sign_ins.at < $3",
        vec![text(user), text(now), text(now.plus_seconds(-SIGN_IN_NOTED_EVERY_SECONDS))],
        Expect::Any,
    );
    views.db().write(batch).await.map(drop)
}
