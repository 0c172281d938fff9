//! OCIS's graph API, as far as it is used here.

use std::fmt::Write as _;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::credentials::{Pass, Used};
use super::wire::{Drive, Drives, EDITOR_ROLE, Group, Groups, Named, User, Users};
use crate::call::{Answer, CallError, Effect, Line, with_json};
use crate::lane::Lane;

/// Accounts added to a group in one call at most.
pub(crate) const ADDED_MAX: usize = 20;

/// The API as our service account.
#[derive(Debug, Clone)]
pub struct Client {
    line: Line,
    pass: Pass,
    /// As it was said last.
    me: Arc<Mutex<Option<String>>>,
}

impl Client {
    pub(crate) fn new(line: Line, pass: Pass) -> Self {
        Self { line, pass, me: Arc::default() }
    }

    /// The same API for what shuts doors: it makes room for nobody.
    #[must_use]
    pub(crate) fn at_once(&self) -> Self {
        Self { line: self.line.at_once(), ..self.clone() }
    }

    pub(crate) fn lane(&self) -> &Lane {
        self.line.lane()
    }

    /// Our own id there: only as Manager of a space may we grant anything.
    pub async fn me(&self) -> Result<String, CallError> {
        let known = self.known_me().clone();
        match known {
            Some(me) => Ok(me),
            None => self.fingerprint().await?.ok_or_else(|| self.missing("read our own account")),
        }
    }

    /// Something only this installation says of itself: our own id, asked for anew. In another installation it is another
    /// one, and the one known before is nobody's.
    pub(crate) async fn fingerprint(&self) -> Result<Option<String>, CallError> {
        let found: Option<Named> = self.one("read our own account", "/graph/v1.0/me").await?;
        let me = found.map(|me| me.id);
        self.known_me().clone_from(&me);
        Ok(me)
    }

    fn known_me(&self) -> MutexGuard<'_, Option<String>> {
        self.me.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every project space of the installation, disabled ones too. There is no paging.
    pub async fn drives(&self) -> Result<Vec<Drive>, CallError> {
        let what = "list the project spaces";
        let path = "/graph/v1beta1/drives?$filter=driveType%20eq%20%27project%27";
        let answer = self.send(what, Effect::Reads, Method::GET, path, None, With::Nothing).await?;
        let answer = self.succeeded(what, Effect::Reads, answer)?;
        // "Nothing found" may be said with null.
        let list: Option<Drives> = answer.parse(self.line.system, what)?;
        Ok(list.map(|list| list.value).unwrap_or_default())
    }

    pub async fn drive(&self, id: &str) -> Result<Option<Drive>, CallError> {
        self.one("read the space", &format!("/graph/v1.0/drives/{}", encoded(id))).await
    }

    pub async fn create_drive(&self, name: &str, description: &str, quota: u64) -> Result<(), CallError> {
        let body = json!({
            "name": name,
            "driveType": "project",
            "description": description,
            "quota": { "total": quota },
        });
        self.write("create the space", Method::POST, "/graph/v1.0/drives", Some(&body)).await
    }

    pub async fn patch_drive(&self, id: &str, body: &Value) -> Result<(), CallError> {
        self.write(
            "update the space",
            Method::PATCH,
            &format!("/graph/v1.0/drives/{}", encoded(id)),
            Some(body),
        )
        .await
    }

