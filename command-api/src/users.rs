//! `/users`: people, themselves first.

mod me;
mod platform_admin;
mod profile;
mod surroundings;

use crate::route::Route;

/// Every route below `/users`.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = me::routes();
    routes.extend(profile::routes());
    routes.extend(platform_admin::routes());
    routes
}
