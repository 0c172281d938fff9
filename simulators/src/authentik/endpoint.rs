//! Which endpoint a path names, and which methods it takes. No path without its trailing slash is one.

/// The paths that are simulated; ids as they stand in the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Health,
    RootConfig,
    Version,
    Workers,
    Me,
    Groups,
    Group(String),
    GroupAddUser(String),
    GroupRemoveUser(String),
    Users,
    UserPaths,
    ServiceAccount,
    User(String),
    UserSetPassword(String),
    UserRecovery(String),
    Tokens,
    Token(String),
    TokenViewKey(String),
    TokenSetKey(String),
    Sessions,
    SessionsBulkDelete,
    Session(String),
    AccessTokens,
    AccessToken(String),
    RefreshTokens,
    RefreshToken(String),
    Roles,
    Role(String),
    RoleAddUser(String),
    RoleRemoveUser(String),
    RoleAssign(String),
    Events,
}

impl Endpoint {
    pub(super) fn find(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/')?;
        if let "/-/health/live" | "/-/health/ready" = path {
            return Some(Self::Health);
        }
        let parts: Vec<&str> = path.strip_prefix("/api/v3/")?.split('/').collect();
        let id = |id: &str| id.to_owned();
        Some(match *parts.as_slice() {
            ["root", "config"] => Self::RootConfig,
            ["admin", "version"] => Self::Version,
            ["tasks", "workers"] => Self::Workers,
            ["core", "groups"] => Self::Groups,
            ["core", "groups", pk] => Self::Group(id(pk)),
            ["core", "groups", pk, "add_user"] => Self::GroupAddUser(id(pk)),
            ["core", "groups", pk, "remove_user"] => Self::GroupRemoveUser(id(pk)),
            ["core", "users"] => Self::Users,
            ["core", "users", "me"] => Self::Me,
            ["core", "users", "paths"] => Self::UserPaths,
            ["core", "users", "service_account"] => Self::ServiceAccount,
            ["core", "users", pk] => Self::User(id(pk)),
            ["core", "users", pk, "set_password"] => Self::UserSetPassword(id(pk)),
            ["core", "users", pk, "recovery"] => Self::UserRecovery(id(pk)),
            ["core", "tokens"] => Self::Tokens,
            ["core", "tokens", identifier] => Self::Token(id(identifier)),
            ["core", "tokens", identifier, "view_key"] => Self::TokenViewKey(id(identifier)),
            ["core", "tokens", identifier, "set_key"] => Self::TokenSetKey(id(identifier)),
            ["core", "authenticated_sessions"] => Self::Sessions,
            ["core", "authenticated_sessions", "bulk_delete"] => Self::SessionsBulkDelete,
            ["core", "authenticated_sessions", uuid] => Self::Session(id(uuid)),
            ["oauth2", "access_tokens"] => Self::AccessTokens,
            ["oauth2", "access_tokens", pk] => Self::AccessToken(id(pk)),
            ["oauth2", "refresh_tokens"] => Self::RefreshTokens,
            ["oauth2", "refresh_tokens", pk] => Self::RefreshToken(id(pk)),
            ["rbac", "roles"] => Self::Roles,
            ["rbac", "roles", pk] => Self::Role(id(pk)),
            ["rbac", "roles", pk, "add_user"] => Self::RoleAddUser(id(pk)),
            ["rbac", "roles", pk, "remove_user"] => Self::RoleRemoveUser(id(pk)),
            ["rbac", "permissions", "assigned_by_roles", pk, "assign"] => Self::RoleAssign(id(pk)),
            ["events", "events"] => Self::Events,
            _ => return None,
        })
    }

    /// The `allow` header.
    pub(super) fn allow(&self) -> &'static str {
        match self {
            Self::Health
            | Self::RootConfig
            | Self::Version
            | Self::Workers
            | Self::Me
            | Self::UserPaths
            | Self::TokenViewKey(_)
            | Self::Sessions
            | Self::AccessTokens
            | Self::RefreshTokens => "GET, HEAD, OPTIONS",
            Self::Groups | Self::Users | Self::Tokens | Self::Roles | Self::Events => {
                "GET, POST, HEAD, OPTIONS"
            }
            Self::Group(_) | Self::User(_) | Self::Token(_) | Self::Role(_) => {
                "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
            }
            Self::GroupAddUser(_)
            | Self::GroupRemoveUser(_)
            | Self::ServiceAccount
            | Self::UserSetPassword(_)
            | Self::UserRecovery(_)
            | Self::TokenSetKey(_)
            | Self::RoleAddUser(_)
            | Self::RoleRemoveUser(_)
            | Self::RoleAssign(_) => "POST, OPTIONS",
            Self::SessionsBulkDelete => "DELETE, OPTIONS",
            Self::Session(_) | Self::AccessToken(_) | Self::RefreshToken(_) => "GET, DELETE, HEAD, OPTIONS",
        }
    }

    /// Answered without credentials.
    pub(super) fn public(&self) -> bool {
        matches!(self, Self::Health | Self::RootConfig)
    }
}
