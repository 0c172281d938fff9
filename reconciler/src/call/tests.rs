//! What an answer or its absence means.

use super::*;

#[test]
fn the_same_status_means_something_else_for_a_read_and_a_write() {
    let told = |status: u16, effect| {
        let (class, reason) = judge(StatusCode::from_u16(status).unwrap(), effect);
        format!("{status} {effect:?}: {class:?} {reason:?}")
    };
    let table: Vec<String> = [401, 402, 403, 404, 405, 408, 409, 415, 422, 429, 500, 502, 503, 504, 507]
        .into_iter()
        .flat_map(|status| [told(status, Effect::Reads), told(status, Effect::Writes)])
        .collect();
    insta::assert_snapshot!(table.join("\n"), @"
    401 Reads: Auth AuthFailed
    401 Writes: Auth AuthFailed
    402 Reads: Permanent LicenceRequired
    402 Writes: Permanent LicenceRequired
    403 Reads: Permanent PermissionDenied
    403 Writes: Permanent PermissionDenied
    404 Reads: Permanent ValidationRejected
    404 Writes: Permanent ValidationRejected
    405 Reads: Permanent ValidationRejected
    405 Writes: Permanent ValidationRejected
    408 Reads: Transient Timeout
    408 Writes: Unknown OutcomeUnknown
    409 Reads: Permanent Conflict
    409 Writes: Permanent Conflict
    415 Reads: Permanent ValidationRejected
    415 Writes: Permanent ValidationRejected
    422 Reads: Permanent ValidationRejected
    422 Writes: Permanent ValidationRejected
    429 Reads: RateLimited RateLimited
    429 Writes: RateLimited RateLimited
    500 Reads: Transient UpstreamUnavailable
    500 Writes: Unknown OutcomeUnknown
    502 Reads: Transient UpstreamUnavailable
    502 Writes: Unknown OutcomeUnknown
    503 Reads: Transient UpstreamUnavailable
    503 Writes: Transient UpstreamUnavailable
    504 Reads: Transient UpstreamUnavailable
    504 Writes: Unknown OutcomeUnknown
    507 Reads: Permanent QuotaExceeded
    507 Writes: Permanent QuotaExceeded
    ");
}

#[tokio::test]
async fn a_closed_port_is_no_connection_and_never_ambiguous() {
    let line = Line::new(System::Ocis, "http://127.0.0.1:1", Duration::from_secs(2), &[], Lane::new(1, None))
        .unwrap();
    let request = line.request(Method::POST, "/graph/v1.0/drives?who=anna@acme.dk");
    let error = line.send("create the space", Effect::Writes, request).await.unwrap_err();
    assert_eq!((error.class, error.reason), (FailureClass::Transient, Reason::UpstreamUnavailable));
    let mut chain = format!("{error}");
    let mut source = error.source();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    assert!(!chain.contains("anna"), "{chain}");
}
