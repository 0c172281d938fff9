//! The read model `provisioning`: how far each tenant is in each outside system.

mod view;

pub use view::{Condition, IntegrationView, LastError, ProvisioningView, ResourceView};
