//! The read model `facts`: what is true about tenants and people, for the reconciler.

mod view;

pub use view::{PersonFacts, SystemFacts, SystemState, TenantFacts};
