//! The read model `partners`: partners, what they bring and what they earn.

mod assemble;
mod list;
mod money;
mod view;

pub use assemble::{Rows, assemble};
pub use list::{Filters, PartnerStatus, Sort, SortKey, list};
pub use money::monthly;
pub use view::{CustomersByStatus, DispositionView, Mrr, PartnerView, ScheduledMargin};

use std::collections::BTreeSet;

use event_store::Value;
use schema::{Date, Event, PartnerEvent, PartnerId, Recorded, Slug};

use crate::memory::Memory;
use crate::model::{Column, ReadModel, Table, Write};
use crate::parts::{self, text, word};
use crate::select::{QueryError, load, load_many};
use crate::views::At;

const PARTNERS: &str = "partners";
const DETAILS: &str = "partner_details";
const MARGINS: &str = "partner_margins";
const TENANTS: &str = "partner_tenants";
const SUBSCRIPTIONS: &str = "partner_subscriptions";
const PLANS: &str = "partner_plans";

const TABLES: &[Table] = &[
    parts::partner::table(PARTNERS),
    Table {
        name: DETAILS,
        key: &["partner_id"],
        columns: &[
            Column::Text("partner_id"),
            Column::Text("contact_info"),
            Column::Text("billing_info"),
            Column::Text("disposition"),
            Column::Int("disposition_done"),
            Column::Int("disposition_total"),
        ],
        indexes: &[],
    },
    Table {
        name: MARGINS,
        key: &["partner_id", "effective_from"],
        columns: &[Column::Text("partner_id"), Column::Text("effective_from"), Column::Int("bps")],
        indexes: &[],
    },
    parts::tenant::table(TENANTS),
    parts::subscription::table(SUBSCRIPTIONS),
    parts::plan::table(PLANS),
];

/// Partners, as the API shows them.
pub const MODEL: ReadModel = ReadModel {
    name: "partners",
    version: 1,
    reads: &["partner", "tenant", "subscription", "plan"],
    tables: TABLES,
    project,
};

fn project(recorded: &Recorded) -> Vec<Write> {
    [
        parts::partner::project(PARTNERS, recorded),
        details(recorded),
        parts::tenant::project(TENANTS, recorded),
        parts::subscription::project(SUBSCRIPTIONS, recorded),
        parts::plan::project(PLANS, recorded),
    ]
    .concat()
}

fn details(recorded: &Recorded) -> Vec<Write> {
    let Event::Partner(event) = &recorded.event else {
        return vec![];
    };
    let partner = || text(recorded.stream.key());
    let set = |columns| vec![Write::Set { table: DETAILS, key: vec![partner()], columns }];
    match event {
        PartnerEvent::Registered { .. } => {
            vec![Write::Put { table: DETAILS, key: vec![partner()], columns: vec![] }]
        }
        PartnerEvent::ContactChanged { contact_info, changed: _ } => {
            set(vec![("contact_info", parts::maybe_json(contact_info))])
        }
        PartnerEvent::BillingInfoChanged { billing_info, changed: _ } => {
            set(vec![("billing_info", parts::maybe_json(billing_info))])
        }
        PartnerEvent::MarginSet { bps, effective_from, withdrawn } => {
            let removed = withdrawn
                .iter()
                .map(|day| Write::Remove { table: MARGINS, key_prefix: vec![partner(), text(day)] });
            let put = Write::Put {
                table: MARGINS,
                key: vec![partner(), text(effective_from)],
                columns: vec![("bps", Value::Int(bps.get().into()))],
            };
            removed.chain([put]).collect()
        }
        PartnerEvent::Terminated { disposition, .. } => set(vec![("disposition", word(disposition))]),
        PartnerEvent::DispositionCompleted { tenants, skipped } => {
            let skipped = u64::try_from(skipped.len()).unwrap_or(u64::MAX);
            set(vec![
                ("disposition_done", (*tenants).into()),
                ("disposition_total", (u64::from(*tenants) + skipped).into()),
            ])
        }
        PartnerEvent::ProfileChanged { .. } => vec![],
    }
}

/// One partner, as of a day: margins begin on days.
pub async fn get(at: &mut At, id: PartnerId, today: Date) -> Result<Option<PartnerView>, QueryError> {
    let rows = rows_of(at, &[id]).await?;
    Ok(assemble(&rows, id, today)?)
}

/// The partner of a slug.
pub async fn by_slug(at: &mut At, slug: &Slug) -> Result<Option<PartnerId>, QueryError> {
    let found = at.query("select partner_id from partners where slug = $1", &[text(slug)]).await?;
    Ok(found.first().and_then(|row| row.text(0).ok()?.parse().ok()))
}

/// Everything about some partners.
pub async fn rows_of(at: &mut At, ids: &[PartnerId]) -> Result<Rows, QueryError> {
    let mut memory = Memory::new(TABLES);
    let ids: Vec<Value> = ids.iter().map(text).collect();
    let by_partner =
        [(PARTNERS, "partner_id"), (DETAILS, "partner_id"), (MARGINS, "partner_id"), (TENANTS, "partner_id")];
    load_many(at, &MODEL, &mut memory, &by_partner, &ids).await?;
    let sql = "select u.subscription_id from partner_subscriptions u
                 join partner_tenants t on t.tenant_id = u.tenant_id
                where t.partner_id = $1 and u.status = 'active'";
    let mut open = BTreeSet::new();
    for id in &ids {
        for row in at.query(sql, std::slice::from_ref(id)).await? {
            open.insert(row.value(0).clone());
        }
    }
    for some in open.into_iter().collect::<Vec<_>>().chunks(LOOKED_UP_AT_ONCE) {
        load(at, &MODEL, &mut memory, SUBSCRIPTIONS, "subscription_id", some).await?;
    }
    let plans: BTreeSet<Value> =
        memory.all(SUBSCRIPTIONS).filter_map(|row| row.maybe_text("plan_id")).map(text).collect();
    load(at, &MODEL, &mut memory, PLANS, "plan_id", &plans.into_iter().collect::<Vec<_>>()).await?;
    Ok(Rows::from(memory))
}

/// Databases bound the number of parameters of a statement.
const LOOKED_UP_AT_ONCE: usize = 500;
