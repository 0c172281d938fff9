//! The router: every route of the service from one list, each under `/` and under `/v1`.

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use utoipa_swagger_ui::SwaggerUi;

use crate::route::{Route, Who, get};
use crate::{App, audit, front, health, openapi, operations, partners, tenants, users};

/// Routes that exist twice.
pub(crate) fn versioned() -> Vec<Route> {
    [users::routes(), tenants::routes(), partners::routes(), audit::routes(), operations::routes()].concat()
}

/// Routes that exist at the root only.
pub(crate) fn at_root() -> Vec<Route> {
    health::routes()
}

/// The whole service, for the listener and for tests in process.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in at_root() {
        router = router.route(route.path, route.handler);
    }
    for route in versioned() {
        router = router
            .route(&format!("/v1{}", route.path), route.handler.clone())
            .route(route.path, route.handler);
    }
    let contract = openapi::contract(&app.config.build.version);
    router
        .merge(SwaggerUi::new("/docs").url("/openapi.json", contract))
        .fallback(front::unknown_route)
        .method_not_allowed_fallback(front::unknown_method)
        .layer(from_fn_with_state(app.clone(), front::answer))
        .with_state(app)
}

/// `/metrics` alone, for an address of its own.
pub(crate) fn metrics_only(app: App) -> Router {
    let route = get("/metrics", health::metrics);
    Router::new().route(route.path, route.handler).with_state(app)
}

/// Every route as method, path and who may use it: the authorisation matrix is held against this.
pub fn table() -> Vec<(Method, &'static str, Who)> {
    at_root().into_iter().chain(versioned()).map(|route| (route.method, route.path, route.who)).collect()
}
