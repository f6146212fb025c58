//! Limits on pulls.

use super::failure::Failure;
use crate::http::{Call, Response};
use crate::principal::Principal;
use crate::rates::{Charge, Pulled};
use crate::server::Server;
use http::Method;
use http::header::{HeaderValue, USER_AGENT};
use roadstead_model::Reference;
use roadstead_registry::StoredManifest;

/// The sender of a pull.
#[derive(Clone, Copy)]
pub(super) struct Puller<'a> {
    pub(super) server: &'a Server,
    pub(super) call: &'a Call,
    pub(super) principal: Option<&'a Principal>,
}

/// Permission to send content, with the counter of its bytes if they are limited.
pub(super) struct Admitted(Option<Charge>);

impl Puller<'_> {
    /// Counts a pull. Fails if it exceeds a limit. HEAD is not counted.
    pub(super) fn admit(self, pulled: Pulled) -> Result<Admitted, Failure> {
        if self.call.method != Method::GET {
            return Ok(Admitted(None));
        }
        let now = self.server.installation.now();
        Ok(Admitted(self.server.limiters.pulls.admit(self.principal, self.call.client(), pulled, now)?))
    }

    /// Counts a pull in the statistics. HEAD is not counted, but some clients send it to resolve a tag that they then pull by digest.
    pub(super) fn count(self, manifest: &StoredManifest, reference: &Reference) {
        let Self { server, call, .. } = self;
        if call.method == Method::HEAD {
            return server.installation.note_resolved(manifest, reference, call.client());
        }
        let user_agent = call.headers.get(USER_AGENT).map(HeaderValue::as_bytes);
        server.installation.count_pull(manifest, reference, call.client(), server.robots.contain(user_agent));
    }
}

impl Admitted {
    /// Counts bytes that the client is sent elsewhere for.
    pub(super) fn charge(&self, bytes: u64) {
        if let Some(charge) = &self.0 {
            charge.add(bytes);
        }
    }

    /// Attaches the counter to the response, whose bytes are counted as they are sent.
    pub(super) fn answer(self, mut response: Response) -> Response {
        if let Some(charge) = self.0 {
            response.extensions_mut().insert(charge);
        }
        response
    }
}
