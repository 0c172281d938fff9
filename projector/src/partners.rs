//! The read model `partners`: partners, what they bring and what they earn.

mod view;

pub use view::{CustomersByStatus, DispositionView, Mrr, PartnerView, ScheduledMargin};
