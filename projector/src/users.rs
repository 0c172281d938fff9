//! The read model `users`: people, their identities and where they may go.

mod view;

pub use view::{MembershipView, UserView};