    /// With what else changes in the same call.
    pub async fn restore_drive(&self, id: &str, body: &Value) -> Result<(), CallError> {
        let (what, path) = ("restore the space", format!("/graph/v1.0/drives/{}", encoded(id)));
        let answer = self.send(what, Effect::Writes, Method::PATCH, &path, Some(body), With::Restore).await?;
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    pub async fn disable_drive(&self, id: &str) -> Result<(), CallError> {
        self.write("disable the space", Method::DELETE, &format!("/graph/v1.0/drives/{}", encoded(id)), None)
            .await
    }

    /// For good. Only of a space that is empty and nobody's.
    pub async fn purge_drive(&self, id: &str) -> Result<(), CallError> {
        self.disable_drive(id).await?;
        let (what, path) = ("purge the space", format!("/graph/v1.0/drives/{}", encoded(id)));
        let answer = self.send(what, Effect::Writes, Method::DELETE, &path, None, With::Purge).await?;
        if answer.status.as_u16() == 404 {
            return Ok(());
        }
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    /// Away again, and said in its description why, first: cut in between it is disabled at the next look.
    pub async fn set_aside(&self, id: &str, description: &str) -> Result<(), CallError> {
        self.patch_drive(id, &json!({ "description": description })).await?;
        self.disable_drive(id).await
    }

    /// Lets a group edit in a space. Already granted is as good.
    pub async fn grant_editor(&self, drive: &str, group: &str) -> Result<(), CallError> {
        let what = "grant the group the space";
        let path = format!("/graph/v1beta1/drives/{}/root/invite", encoded(drive));
        let body = json!({
            "recipients": [{ "objectId": group, "@libre.graph.recipient.type": "group" }],
            "roles": [EDITOR_ROLE],
        });
        let answer = self.send(what, Effect::Writes, Method::POST, &path, Some(&body), With::Nothing).await?;
        if answer.status.as_u16() == 409 {
            return self.regrant_editor(drive, group).await;
        }
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    async fn regrant_editor(&self, drive: &str, group: &str) -> Result<(), CallError> {
        let path = format!(
            "/graph/v1beta1/drives/{}/root/permissions/{}",
            encoded(drive),
            encoded(&format!("g:{group}"))
        );
        self.write("change the group's grant", Method::PATCH, &path, Some(&json!({ "roles": [EDITOR_ROLE] })))
            .await
    }

    /// By id or by name, with its members.
    pub async fn group(&self, id_or_name: &str) -> Result<Option<Group>, CallError> {
        let path = format!("/graph/v1.0/groups/{}?$expand=members", encoded(id_or_name));
        self.one("read the group", &path).await
    }

    /// Every group with its members.
    pub async fn groups(&self) -> Result<Vec<Group>, CallError> {
        let what = "list the groups";
        let path = "/graph/v1.0/groups?$expand=members";
        let answer = self.send(what, Effect::Reads, Method::GET, path, None, With::Nothing).await?;
        let list: Option<Groups> =
            self.succeeded(what, Effect::Reads, answer)?.parse(self.line.system, what)?;
        Ok(list.map(|list| list.value).unwrap_or_default())
    }

    /// Every account. There is no paging.
    pub async fn users(&self) -> Result<Vec<User>, CallError> {
        let what = "list the accounts";
        let answer =
            self.send(what, Effect::Reads, Method::GET, "/graph/v1.0/users", None, With::Nothing).await?;
        let list: Option<Users> =
            self.succeeded(what, Effect::Reads, answer)?.parse(self.line.system, what)?;
        Ok(list.map(|list| list.value).unwrap_or_default())
    }

    /// A taken name is as good: the next look finds the group.
    pub async fn create_group(&self, name: &str) -> Result<(), CallError> {
        let what = "create the group";
        let body = json!({ "displayName": name });
        let answer = self
            .send(what, Effect::Writes, Method::POST, "/graph/v1.0/groups", Some(&body), With::Nothing)
            .await?;
        if answer.status.as_u16() == 409 {
            return Ok(());
        }
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    pub async fn rename_group(&self, id: &str, name: &str) -> Result<(), CallError> {
        let body = json!({ "displayName": name });
        self.write(
            "rename the group",
            Method::PATCH,
            &format!("/graph/v1.0/groups/{}", encoded(id)),
            Some(&body),
        )
        .await
    }

    /// By id or user name.
    pub async fn user(&self, name: &str) -> Result<Option<User>, CallError> {
        self.one("read the account", &format!("/graph/v1.0/users/{}", encoded(name))).await
    }

    pub async fn add_member(&self, group: &str, user: &str) -> Result<(), CallError> {
        let path = format!("/graph/v1.0/groups/{}/members/$ref", encoded(group));
        let body = json!({ "@odata.id": reference(user) });
        self.write("add the account to the group", Method::POST, &path, Some(&body)).await
    }

    /// Adds up to `ADDED_MAX` accounts at once; those who are members stay so.
    pub async fn add_members(&self, group: &str, users: &[&str]) -> Result<(), CallError> {
        let path = format!("/graph/v1.0/groups/{}", encoded(group));
        let users: Vec<String> = users.iter().map(|user| reference(user)).collect();
        let body = json!({ "members@odata.bind": users });
        self.write("add accounts to the group", Method::PATCH, &path, Some(&body)).await
    }

    pub async fn remove_member(&self, group: &str, user: &str) -> Result<(), CallError> {
        let what = "take the account out of the group";
        let path = format!("/graph/v1.0/groups/{}/members/{}/$ref", encoded(group), encoded(user));
        let answer = self.send(what, Effect::Writes, Method::DELETE, &path, None, With::Nothing).await?;
        if answer.status.as_u16() == 404 {
            return Ok(());
        }
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    async fn one<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
    ) -> Result<Option<T>, CallError> {
        let answer = self.send(what, Effect::Reads, Method::GET, path, None, With::Nothing).await?;
        if answer.status.as_u16() == 404 && answer.json.is_some() {
            return Ok(None);
        }
        self.succeeded(what, Effect::Reads, answer)?.parse(self.line.system, what).map(Some)
    }

    async fn write(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), CallError> {
        let answer = self.send(what, Effect::Writes, method, path, body, With::Nothing).await?;
        // Gone between the look and the write: the next look plans anew.
        if answer.status.as_u16() == 404 {
            return Err(CallError::unknown(format!("ocis: {what}: it is gone")));
        }
        self.succeeded(what, Effect::Writes, answer).map(drop)
    }

    /// Sends; after a 401 once more with a fresh token.
    async fn send(
        &self,
        what: &str,
        effect: Effect,
        method: Method,
        path: &str,
        body: Option<&Value>,
        with: With,
    ) -> Result<Answer, CallError> {
        let (answer, used) = self.send_once(what, effect, method.clone(), path, body, with).await?;
        if answer.status.as_u16() == 401 && self.pass.renew(&used).await {
            return self.send_once(what, effect, method, path, body, with).await.map(|(answer, _)| answer);
        }
        Ok(answer)
    }

    async fn send_once(
        &self,
        what: &str,
        effect: Effect,
        method: Method,
        path: &str,
        body: Option<&Value>,
        with: With,
    ) -> Result<(Answer, Used), CallError> {
        let mut request: RequestBuilder = self.line.request(method, path);
        match with {
            With::Nothing => {}
            With::Restore => request = request.header("Restore", "true"),
            With::Purge => request = request.header("Purge", "T"),
        }
        if let Some(body) = body {
            request = with_json(request, body);
        }
        let (request, used) = self.pass.sign(&self.line, request).await?;
        Ok((self.line.send(what, effect, request).await?, used))
    }

    fn succeeded(&self, what: &str, effect: Effect, answer: Answer) -> Result<Answer, CallError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let mut refusal = self.line.refusal(what, effect, &answer);
        if answer.status.as_u16() == 500 && answer.json.is_none() {
            refusal
                .summary
                .push_str(" without a body: is it starting, or does our token lack name, e-mail or roles?");
        }
        let (code, message) = (answer.text_at("/error/code"), answer.text_at("/error/message"));
        Err(refusal.in_words(format!("{code}: {message}").trim_matches([':', ' '])))
    }

    fn missing(&self, what: &str) -> CallError {
        use schema::provisioning::{FailureClass, Reason};
        let summary = format!("{}: {what}: it is not there", self.line.system);
        CallError::new(FailureClass::Transient, Reason::UpstreamUnavailable, summary)
    }
}

/// What a header adds to a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    /// An update also brings the space back.
    Restore,
    /// A deletion is for good.
    Purge,
}

/// An account as others point to it. The host is not looked at.
fn reference(user: &str) -> String {
    format!("http://localhost/graph/v1.0/users/{user}")
}

/// One segment of a path.
fn encoded(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'$' | b':' | b'@') {
            text.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
