//! Holds pulls to their limits.

use super::failure::Failure;
use crate::http::budget::Holder;
use crate::http::{Call, Response};
use crate::principal::Principal;
use crate::rates::{Charge, Pulled};
use crate::server::Server;
use http::Method;

/// Who asks for content.
#[derive(Clone, Copy)]
pub(super) struct Puller<'a> {
    pub(super) server: &'a Server,
    pub(super) call: &'a Call,
    pub(super) principal: Option<&'a Principal>,
}

/// Permission to send what is pulled, and where its bytes are counted.
pub(super) struct Admitted(Option<Charge>);

impl Puller<'_> {
    /// Whose share of the budget it is what is sent.
    pub(super) fn holder(self) -> Holder {
        self.server.budget.sender(&self.call.trace)
    }

    /// Counts what is about to be sent, or refuses it. What a HEAD asks for is not sent.
    pub(super) fn admit(self, pulled: Pulled) -> Result<Admitted, Failure> {
        if self.call.method != Method::GET {
            return Ok(Admitted(None));
        }
        let now = self.server.installation.now();
        Ok(Admitted(self.server.pulls.admit(self.principal, self.call.client(), pulled, now)?))
    }
}

impl Admitted {
    /// The answer, whose bytes count once they are sent.
    pub(super) fn answer(self, mut response: Response) -> Response {
        if let Some(charge) = self.0 {
            response.extensions_mut().insert(charge);
        }
        response
    }
}
