//! authentik's management API, as far as it is used here. Parsed leniently: 2025.10 and later differ in fields.

use std::sync::Arc;

use reqwest::{Method, RequestBuilder};
use schema::provisioning::{FailureClass, Reason};
use schema::{TenantId, UserId};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::wire::{Group, Me, Page, User};
use super::{ENTITLED_GROUP, words};
use crate::call::{Answer, CallError, Effect, Line, with_json};
use crate::lane::Lane;

/// What the server gives at most per page.
pub(crate) const PAGE: u32 = 100;
/// Pages read of one list before something is wrong: a million rows.
const PAGES_MAX: u32 = 10_000;
/// Sessions of one person ended one by one (2025.10 only).
const ENDED_MAX: usize = 1_000;
/// People asked for by our mark in one filter: their ids make a request line of 3 KB, and the server takes 4 KB.
pub(super) const MARKS_MAX: usize = 60;
/// People whose sessions end in one call: the same limit of 4 KB.
pub(super) const SESSIONS_MAX: usize = 100;
/// Fields of a group that lists and single reads must tell, and one they need not.
const GROUP_QUERY: [(&str, &str); 2] = [("include_users", "false"), ("include_inherited_roles", "true")];

/// Whether one call ends the sessions of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    /// It did.
    Done,
    /// This release has no such call: one by one.
    Unknown,
}

/// What became of a create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now, made by this call.
    Made,
    /// Its name was taken, perhaps by an earlier try of ours: look again.
    Taken,
}

/// The API with our token.
#[derive(Debug, Clone)]
pub struct Client {
    line: Line,
    token: String,
    sharing: Arc<Mutex<()>>,
}

impl Client {
    pub(crate) fn new(line: Line, token: String) -> Self {
        Self { line, token, sharing: Arc::default() }
    }

    /// The same API for what shuts doors: counted like every write, and never made to wait.
    #[must_use]
    pub fn at_once(&self) -> Self {
        Self { line: self.line.at_once(), ..self.clone() }
    }

    pub(crate) fn lane(&self) -> &Lane {
        self.line.lane()
    }

    pub async fn group(&self, pk: &str) -> Result<Option<Group>, CallError> {
        self.one(
            "read the group",
            &format!("/core/groups/{pk}/?include_users=false&include_inherited_roles=true"),
        )
        .await
    }

    pub async fn groups_named(&self, name: &str) -> Result<Vec<Group>, CallError> {
        let query = [&[("name", name), ("ordering", "name")][..], &GROUP_QUERY].concat();
        self.list("find the group by its name", "/core/groups/", &query).await
    }

    /// By our mark, whatever it is called today.
    pub async fn groups_marked(&self, tenant: TenantId) -> Result<Vec<Group>, CallError> {
        let mark = json!({ "dezky__tenantId": tenant }).to_string();
        let query = [&[("attributes", mark.as_str()), ("ordering", "name")][..], &GROUP_QUERY].concat();
        self.list("find the group by its mark", "/core/groups/", &query).await
    }

    /// Every group whose name starts with our prefix is among these.
    pub async fn all_groups(&self) -> Result<Vec<Group>, CallError> {
        let query = [("include_users", "false"), ("ordering", "name")];
        self.list("list the groups", "/core/groups/", &query).await
    }

    pub async fn create_group(&self, name: &str, attributes: &Value) -> Result<Created, CallError> {
        let body = json!({ "name": name, "attributes": attributes });
        self.create("create the group", "/core/groups/", &body, "name").await
    }

    /// The one group all tenants share. Names need not be unique there: one of us makes it, after a look of its own.
    pub async fn create_entitlement_group(&self, attributes: &Value) -> Result<(), CallError> {
        let _one_at_a_time = self.sharing.lock().await;
        if self.groups_named(ENTITLED_GROUP).await?.is_empty() {
            self.create_group(ENTITLED_GROUP, attributes).await?;
        }
        Ok(())
    }

    pub async fn patch_group(&self, pk: &str, body: &Value) -> Result<(), CallError> {
        self.write("update the group", Method::PATCH, &format!("/core/groups/{pk}/"), Some(body)).await
    }

    /// Gone already is gone.
    pub async fn delete_group(&self, pk: &str) -> Result<(), CallError> {
        self.delete("remove the group", &format!("/core/groups/{pk}/")).await
    }

