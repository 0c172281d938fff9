//! What is in authentik for one tenant.

use super::people::Search;
use super::{Authentik, Observed, Spec, groups};
use crate::call::CallError;
use crate::integration::{Asked, Desired};

/// A look whose doors are to be shut makes room for nobody.
pub(super) async fn observe(authentik: &Authentik, desired: &Desired<Spec>) -> Result<Observed, CallError> {
    let at_once = authentik.client().at_once();
    let client = match desired.asked {
        Asked::Shut => &at_once,
        Asked::Nothing => authentik.client(),
    };
    let limit = client.lane().limit();
    let mut observed = groups::look(client, desired, limit).await?;
    Search { authentik, client, desired, limit }.accounts(&mut observed).await?;
    Ok(observed)
}
