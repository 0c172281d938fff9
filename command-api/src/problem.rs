//! Problems: every refusal the API can give, as one closed list, and their one shape on the wire.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

macro_rules! codes {
    ($($status:literal: $($variant:ident = $text:literal, $title:literal;)*)*) => {
        /// The closed list of `code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Code { $($($variant,)*)* }

        impl Code {
            /// Every code, in the order of its status.
            pub(crate) const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// The stable text.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $($(Self::$variant => $text,)*)* }
            }

            /// A short sentence that never changes with the occasion.
            pub(crate) const fn title(self) -> &'static str {
                match self { $($(Self::$variant => $title,)*)* }
            }

            const fn number(self) -> u16 {
                match self { $($(Self::$variant => $status,)*)* }
            }
        }
    };
}

codes! {
    400:
    MalformedJson = "malformed-json", "Malformed JSON";
    MalformedCursor = "malformed-cursor", "Malformed cursor";
    MalformedHeader = "malformed-header", "Malformed header";
    MalformedQuery = "malformed-query", "Malformed query";
    401:
    TokenMissing = "token-missing", "Token missing";
    TokenInvalid = "token-invalid", "Token invalid";
    TokenExpired = "token-expired", "Token expired";
    403:
    OperatorScopeRequired = "operator-scope-required", "Operator scope required";
    NotAPlatformAdmin = "not-a-platform-admin", "Not a platform administrator";
    RoleInsufficient = "role-insufficient", "Role insufficient";
    FieldForbidden = "field-forbidden", "Field forbidden";
    TenantSuspended = "tenant-suspended", "Tenant suspended";
    UserDisabled = "user-disabled", "User disabled";
    UserUnknown = "user-unknown", "User unknown";
    InvitationNotYours = "invitation-not-yours", "Invitation not yours";
    SelfChangeForbidden = "self-change-forbidden", "Self change forbidden";
    404:
    RouteNotFound = "route-not-found", "Route not found";
    TenantNotFound = "tenant-not-found", "Tenant not found";
    PartnerNotFound = "partner-not-found", "Partner not found";
    UserNotFound = "user-not-found", "User not found";
    MemberNotFound = "member-not-found", "Member not found";
    InvitationNotFound = "invitation-not-found", "Invitation not found";
    DomainNotFound = "domain-not-found", "Domain not found";
    HoldNotFound = "hold-not-found", "Hold not found";
    PlanNotFound = "plan-not-found", "Plan not found";
    PriceNotFound = "price-not-found", "Price not found";
    SubscriptionNotFound = "subscription-not-found", "Subscription not found";
    IntegrationNotFound = "integration-not-found", "Integration not found";
    OperationNotFound = "operation-not-found", "Operation not found";
    ProjectionNotFound = "projection-not-found", "Projection not found";
    StreamNotFound = "stream-not-found", "Stream not found";
    EventNotFound = "event-not-found", "Event not found";
    405:
    MethodNotAllowed = "method-not-allowed", "Method not allowed";
    406:
    NotAcceptable = "not-acceptable", "Not acceptable";
    413:
    PayloadTooLarge = "payload-too-large", "Payload too large";
    415:
    UnsupportedMediaType = "unsupported-media-type", "Unsupported media type";
    421:
    MisdirectedRequest = "misdirected-request", "Misdirected request";
    409:
    AlreadyExists = "already-exists", "Already exists";
    InvalidTransition = "invalid-transition", "Invalid transition";
    TenantTerminating = "tenant-terminating", "Tenant terminating";
    LastOwner = "last-owner", "Last owner";
    LastPlatformAdmin = "last-platform-admin", "Last platform administrator";
    UserIsPlatformAdmin = "user-is-platform-admin", "User is platform administrator";
    IdentityConflict = "identity-conflict", "Identity conflict";
    MailboxBound = "mailbox-bound", "Mailbox bound";
    PartnerNotActive = "partner-not-active", "Partner not active";
    PlanNotActive = "plan-not-active", "Plan not active";
    TenantLimitReached = "tenant-limit-reached", "Tenant limit reached";
    SeatLimitReached = "seat-limit-reached", "Seat limit reached";
    DomainVerifiedElsewhere = "domain-verified-elsewhere", "Domain verified elsewhere";
    DomainOverlaps = "domain-overlaps", "Domain overlaps";
    DomainInUse = "domain-in-use", "Domain in use";
    DomainIsPrimary = "domain-is-primary", "Domain is primary";
    IntegrationPaused = "integration-paused", "Integration paused";
    IntegrationDisabled = "integration-disabled", "Integration disabled";
    OperationRunning = "operation-running", "Operation running";
    IdempotencyInFlight = "idempotency-in-flight", "Idempotency in flight";
    ConcurrentChange = "concurrent-change", "Concurrent change";
    412:
    VersionMismatch = "version-mismatch", "Version mismatch";
    422:
    ValidationFailed = "validation-failed", "Validation failed";
    UnknownField = "unknown-field", "Unknown field";
    IdempotencyKeyReused = "idempotency-key-reused", "Idempotency key reused";
    DowngradeInfeasible = "downgrade-infeasible", "Downgrade infeasible";
    ConfirmationMismatch = "confirmation-mismatch", "Confirmation mismatch";
    DomainChallengeNotFound = "domain-challenge-not-found", "Domain challenge not found";
    429:
    RateLimited = "rate-limited", "Rate limited";
    500:
    Internal = "internal", "Internal error";
    503:
    ProjectionLagging = "projection-lagging", "Projection lagging";
    EventStoreUnavailable = "event-store-unavailable", "Event store unavailable";
    UpstreamUnavailable = "upstream-unavailable", "Upstream unavailable";
    Overloaded = "overloaded", "Overloaded";
}

impl Code {
    /// The code with this text, if it is one of the list.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// The one place where a code gets its status.
    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.number()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the same request may succeed later without being changed.
    const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::IdempotencyInFlight
                | Self::ConcurrentChange
                | Self::OperationRunning
                | Self::RateLimited
                | Self::ProjectionLagging
                | Self::EventStoreUnavailable
                | Self::UpstreamUnavailable
                | Self::Overloaded
        )
    }
}

/// A refusal, not yet bound to its request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    /// Which of the list.
    pub code: Code,
    /// A sentence for people about this occasion.
    pub detail: String,
    /// Fields of the code, for example `errors` or `currentVersion`.
    pub fields: Map<String, Value>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A refusal with a sentence for people.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fields: Map::new(), retry_after: None }
    }

    /// The same with one more field.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a time to wait.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The body, bound to its request.
    pub(crate) fn to_json(&self, instance: &str, request_id: &str) -> Value {
        let mut body = json!({
            "type": format!("urn:dezky:problem:{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "detail": self.detail,
            "instance": instance,
            "code": self.code.as_str(),
            "requestId": request_id,
            "retryable": self.code.is_retryable(),
        });
        if let Value::Object(object) = &mut body {
            object.extend(self.fields.clone());
        }
        body
    }

    /// The whole answer, bound to its request.
    pub(crate) fn to_response(&self, instance: &str, request_id: &str) -> Response {
        let body = self.to_json(instance, request_id).to_string();
        let mut response = Response::new(body.into());
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// The problem travels as an extension; the outermost layer binds it to its request and writes the body.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
