//! Names of refused commands.

use axum::http::Method;

use super::action;

#[test]
fn a_route_has_a_name_like_an_event() {
    let cases = [
        (Method::POST, "/tenants/{t}/suspend", "tenant.suspend"),
        (Method::POST, "/v1/tenants", "tenant.create"),
        (Method::PATCH, "/tenants/{t}", "tenant.change"),
        (Method::DELETE, "/partners/{p}", "partner.delete"),
        (Method::POST, "/tenants/{t}/domains", "tenant.domains.create"),
        (Method::POST, "/tenants/{t}/domains/{d}/verify", "tenant.domains.verify"),
        (Method::DELETE, "/partners/{p}/tenants/{t}", "partner.tenants.delete"),
    ];
    for (method, route, name) in cases {
        assert_eq!(action(&method, route), name);
    }
}