    pub async fn add_user(&self, group: &str, user: i64) -> Result<(), CallError> {
        let path = format!("/core/groups/{group}/add_user/");
        self.write("add the user to the group", Method::POST, &path, Some(&json!({ "pk": user }))).await
    }

    pub async fn remove_user(&self, group: &str, user: i64) -> Result<(), CallError> {
        let path = format!("/core/groups/{group}/remove_user/");
        self.write("take the user out of the group", Method::POST, &path, Some(&json!({ "pk": user }))).await
    }

    pub async fn user(&self, pk: &str) -> Result<Option<User>, CallError> {
        self.one("read the user", &format!("/core/users/{pk}/")).await
    }

    /// Users by one exact filter, such as `username` or `path`.
    pub async fn users(&self, filter: &str, value: &str) -> Result<Vec<User>, CallError> {
        self.list("find users", "/core/users/", &of_users(filter, value)).await
    }

    /// Everybody who carries our mark for one of these, at most `MARKS_MAX` of them.
    pub async fn users_marked(&self, ids: &[UserId]) -> Result<Vec<User>, CallError> {
        let mark = json!({ "dezky__userId__in": ids }).to_string();
        self.list("find users by their marks", "/core/users/", &of_users("attributes", &mark)).await
    }

    /// Everybody in whose user name, name or address the text stands, in any case. Nothing if that is more than so many
    /// pages. A text with an `@` is no expression of the query language of newer releases and is searched for as it is.
    pub async fn users_with(&self, text: &str, pages_max: u32) -> Result<Option<Vec<User>>, CallError> {
        self.list_within("search users", "/core/users/", &of_users("search", text), pages_max).await
    }

    pub async fn create_user(&self, body: &Value) -> Result<Created, CallError> {
        self.create("create the user", "/core/users/", body, "username").await
    }

    pub async fn patch_user(&self, pk: i64, body: &Value) -> Result<(), CallError> {
        self.write("update the user", Method::PATCH, &format!("/core/users/{pk}/"), Some(body)).await
    }

    /// Ends every browser session of these; the portals are told by back-channel logout.
    pub async fn end_sessions(&self, users: &[i64]) -> Result<Bulk, CallError> {
        let what = "end the sessions of users";
        let named: Vec<String> = users.iter().map(|pk| format!("user_pks={pk}")).collect();
        let path = format!("/core/authenticated_sessions/bulk_delete/?{}", named.join("&"));
        let answer = self.send(what, Effect::Writes, Method::DELETE, &path, None).await?;
        match answer.status.as_u16() {
            200..=299 => Ok(Bulk::Done),
            // The same 405 without JSON may also hide a failure. One by one serves both.
            404 | 405 => Ok(Bulk::Unknown),
            _ => Err(self.refused(what, Effect::Writes, &answer)),
        }
    }

    pub async fn end_sessions_singly(&self, username: &str) -> Result<(), CallError> {
        let query = [("user__username", username)];
        let what = "list the sessions of the user";
        let sessions: Vec<Value> = self.list(what, "/core/authenticated_sessions/", &query).await?;
        for id in sessions.iter().filter_map(|row| row["uuid"].as_str()).take(ENDED_MAX) {
            let path = format!("/core/authenticated_sessions/{id}/");
            self.delete("end a session of the user", &path).await?;
        }
        Ok(())
    }

    /// What only this installation says of itself: the hash of our own account's number with the installation's own id.
    pub(crate) async fn fingerprint(&self) -> Result<Option<String>, CallError> {
        let me: Option<Me> = self.one("read our own account", "/core/users/me/").await?;
        Ok(me.and_then(|me| me.user.uid).filter(|uid| !uid.is_empty()))
    }

    async fn list<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, CallError> {
        self.list_within(what, path, query, PAGES_MAX).await?.ok_or_else(|| {
            let summary = format!("authentik: {what}: the list does not end");
            CallError::new(FailureClass::Permanent, Reason::ValidationRejected, summary)
        })
    }

