//! A partner as the API shows it, and as the answer to a command.

use event_store::Outcome;
use projector::partners::{self, PartnerView};
use schema::PartnerId;
use serde_json::{Value, json};

use super::unknown_partner;
use crate::App;
use crate::ask::Rendered;
use crate::error::ApiError;
use crate::reading::to_value;

/// The Partner of the API.
pub(super) fn shown(view: &PartnerView) -> Result<Value, ApiError> {
    let mut shown = to_value(view)?;
    let code = (view.status == "terminated").then_some("no-effect");
    let actions = json!([{ "action": "terminate", "allowed": code.is_none(), "code": code }]);
    if let Value::Object(object) = &mut shown {
        object.insert("allowedActions".to_owned(), actions);
    }
    Ok(shown)
}

/// How a partner is answered after a command about it.
pub(super) async fn of_partner(
    app: &App,
    id: PartnerId,
    status: u16,
) -> Result<impl Fn(&Outcome) -> Result<Rendered, ApiError> + Send + Sync + 'static, ApiError> {
    let mut at = app.views.snapshot(&partners::MODEL).await?;
    let rows = partners::rows_of(&mut at, &[id]).await?;
    let today = app.now().date();
    Ok(move |outcome: &Outcome| {
        let mut rows = rows.clone();
        for recorded in outcome.history.iter().chain(&outcome.news) {
            rows.project(recorded).map_err(ApiError::internal)?;
        }
        let view =
            partners::assemble(&rows, id, today).map_err(ApiError::internal)?.ok_or_else(unknown_partner)?;
        Ok(Rendered {
            status,
            tag: Some((view.version, view.changed_position)),
            location: (status == 201).then(|| format!("/partners/{}", view.slug)),
            body: shown(&view)?,
        })
    })
}
