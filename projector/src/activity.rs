//! The read model `activity`: one entry per event, for people who want to know who did what.

mod view;

pub use view::{ActivityEntry, ActorView, Change, RequestView, SubjectView};
