//! The contract as `OpenAPI` 3.1, made from the same list as the router. Shapes are read off examples that tests hold
//! against real answers.

mod examples;
mod shape;

use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref,
    RefOr, Required, ResponseBuilder, ResponsesBuilder, Schema,
};

use crate::ask::VALIDATE_ONLY;
use crate::fields::{Field, Kind, Need};
use crate::problem::Code;
use crate::route::{Route, Who};
use crate::router::{at_root, versioned};

const BEARER: &str = "bearer";

/// The whole contract.
pub(crate) fn contract(version: &str) -> OpenApi {
    let mut paths = PathsBuilder::new();
    for route in at_root() {
        paths = paths.path(route.path, item(&route));
    }
    for route in versioned() {
        paths = paths.path(route.path, item(&route)).path(format!("/v1{}", route.path), item(&route));
    }
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            BEARER,
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .schema("Problem", problem());
    for (name, schema) in examples::schemas() {
        components = components.schema(name, schema);
    }
    let about = "Commands are decided at once; outside systems follow and are visible under `provisioning`.";
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("dezky platform API").version(version).description(Some(about)))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn item(route: &Route) -> PathItem {
    PathItem::new(method(route), operation(route))
}

fn method(route: &Route) -> HttpMethod {
    match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route) -> Operation {
    let mut responses = ResponsesBuilder::new()
        .response(route.status.to_string(), answer("Done", "application/json", route.gives))
        .response("default", answer("A problem of the closed list", "application/problem+json", "Problem"));
    if let Some(shape) = route.later {
        responses = responses.response("202", answer("It goes on", "application/json", shape));
    }
    let mut operation = OperationBuilder::new()
        .summary(Some(route.about))
        .description(Some(who(route.who)))
        .tag(route.path.split('/').nth(1).unwrap_or_default())
        .responses(responses);
    for parameter in parameters(route) {
        operation = operation.parameter(parameter);
    }
    if !route.body.is_empty() && route.method != axum::http::Method::DELETE {
        let is_needed = route.body.iter().any(|field| field.need == Need::Required);
        let content = ContentBuilder::new().schema(Some(body(route.body))).build();
        let required = if is_needed { Required::True } else { Required::False };
        let request = RequestBodyBuilder::new().content("application/json", content).required(Some(required));
        operation = operation.request_body(Some(request.build()));
    }
    if route.who != Who::Public {
        operation = operation.security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
    }
    operation.build()
}

fn answer(about: &str, kind: &str, shape: &str) -> utoipa::openapi::Response {
    let schema = RefOr::Ref(Ref::from_schema_name(shape));
    ResponseBuilder::new()
        .description(about)
        .content(kind, ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

fn who(who: Who) -> String {
    match who {
        Who::Public => "Anybody.".to_owned(),
        Who::Bearer => "Anybody with a valid token.".to_owned(),
        Who::Known => "Every known user.".to_owned(),
        Who::Operator => "Operators: an operator-scoped token of a platform administrator.".to_owned(),
        Who::Member(role) => format!("Operators, and members with at least the role {}.", role.as_str()),
    }
}

fn parameters(route: &Route) -> Vec<Parameter> {
    let place = |name: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(text()))
    };
    let query = |name: &str, about: &str, schema: Schema| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .description(Some(about))
            .schema(Some(schema))
    };
    let names = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<ParameterBuilder> = names.map(place).collect();
    all.extend(route.parameters.iter().map(|parameter| query(parameter.name, parameter.about, text())));
    if route.method == axum::http::Method::DELETE {
        all.extend(route.body.iter().map(|field| query(field.name, "", of_kind(field.kind))));
    }
    let header = |name: &str| {
        ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).schema(Some(text()))
    };
    if route.is_command() {
        let about = "`true`: nothing is changed, the answer says what would be";
        all.push(query(VALIDATE_ONLY, about, ObjectBuilder::new().schema_type(Type::Boolean).build().into()));
        all.push(header("Idempotency-Key"));
        all.push(header("If-Match"));
    } else if route.who != Who::Public {
        all.push(header("Dezky-Min-Position"));
    }
    all.into_iter().map(ParameterBuilder::build).collect()
}

fn body(fields: &[Field]) -> Schema {
    let mut object = ObjectBuilder::new();
    for field in fields {
        object = object.property(field.name, of_kind(field.kind));
        if field.need == Need::Required {
            object = object.required(field.name);
        }
    }
    object
        .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::<Schema>::FreeForm(false)))
        .build()
        .into()
}

fn text() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}

fn of_kind(kind: Kind) -> Schema {
    let of = |schema_type: Type| ObjectBuilder::new().schema_type(schema_type).build().into();
    match kind {
        Kind::String => of(Type::String),
        Kind::Integer => of(Type::Integer),
        Kind::Number => of(Type::Number),
        Kind::Object => of(Type::Object),
        Kind::Strings => ArrayBuilder::new().items(RefOr::T(text())).build().into(),
    }
}

fn problem() -> Schema {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let mut object = ObjectBuilder::new();
    for name in ["type", "title", "detail", "instance", "requestId"] {
        object = object.property(name, text()).required(name);
    }
    object
        .property("code", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)))
        .required("code")
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .required("status")
        .property("retryable", ObjectBuilder::new().schema_type(Type::Boolean))
        .required("retryable")
        .build()
        .into()
}

#[cfg(test)]
mod tests;
