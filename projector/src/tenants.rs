//! The read model `tenants`: everything the API's Tenant needs.

mod view;

pub use view::{
    Handles, HoldView, MemberCounts, PartnerOfTenant, PlacedBy, ProvisioningOfTenant, TenantView, TerminationView,
};
