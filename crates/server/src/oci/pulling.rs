//! Limits on pulls.

use super::failure::Failure;
use crate::http::budget::Holder;
use crate::http::{Call, Response};
use crate::principal::Principal;
use crate::rates::{Charge, Pulled};
use crate::server::Server;
use http::Method;

/// The sender of a pull.
#[derive(Clone, Copy)]
pub(super) struct Puller<'a> {
    pub(super) server: &'a Server,
    pub(super) call: &'a Call,
    pub(super) principal: Option<&'a Principal>,
}

/// Permission to send content, and the counter of its bytes.
pub(super) struct Admitted(Option<Charge>);

impl Puller<'_> {
    /// Who is charged for the memory of the response.
    pub(super) fn holder(self) -> Holder {
        self.server.budget.sender(&self.call.trace)
    }

    /// Counts a pull, or refuses it. HEAD is not counted.
    pub(super) fn admit(self, pulled: Pulled) -> Result<Admitted, Failure> {
        if self.call.method != Method::GET {
            return Ok(Admitted(None));
        }
        let now = self.server.installation.now();
        Ok(Admitted(self.server.pulls.admit(self.principal, self.call.client(), pulled, now)?))
    }
}

impl Admitted {
    /// The response; its bytes are counted as they are sent.
    pub(super) fn answer(self, mut response: Response) -> Response {
        if let Some(charge) = self.0 {
            response.extensions_mut().insert(charge);
        }
        response
    }
}
