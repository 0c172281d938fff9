//! What stands in the outside systems, held against the second opinion: everything once, doors as they should be,
//! nothing lost, strangers untouched.

use schema::{System, TenantId};
use simulators::stalwart::{Login, Submission};

use crate::model::{Lifecycle, Model, Tenant};
use crate::outside::Inventory;
use crate::rest::Rest;
use crate::trouble::Trouble;

pub(super) async fn all(rest: &Rest<'_>, model: &Model, trouble: &Trouble<'_>) {
    let seed = rest.world.seed;
    let inventory = rest.world.outside.inventory().await;
    super::strangers(rest.world);
    doors(rest, model).await;
    let marked = |name: &str| inventory.domains.iter().filter(|(domain, _)| domain == name).count();
    for (domain, _) in &inventory.domains {
        assert!(marked(domain) == 1, "seed {seed}: {domain} is there more than once");
    }
    mail_is_kept(rest, model, trouble);
    for (space, name) in &trouble.written {
        let is_open = rest.world.outside.ocis.spaces().iter().any(|one| one.id == *space && !one.disabled);
        if is_open {
            let found = rest.world.outside.ocis.read_file(space, name);
            assert!(
                found.is_ok_and(|content| content == name.as_bytes()),
                "seed {seed}: {name} in {space} is lost"
            );
        }
        assert!(
            rest.world.outside.ocis.spaces().iter().any(|one| one.id == *space),
            "seed {seed}: the space {space} is gone"
        );
    }
}

/// What is there of each tenant and person, and who gets in.
pub(super) async fn doors(rest: &Rest<'_>, model: &Model) {
    let inventory = rest.world.outside.inventory().await;
    for (id, tenant) in &model.tenants {
        once(rest.world.seed, id, tenant, &inventory);
        recorded(rest, id, tenant).await;
    }
    for (user, known) in &model.users {
        person(rest, model, user, &known.email);
        let accounts = inventory.accounts.get(user).copied().unwrap_or_default();
        assert!(accounts <= 1, "seed {}: {} has {accounts} accounts", rest.world.seed, known.email);
    }
    mail(rest, model);
}

/// One group, one space, one role per tenant, and one mail domain per verified domain. The ended ones keep theirs.
fn once(seed: u64, id: &str, tenant: &Tenant, inventory: &Inventory) {
    let slug = &tenant.slug;
    assert_eq!(inventory.groups.get(id).copied(), Some(1), "seed {seed}: groups of {slug}");
    let group = format!("dezky-tenant-{slug}");
    assert_eq!(inventory.file_groups.get(&group), Some(&1), "seed {seed}: groups of {slug} in files");
    let spaces = inventory.spaces.get(id).map(Vec::as_slice).unwrap_or_default();
    assert_eq!(spaces.len(), 1, "seed {seed}: spaces of {slug}: {spaces:#?}");
    assert_eq!(
        spaces[0].disabled,
        !tenant.is_open(),
        "seed {seed}: the space of {slug}, {}",
        tenant.status()
    );
    let mark = id.parse::<TenantId>().expect("an id").uuid().simple().to_string();
    let verified: Vec<&String> =
        tenant.domains.iter().filter(|(_, verified)| **verified).map(|(name, _)| name).collect();
    let roles = inventory.roles.get(&mark).copied().unwrap_or_default();
    assert!(roles <= 1 && (verified.is_empty() || roles == 1), "seed {seed}: {roles} roles of {slug}");
    for domain in verified {
        let owner = inventory.domains.iter().find(|(name, _)| name == domain).map(|(_, mark)| mark);
        assert_eq!(owner, Some(&mark), "seed {seed}: the mail domain {domain} of {slug}");
    }
}

/// Three times in place; seen shut exactly when it is to be shut.
async fn recorded(rest: &Rest<'_>, id: &str, tenant: &Tenant) {
    let mut at = rest.process.views.snapshot(&projector::tenants::MODEL).await.expect("a moment");
    let id: TenantId = id.parse().expect("an id");
    let view = projector::tenants::get(&mut at, id).await.expect("a row").expect("a tenant");
    let is_shut = tenant.lifecycle != Lifecycle::Pending && !tenant.is_open();
    for system in System::ALL {
        let status = *view.provisioning_status.of(system);
        assert_eq!(status, "ok", "seed {}: {system} of {}", rest.world.seed, tenant.slug);
        let revoked = *view.provisioning.access_revoked.of(system);
        assert_eq!(
            revoked,
            is_shut,
            "seed {}: {system} of {}, {}",
            rest.world.seed,
            tenant.slug,
            tenant.status()
        );
    }
    assert_ne!(tenant.lifecycle, Lifecycle::Pending, "seed {}: {} is in place", rest.world.seed, tenant.slug);
}

/// Account, entitlement and groups of one person.
fn person(rest: &Rest<'_>, model: &Model, user: &str, email: &str) {
    let seed = rest.world.seed;
    let belongs = model.tenants.values().any(|tenant| tenant.members.contains_key(user));
    let Some(door) = rest.world.outside.authentik.door(email) else {
        let is_needed = model.tenants.values().any(|tenant| tenant.has_active(user));
        assert!(!is_needed, "seed {seed}: {email} has no account");
        return;
    };
    if !belongs {
        return;
    }
    assert_eq!(door.active, model.has_account(user), "seed {seed}: the account of {email}");
    let is_entitled = door.groups.iter().any(|group| group == "dezky-entitled");
    assert_eq!(is_entitled, model.is_entitled(user), "seed {seed}: {email} is entitled");
    for tenant in model.tenants.values() {
        let is_in = door.groups.contains(&format!("dezky-tenant-{}", tenant.slug));
        assert_eq!(is_in, tenant.has_active(user), "seed {seed}: {email} in the group of {}", tenant.slug);
    }
}

/// People with a mailbox and its address.
fn mailboxes(model: &Model) -> impl Iterator<Item = (&Tenant, &String)> {
    model.users.iter().filter_map(|(user, known)| {
        let domain = known.email.rsplit('@').next().unwrap_or_default();
        let home = model.tenants.values().find(|tenant| tenant.domains.get(domain) == Some(&true));
        home.filter(|tenant| tenant.has_active(user)).map(|tenant| (tenant, &known.email))
    })
}

/// Nothing that was accepted is lost.
fn mail_is_kept(rest: &Rest<'_>, model: &Model, trouble: &Trouble<'_>) {
    for (_, address) in mailboxes(model) {
        let kept = rest.world.outside.stalwart.messages(address);
        let delivered = trouble.delivered.get(address).copied().unwrap_or_default();
        let seed = rest.world.seed;
        assert!(kept.is_some_and(|kept| kept >= delivered), "seed {seed}: {kept:?} of {delivered} are left");
    }
}

/// Who may sign in to their mail.
fn mail(rest: &Rest<'_>, model: &Model) {
    let (seed, stalwart) = (rest.world.seed, &rest.world.outside.stalwart);
    for (tenant, address) in mailboxes(model) {
        let may_enter = stalwart.login(address) == Login::Allowed;
        let may_send = stalwart.submit(address) == Submission::Accepted;
        let wanted = (tenant.is_open(), tenant.is_open());
        assert_eq!((may_enter, may_send), wanted, "seed {seed}: the mailbox of {address}");
    }
}
