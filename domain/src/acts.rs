//! Decisions over one or several streams, all or nothing.
//!
//! Each file is one decision: what must be known beforehand is a field, what must not change meanwhile is a stream.
//! Ids of new things are given; a decision makes no randomness. A command on a single stream is a [`crate::One`].

pub mod activate_tenant;
pub mod complete_termination;
pub mod create_plan;
pub mod create_tenant;
pub mod grant_admin;
pub mod membership;
pub mod partner_link;
pub mod patch_partner;
pub mod patch_tenant;
pub mod reconciler_link;
pub mod sign_in;

pub use activate_tenant::ActivateTenant;
pub use complete_termination::CompleteTermination;
pub use create_plan::CreatePlan;
pub use create_tenant::{CreateTenant, Owner, OwnerPerson, PlanChoice, SelfServiceUse};
pub use grant_admin::GrantAdmin;
pub use membership::{AcceptInvitation, AddMember, InviteMember, Seats};
pub use partner_link::AttachPartner;
pub use patch_partner::PatchPartner;
pub use patch_tenant::PatchTenant;
pub use reconciler_link::ReconcilerLink;
pub use sign_in::{Bootstrap, SignIn, SignedInAs, Trust};

#[cfg(test)]
mod tests;
