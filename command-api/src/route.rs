//! One route as a value: method, path, who may use it, what it takes and gives. The router, the contract and the
//! authorisation matrix are all made from the same list.

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodRouter};
use schema::Role;

use crate::App;
use crate::fields::{Body, Field};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody; no token.
    Public,
    /// A valid token, known or not.
    Bearer,
    /// A known, enabled user.
    Known,
    /// An operator: operator-scoped token and platform administrator.
    Operator,
    /// A member with at least this role, or a platform administrator; to change something: an operator.
    Member(Role),
}

/// A parameter of the query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// One route.
#[derive(Clone)]
pub(crate) struct Route {
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
    pub about: &'static str,
    pub parameters: Vec<Parameter>,
    pub body: &'static [Field],
    pub gives: &'static str,
    pub status: u16,
    pub later: Option<&'static str>,
    pub handler: MethodRouter<App>,
}

impl Route {
    fn new(method: Method, path: &'static str, handler: MethodRouter<App>) -> Self {
        Self {
            method,
            path,
            who: Who::Known,
            about: "",
            parameters: Vec::new(),
            body: &[],
            gives: "",
            status: 200,
            later: None,
            handler,
        }
    }

    /// Who may use it, and what it is for.
    pub(crate) fn may(mut self, who: Who, about: &'static str) -> Self {
        self.who = who;
        self.about = about;
        self
    }

    /// What it reads from its body.
    pub(crate) fn takes<B: Body>(mut self) -> Self {
        self.body = B::FIELDS;
        self
    }

    /// What it reads from its query.
    pub(crate) fn asks(mut self, parameters: &[Parameter]) -> Self {
        self.parameters.extend_from_slice(parameters);
        self
    }

    /// The name of the shape it answers with.
    pub(crate) fn gives(mut self, shape: &'static str) -> Self {
        self.gives = shape;
        self
    }

    /// It answers 201 when something was made.
    pub(crate) fn creates(mut self, shape: &'static str) -> Self {
        self.gives = shape;
        self.status = 201;
        self
    }

    /// It answers 202 with another shape when what it asks for takes longer.
    pub(crate) fn or_later(mut self, shape: &'static str) -> Self {
        self.later = Some(shape);
        self
    }

    /// Whether it changes something.
    pub(crate) fn is_command(&self) -> bool {
        self.method != Method::GET
    }
}

macro_rules! methods {
    ($($name:ident = $method:ident;)*) => { $(
        #[doc = concat!("A route of the method ", stringify!($method), ".")]
        pub(crate) fn $name<H, T>(path: &'static str, handler: H) -> Route
        where
            H: Handler<T, App>,
            T: 'static,
        {
            Route::new(Method::$method, path, routing::$name(handler))
        }
    )* };
}

methods! {
    get = GET;
    post = POST;
    patch = PATCH;
    delete = DELETE;
}