    /// A whole list, or nothing if it has more pages than that.
    async fn list_within<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
        pages_max: u32,
    ) -> Result<Option<Vec<T>>, CallError> {
        let mut rows = Vec::new();
        for number in 1..=pages_max {
            let request =
                self.request(Method::GET, path).query(query).query(&[("page", number), ("page_size", PAGE)]);
            let answer = self.line.send(what, Effect::Reads, request).await?;
            // A list that shrank while it was read ends with "Invalid page."
            if number > 1 && answer.status.as_u16() == 404 {
                return Ok(Some(rows));
            }
            // A filter that names something just deleted is refused: the next look will not name it.
            if answer.status.as_u16() == 400 {
                let summary = format!("authentik: {what}: what it is filtered by is gone");
                return Err(CallError::new(FailureClass::Transient, Reason::UpstreamUnavailable, summary));
            }
            let answer = self.succeeded(what, Effect::Reads, answer)?;
            let page: Page<T> = answer.parse(self.line.system, what)?;
            rows.extend(page.results);
            if page.pagination.next <= number {
                return Ok(Some(rows));
            }
            if page.pagination.total_pages > pages_max {
                return Ok(None);
            }
        }
        Ok(None)
    }

    async fn one<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
    ) -> Result<Option<T>, CallError> {
        let answer = self.send(what, Effect::Reads, Method::GET, path, None).await?;
        if answer.status.as_u16() == 404 && answer.json.is_some() {
            return Ok(None);
        }
        self.succeeded(what, Effect::Reads, answer)?.parse(self.line.system, what).map(Some)
    }

    async fn create(&self, what: &str, path: &str, body: &Value, unique: &str) -> Result<Created, CallError> {
        let answer = self.send(what, Effect::Writes, Method::POST, path, Some(body)).await?;
        let is_refused_for = |field: &str| {
            answer.status.as_u16() == 400
                && answer.json.as_ref().is_some_and(|json| json.get(field).is_some())
        };
        // A group that was there at the look and is gone: the next look plans anew.
        if is_refused_for("groups") {
            return Err(CallError::unknown(format!("authentik: {what}: a group it belongs to is gone")));
        }
        if is_refused_for(unique) && self.is_taken(path, unique, body).await? {
            return Ok(Created::Taken);
        }
        self.succeeded(what, Effect::Writes, answer).map(|_| Created::Made)
    }

    /// Whether something there has the name: a name may also be refused for what it is.
    async fn is_taken(&self, path: &str, unique: &str, body: &Value) -> Result<bool, CallError> {
        let name = body.get(unique).and_then(Value::as_str).unwrap_or_default();
        let holders: Vec<Value> = self.list("find who has the name", path, &[(unique, name)]).await?;
        Ok(!holders.is_empty())
    }

    async fn delete(&self, what: &str, path: &str) -> Result<(), CallError> {
        let answer = self.send(what, Effect::Writes, Method::DELETE, path, None).await?;
        if answer.status.as_u16() == 404 {
            return Ok(());
        }
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    async fn write(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), CallError> {
        let answer = self.send(what, Effect::Writes, method, path, body).await?;
        // Gone between the look and the write: the next look plans anew.
        if answer.status.as_u16() == 404 && answer.json.is_some() {
            return Err(CallError::unknown(format!("authentik: {what}: it is gone")));
        }
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    async fn send(
        &self,
        what: &str,
        effect: Effect,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, CallError> {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => with_json(request, body),
            None => request,
        };
        self.line.send(what, effect, request).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.line.request(method, &format!("/api/v3{path}")).bearer_auth(&self.token)
    }

    fn succeeded(&self, what: &str, effect: Effect, answer: Answer) -> Result<Answer, CallError> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.refused(what, effect, &answer)) }
    }

    fn refused(&self, what: &str, effect: Effect, answer: &Answer) -> CallError {
        let refusal = self.line.refusal(what, effect, answer);
        let (class, reason) = match (answer.status.as_u16(), effect) {
            // There is no 401 here: only the text tells a dead token from a missing permission.
            (403, _) if is_about_the_token(answer.text_at("/detail")) => {
                (FailureClass::Auth, Reason::AuthFailed)
            }
            // A failure inside authentik answers a write with an empty 405 (its error page knows GET only).
            (405, Effect::Writes) if answer.json.is_none() => (FailureClass::Unknown, Reason::OutcomeUnknown),
            _ => (refusal.class, refusal.reason),
        };
        let said = answer.json.as_ref().map(words::of).unwrap_or_default();
        CallError { class, reason, ..refusal }.in_words(&said)
    }
}

/// A filter, and nothing about groups and roles beside their keys.
fn of_users<'a>(filter: &'a str, value: &'a str) -> [(&'a str, &'a str); 4] {
    [(filter, value), ("include_groups", "false"), ("include_roles", "false"), ("ordering", "username")]
}

fn is_about_the_token(detail: &str) -> bool {
    matches!(detail, "Token invalid/expired" | "Authentication credentials were not provided.")
}
