//! The role definitions of sharing, as every installation has them. Three of them apply to spaces.

use serde_json::{Value, json};

use super::state::SpaceRole;

pub(super) const VIEWER: &str = "a8d5fe5e-96e3-418d-825b-534dbdf22b99";
pub(super) const EDITOR: &str = "58c63c02-1d89-4572-916a-870abc5a1b7d";
pub(super) const MANAGER: &str = "312c0871-5ef7-4b3a-85b6-0e4074c64049";

const FEDERATED: &str = " && @Subject.UserType==\"Federated\"";
const FILE: &str = "exists @Resource.File";
const FOLDER: &str = "exists @Resource.Folder";
const ROOT: &str = "exists @Resource.Root";

pub(super) fn definition_of(role: SpaceRole) -> &'static str {
    match role {
        SpaceRole::Viewer => VIEWER,
        SpaceRole::Editor => EDITOR,
        SpaceRole::Manager => MANAGER,
    }
}

/// What a role id means for a space.
pub(super) enum Meaning {
    Space(SpaceRole),
    /// For files and folders only.
    Elsewhere,
    Unknown,
}

pub(super) fn meaning_of(id: &str) -> Meaning {
    match id {
        VIEWER => Meaning::Space(SpaceRole::Viewer),
        EDITOR => Meaning::Space(SpaceRole::Editor),
        MANAGER => Meaning::Space(SpaceRole::Manager),
        other if DEFINITIONS.iter().any(|definition| definition.id == other) => Meaning::Elsewhere,
        _ => Meaning::Unknown,
    }
}

struct Definition {
    id: &'static str,
    weight: u8,
    name: &'static str,
    description: &'static str,
    actions: &'static [&'static str],
    /// The resources it applies to, and whether also for people of other installations.
    resources: &'static [&'static str],
    federated: &'static [&'static str],
}

const READ: [&str; 6] =
    ["path/read", "quota/read", "content/read", "children/read", "deleted/read", "basic/read"];

const DEFINITIONS: [Definition; 7] = [
    Definition {
        id: "b1e2218d-eef8-4d4c-b82d-0f1a1b48f3b5",
        weight: 0,
        name: "Can view",
        description: "View and download.",
        actions: &READ,
        resources: &[FILE, FOLDER],
        federated: &[FILE, FOLDER],
    },
    Definition {
        id: VIEWER,
        weight: 1,
        name: "Can view",
        description: "View and download.",
        actions: &[
            "path/read",
            "quota/read",
            "content/read",
            "permissions/read",
            "children/read",
            "deleted/read",
            "basic/read",
        ],
        resources: &[ROOT],
        federated: &[],
    },
    Definition {
        id: "fb6c3e19-e378-47e5-b277-9732f9de6e21",
        weight: 0,
        name: "Can edit",
        description: "View, download, upload, edit, add and delete.",
        actions: &[
            "children/create",
            "standard/delete",
            "path/read",
            "quota/read",
            "content/read",
            "upload/create",
            "children/read",
            "deleted/read",
            "path/update",
            "deleted/update",
            "basic/read",
        ],
        resources: &[FOLDER],
        federated: &[FOLDER],
    },
    Definition {
        id: EDITOR,
        weight: 2,
        name: "Can edit",
        description: "View, download, upload, edit, add, delete including the history.",
        actions: &[
            "children/create",
            "standard/delete",
            "path/read",
            "quota/read",
            "content/read",
            "upload/create",
            "permissions/read",
            "children/read",
            "versions/read",
            "deleted/read",
            "path/update",
            "versions/update",
            "deleted/update",
            "basic/read",
        ],
        resources: &[ROOT],
        federated: &[],
    },
    Definition {
        id: "2d00ce52-1fc2-4dbc-8b95-a73b73395f5a",
        weight: 0,
        name: "Can edit",
        description: "View, download and edit.",
        actions: &[
            "path/read",
            "quota/read",
            "content/read",
            "upload/create",
            "children/read",
            "deleted/read",
            "deleted/update",
            "basic/read",
        ],
        resources: &[FILE],
        federated: &[FILE],
    },
    Definition {
        id: "1c996275-f1c9-4e71-abdf-a42f6495e960",
        weight: 0,
        name: "Can upload",
        description: "View, download and upload.",
        actions: &[
            "children/create",
            "path/read",
            "content/read",
            "upload/create",
            "children/read",
            "path/update",
            "basic/read",
        ],
        resources: &[FOLDER],
        federated: &[],
    },
    Definition {
        id: MANAGER,
        weight: 3,
        name: "Can manage",
        description: "View, download, upload, edit, add, delete and manage members.",
        actions: &[
            "permissions/create",
            "children/create",
            "standard/delete",
            "path/read",
            "quota/read",
            "content/read",
            "upload/create",
            "permissions/read",
            "children/read",
            "versions/read",
            "deleted/read",
            "path/update",
            "permissions/delete",
            "deleted/delete",
            "versions/update",
            "deleted/update",
            "basic/read",
            "permissions/update",
            "permissions/deny",
        ],
        resources: &[ROOT],
        federated: &[],
    },
];

impl Definition {
    fn actions(&self) -> Vec<String> {
        self.actions.iter().map(|action| format!("libre.graph/driveItem/{action}")).collect()
    }

    fn summary(&self) -> Value {
        json!({
            "@libre.graph.weight": self.weight,
            "description": self.description,
            "displayName": self.name,
            "id": self.id,
        })
    }
}

/// All definitions with what they permit where.
pub(super) fn all() -> Value {
    let full = |definition: &Definition| {
        let plain = definition.resources.iter().map(|resource| (*resource).to_owned());
        let federated = definition.federated.iter().map(|resource| format!("{resource}{FEDERATED}"));
        let permissions = plain.chain(federated).map(
            |condition| json!({ "allowedResourceActions": definition.actions(), "condition": condition }),
        );
        let mut full = definition.summary();
        if let Value::Object(fields) = &mut full {
            fields.insert("rolePermissions".to_owned(), permissions.collect());
        }
        full
    };
    DEFINITIONS.iter().map(full).collect()
}

/// The roles that may be given on a space.
pub(super) fn of_spaces() -> Value {
    DEFINITIONS.iter().filter(|one| one.resources.contains(&ROOT)).map(Definition::summary).collect()
}

pub(super) fn actions_of(role: SpaceRole) -> Vec<String> {
    let found = DEFINITIONS.iter().find(|one| one.id == definition_of(role));
    found.map(Definition::actions).unwrap_or_default()
}
