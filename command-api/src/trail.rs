//! Who asked about what, as far as a request came: a command that is refused is written down for the audit.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;
use projector::activity::{Outcome, Refusal, note_refusal};
use schema::{ActorKind, PartnerId, TenantId, UserId};
use uuid::Uuid;

use crate::App;
use crate::problem::Code;

/// What is known of a request so far. Shared by the outermost layer and the handler.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail(Arc<Mutex<Known>>);

#[derive(Debug, Clone, Default)]
struct Known {
    actor: Option<(UserId, ActorKind)>,
    audience: Option<String>,
    tenant: Option<TenantId>,
    partner: Option<PartnerId>,
}

impl Trail {
    /// The caller is known.
    pub(crate) fn met(&self, user: UserId, kind: ActorKind, audience: Option<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.actor = Some((user, kind));
        known.audience = audience;
    }

    /// It is about a tenant the caller may see.
    pub(crate) fn about_tenant(&self, tenant: TenantId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tenant = Some(tenant);
    }

    /// It is about a partner.
    pub(crate) fn about_partner(&self, partner: PartnerId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).partner = Some(partner);
    }

    /// Writes a refused command down. What is no command, or nobody's, leaves no entry; a failure here changes no answer.
    pub(crate) async fn note(&self, app: &App, method: &Method, route: &str, request: &str, code: Code) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some((actor, kind)), Some(outcome)) = (known.actor, outcome(code)) else {
            return;
        };
        let refusal = Refusal {
            id: Uuid::now_v7().simple().to_string(),
            position: app.store.head(),
            at: app.now(),
            action: action(method, route),
            outcome,
            code: code.as_str(),
            actor_kind: kind.as_str(),
            actor,
            audience: known.audience,
            tenant: known.tenant,
            partner: known.partner,
            request: request.to_owned(),
        };
        if let Err(error) = note_refusal(&app.views, &refusal).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a refused command could not be written down"
            );
        }
    }
}

/// How a refused command ended. What could not be read was no command.
fn outcome(code: Code) -> Option<Outcome> {
    match code.status().as_u16() {
        403 => Some(Outcome::Denied),
        422 if matches!(code, Code::ValidationFailed | Code::UnknownField | Code::IdempotencyKeyReused) => {
            None
        }
        409 | 412 | 422 | 500 | 503 => Some(Outcome::Failed),
        _ => None,
    }
}

/// What was asked for, in words like those of events: `POST /tenants/{t}/suspend` is `tenant.suspend`.
fn action(method: &Method, route: &str) -> String {
    let route = route.strip_prefix("/v1/").or_else(|| route.strip_prefix('/')).unwrap_or(route);
    let mut words: Vec<&str> = route.split('/').filter(|part| !part.starts_with('{')).collect();
    if let Some(first) = words.first_mut() {
        *first = first.strip_suffix('s').unwrap_or(first);
    }
    let is_verb =
        words.len() > 1 && method == Method::POST && !words.last().is_some_and(|word| word.ends_with('s'));
    if !is_verb {
        words.push(match method.as_str() {
            "POST" => "create",
            "PATCH" => "change",
            _ => "delete",
        });
    }
    words.join(".")
}

#[cfg(test)]
mod tests;
