//! Work that went on after its command was answered: rows of their own beside the read models.

use event_store::{Batch, Expect, WriteError};
use schema::{OperationId, System, TenantId, Timestamp, UserId};

use crate::parts::text;
use crate::select::QueryError;
use crate::views::{At, Views};

const DAYS_KEPT: i64 = 30;

/// What was asked of the outside systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Who asked.
    pub creator: UserId,
    /// For which tenant.
    pub tenant: TenantId,
    /// Of which systems.
    pub systems: Vec<System>,
    /// They have to follow the log up to here.
    pub position: u64,
    /// When it was asked.
    pub created_at: Timestamp,
}

impl Operation {
    /// The only kind there is.
    pub const KIND: &'static str = "reconcile";
}

/// Writes an operation down, and lets go of those that are too old.
pub async fn note(views: &Views, operation: &Operation) -> Result<(), WriteError> {
    let systems = operation.systems.iter().map(|system| system.as_str()).collect::<Vec<_>>().join(",");
    let mut batch = Batch::new();
    batch.run(
        "insert into operations (id, kind, creator, tenant_id, systems, position, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        vec![
            text(operation.id),
            text(Operation::KIND),
            text(operation.creator),
            text(operation.tenant),
            text(systems),
            operation.position.into(),
            text(operation.created_at),
        ],
        Expect::Any,
    );
    let before = text(operation.created_at.plus_days(-DAYS_KEPT));
    batch.run("delete from operations where created_at < $1", vec![before], Expect::Any);
    views.db().write(batch).await.map(drop)
}

/// An operation that is still kept.
pub async fn get(at: &mut At, id: OperationId) -> Result<Option<Operation>, QueryError> {
    let sql = "select creator, tenant_id, systems, position, created_at from operations where id = $1";
    let rows = at.query(sql, &[text(id)]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let (creator, tenant, created_at) = (row.text(0)?.parse(), row.text(1)?.parse(), row.text(4)?.parse());
    let (Ok(creator), Ok(tenant), Ok(created_at)) = (creator, tenant, created_at) else {
        return Ok(None);
    };
    let systems = row.text(2)?.split(',').filter_map(|word| word.parse().ok()).collect();
    Ok(Some(Operation { id, creator, tenant, systems, position: row.count(3)?, created_at }))
}
